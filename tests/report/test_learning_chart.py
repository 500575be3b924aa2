"""Learning curves on a terminal and on a page."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from rich.cells import cell_len

from grader.language.translation import speaking
from grader.report.html import to_html
from grader.report.learning_chart import spark_lines, sparkline
from grader.report.look import Look
from grader.score.document import LearningCurve
from tests.golden import ROOT
from tests.report import samples


def test_sparkline_rises_and_falls_with_the_values():
    """The smallest value is the lowest block, the largest the highest, and a gap is a question mark."""
    assert sparkline([0.0, 1.0, None, 0.5]) == "▁█?▅"


def test_sparkline_has_a_largest_width():
    """Long curves are averaged over equal stretches."""
    line = sparkline([float(n) for n in range(1000)], width=20)
    assert len(line) == 20 and line[0] == "▁" and line[-1] == "█"


def test_constant_and_empty_curves_are_drawn():
    """No difference of values divides by zero."""
    assert sparkline([2.0, 2.0]) == "▁▁" and sparkline([]) == ""


def page_with(*curves):
    """The page of a result with a check that trains."""
    result = samples.honest()
    check = result.checks[0].model_copy(update={"curves": list(curves)})
    return to_html(result.model_copy(update={"checks": [check, *result.checks[1:]]}))


def test_page_has_a_drawing_without_scripts():
    """A result with curves has a drawing of each, with labels, and says where it begins and ends."""
    page = page_with(
        LearningCurve(name="loss", steps=30, values=[2.0, None, 0.5]),
        LearningCurve(name="accuracy", steps=3, values=[0.5, 0.75, 1.0]),
    )
    assert (
        page.count("<svg") - page.count('<svg class="errors"') == 2
        and "<script" not in page
        and "2 to 0.5, 30 values" in page
    )
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", page)
    assert {"loss", "accuracy (share, 0 to 1)", "step", "measurement", "30"} <= set(texts)


def test_a_page_without_a_training_loads_no_plotting():
    """Such a page needs no drawing, so matplotlib is not imported for it."""
    code = (
        "import sys\nfrom grader.report.html import to_html\nfrom tests.report import samples\n"
        "to_html(samples.honest())\nassert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_curve_fills_a_line_and_no_more(width, language):
    """Where it begins and ends stands on the same line, and the curves begin in one column."""
    curves = [
        LearningCurve(name=name, steps=375, values=[3.71 - 0.0094 * n for n in range(375)])
        for name in ("loss", "accuracy")
    ]
    check = samples.honest().checks[0].model_copy(update={"curves": curves})
    with speaking(language):
        lines = [line.plain for line in spark_lines(check, Look(True, "utf-8"), width)[1:]]
    assert all(cell_len(line) <= width and "375" in line for line in lines)
    assert len({cell_len(line.partition("█")[0]) for line in lines}) == 1
