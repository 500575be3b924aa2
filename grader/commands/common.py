"""What the commands of students and of instructors have in common: exit statuses, errors, options, reports."""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from grader.commands.speaking import Languages, take_language
from grader.language.errors import DISK_IS_FULL, NOT_ALLOWED, BadInput, GraderError, GraderFailed
from grader.language.translation import _

if TYPE_CHECKING:
    from grader.project.contract import Lab
    from grader.score.document import GradeResult

OK, BELOW, INTERRUPTED = 0, 1, 130
BAD_INPUT, GRADER_FAILED = BadInput.status, GraderFailed.status


def _labs(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a lab; where nothing can be found out, nothing is offered."""
    from grader.project.contract import list_labs
    from grader.project.places import Project

    with suppress(GraderError):
        return [name for name in list_labs(Project.find().root / "labs") if name.startswith(incomplete)]
    return []


def _checks(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of a check of the lab that stands before it."""
    from grader.project.places import Project

    with suppress(GraderError):
        lab = Project.find().lab(str(context.params.get("lab") or ""))
        return [name for name in lab.checks if name.startswith(incomplete)]
    return []


LabName = Annotated[
    str,
    typer.Argument(metavar="LAB", help="Name of the lab; `grader list` shows them.", autocompletion=_labs),
]
CheckName = Annotated[
    str,
    typer.Argument(metavar="CHECK", help="Name of the check, as in the report.", autocompletion=_checks),
]
SubmissionPath = Annotated[
    Path | None, typer.Option("--submission", help="Folder, .zip or .tar.gz; default stu_upload/LAB.")
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="CHECK", help="Run only this check; repeatable.", autocompletion=_checks),
]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="The course's own checkpoint (.npy, .npz) instead of the seeded one."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the result document here.")]
JunitFile = Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report here.")]
FormatName = Annotated[
    str | None, typer.Option("--format", help="Also write this format to --out; see docs/result.md.")
]
FormatFile = Annotated[Path | None, typer.Option("--out", help="Where --format is written.")]
Language = Annotated[
    Languages | None,
    typer.Option(
        "--lang", callback=take_language, is_eager=True, help="Language of messages; default that of the locale."
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Let the cases beyond the course decide the tiers, too.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show everything that is known about each check.")]


def interrupt_on_termination() -> None:
    """Treat a request to end like Ctrl+C, so that nothing of a submission is left when a job is cancelled."""

    def end(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)


def print_anything() -> None:
    """Let output go where not every letter exists, such as a file on Windows: it gets a question mark then."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def leave_at_once() -> Iterator[None]:
    """End the process where the command ends, without taking it to pieces first, which takes a tenth of a second.

    What is to be done at the end, such as deleting temporary folders, is done; threads of others are waited for.
    """
    status = OK
    try:
        yield
    except SystemExit as left:
        if left.code is not None and not isinstance(left.code, int):
            raise
        status = left.code or OK
    # Where nothing ran in a box, its module is not loaded for this: with NumPy it takes a tenth of a second.
    forking = sys.modules.get("grader.jail.forking")
    starting = forking.STARTING_THREAD if forking is not None else "no thread of ours"

    others = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    # The thread that has started the boxes waits for more; all of them have gone.
    if any(not thread.daemon and not thread.name.startswith(starting) for thread in others):
        sys.exit(status)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            sys.exit(status)
    os._exit(status)


def say(text: str) -> None:
    """Print a line as it is, whatever is in it, without breaking it."""
    Console().print(Text(text), soft_wrap=True)


def complain(message: str) -> None:
    """Print an error and go on."""
    Console(stderr=True, soft_wrap=True).print(Text.assemble((_("error: "), "bold red"), message))


def fail(message: str, status: int) -> NoReturn:
    """Print an error and leave."""
    complain(message)
    raise typer.Exit(status)


@contextmanager
def errors() -> Iterator[None]:
    """Turn the grader's own exceptions into a message and the right exit status."""
    try:
        yield
    except GraderError as error:
        fail(str(error), error.status)
    except KeyboardInterrupt:
        fail(_("interrupted"), INTERRUPTED)
    except (typer.Exit, typer.Abort):
        raise
    except OSError as error:
        if error.errno in NOT_ALLOWED and error.filename:
            said = _(
                "{place} may not be used ({reason}); free it, or work in a folder of your own, and start again",
                place=error.filename,
                reason=error.strerror,
            )
            fail(said, GRADER_FAILED)
        if error.errno not in DISK_IS_FULL:
            _defect(error)
        where = error.filename or error.filename2 or tempfile.gettempdir()
        fail(_("the disk is full ({place}); make room there and start again", place=where), GRADER_FAILED)
    except Exception as error:
        jail = sys.modules.get("grader.jail")
        if jail is not None and isinstance(error, jail.Ending):
            fail(str(error), GRADER_FAILED)
        _defect(error)


def _defect(error: Exception) -> NoReturn:
    # Status 1 would say that a submission was graded; nobody may be charged for a defect of the grader.
    traceback.print_exc()
    fail(
        _(
            "the grader itself failed ({error}), nothing was graded; please report the lines above",
            error=type(error).__name__,
        ),
        GRADER_FAILED,
    )


def require_format(format_: str | None, out: Path | None) -> None:
    """Refuse a format that does not exist, and one of ``--format`` and ``--out`` without the other.

    Raises
    ------
    ProjectError : as said.
    """
    from grader.project.places import ProjectError

    if (format_ is None) != (out is None):
        raise ProjectError("--format and --out go together")
    if format_ is None:
        return
    from grader.report.formats import FORMATS

    if format_ not in FORMATS:
        raise ProjectError(
            "there is no format {format}; there are: {FORMATS}", format=repr(format_), FORMATS=", ".join(FORMATS)
        )


def require_places(*paths: Path | None) -> None:
    """Refuse places for reports before anything is run for them.

    Raises
    ------
    ReportError : nothing can be written there.
    """
    from grader.report.files import require_place

    for path in paths:
        if path is not None:
            require_place(path)


def require_checks(lab: Lab, only: Sequence[str]) -> None:
    """Refuse names of checks that the lab does not have.

    Raises
    ------
    ContractError : as said; the message lists those that exist.
    """
    lab.in_order(tuple(only))


def write_reports(
    result: GradeResult, json_file: Path | None, junit_file: Path | None, format_: str | None, out: Path | None
) -> None:
    """Write every report that was asked for; one that cannot be written keeps no other from being written.

    The document itself is never lost: where no file can hold it, it goes to standard output.

    Raises
    ------
    ReportError : a file cannot be written; of several, the first one.
    """
    asked = (("json", json_file), ("junit", junit_file), (format_ or "json", out))
    wanted = [(name, path) for name, path in asked if path is not None]
    if not wanted:
        return
    from grader.report.files import ReportError
    from grader.report.formats import FORMATS
    from grader.report.json_report import document, to_json

    failed: list[ReportError] = []
    for name, path in wanted:
        try:
            FORMATS[name](result, path)
        except ReportError as error:
            failed.append(error)
    if failed:
        sys.stdout.write(to_json(document(result)))
        complain(_("the result document stands above, on standard output, so that it is not lost"))
        raise failed[0]


def exit_status(result: GradeResult, only: Sequence[str] = (), min_score: int | None = None) -> int:
    """Return the exit status: 3 for a fault of the grader's own, else 0 or 1.

    Without ``min_score``, or with ``only``, what counts is whether the checks passed (those in ``only``, if any).
    """
    from grader.verdicts import Verdict

    if any(item.verdict is Verdict.GRADER for item in result.checks):
        return GRADER_FAILED
    if only or min_score is None or result.score is None:
        wanted = [item for item in result.checks if not only or item.id in only]
        return OK if all(item.verdict is Verdict.PASS for item in wanted) else BELOW
    return OK if result.score >= min_score else BELOW
