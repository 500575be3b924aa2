"""The commands around a student's files: start, submit, shell, data. Parses and calls, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from grader.commands.common import (
    BELOW,
    INTERRUPTED,
    OK,
    CheckName,
    LabName,
    Language,
    SubmissionPath,
    errors,
    fail,
    require_checks,
    say,
)
from grader.commands.speaking import new_app
from grader.language.translation import _

app = new_app()


@app.command()
def start(
    lab: LabName,
    file: Annotated[
        str | None, typer.Option("--file", metavar="NAME", help="Bring only this one file back.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Start afresh; your files are kept beside, with the date.")
    ] = False,
    lang: Language = None,
) -> None:
    """Copy the skeleton of a lab, or one file of it, to stu_upload/LAB, never overwriting work."""
    from grader.explain.messages import command, handout
    from grader.project.places import Project
    from grader.student.start import bring_back
    from grader.student.start import start as run

    with errors():
        project = Project.find()
        facts, folder = project.lab(lab), project.submission(lab)
        started = run(facts, folder, force=force) if file is None else bring_back(facts, folder, file, force=force)
        console = Console()
        if started.backup is not None:
            console.print(_("your earlier files are in {folder}", folder=started.backup), soft_wrap=True)
        files = ", ".join(started.copied)
        if file is not None:
            console.print(_("back as it was given: {file}", file=started.folder / files), soft_wrap=True)
            return
        console.print(_("ready: {folder} holds {files}", folder=started.folder, files=files), soft_wrap=True)
        console.print(
            _(
                "Read {handout}, fill the holes marked TODO, then: {command}",
                handout=handout(facts),
                command=command("check", lab),
            ),
            soft_wrap=True,
        )


@app.command()
def submit(
    lab: LabName,
    submission: SubmissionPath = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The .zip to write; default LAB-submission.zip.")
    ] = None,
    lang: Language = None,
) -> None:
    """Pack exactly what is handed in into one archive, and say what is missing.

    Exit status: 0 packed, 1 packed but a file is missing, 2 there is nothing to pack.
    """
    from grader.project.places import Project
    from grader.student.submit import submit as run

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        file = out or project.root / f"{lab}-submission.zip"
        packed = run(facts, submission or project.submission(lab), file)
        packed.render(Console())
        raise typer.Exit(OK if packed.whole else BELOW)


@app.command()
def shell(
    lab: LabName,
    check: CheckName,
    number: Annotated[int, typer.Argument(metavar="CASE", min=1, help="Number of the case, from 1.")] = 1,
    submission: SubmissionPath = None,
    lang: Language = None,
) -> None:
    """Open a Python prompt with one public case and your own files loaded, to try things by hand."""
    from grader.project.places import Project
    from grader.student.cases import public_case
    from grader.student.shell import open_prompt

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        require_checks(facts, (check,))
        case = public_case(project, facts, check, number)
        raise typer.Exit(open_prompt(facts, facts.checks[check], case, submission or project.submission(lab)))


@app.command()
def data(lab: LabName, lang: Language = None) -> None:
    """Fetch the large public data that a lab's experiment can use; once, and only what is missing.

    Exit status: 0 all of it is here, 2 it cannot be had, 130 interrupted; the same command goes on from there.
    """
    from grader.prepare.downloads import download, folders, total_bytes
    from grader.project.places import Project
    from grader.report.progress import Progress

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        for folder, count in folders(project, facts).items():
            told = _("{size} MB into {folder}; what is there is kept", size=f"{count / 1e6:.1f}", folder=folder)
            say(told)
        with Progress(title=_("{lab}: fetching", lab=lab), total=total_bytes(facts) or None) as progress:
            try:
                paths = download(project, facts, progress.advance, progress.note)
            except KeyboardInterrupt:
                fail(
                    _("interrupted; what has arrived is kept, and the same command goes on from there"), INTERRUPTED
                )
        Console().print(
            Text(
                _("ready: {folder} holds {files}", folder=paths[0].parent, files=", ".join(p.name for p in paths))
            ),
            soft_wrap=True,
        )
