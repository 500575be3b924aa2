"""Pictures show where an array is wrong."""

from types import SimpleNamespace

import numpy as np
import pytest

from grader.compare import Tolerance
from grader.explain.case_run import CaseRun, differences
from grader.explain.comparison import Comparison
from grader.explain.difference import difference, window_of
from grader.explain.picture import MAX_COLUMNS, MAX_ROWS, as_levels, error_map, map_of, sampled_map
from grader.lab.checks import Case, sample_positions
from grader.project.fixtures import RecordedCase

RIGHT = np.random.default_rng(2).standard_normal((2, 3, 5, 8))


def view(actual, expected=RIGHT):
    """The two arrays beside each other."""
    return Comparison("y", expected, actual, Tolerance(1e-5, 0.0))


def test_a_larger_error_is_darker():
    """Severity grows with the error."""
    actual = RIGHT.copy()
    actual[0, 0, 0, 0] += 1e-4
    actual[0, 0, 0, 1] += 10
    plane = error_map(view(actual)).planes[0].values
    assert 0 < plane[0, 0] < plane[0, 1] <= 1 and plane[1, 1] == 0


def test_levels_are_powers_of_ten_of_the_allowed_error():
    """Up to 10 times what is allowed is 1, up to 100 times 2, from 10,000 times on 5; what is allowed is 0."""
    actual = RIGHT.copy()
    for column, times in enumerate((0.5, 2, 50, 500, 5e3, 5e4, 5e9)):
        actual[0, 0, 0, column] += times * 1e-5
    assert as_levels(error_map(view(actual)))[0] == [0, 1, 2, 3, 4, 5, 5, 0]
    few = np.arange(3.0)
    assert as_levels(error_map(Comparison("y", few, few + np.eye(3)[1], Tolerance(1e-5, 0.0)))) == [[0, 5, 0]]


def test_large_arrays_are_shrunk_and_keep_their_worst_entry():
    """One wrong entry in a large array is still seen."""
    expected = np.zeros((1, 1, 300, 400))
    actual = expected.copy()
    actual[0, 0, 299, 399] = 1
    rows = as_levels(error_map(view(actual, expected)))
    assert len(rows) <= MAX_ROWS and all(len(row) <= MAX_COLUMNS // 2 for row in rows)
    assert rows[-1][-1] == 5


def test_a_sampled_activation_shows_where_it_is_wrong():
    """The sample of an activation is put back to its rows and columns."""
    shape = (1, 4, 64, 64)
    rows = np.unravel_index(sample_positions("conv1", int(np.prod(shape))), shape)[2]
    expected = np.zeros(rows.size)
    plane = sampled_map(view((rows >= 32) * 1.0, expected), "conv1", shape).planes[0].values
    assert np.nanmax(plane[:8]) == 0 and np.nanmin(plane[8:]) > 0


def run_of(expected, actual, name="y", **case):
    """A submission that returned ``actual`` where ``expected`` was recorded."""
    recorded = RecordedCase(Case.of("case", **case), {name: expected}, {name: Tolerance(1e-5, 1e-6)})
    outcome = SimpleNamespace(verdict=None, outputs={name: actual}, message="", error_type="", observed={})
    return CaseRun(recorded, outcome, differences(recorded, outcome))


def shown_of(run, *, hidden=False):
    """What is drawn of it."""
    return difference(map_of(run), "title", hidden=hidden)


def test_channels_last_are_drawn_by_channel():
    """Of (N, rows, columns, C) a part is one channel's rows and columns, in input, output and error."""
    x = np.arange(2 * 7 * 6 * 3, dtype=np.float32).reshape(2, 7, 6, 3)
    wrong = x.copy()
    wrong[1, 4, 5, 2] += 100
    found = shown_of(run_of(x, wrong, x=x, layout="NHWC"))
    given, yours = found.shown
    assert [plane.title.splitlines()[1] for plane in (given, yours, found.error)] == ["sample 1, channel 2"] * 3
    np.testing.assert_array_equal(given.values, x[1, :, :, 2])
    np.testing.assert_array_equal(yours.values, wrong[1, :, :, 2])
    assert np.argwhere(found.error.values).tolist() == [[4, 5]] and found.error.window == (4, 5, 1, 1)
    assert len(found.all_errors) == 6 and given.axes == yours.axes == ("row", "column")


def test_of_a_hidden_case_only_the_error_is_drawn():
    """Neither the input nor what was returned, and no expected number: sizes of errors, and no more."""
    x = np.arange(48.0, dtype=np.float32).reshape(1, 1, 6, 8)
    found = shown_of(run_of(x, x + 1, x=x), hidden=True)
    assert found.shown == ()
    for plane in (found.error, *found.all_errors):
        assert ((plane.values >= 0) & (plane.values <= 1)).all()


@pytest.mark.parametrize(
    ("name", "shape", "arrays", "axes", "title"),
    [
        ("columns", (12, 20), {"x": (1, 5, 5, 3)}, ("entry of the window", "window"), "all of `columns`"),
        ("y", (4, 10), {"x": (4, 30)}, ("sample", "feature"), "all of `y`"),
        ("d_weight", (10, 30), {"x": (4, 30)}, ("axis 0", "axis 1"), "all of `d_weight`"),
        ("y", (1, 10), {"x": (1, 30)}, ("sample", "feature"), "all of `y`"),
        ("d_bias", (7,), {"x": (4, 7)}, ("axis 0", "axis 0"), "all of `d_bias`"),
        ("d_weight", (3, 3, 2, 4), {"x": (1, 5, 5, 2)}, ("axis 2", "axis 3"), "d_weight[1, 2]"),
        ("moves", (5, 1, 3, 4, 6), {"x": (1, 3, 4, 6)}, ("axis 3", "axis 4"), "moves[0, 0, 0]"),
    ],
)
def test_every_array_is_drawn_with_its_own_axes(name, shape, arrays, axes, title):
    """Matrices of im2col, batches, vectors, weights, longer arrays: parts are named as one indexes them."""
    expected = np.zeros(shape, np.float32)
    actual = expected + 1
    if title == "d_weight[1, 2]":
        actual = expected.copy()
        actual[1, 2] = 1
    given = {key: np.ones(value, np.float32) for key, value in arrays.items()}
    found = shown_of(run_of(expected, actual, name, layout="NHWC", **given))
    assert found.error.axes == axes and found.error.title == f"error\n{title}"
    assert found.error.values.ndim == (1 if len(shape) < 2 or (1 in shape[:2] and len(shape) == 2) else 2)
    assert found.shown[-1].values.shape == found.error.values.shape


def touched(rows, columns, kernel, pad, stride, dilation, entry):
    """Rows and columns that an output's entry depends on, found by changing one pixel at a time."""
    above, below, left, right = pad
    reached = []
    for row in range(rows):
        for column in range(columns):
            x = np.zeros((rows + above + below, columns + left + right))
            x[row + above, column + left] = 1
            part = x[entry[0] * stride :: dilation, entry[1] * stride :: dilation][: kernel[0], : kernel[1]]
            if part.any():
                reached.append((row, column))
    return reached


@pytest.mark.parametrize(
    ("config", "kernel", "pad", "entry"),
    [
        ({"k": 3, "padding": 1, "stride": 2}, (3, 3), (1, 1, 1, 1), (0, 2)),
        ({"k": 2, "stride": 2}, (2, 2), (0, 0, 0, 0), (1, 1)),
        ({"kernel_shape": [3, 2], "pad": [1, 2, 0, 3], "stride": 1, "dilation": 2}, (3, 2), (1, 2, 0, 3), (6, 4)),
        ({"kernel_shape": [2, 4], "pad": "same"}, (2, 4), (0, 1, 1, 2), (6, 0)),
        ({"kernel_shape": (5, 5), "pad": "valid", "stride": 1}, (5, 5), (0, 0, 0, 0), (2, 1)),
    ],
)
def test_the_window_of_an_entry_holds_what_it_is_computed_from(config, kernel, pad, entry):
    """The marked window begins and ends with the first and last pixel (or padding) that the entry depends on."""
    rows, columns = 7, 8
    stride, dilation = config.get("stride", 1), config.get("dilation", 1)
    sizes = [
        (length + pad[2 * axis] + pad[2 * axis + 1] - dilation * (kernel[axis] - 1) - 1) // stride + 1
        for axis, length in enumerate((rows, columns))
    ]
    top, left, height, width = window_of(config, (rows, columns), sizes, entry)
    reached = touched(rows, columns, kernel, pad, stride, dilation, entry)
    inside = [
        (row, column)
        for row in range(top, top + height, dilation)
        for column in range(left, left + width, dilation)
        if 0 <= row < rows and 0 <= column < columns
    ]
    assert inside == reached


def test_what_is_not_made_by_windows_has_none():
    """Where the settings do not give the output's size, nothing is marked in the input."""
    assert window_of({"k": 3, "stride": 1}, (7, 8), (7, 8), (0, 0)) is None
    assert window_of({"pad": 2, "kernel_shape": None, "stride": None}, (7, 8), (11, 12), (0, 0)) is None
