"""Draws where the first wrong output of a submission differs from a public expected one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grader.compare import compare
from grader.explain.comparison import Comparison
from grader.explain.picture import error_map, write_png
from grader.grading import Request
from grader.lab.checks import Check
from grader.language.translation import _, translated
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase, read_fixture
from grader.project.places import Project
from grader.report.files import ReportError
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.session import Outcome
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
            view = first_difference(recorded, work.session.run(check, recorded.case))
            if view is not None:
                return _draw(view, lab, check, recorded, file)
    return _("nothing to draw: {check} has no wrong array", check=translated(check.title, lab.folder))


def first_difference(recorded: RecordedCase, outcome: Outcome) -> Comparison | None:
    """Return the first output with wrong numbers beside the recorded one; None if there is none to draw."""
    if outcome.verdict is not None:
        return None
    for finding in compare(recorded.expected, outcome.outputs, recorded.tolerances):
        name = finding.output
        if finding.kind == "values" and recorded.expected[name].size > 1:
            expected = recorded.expected[name].astype(np.float64)
            actual = outcome.outputs[name].astype(np.float64)
            return Comparison(name, expected, actual, recorded.tolerances[name])
    return None


def _draw(view: Comparison, lab: Lab, check: Check, recorded: RecordedCase, file: Path) -> str:
    found = error_map(view)
    try:
        write_png(found, file)
    except OSError as error:
        raise ReportError("{file} cannot be written ({value})", file=file, value=error.strerror or error) from None
    planes = _("one square for each sample and channel") if len(found.labels) > 1 else found.labels[0]
    return _(
        "drawn: {file}. `{output}` of {check}, case {case}: {planes}; red is wrong",
        file=file,
        output=view.output,
        check=translated(check.title, lab.folder),
        case=translated(recorded.case.name, lab.folder),
        planes=planes,
    )
