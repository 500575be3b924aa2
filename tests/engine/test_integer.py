"""8-bit convolution and linear layers are exact, by every method that this processor has."""

from __future__ import annotations

import numpy as np
import pytest
import truth

from reference.engine import conv2d_int8, integer, linear_int8
from reference.engine.integer import available_methods


def bytes_of(shape, seed, extreme):
    rng = np.random.default_rng(seed)
    if extreme:
        return np.full(shape, -128, np.int8)
    return rng.integers(-128, 128, shape, dtype=np.int8)


@pytest.mark.parametrize("method", available_methods())
@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize(
    ("shape", "outputs", "kernel", "stride", "padding", "dilation"),
    [
        ((2, 5, 9, 8), 7, 3, 1, (1, 1, 1, 1), 1),
        ((1, 130, 6, 7), 100, 3, 2, (1, 0, 2, 1), 1),
        ((1, 300, 5, 9), 48, 3, 1, (1, 1, 1, 1), 2),
        ((1, 1, 1, 1), 1, 1, 1, (0, 0, 0, 0), 1),
        ((2, 67, 40, 71), 40, 2, 2, (0, 1, 1, 0), 1),
    ],
)
def test_convolution_is_exact_by_each_method_of_this_processor(
    shape, outputs, kernel, stride, padding, dilation, extreme, method
):
    """Every integer is right, also when all factors are -128 and sums exceed 2^24."""
    x, w = bytes_of(shape, 0, extreme), bytes_of((outputs, shape[1], kernel, kernel), 1, extreme)
    expected = truth.convolve(x, w, None, (stride,) * 2, padding, (dilation,) * 2)
    actual = conv2d_int8(x, w, stride=stride, padding=padding, dilation=dilation, method=method)
    assert actual.dtype == np.int32 and np.array_equal(actual, expected)
    pixels = conv2d_int8(np.ascontiguousarray(x.transpose(0, 2, 3, 1)), w, stride=stride, padding=padding,
                         dilation=dilation, layout="NHWC", method=method)  # fmt: skip
    assert np.array_equal(pixels.transpose(0, 3, 1, 2), expected)


@pytest.mark.parametrize("method", available_methods())
def test_linear_is_exact_by_each_method_of_this_processor(method):
    """Sums of 5000 products are right to the last bit."""
    x, w = bytes_of((9, 5000), 2, False), bytes_of((33, 5000), 3, False)
    assert np.array_equal(linear_int8(x, w, method), x.astype(np.int64) @ w.T.astype(np.int64))


def test_other_types_and_overflowing_sums_are_refused():
    """uint8 raises TypeError; a sum that 32 bits may not hold raises ValueError."""
    with pytest.raises(TypeError, match="int8"):
        linear_int8(np.zeros((1, 4), np.uint8), np.zeros((1, 4), np.int8))
    with pytest.raises(ValueError, match="overflow"):
        linear_int8(np.zeros((1, 70000), np.int8), np.zeros((1, 70000), np.int8))


def test_without_permission_for_the_matrix_unit_other_methods_are_used(monkeypatch):
    """Where the system refuses, the next method is chosen, and asking for the matrix unit is an error."""
    monkeypatch.setattr(integer, "granted", lambda: False)
    assert "amx" not in available_methods()
    x, w = bytes_of((1, 40), 2, False), bytes_of((7, 40), 3, False)
    assert np.array_equal(linear_int8(x, w), x.astype(np.int64) @ w.T.astype(np.int64))
    with pytest.raises(ValueError, match="method must be one"):
        linear_int8(x, w, "amx")
