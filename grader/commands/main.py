"""The command line of this repository: what students have, and what instructors and CI have besides."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from grader.commands import classes, instructor, student
from grader.commands.common import (
    FormatFile,
    FormatName,
    JsonFile,
    JunitFile,
    LabName,
    Language,
    Only,
    Strict,
    SubmissionPath,
    Verbose,
    Weights,
    errors,
    exit_status,
    interrupt_on_termination,
    print_anything,
    require_checks,
    require_format,
    require_places,
    say,
    write_reports,
)
from grader.commands.speaking import new_app, speaking
from grader.language.translation import _

app = new_app()
app.callback(invoke_without_command=True)(student.version_option)

LevelOption = Annotated[
    int | None, typer.Option("--jail-level", min=1, max=3, help="Use this jail level instead of the strongest.")
]


@app.command()
def grade(
    lab: LabName,
    submission: SubmissionPath = None,
    json_file: JsonFile = None,
    junit_file: JunitFile = None,
    only: Only = None,
    min_score: Annotated[
        int, typer.Option("--min-score", min=0, max=100, help="Exit with 1 below this score.")
    ] = 60,
    weights: Weights = None,
    jail_level: LevelOption = None,
    allow_weak_jail: Annotated[
        bool,
        typer.Option("--allow-weak-jail", help="Grade even where student code cannot be isolated as demanded."),
    ] = False,
    strict: Strict = False,
    format_: FormatName = None,
    out: FormatFile = None,
    verbose: Verbose = False,
    lang: Language = None,
) -> None:
    """Grade a submission against the hidden fixtures.

    Exit status: 0 graded and at or above --min-score (with --only: all those checks passed), 1 graded below it,
    2 bad usage or bad input, 3 the grader itself failed.
    """
    from grader.collect.submission import SubmissionError
    from grader.grading import Request
    from grader.grading import grade as run
    from grader.jail import Level
    from grader.project.places import Project
    from grader.report.progress import Progress

    with errors():
        require_format(format_, out)
        require_places(json_file, junit_file, out)
        project = Project.find()
        facts = project.lab(lab)
        require_checks(facts, only or ())
        request = Request(
            lab=facts,
            submission=submission or project.submission(lab),
            only=tuple(only or ()),
            weights=weights,
            level=Level(jail_level) if jail_level else None,
            allow_weak_jail=allow_weak_jail,
            strict=strict,
        )
        try:
            with Progress(title=_("{lab}: grading", lab=lab)) as progress:
                result = run(project, request, progress)
        except SubmissionError as error:
            # In a table of a class nobody may be missing.
            if format_ == "csv" and out is not None:
                from grader.report.csv_report import write_ungraded

                tiers, checks = sorted(facts.facts.tiers), [check.id for check in facts.in_order(request.only)]
                write_ungraded(request.submission, lab, tiers, checks, str(error), out)
            raise
        from grader.report.console import render

        render(result, Console(), verbose=verbose)
        write_reports(result, json_file, junit_file, format_, out)
        raise typer.Exit(exit_status(result, only or (), min_score))


@app.command()
def publish(
    lab: LabName,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of the hidden cases; a fresh one if absent.")
    ] = None,
    keep_seed: Annotated[
        bool, typer.Option("--keep-seed", help="Keep the hidden cases, so that only what has changed is run again.")
    ] = False,
    times: Annotated[
        bool,
        typer.Option("--times", help="Only time solution and engine again, on this machine; all else stays."),
    ] = False,
    mutants: Annotated[
        bool,
        typer.Option("--mutants", help="Only try mistakes made by machine on what is published; all else stays."),
    ] = False,
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, help="How many of these, evenly over holes and rules; all if absent."),
    ] = None,
    weights: Weights = None,
) -> None:
    """Record a lab's fixtures from its reference, if everything that must hold is proved."""
    from grader.project.places import Project, ProjectError
    from grader.publishing.mutants import require_none_survived, try_mutants
    from grader.publishing.publish import publish as run
    from grader.publishing.times import time_again
    from grader.report.progress import Progress

    with errors():
        project = Project.find()
        if mutants:
            if seed is not None or keep_seed or times:
                raise ProjectError(
                    "--mutants leaves the cases as they are; it goes with neither a seed nor --times"
                )
            with Progress(title=f"{lab}: mutants") as progress:
                report = try_mutants(project, project.lab(lab), progress, weights, sample)
            say(report.summary())
            require_none_survived(report, project.reference(lab))
            return
        if sample is not None:
            raise ProjectError("--sample is how many mutants are tried; it goes with --mutants")
        if times:
            if seed is not None or keep_seed:
                raise ProjectError("--times leaves the cases as they are; it goes with no seed")
            with Progress(title=f"{lab}: timing") as progress:
                measured = time_again(project, project.lab(lab), weights, progress)
            for line in measured.lines():
                say(line)
            return
        with Progress(title=f"{lab}: publishing") as progress:
            published = run(
                project, project.lab(lab), seed=seed, weights=weights, progress=progress, keep_seed=keep_seed
            )
        console = Console()
        console.print(f"published {published.release}")
        for kind, folder in published.folders.items():
            console.print(f"  {kind}: {published.cases[kind]} cases in {folder}", soft_wrap=True)
        console.print(f"  what was proved: fixtures/{lab}/certificate.md", soft_wrap=True)


@app.command()
def skeleton(lab: LabName) -> None:
    """Generate the skeleton of a lab from its reference solution."""
    from grader.project.places import Project
    from grader.publishing.skeleton import write_skeletons

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        files = [file.path for file in facts.facts.files]
        write_skeletons(project.reference(lab), facts.folder, files)
        Console().print(f"wrote {', '.join(files)} in {facts.folder}", soft_wrap=True)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the result document."""
    from grader.score.document import GradeResult

    sys.stdout.write(json.dumps(GradeResult.model_json_schema(by_alias=True), indent=1) + "\n")


app.registered_commands[:0] = student.app.registered_commands
app.registered_commands += instructor.app.registered_commands
app.add_typer(classes.app)


def main() -> None:
    """Entry point of the console script."""
    interrupt_on_termination()
    print_anything()
    speaking(app)(prog_name="grader")
