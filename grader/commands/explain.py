"""The commands that tell more than a report does: explain, case, properties. Parses and calls, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader.commands.common import (
    BELOW,
    OK,
    CheckName,
    LabName,
    Language,
    SubmissionPath,
    Weights,
    errors,
    require_checks,
    say,
)
from grader.commands.speaking import new_app
from grader.language.translation import _

app = new_app()


@app.command()
def explain(
    lab: LabName,
    check: CheckName,
    submission: SubmissionPath = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Use the hidden cases (instructors).")] = False,
    release: Annotated[
        str | None, typer.Option("--release", help="Use the fixtures of this earlier release (instructors).")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Write the picture of where the error sits to this PNG file.")
    ] = None,
    weights: Weights = None,
    lang: Language = None,
) -> None:
    """Tell the whole story of one check: what it asks, where it fails, the likely cause, a picture."""
    from grader.project.places import Project
    from grader.report.progress import Progress
    from grader.student.story import story_of
    from grader.student.story_text import render, save_picture

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        require_checks(facts, (check,))
        with Progress(title=_("{lab}: explaining", lab=lab)) as progress:
            story = story_of(
                project,
                facts,
                check,
                submission or project.submission(lab),
                progress,
                kind="hidden" if hidden else "public",
                weights=weights,
                release=release,
            )
        render(story, Console())
        if picture is not None:
            save_picture(story, picture)
        raise typer.Exit(OK if story.passed else BELOW)


@app.command()
def case(
    lab: LabName,
    check: CheckName,
    number: Annotated[int, typer.Argument(metavar="N", min=1, help="Number of the case, from 1.")],
    out: Annotated[Path, typer.Option("--out", help="The .npz file to write.")] = Path("case.npz"),
    lang: Language = None,
) -> None:
    """Write the inputs of one public case of a check to a file, to try them by hand."""
    from grader.explain.messages import describe_case
    from grader.project.places import Project
    from grader.student.cases import save_case

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        require_checks(facts, (check,))
        saved = save_case(project, facts, check, number, out)
        say(f"{out}: {describe_case(saved, facts.folder)}")


@app.command()
def properties(lab: LabName, submission: SubmissionPath = None, lang: Language = None) -> None:
    """Test your layers without any expected value: linearity, the adjoint identity, shifts, derivatives."""
    from grader.project.places import Project
    from grader.report.progress import Progress
    from grader.student.properties_report import render_properties, report_properties

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        with Progress(title=_("{lab}: properties", lab=lab)) as progress:
            results = report_properties(project, facts, submission or project.submission(lab), progress)
        render_properties(results, facts.folder, Console())
        raise typer.Exit(OK if all(result.holds for result in results) else BELOW)
