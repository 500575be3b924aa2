"""Curves are drawn where their values belong, and say what they are."""

import math

import numpy as np
import pytest

from grader.drawing import Curve, CurveSheet, draw_curves, style, to_svg
from grader.drawing.appearance import PALETTE
from grader.drawing.curves import MAX_POINTS

FALLING = Curve([0, 1, 2, 3], [4.0, 3.0, 2.0, 1.0])


@pytest.fixture(autouse=True)
def _styled():
    with style():
        yield


def test_a_panel_for_each_quantity_with_its_labels_and_lines():
    """Two lines of one quantity share a panel and have a legend; another is below, and steps at the bottom."""
    loss, accuracy = draw_curves({"": {"loss/train": FALLING, "loss/test": FALLING, "accuracy": FALLING}}).axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy (share, 0 to 1)")
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["training", "test"]
    assert accuracy.get_legend() is None and accuracy.get_xlabel() == "step"
    assert [line.get_color() for line in loss.lines] == list(PALETTE[:2])


def test_points_stand_at_their_values():
    """A line goes through every step and value, and a value that is no number leaves a gap."""
    (panel,) = draw_curves({"": {"loss": Curve([1, 2, 5], [0.5, math.nan, 0.25])}}).axes
    np.testing.assert_array_equal(panel.lines[0].get_xydata(), [[1, 0.5], [2, math.nan], [5, 0.25]])


@pytest.mark.parametrize(("least", "scale"), [(0.5**20, "log"), (0.5, "linear"), (0.0, "linear"), (-1.0, "linear")])
def test_values_of_many_sizes_get_a_logarithmic_axis(least, scale):
    """A factor of more than 30 between positive values is drawn by powers of ten, and the label says so."""
    (panel,) = draw_curves({"": {"loss": Curve([0, 1], [1.0, least])}}).axes
    assert panel.get_yscale() == scale
    assert panel.get_ylabel() == ("loss (logarithmic)" if scale == "log" else "loss")


def test_runs_stand_side_by_side_on_one_scale():
    """Each run has a column with its name; the values' axes have the same bounds; a run may lack a quantity."""
    runs = {"adam": {"loss": FALLING, "accuracy": FALLING}, "sgd": {"loss": Curve([0, 9], [8.0, 7.0])}}
    panels = draw_curves(runs).axes
    assert [panel.get_title() for panel in panels[:2]] == ["adam", "sgd"]
    assert panels[0].get_ylim() == panels[1].get_ylim() and panels[0].get_ylim()[1] > 8
    assert not panels[3].lines


def test_panels_of_one_run_may_stand_side_by_side():
    """Both panels are in one row, each with its own steps below it."""
    left, right = draw_curves({"": {"accuracy": FALLING, "loss": FALLING}}, beside=True).axes
    assert left.get_position().y0 == right.get_position().y0
    assert left.get_position().x1 < right.get_position().x0
    assert [axes.get_xlabel() for axes in (left, right)] == ["step", "step"]
    assert [axes.get_ylabel() for axes in (left, right)] == ["accuracy (share, 0 to 1)", "loss"]
    (text,) = draw_curves({"": {}}, beside=True).texts
    assert text.get_text() == "no values yet"


def test_a_single_point_is_seen_and_nothing_is_said():
    """A line of one point has a mark, and whole steps around it; without any value the picture says so."""
    (panel,) = draw_curves({"": {"loss": Curve([7], [0.5])}}).axes
    assert panel.get_xlim() == (6, 8)
    assert draw_curves({"": {"loss": Curve([7], [0.0])}}).axes[0].lines[0].get_marker() == "o"
    assert [text.get_text() for text in draw_curves({"": {"loss": Curve()}}).texts] == ["no values yet"]


def test_a_long_curve_stays_bounded():
    """Every second point is dropped, the newest one never."""
    curve = Curve()
    for step in range(MAX_POINTS + 10):
        curve.add(step, float(step))
    assert len(curve.steps) <= MAX_POINTS and curve.steps[-1] == curve.values[-1] == MAX_POINTS + 9


def test_a_sheet_keeps_nothing_of_the_curve_before():
    """A curve is drawn alike on a new sheet and after any other: range, scale, mark and names are its own."""
    curves = [
        FALLING,
        Curve([1, 2, 3], [1000.0, 1.0, 0.001]),
        Curve([7], [0.5]),
        Curve([1, 2], [math.nan, math.nan]),
        Curve([10, 20], [-3.0, 1e7]),
    ]
    new = [to_svg(CurveSheet("loss", 5.0).drawn(curve), "a") for curve in curves]
    assert len(set(new)) == len(curves)
    sheet = CurveSheet("loss", 5.0)
    for number in (0, 1, 0, 2, 3, 2, 4, 1, 3, 0):
        assert to_svg(sheet.drawn(curves[number]), "a") == new[number]


@pytest.mark.parametrize("values", [[1e30, 2e30], [1e-7, 2e-7], [-123456.0, 123456.0], [1e-6, 1e5], [9000.0, 1e6]])
def test_a_sheet_has_room_for_every_label(values):
    """No label of a value or a step is cut off at the edge of the drawing."""
    figure = CurveSheet("loss", 5.0, "measurement").drawn(Curve([1, 100_000], values))
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x0 >= 0 and box.y0 >= 0
    assert box.x1 <= 5.0 and box.y1 <= figure.get_figheight()


def test_a_sheet_has_the_axes_of_a_single_panel():
    """Ranges, scale and names are those that the same curve has in a figure of its own."""
    for values in ([2.0, 1.0, 0.5], [100.0, 1.0, 0.01], [0.0, 0.0, 0.0]):
        curve = Curve([10, 20, 30], values)
        (own,) = draw_curves({"": {"accuracy": curve}}, 5.0, "measurement").axes
        (panel,) = CurveSheet("accuracy", 5.0, "measurement").drawn(curve).axes
        for name in ("get_xlim", "get_ylim", "get_yscale", "get_xlabel", "get_ylabel"):
            assert getattr(panel, name)() == getattr(own, name)()
        np.testing.assert_array_equal(panel.lines[0].get_xydata(), own.lines[0].get_xydata())
