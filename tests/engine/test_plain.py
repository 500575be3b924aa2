"""Layers on plain arrays that keep what they prepare, against the float64 definitions."""

from __future__ import annotations

import numpy as np
import pytest
import truth

from reference.engine.plain import PlainConvolution, PlainMaxPool, times, times_transposed

RNG = np.random.default_rng
BOUNDS = {True: 1e-13, False: 5e-5}  # Winograd's error, where it is allowed


@pytest.mark.parametrize("exact", BOUNDS)
def test_a_convolution_and_its_gradients(exact):
    """Both passes equal their definitions, also after another shape has come in between."""
    weight, bias = (RNG(1).standard_normal(shape).astype(np.float32) for shape in ((40, 33, 3, 3), (40,)))
    layer = PlainConvolution(weight, bias, padding=1, exact=exact)
    settings = {"stride": (1, 1), "padding": (1, 1, 1, 1), "dilation": (1, 1)}
    for shape in ((1, 33, 8, 9), (2, 33, 5, 6), (1, 33, 8, 9)):
        x = RNG(2).standard_normal(shape).astype(np.float32)
        y = layer.forward(x)
        assert y.dtype == (np.float64 if exact else np.float32)
        assert truth.relative_error(y, truth.convolve(x, weight, bias, **settings)) < BOUNDS[exact]
        grad = RNG(3).standard_normal(y.shape).astype(np.float32)
        found = layer.backward(grad, parameters=True)
        wanted = (
            truth.convolve_input_gradient(grad, weight, x.shape, **settings),
            truth.convolve_weight_gradient(grad, x, weight.shape, **settings),
            grad.astype(np.float64).sum((0, 2, 3)),
        )
        for ours, right in zip(found, wanted, strict=True):
            assert truth.relative_error(ours, right) < BOUNDS[exact]


def test_a_max_pool_sends_the_gradient_to_the_maxima():
    """Overlapping windows add up; a row and a column that no window reaches get nothing."""
    x = RNG(4).standard_normal((2, 3, 8, 8))
    layer = PlainMaxPool(3, 2, exact=True)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    assert np.array_equal(layer.forward(x), windows.max((4, 5)))
    grad = RNG(5).standard_normal((2, 3, 3, 3))
    wanted = np.zeros(x.shape)
    for place in np.ndindex(grad.shape):
        i, j = np.unravel_index(windows[place].argmax(), (3, 3))
        wanted[place[0], place[1], 2 * place[2] + i, 2 * place[3] + j] += grad[place]
    assert truth.relative_error(layer.backward(grad), wanted) < 1e-15


@pytest.mark.parametrize("exact", [True, False])
def test_products_with_a_weight_either_way_round(exact):
    """More rows than are converted at once; the bias is added to each sample."""
    x, weight = RNG(6).standard_normal((3, 1100)), RNG(7).standard_normal((1100, 24))
    bound = 1e-13 if exact else 1e-5
    wanted = np.einsum("ni,io->no", x, weight)
    assert truth.relative_error(times(x, weight, np.ones(24), exact=exact), wanted + 1) < bound
    back = RNG(8).standard_normal((3, 24))
    assert (
        truth.relative_error(times_transposed(back, weight, exact=exact), np.einsum("no,io->ni", back, weight))
        < bound
    )


@pytest.mark.parametrize("layer", [PlainConvolution(np.ones((1, 1, 3, 3)), np.ones(1)), PlainMaxPool(2, 2)])
def test_a_backward_pass_needs_a_forward_pass(layer):
    """There is no last input yet."""
    with pytest.raises(RuntimeError, match="call forward first"):
        layer.backward(np.ones((1, 1, 2, 2)))
