"""Curves are drawn where their values belong."""

import numpy as np

from grader.experiment.curves import COLOURS, LEFT, PANEL_HEIGHT, RIGHT, WIDTH, Curve, draw_curves
from grader.experiment.curves import MAX_POINTS as MOST


def places(picture, number=0, left=LEFT + 2, right=WIDTH - RIGHT - 2):
    """Rows and columns of the pixels that have exactly the colour of a curve, without the legend."""
    rows, columns = np.nonzero((picture[40:, left:right] == COLOURS[number]).all(axis=2))
    return rows + 40, columns + left


def test_a_falling_curve_falls():
    """The pixels go down from left to right."""
    rows, columns = places(draw_curves({"loss": Curve([0, 1, 2, 3], [4.0, 3.0, 2.0, 1.0])}))
    assert np.corrcoef(rows, columns)[0, 1] > 0.99


def test_an_exponential_is_straight_on_the_logarithmic_axis():
    """Halving at each step over many powers of ten is a straight line; on a linear axis it would not be."""
    steps = list(range(30))
    rows, columns = places(draw_curves({"loss": Curve(steps, [0.5**step for step in steps])}))
    slope, offset = np.polyfit(columns, rows, 1)
    assert np.abs(rows - (slope * columns + offset)).max() < 3


def test_names_before_the_slash_share_a_panel():
    """Two lines of one quantity are in one panel, another quantity is below."""
    line = Curve([0, 1], [1.0, 2.0])
    assert len(draw_curves({"loss/train": line, "loss/test": line})) == PANEL_HEIGHT
    assert len(draw_curves({"loss/train": line, "accuracy": line})) == 2 * PANEL_HEIGHT


def test_a_constant_a_single_point_and_nothing_can_be_drawn():
    """The edge cases give a picture of the usual width."""
    for curve in (Curve([0, 1], [3.0, 3.0]), Curve([7], [0.0]), Curve()):
        assert draw_curves({"loss": curve}).shape == (PANEL_HEIGHT, WIDTH, 3)


def test_a_long_curve_stays_bounded():
    """Every second point is dropped, the newest one never."""
    curve = Curve()
    for step in range(MOST + 10):
        curve.add(step, float(step))
    assert len(curve.steps) <= MOST and curve.steps[-1] == curve.values[-1] == MOST + 9
