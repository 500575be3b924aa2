"""The charts of the device experiment, and how times are grouped."""

from __future__ import annotations

import numpy as np
import pytest

from labs.vgg19_dlp import drawing
from labs.vgg19_dlp.device_model import Work, grouped


def coloured(picture: np.ndarray, number: int) -> int:
    """Return how many pixels have a series' colour."""
    return int((picture == np.array(drawing.COLOURS[number])).all(axis=2).sum())


def test_bars_are_as_long_as_their_numbers():
    """Twice the number, twice the length, in a picture that a snapshot may hold."""
    picture = drawing.bars("title", "unit", ["a"], [("one", [1.0]), ("two", [2.0])])
    assert picture.dtype == np.uint8 and picture.ndim == 3
    lengths = [coloured(picture[drawing.TOP :], number) for number in (0, 1)]
    assert lengths[1] == pytest.approx(2 * lengths[0], rel=0.02)


def test_no_bar_for_nothing():
    """Zeros and an empty list draw no bar, and do not divide by zero."""
    for names, values in ((["a"], [0.0]), ([], [])):
        assert coloured(drawing.bars("title", "unit", names, [("", values)]), 1) == 0


def test_columns_are_as_high_as_their_counts():
    """The fullest bin is the highest column."""
    counts = np.array([1, 4, 2])
    picture = drawing.columns("title", "value", np.linspace(0, 1, 4), [("x", counts)])
    heights = (picture == np.array(drawing.COLOURS[0])).all(axis=2).sum(axis=0)
    thirds = [int(np.median(part)) for part in np.array_split(heights[60:730], 3)]
    assert thirds[1] == pytest.approx(4 * thirds[0], rel=0.1) and thirds[1] == pytest.approx(2 * thirds[2], rel=0.1)


def test_times_are_added_by_group_in_the_order_of_the_network():
    """Every layer counts once, in the group of its name."""
    times = {"fc6": 4.0, "conv1_1": 1.0, "relu1_1": 0.5, "conv1_2": 2.0, "pool1": 3.0, "softmax": 0.25}
    found = grouped(times)
    assert list(found) == ["conv1", "fc", "ReLU", "pooling", "others"]
    assert found["conv1"] == 3.0 and sum(found.values()) == sum(times.values())


def test_a_layer_is_bound_by_arithmetic_or_by_memory():
    """Whichever of the two takes longer is its time."""
    assert Work(operations=128 * 10**9, weights=0, moved=1).device_s() == pytest.approx(1e-3)
    assert Work(operations=1, weights=102 * 10**6, moved=0).device_s() == pytest.approx(1e-3)


def test_the_last_number_below_columns_is_not_cut():
    """A long number at the right end of the axis ends where the columns end."""
    edges = np.linspace(-0.00597, 0.00597, 4)
    picture = drawing.columns("title", "value", edges, [("x", np.array([1, 1, 1]))])
    assert (picture[:, 734:] == 255).all()
