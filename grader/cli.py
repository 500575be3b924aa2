"""The command line: parses, calls, and turns errors into messages and exit statuses. Nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from grader import __version__

OK, BELOW, BAD_INPUT, GRADER_FAILED = 0, 1, 2, 3

app = typer.Typer(
    name="grader",
    help="Grades hand-written neural-network layers: what is right, what is wrong, why, and how fast.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

LabName = Annotated[str, typer.Argument(metavar="LAB", help="Name of the lab; `grader list` shows them.")]
SubmissionPath = Annotated[
    Path | None, typer.Option("--submission", help="Folder, .zip or .tar.gz; default stu_upload/LAB.")
]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="CHECK", help="Run only this check; repeatable.")]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="The course's own checkpoint (.npy, .npz) instead of the seeded one."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the result document here.")]
JunitFile = Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report here.")]
LevelOption = Annotated[
    int | None, typer.Option("--jail-level", min=1, max=3, help="Use this jail level instead of the strongest.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show everything that is known about each check.")]


def fail(message: str, status: int) -> NoReturn:
    """Print an error and leave."""
    console = Console(stderr=True, soft_wrap=True)
    console.print(Text.assemble(("error: ", "bold red"), message))
    raise typer.Exit(status)


@contextmanager
def errors() -> Iterator[None]:
    """Turn the grader's own exceptions into a message and the right exit status."""
    from grader.contract import ContractError
    from grader.fixtures import FixtureError
    from grader.grading import Refused
    from grader.jail import Ending
    from grader.project import ProjectError
    from grader.recording import RecordingError
    from grader.report import ReportError
    from grader.session import GraderFault
    from grader.skeleton import SkeletonError
    from grader.start import WouldOverwrite
    from grader.submission import SubmissionError
    from grader.weights import WeightsError

    try:
        yield
    except (ProjectError, SubmissionError, Refused, WouldOverwrite, ReportError) as error:
        fail(str(error), BAD_INPUT)
    except (ContractError, SkeletonError, FixtureError, RecordingError, WeightsError, GraderFault, Ending) as error:
        fail(str(error), GRADER_FAILED)
    except KeyboardInterrupt:
        fail("interrupted; nothing was written", 130)


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
    format_: Annotated[
        str | None, typer.Option("--format", help="Also write this format to --out; see docs/result.md.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where --format is written.")] = None,
    verbose: Verbose = False,
) -> None:
    """Grade a submission against the hidden fixtures.

    Exit status: 0 graded and at or above --min-score (with --only: all those checks passed), 1 graded below it,
    2 bad usage or bad input, 3 the grader itself failed.
    """
    with errors():
        _grade(
            lab, submission, "hidden", only, True, weights, jail_level, allow_weak_jail, json_file, junit_file,
            format_, out, verbose, min_score,
        )  # fmt: skip


@app.command()
def check(
    lab: LabName,
    submission: SubmissionPath = None,
    only: Only = None,
    all_: Annotated[bool, typer.Option("--all", help="Also run the slow checks of the full network.")] = False,
    weights: Weights = None,
    json_file: JsonFile = None,
    verbose: Verbose = False,
) -> None:
    """Check your own work against the public fixtures; quick, and needs no solution.

    Exit status: 0 all checks that ran passed, 1 some did not, 2 bad usage or bad input, 3 the grader failed.
    """
    with errors():
        _grade(
            lab, submission, "public", only, all_, weights, None, True, json_file, None, None, None, verbose, None
        )


def _grade(
    lab_name: str,
    source: Path | None,
    kind: str,
    only: list[str] | None,
    slow: bool,
    weights: Path | None,
    jail_level: int | None,
    allow_weak_jail: bool,
    json_file: Path | None,
    junit_file: Path | None,
    format_: str | None,
    out: Path | None,
    verbose: bool,
    min_score: int | None,
) -> None:
    from grader.contract import ContractError
    from grader.grading import Request
    from grader.grading import grade as run
    from grader.jail import Level
    from grader.progress import Progress
    from grader.project import Project, ProjectError
    from grader.report import FORMATS, render
    from grader.report.json_report import write_json
    from grader.report.junit import write_junit
    from grader.verdicts import Verdict

    if (format_ is None) != (out is None):
        raise ProjectError("--format and --out go together")
    if format_ is not None and format_ not in FORMATS:
        raise ProjectError(f"there is no format {format_!r}; there are: {', '.join(FORMATS)}")
    project = Project.find()
    lab = project.lab(lab_name)
    try:
        lab.in_order(tuple(only or ()))
    except ContractError as error:
        raise ProjectError(str(error)) from None
    request = Request(
        lab=lab,
        submission=source or project.submission(lab.name),
        kind=kind,
        only=tuple(only or ()),
        slow=slow,
        weights=weights,
        level=Level(jail_level) if jail_level else None,
        allow_weak_jail=allow_weak_jail,
    )
    with Progress(title=f"{lab.name}: grading" if kind == "hidden" else f"{lab.name}: checking") as progress:
        result = run(project, request, progress)
    render(result, Console(), verbose=verbose)
    if json_file is not None:
        write_json(result, json_file)
    if junit_file is not None:
        write_junit(result, junit_file)
    if format_ is not None and out is not None:
        FORMATS[format_](result, out)
    if any(item.verdict is Verdict.GRADER for item in result.checks):
        raise typer.Exit(GRADER_FAILED)
    if only or min_score is None:
        wanted = [item for item in result.checks if not only or item.id in only]
        raise typer.Exit(OK if all(item.verdict is Verdict.PASS for item in wanted) else BELOW)
    raise typer.Exit(OK if result.score >= min_score else BELOW)


@app.command()
def publish(
    lab: LabName,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of the hidden cases; a fresh one if absent.")
    ] = None,
    weights: Weights = None,
) -> None:
    """Record the public and hidden fixtures of a lab from its reference."""
    from grader.progress import Progress
    from grader.project import Project
    from grader.publish import publish as run

    with errors():
        project = Project.find()
        with Progress(title=f"{lab}: publishing") as progress:
            published = run(project, project.lab(lab), seed=seed, weights=weights, progress=progress)
        console = Console()
        console.print(f"published {published.release}")
        for kind, folder in published.folders.items():
            console.print(f"  {kind}: {published.cases[kind]} cases in {folder}", soft_wrap=True)


@app.command()
def start(
    lab: LabName,
    force: Annotated[
        bool, typer.Option("--force", help="Start afresh; your files are kept in a dated folder.")
    ] = False,
) -> None:
    """Copy the skeleton of a lab to stu_upload/LAB, never overwriting work."""
    from grader.project import Project
    from grader.start import start as run

    with errors():
        project = Project.find()
        started = run(project.lab(lab), project.submission(lab), force=force)
        console = Console()
        if started.backup is not None:
            console.print(f"your earlier files are in {started.backup}", soft_wrap=True)
        console.print(f"ready: {started.folder} holds {', '.join(started.copied)}", soft_wrap=True)
        console.print(f"Read labs/{lab}/README.md, fill the holes marked TODO, then: python -m grader check {lab}")


@app.command("run")
def run_picture(
    lab: LabName,
    picture: Annotated[Path | None, typer.Argument(help="A picture; default the lab's own.")] = None,
    submission: SubmissionPath = None,
    weights: Weights = None,
) -> None:
    """Run your own main.py on a picture: class, probabilities and the time of each layer."""
    from grader.demo import run_demo
    from grader.progress import Progress
    from grader.project import Project

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        with Progress(title=f"{lab}: running") as progress:
            demo = run_demo(project, facts, submission or project.submission(lab), picture, weights, progress)
        demo.render(Console())
        raise typer.Exit(OK if demo.ran else BELOW)


@app.command("list")
def list_() -> None:
    """List the labs."""
    from grader.contract import list_labs
    from grader.project import Project

    with errors():
        project = Project.find()
        for name in list_labs(project.root / "labs"):
            lab = project.lab(name)
            Console().print(Text(f"{name:16} {lab.facts.title} ({len(lab.checks)} checks)"))


@app.command()
def doctor() -> None:
    """Say what isolation this host offers, and what to install or enable for more."""
    from grader.jail import doctor_lines, probe

    with errors():
        for line in doctor_lines(probe()):
            Console().print(Text(line), soft_wrap=True)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the result document."""
    from grader.result import GradeResult

    sys.stdout.write(json.dumps(GradeResult.model_json_schema(by_alias=True), indent=1) + "\n")


@app.command()
def skeleton(lab: LabName) -> None:
    """Generate the skeleton of a lab from its reference solution (instructors)."""
    from grader.project import Project
    from grader.skeleton import write_skeletons

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        files = [file.path for file in facts.facts.files]
        write_skeletons(project.reference(lab), facts.folder, files)
        Console().print(f"wrote {', '.join(files)} in {facts.folder}", soft_wrap=True)


@app.callback(invoke_without_command=True)
def version_option(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Options of the program itself."""
    if version:
        Console().print(__version__)
        raise typer.Exit(OK)


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="grader")
