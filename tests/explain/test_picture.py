"""Pictures show where an array is wrong, in a terminal and as PNG."""

import cv2
import numpy as np

from grader.compare import Tolerance
from grader.explain.comparison import Comparison
from grader.explain.picture import MAX_COLUMNS, MAX_ROWS, as_text, error_map, sampled_map, write_png
from grader.lab.checks import sample_positions

RIGHT = np.random.default_rng(2).standard_normal((2, 3, 5, 8))


def view(actual, expected=RIGHT):
    """The two arrays beside each other."""
    return Comparison("y", expected, actual, Tolerance(1e-5, 0.0))


def test_the_worst_channel_is_shown_with_its_wrong_entries():
    """The plane with most wrong entries is named; right entries are blank, wrong ones are not."""
    actual = RIGHT.copy()
    actual[1, 2, 3, 4:6] += 1
    title, *lines = as_text(error_map(view(actual)))
    assert title == "sample 1, channel 2"
    assert len(lines) == 5
    assert lines[0].strip("|").strip() == ""
    assert lines[3].strip("|")[8:12].strip() != "" and lines[3].strip("|")[:8].strip() == ""


def test_a_terminal_without_unicode_gets_plain_letters():
    """Every sign is ASCII there."""
    assert all(line.isascii() for line in as_text(error_map(view(RIGHT + 1)), unicode=False))


def test_a_larger_error_is_darker():
    """Severity grows with the error."""
    actual = RIGHT.copy()
    actual[0, 0, 0, 0] += 1e-4
    actual[0, 0, 0, 1] += 10
    plane = error_map(view(actual)).planes[0]
    assert 0 < plane[0, 0] < plane[0, 1] <= 1 and plane[1, 1] == 0


def test_large_arrays_are_shrunk_and_keep_their_worst_entry():
    """One wrong entry in a large array is still seen."""
    expected = np.zeros((1, 1, 300, 400))
    actual = expected.copy()
    actual[0, 0, 299, 399] = 1
    _, *lines = as_text(error_map(view(actual, expected)))
    assert len(lines) <= MAX_ROWS and all(len(line) <= MAX_COLUMNS + 2 for line in lines)
    assert lines[-1].strip("| ") != ""


def test_a_sampled_activation_shows_where_it_is_wrong():
    """The sample of an activation is put back to its rows and columns."""
    shape = (1, 4, 64, 64)
    rows = np.unravel_index(sample_positions("conv1", int(np.prod(shape))), shape)[2]
    expected = np.zeros(rows.size)
    plane = sampled_map(view((rows >= 32) * 1.0, expected), "conv1", shape).planes[0]
    assert np.nanmax(plane[:8]) == 0 and np.nanmin(plane[8:]) > 0


def test_the_png_can_be_read(tmp_path):
    """All planes are in it: light where right, red where wrong."""
    actual = RIGHT.copy()
    actual[1] += 1
    write_png(error_map(view(actual)), tmp_path / "error.png")
    image = cv2.imread(str(tmp_path / "error.png"))
    assert image is not None and min(image.shape[:2]) > 100
    blue, _, red = image.reshape(-1, 3).T.astype(int)
    assert (red - blue > 80).any()
