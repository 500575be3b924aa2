"""The table of layers is made of what a submission says; none of that can make the grader stumble."""

import numpy as np
import pytest

from grader.timing.layers import count_multiply_adds, steps


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


def test_what_comes_before_the_first_layer_is_no_layers_time():
    """Loading the network, until "start" is sent, does not count; without it the first layer has it."""
    arrived = {"start": 5.0, "conv1/shape": 5.5, "conv1/values": 6.0, "relu1/values": 6.25}
    assert steps(arrived) == {"conv1": 1.0, "relu1": 0.25}
    del arrived["start"]
    assert steps(arrived) == {"conv1": 6.0, "relu1": 0.25}
