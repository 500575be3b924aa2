"""A wrong array on a terminal."""

import re

import numpy as np
import pytest
from rich.cells import cell_len

from grader.drawing import Difference, Plane
from grader.student.text_picture import SHADES, as_lines

AXES = ("row", "column")


def found(values, error, window=None, cell=(1, 2, 1, 1), span=None):
    """A difference with an input, an output, and its error."""
    shown = () if values is None else (Plane("input `x`\nsample 0, channel 1", values, AXES, window),)
    return Difference("", (*shown, Plane("yours\nsample 0", error * 2, AXES, cell)),
                      Plane("error\nsample 0", error, AXES, cell, span), (), ())  # fmt: skip


def test_input_yours_and_error_stand_side_by_side_with_their_axes():
    """Where there is room the titles are in one line, below them part, axes and the numbers of places."""
    error = np.zeros((3, 4))
    error[1, 2] = 1.0
    titles, parts, axes, heads, *rows = as_lines(found(np.ones((3, 4)), error, (0, 1, 2, 2)), 140)
    assert re.split(" {3,}", titles) == ["input `x`", "yours", "error"]
    assert "channel 1" in parts and axes.count("row \\ column") == 3 and heads.split() == list("0123") * 3
    assert [row.split()[0] for row in rows[:3]] == ["0", "1", "2"]


def test_the_window_and_the_worst_entry_are_marked():
    """Four entries of the input, one of the output and one of the error are in brackets."""
    error = np.zeros((3, 4))
    error[1, 2] = 1.0
    text = "\n".join(as_lines(found(np.full((3, 4), 0.25), error, (0, 1, 2, 2)), 140))
    assert re.findall(r"\[([^\]]+)\]", text.replace("0.25", "in")) == ["in", "in", "in", "in", "2.00", SHADES[-1]]


def test_a_window_that_reaches_over_the_border_marks_what_is_there():
    """Padding has no entries."""
    error = np.zeros((3, 4))
    text = "\n".join(as_lines(found(np.full((3, 4), 0.25), error, (-1, -1, 3, 3), (0, 0, 1, 1)), 140))
    assert text.count("[0.25]") == 4


def test_panels_stand_below_each_other_where_there_is_no_room():
    """No line is wider than the terminal."""
    lines = as_lines(found(np.ones((5, 5)), np.ones((5, 5)), (0, 0, 3, 3)), 44)
    assert max(map(cell_len, lines[:-1])) <= 44
    assert sum("row \\ column" in line for line in lines) >= 2


def test_of_a_large_array_the_part_around_the_worst_entry_is_shown():
    """The entry keeps the numbers of its row and column, and the title says that it is a part."""
    error = np.zeros((300, 400))
    error[290, 399] = 1.0
    lines = as_lines(found(None, error, cell=(290, 399, 1, 1)), 200)
    (row,) = [line for line in lines if "[" in line]
    assert row.split()[0] == "290" and "399" in lines[3] and "(a part of it)" in lines[1]


@pytest.mark.parametrize("columns", [3, 40])
def test_a_vector_is_one_row(columns):
    """Its entries have numbers, and there is no number of a row."""
    plane = Plane("yours\nall of `y`", np.arange(columns) / 10, ("", "entry"), (0, 2, 1, 1))
    error = Plane("error\nall of `y`", np.zeros(columns), ("", "entry"), (0, 2, 1, 1))
    lines = as_lines(Difference("", (plane,), error, (), ()), 100)
    assert "entry" in lines[2] and lines[3].split()[:3] == ["0", "1", "2"] and "[0.20]" in lines[4]


def test_a_map_of_samples_counts_in_rows_of_the_whole_array():
    """Each part stands for several rows and columns, and what is not known is a question mark."""
    values = np.full((2, 2), np.nan)
    values[1, 1] = 0.5
    lines = as_lines(Difference("", (), Plane("error\nlayer", values, AXES, None, (64, 32)), (), ()), 80)
    assert lines[3].split() == ["0", "16"] and lines[5].split()[0] == "32" and "?" in lines[4]


def test_a_terminal_without_unicode_gets_plain_letters():
    """Every sign is ASCII there."""
    assert all(line.isascii() for line in as_lines(found(np.ones((2, 4)), np.ones((2, 4))), 100, unicode=False))
