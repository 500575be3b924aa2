"""The commands that make what is handed out: a student's kit and the archive for Gradescope."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader.commands.common import BAD_INPUT, BELOW, OK, LabName, Language, errors
from grader.commands.speaking import new_app

MIB = 1 << 20
app = new_app()


@app.command("new-lab")
def new_lab(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new lab, in small letters.")],
) -> None:
    """Write a complete small lab that can be published at once, to be changed into your own."""
    from grader.project.places import Project
    from grader.publishing.new_lab import new_lab as write

    with errors():
        project = Project.find()
        written = write(project, name)
        console = Console()
        for file in written.files:
            console.print(f"wrote {file.relative_to(project.root)}", soft_wrap=True, markup=False, highlight=False)
        console.print("Next, each of them works at once; then change what you like, and go through them again:")
        for step in written.steps:
            console.print(f"  {step}", soft_wrap=True, markup=False, highlight=False)
        console.print("docs/authoring.md explains every part of a lab.")


@app.command("lint-lab")
def lint_lab(lab: LabName) -> None:
    """Say everything that is wrong with a lab's files at once, with file and line.

    Exit status: 0 nothing is wrong, or only warnings; 2 there are errors, with which the lab is not published.
    """
    from grader.project.places import Project
    from grader.publishing.linting import lint_lab as run

    with errors():
        project = Project.find()
        findings = run(project, lab)
        for finding in findings:
            Console().print(finding.text(project.root), soft_wrap=True, markup=False, highlight=False)
        count = sum(not finding.is_warning for finding in findings)
        Console().print(f"{lab}: errors: {count}, warnings: {len(findings) - count}", highlight=False)
        raise typer.Exit(BAD_INPUT if count else OK)


@app.command()
def kit(
    labs: Annotated[list[str], typer.Argument(metavar="LAB", help="Labs to put into the kit.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="A new folder, or FILE.zip; default dist/LAB-kit.zip.")
    ] = None,
    course: Annotated[str, typer.Option("--course", help="Title of the kit's README.")] = "",
) -> None:
    """Build what a student gets: handouts, skeletons, public fixtures and the checking part of the grader."""
    from grader.kits.kit import write_kit
    from grader.project.places import Project

    with errors():
        project = Project.find()
        written = write_kit(project, [project.lab(name) for name in labs], out, course)
        Console().print(
            f"{written.path}: {written.files} files, {written.size_bytes / MIB:.1f} MiB; no solution line, hidden "
            "fixture, hash or seed is in it",
            soft_wrap=True,
        )


@app.command()
def gradescope(
    lab: LabName,
    out: Annotated[
        Path | None, typer.Option("--out", help="The archive to write; default dist/LAB-autograder.zip.")
    ] = None,
    allow_weak_jail: Annotated[
        bool,
        typer.Option("--allow-weak-jail", help="Grade even where student code cannot be isolated as demanded."),
    ] = False,
    lang: Language = None,
) -> None:
    """Build the archive to upload as a Gradescope autograder: grader, lab and hidden fixtures, no solution."""
    from grader.kits.autograder import write_autograder
    from grader.project.places import Project

    with errors():
        project = Project.find()
        # Not beside the sources: it holds hidden fixtures, and dist/ is what git leaves out.
        place = out or project.root / "dist" / f"{lab}-autograder.zip"
        written = write_autograder(project, project.lab(lab), place, allow_weak_jail=allow_weak_jail)
        Console().print(
            f"{written.path}: {written.files} files, {written.size_bytes / MIB:.1f} MiB. It holds hidden fixtures: "
            "upload it, do not hand it out.",
            soft_wrap=True,
        )


@app.command()
def catalogues(
    labs: Annotated[list[str] | None, typer.Argument(metavar="LAB", help="Labs; all if none is named.")] = None,
) -> None:
    """Bring the translations up to date with what the grader and the labs say, and compile them.

    Exit status: 0 everything is translated, 1 something is not; it is listed, and has an empty place in its file.
    """
    from grader.project.places import Project
    from grader.publishing.catalogues import update_all

    with errors():
        lacking = update_all(Project.find(), labs or ())
        for file, messages in lacking.items():
            Console().print(f"{file}: {len(messages)} without translation", soft_wrap=True, markup=False)
            for message in messages:
                Console().print(f"  {message!r}", soft_wrap=True, markup=False)
        raise typer.Exit(BELOW if any(lacking.values()) else OK)
