"""Draws where the first wrong output of a submission differs: what went in, what came out, the error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grader.drawing import draw_confusion, draw_difference, style, to_png, to_svg
from grader.explain.case_run import CaseRun, differences
from grader.explain.difference import difference
from grader.explain.learning import confusion
from grader.explain.picture import map_of
from grader.grading import Request
from grader.lab.checks import Check
from grader.language.translation import _, translated
from grader.project.contract import Lab
from grader.project.fixtures import read_fixture
from grader.project.places import Project
from grader.report.files import write_bytes
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.score.document import GradeResult
from grader.verdicts import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MOST_DRAWN = 4


def draw_first_difference(
    project: Project, request: Request, result: GradeResult, file: Path, progress: Progress
) -> str:
    """Run the first wrong check once more, draw its first wrong output, and return a line that says what was drawn.

    Raises
    ------
    ReportError : the picture cannot be written.
    """
    first = next((item.id for item in result.checks if item.verdict is Verdict.WRONG), None)
    if first is None:
        return _("nothing to draw: no check returned wrong numbers")
    lab, check = request.lab, request.lab.checks[first]
    for run, hidden in _wrong_runs(project, request, [first], progress):
        if what := write_difference(run[1], lab, check, file, hidden=hidden):
            return _("drawn: {file}: {what}", file=file, what=what)
    return _("nothing to draw: {check} has no wrong array", check=translated(check.title, lab.folder))


def drawings_of(project: Project, request: Request, result: GradeResult, progress: Progress) -> dict[str, str]:
    """Run the first few wrong checks once more; return an SVG element of the first wrong output of each, by id."""
    wrong = [item.id for item in result.checks if item.verdict is Verdict.WRONG][:MOST_DRAWN]
    found: dict[str, str] = {}
    for (name, run), hidden in _wrong_runs(project, request, wrong, progress):
        if name not in found:
            with style(page=True):
                figure = _figure(run, request.lab, request.lab.checks[name], hidden=hidden)
                if figure is not None:
                    found[name] = to_svg(figure[0], name)
    return found


def _wrong_runs(
    project: Project, request: Request, names: Sequence[str], progress: Progress
) -> Iterator[tuple[tuple[str, CaseRun], bool]]:
    """Yield the runs of these checks that returned wrong numbers, each with whether its case is hidden."""
    if not names:
        return
    lab, checks = request.lab, [request.lab.checks[name] for name in names]
    fixture = read_fixture(project.fixtures(lab.name, request.kind, request.weights), names)
    with opened(
        project,
        lab,
        request.submission,
        progress.note,
        checks=checks,
        weights=request.weights,
        level=request.level,
    ) as work:
        for check in checks:
            progress.step(translated(check.title, lab.folder))
            for recorded in fixture.checks[check.id]:
                outcome = work.session.run(check, recorded.case)
                run = CaseRun(recorded, outcome, differences(recorded, outcome))
                if run.findings:
                    yield (check.id, run), fixture.hidden


def write_difference(run: CaseRun, lab: Lab, check: Check, file: Path, *, hidden: bool) -> str:
    """Draw the first wrong output of ``run`` into a PNG file; return which it is, nothing if there is none to draw.

    Of a training it is the confusion matrix.

    Raises
    ------
    DrawingError : matplotlib is not installed.
    ReportError : the file cannot be written.
    """
    # What stands in the picture is made inside, in its language, which is English where a font is missing.
    with style():
        drawn = _figure(run, lab, check, hidden=hidden)
        if drawn is None:
            return ""
        data = to_png(drawn[0])
    write_bytes(file, data)
    return _title(drawn[1], run, lab, check)


def _figure(run: CaseRun, lab: Lab, check: Check, *, hidden: bool) -> tuple[Figure, str] | None:
    """Return the drawing of the first wrong output of a run and its name; None if there is nothing to draw."""
    found, counts = map_of(run), confusion(check, run)
    if found is not None:
        name = found.view.output
        return draw_difference(difference(found, _title(name, run, lab, check), hidden=hidden)), name
    if counts is not None and check.learning is not None and not hidden:
        return draw_confusion(counts), check.learning.predictions
    return None


def _title(output: str, run: CaseRun, lab: Lab, check: Check) -> str:
    return _(
        "`{output}` of {check}; case: {case}",
        output=output,
        check=translated(check.title, lab.folder),
        case=translated(run.recorded.case.name, lab.folder),
    )
