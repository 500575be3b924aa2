"""Draws where the first wrong output of a submission differs: what went in, what came out, the error."""

from __future__ import annotations

from pathlib import Path

from grader.drawing import draw_confusion, draw_difference, style, to_png
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
    lab = request.lab
    check = lab.checks[first]
    fixture = read_fixture(project.fixtures(lab.name, request.kind, request.weights), [first])
    progress.step(translated(check.title, lab.folder))
    with opened(
        project,
        lab,
        request.submission,
        progress.note,
        checks=[check],
        weights=request.weights,
        level=request.level,
    ) as work:
        for recorded in fixture.checks[first]:
            outcome = work.session.run(check, recorded.case)
            run = CaseRun(recorded, outcome, differences(recorded, outcome))
            what = write_difference(run, lab, check, file, hidden=fixture.hidden)
            if what:
                return _("drawn: {file}: {what}", file=file, what=what)
    return _("nothing to draw: {check} has no wrong array", check=translated(check.title, lab.folder))


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
        found, counts = map_of(run), confusion(check, run)
        if found is not None:
            name = found.view.output
            figure = draw_difference(difference(found, _title(name, run, lab, check), hidden=hidden))
        elif counts is not None and check.learning is not None and not hidden:
            name, figure = check.learning.predictions, draw_confusion(counts)
        else:
            return ""
        data = to_png(figure)
    write_bytes(file, data)
    return _title(name, run, lab, check)


def _title(output: str, run: CaseRun, lab: Lab, check: Check) -> str:
    return _(
        "`{output}` of {check}; case: {case}",
        output=output,
        check=translated(check.title, lab.folder),
        case=translated(run.recorded.case.name, lab.folder),
    )
