"""Bars, confusion matrices and differences show their numbers where they belong."""

import numpy as np
import pytest

from grader.drawing import Difference, Plane, draw_confusion, draw_difference, draw_groups, draw_layers, style
from grader.drawing.appearance import PALETTE
from grader.drawing.differences import MAX_OVERVIEW, RIGHT_COLOUR, UNKNOWN_COLOUR

TICKS = ((0.0, "≤ 1"), (1.0, "≥ 10⁵"))


@pytest.fixture(autouse=True)
def _styled():
    with style():
        yield


def test_bars_are_as_long_as_what_they_stand_for():
    """A row for each layer, the first at the top; a colour for each kind, named in the legend; units below."""
    columns = {"time (ms)": [30.0, 5.0, 15.0], "parameters": [100, 0, 300]}
    figure = draw_layers(["one", "relu", "two"], ["convolution", "ReLU", "convolution"], columns)
    times, parameters = figure.axes
    assert [bar.get_width() for bar in times.patches] == [30.0, 5.0, 15.0]
    assert [text.get_text() for text in times.get_yticklabels()] == ["one", "relu", "two"]
    assert times.get_ylim()[0] > times.get_ylim()[1]
    assert (times.get_xlabel(), parameters.get_xlabel()) == tuple(columns)
    assert [text.get_text() for text in times.texts] == ["30 (60%)", "5 (10%)", "15 (30%)"]
    assert [text.get_text() for text in parameters.texts] == ["100 (25%)", "", "300 (75%)"]
    colours = {text.get_text(): patch.get_facecolor() for text, patch in
               zip(figure.legends[0].get_texts(), figure.legends[0].get_patches(), strict=True)}  # fmt: skip
    assert [bar.get_facecolor() for bar in times.patches] == [
        colours[kind] for kind in ("convolution", "ReLU", "convolution")
    ]


def test_groups_have_a_bar_of_each_series():
    """Bars of one name stand beside each other on a logarithmic axis, those of a series have its colour."""
    from matplotlib.colors import to_hex

    (axes,) = draw_groups("t", ["a", "b"], {"ours": [1.0, 10.0], "theirs": [2.0, None]}, "time (ms)").axes
    assert axes.get_yscale() == "log" and axes.get_ylabel() == "time (ms)"
    assert [bar.get_height() for bar in axes.patches] == [1.0, 10.0, 2.0]
    assert [to_hex(bar.get_facecolor()).upper() for bar in axes.patches] == [PALETTE[0], PALETTE[0], PALETTE[1]]
    assert [round(bar.get_x() + bar.get_width() / 2) for bar in axes.patches] == [0, 1, 0]


def test_a_confusion_matrix_counts_rows_as_right_classes():
    """Cells hold their counts, colours are shares of the row, and the title says how many are right."""
    figure = draw_confusion(np.array([[8, 2], [0, 30]]), ["cat", "dog"])
    axes = figure.axes[0]
    assert {(text.get_position(), text.get_text()) for text in axes.texts} == {
        ((0, 0), "8"),
        ((1, 0), "2"),
        ((1, 1), "30"),
    }
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.8, 0.2], [0, 1]])
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("right class", "predicted class")
    assert figure.get_suptitle() == "95.0% of 40 are right" and figure.axes[1].get_ylabel() == "share of the row"


def drawn(error, values=None, window=None, span=None, count=1):
    """The axes of a difference: numbers if there are any, then the error."""
    part = Plane("error\nsample 0", np.asarray(error, float), ("row", "column"), window, span)
    shown = [] if values is None else [Plane("yours", np.asarray(values), ("row", "column"), window)]
    figure = draw_difference(Difference("`y` of a check", shown, part, [part] * count, TICKS))
    return figure, [axes for axes in figure.axes if axes.get_title()]


def colour_at(axes, row, column):
    """The colour of an entry, as it is drawn."""
    from matplotlib.colors import to_hex

    image = axes.images[0]
    return to_hex(image.to_rgba(image.get_array())[row, column]).upper()


def test_right_wrong_and_unknown_entries_have_their_colours():
    """What is right is light, what is not known grey, and a larger error is darker."""
    _figure, (axes,) = drawn([[0.0, 0.2], [1.0, np.nan]])
    assert colour_at(axes, 0, 0) == RIGHT_COLOUR and colour_at(axes, 1, 1) == UNKNOWN_COLOUR
    light, dark = (sum(bytes.fromhex(colour_at(axes, row, column)[1:])) for row, column in ((0, 1), (1, 0)))
    assert dark < light < 3 * 255


def test_panels_name_their_axes_and_have_a_scale():
    """Numbers and error have titles, rows, columns and a colour bar with its unit and ticks."""
    figure, panels = drawn([[0.0, 1.0]] * 2, [[-3.0, 1.0]] * 2)
    assert figure.get_suptitle() == "y of a check"
    assert [axes.get_title() for axes in panels] == ["yours", "error\nsample 0"]
    assert {(axes.get_ylabel(), axes.get_xlabel()) for axes in panels} == {("row", "column")}
    assert panels[0].images[0].get_clim() == (-3.0, 3.0)
    bars = [axes for axes in figure.axes if axes not in panels]
    assert [axes.get_ylabel() for axes in bars] == ["value", "error ÷ allowed error"]
    assert [text.get_text() for text in bars[1].get_yticklabels()] == [text for _value, text in TICKS]


def test_a_window_over_the_border_is_in_the_picture():
    """The frame covers its entries, and the axes reach as far as it does."""
    _figure, (axes,) = drawn(np.zeros((4, 5)), window=(-1, 3, 3, 3))
    frame = axes.patches[-1]
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (2.5, -1.5, 3, 3)
    assert axes.get_xlim() == (-0.5, 5.5) and axes.get_ylim() == (3.5, -1.5)


def test_blocks_stand_on_the_rows_that_they_stand_for():
    """A plane of 2 by 2 blocks of 8 by 6 entries has their rows and columns on its axes."""
    _figure, (axes,) = drawn(np.zeros((2, 2)), span=(8, 6))
    assert axes.get_xlim() == (-0.5, 5.5) and axes.get_ylim() == (7.5, -0.5)


def test_a_vector_is_drawn_as_points():
    """Right and wrong entries have colours of their own, named in a legend; indices are below."""
    figure, (values, error) = drawn([0.0, 0.4, 0.0], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(values.lines[0].get_ydata(), [1.0, 2.0, 3.0])
    assert [text.get_text() for text in error.get_legend().get_texts()] == ["right entry", "wrong entry"]
    assert error.get_xlabel() == "column" and not figure.axes[0].images


def test_many_parts_are_cut_and_that_is_said():
    """At most as many parts as fit are drawn small, and how many there are is in their title."""
    figure, panels = drawn([[0.0, 1.0]], count=MAX_OVERVIEW + 5)
    assert len(panels) == 1 + MAX_OVERVIEW
    said = figure.subfigs[1].get_suptitle()
    assert said == f"the errors of the first {MAX_OVERVIEW} of {MAX_OVERVIEW + 5} parts"
