"""Learning curves on a terminal and on a page."""

from __future__ import annotations

from grader.report.html import to_html
from grader.report.learning_chart import drawn, sparkline
from grader.score.document import LearningCurve
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
    assert drawn(LearningCurve(name="loss", steps=1, values=[2.0])) == ["0.0,160.0"]


def test_a_gap_divides_the_drawing():
    """What is not finite interrupts the line."""
    assert len(drawn(LearningCurve(name="loss", steps=4, values=[2.0, None, 1.0, 0.0]))) == 2


def test_page_has_a_drawing_without_scripts():
    """A result with curves has an SVG line for each of them on its page."""
    result = samples.honest()
    check = result.checks[0].model_copy(
        update={"curves": [LearningCurve(name="loss", steps=3, values=[2.0, 1.0, 0.5])]}
    )
    page = to_html(result.model_copy(update={"checks": [check, *result.checks[1:]]}))
    assert page.count("<polyline") == 1 and "<script" not in page and "2 to 0.5, 3 values" in page
