"""The command ``check``. Parses and calls, nothing else."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from grader.commands.common import (
    OK,
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
    require_checks,
    require_format,
    require_places,
    say,
    write_reports,
)
from grader.commands.speaking import new_app
from grader.language.translation import _

if TYPE_CHECKING:
    from grader.grading import Request
    from grader.project.places import Project
    from grader.score.document import GradeResult
    from grader.student.standing import Next, Standing

app = new_app()


@app.command()
def check(
    lab: LabName,
    submission: SubmissionPath = None,
    only: Only = None,
    layer: Annotated[
        str | None, typer.Option("--layer", help="Run only the checks of this layer, such as `conv` or `max_pool`.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also run the slow checks of the full network.")] = False,
    weights: Weights = None,
    json_file: JsonFile = None,
    junit_file: JunitFile = None,
    format_: FormatName = None,
    out: FormatFile = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Draw where the first wrong output differs into this PNG file.")
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Write the report as a page, with pictures, and open it in the browser.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Check again whenever you save a file; leave with Ctrl+C.")
    ] = False,
    strict: Strict = False,
    verbose: Verbose = False,
    lang: Language = None,
) -> None:
    """Check your own work against the public fixtures; quick, and needs no solution.

    Exit status: 0 all checks that ran passed, 1 some did not, 2 bad usage or bad input, 3 the grader failed.
    """
    from grader.grading import Request
    from grader.project.places import Project
    from grader.student.layer_checks import checks_of_layer

    with errors():
        require_format(format_, out)
        require_places(json_file, junit_file, out)
        project = Project.find()
        facts = project.lab(lab)
        wanted = (*(only or ()), *(checks_of_layer(facts, layer, slow=all_) if layer else ()))
        require_checks(facts, wanted)
        request = Request(
            lab=facts,
            submission=submission or project.submission(lab),
            kind="public",
            only=wanted,
            slow=all_,
            weights=weights,
            allow_weak_jail=True,
            strict=strict,
        )
        if watch:
            from grader.student.watch import watch as run_watch

            run_watch(project, request, Console(), verbose=verbose)
            raise typer.Exit(OK)
        # Work that lies elsewhere leaves nothing there.
        checked = _checked(project, request, keep=submission is None, verbose=verbose)
        write_reports(checked.result, json_file, junit_file, format_, out)
        if open_:
            _open_page(project, request, checked)
        if picture is not None:
            _draw(project, request, checked, picture)
        raise typer.Exit(exit_status(checked.result, wanted))


@dataclass(frozen=True)
class _Checked:
    """A check that was shown: its result, where the student stands, and what to do next."""

    result: GradeResult
    where: Standing
    after: Next


def _checked(project: Project, request: Request, *, keep: bool, verbose: bool) -> _Checked:
    """Check the work, add the result to its history if ``keep``, and show it."""
    from grader.grading import grade
    from grader.report.progress import Progress

    with Progress(title=_("{lab}: checking", lab=request.lab.name)) as progress:
        result = grade(project, request, progress)
    # Later than the box: what they load of explanations is loaded while it gets ready.
    from grader.student.history import History
    from grader.student.screen import show_check
    from grader.student.standing import Next, Standing, after_success

    history = History.of(request.submission) if keep else History(None)
    where = Standing.of(request.lab, request.submission, result.checks, history.compared(result.checks))
    history.add(result.started_at, result.checks)
    after = Next("", after_success(result, request.only))
    show_check(result, where, after, Console(), verbose=verbose)
    return _Checked(result, where, after)


def _open_page(project: Project, request: Request, checked: _Checked) -> None:
    """Write the report as a page, with pictures, and open it in the browser."""
    from grader.report.files import write_text
    from grader.report.progress import Progress
    from grader.student.difference_picture import drawings_of
    from grader.student.page import check_page
    from grader.student.standing import typed

    lab = request.lab.name
    with Progress(title=_("{lab}: drawing", lab=lab)) as progress:
        drawings = drawings_of(project, request, checked.result, progress)
    file = project.root / "results" / lab / "check.html"
    write_text(file, check_page(checked.result, checked.where, checked.after, drawings))
    say(_("page: {file}", file=typed(file)))
    webbrowser.open(file.absolute().as_uri())


def _draw(project: Project, request: Request, checked: _Checked, picture: Path) -> None:
    """Draw where the first wrong output differs."""
    from grader.report.progress import Progress
    from grader.student.difference_picture import draw_first_difference

    with Progress(title=_("{lab}: drawing", lab=request.lab.name)) as progress:
        line = draw_first_difference(project, request, checked.result, picture, progress)
    say(line)
