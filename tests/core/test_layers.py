"""The table of layers is made of what a submission says; none of that can make the grader stumble."""

import numpy as np
import pytest

from grader.layers import count_multiply_adds


def test_multiply_adds_of_a_convolution():
    """One weight row of 3 * 3 * 3 products for each of the 2 * 4 * 5 entries."""
    assert count_multiply_adds((2, 3, 3, 3), np.array([1, 2, 4, 5])) == 2 * 4 * 5 * 27


@pytest.mark.parametrize(
    "shape",
    [
        np.array([np.nan]),
        np.array([np.inf, 1.0]),
        np.array([-1, 2]),
        np.array([2**63 - 1] * 8, np.uint64),
        np.array(3),
        np.ones((2, 2), int),
        np.ones(9, int),
        np.array([True]),
    ],
    ids=str,
)
def test_what_is_no_shape_counts_nothing(shape):
    """Arrays that cannot be a shape give no number, and no error."""
    assert count_multiply_adds((2, 3, 3, 3), shape) is None
