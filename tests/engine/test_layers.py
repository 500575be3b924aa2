"""Pooling, linear, normalization, losses and optimizers against definitions and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import truth

from reference import engine
from reference.engine.processor import thread_count

RNG = np.random.default_rng


def windows_of(x, kernel, stride, padding, fill):
    """(N, C, H', W', kh, kw) windows of an NCHW array padded with ``fill``."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2), constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(2, 3))
    return windows[:, :, ::stride, ::stride]


POOLS = [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0)]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("kernel", "stride", "padding"), POOLS)
def test_pools_equal_their_definitions(kernel, stride, padding, layout):
    """Max, average and L^3 pooling of ragged maps, in both layouts."""
    x = RNG(0).standard_normal((2, 19, 9, 8)).astype(np.float32)
    given = x if layout == "NCHW" else np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    back = (lambda a: a) if layout == "NCHW" else (lambda a: a.transpose(0, 3, 1, 2))
    zeros = windows_of(x, kernel, stride, padding, 0.0)
    highest = windows_of(x, kernel, stride, padding, -np.inf).max((4, 5))
    options = {"layout": layout}
    assert np.array_equal(back(engine.max_pool2d(given, kernel, stride, padding, **options)), highest)
    mean = back(engine.avg_pool2d(given, kernel, stride, padding, **options))
    assert truth.relative_error(mean, zeros.mean((4, 5))) < 1e-6
    norm = back(engine.lp_pool2d(given, 3, kernel, stride, padding, **options))
    assert truth.relative_error(norm, (np.abs(zeros) ** 3).sum((4, 5)) ** (1 / 3)) < 1e-6


@pytest.mark.parametrize(("kernel", "stride", "padding"), POOLS)
@pytest.mark.parametrize("kind", ["max", "avg", "lp"])
def test_pool_gradients_equal_finite_differences(kind, kernel, stride, padding):
    """The slope along random directions is <gradient, direction>, overlapping windows included."""
    forward = {"max": engine.max_pool2d, "avg": engine.avg_pool2d, "lp": lambda x, *a: engine.lp_pool2d(x, 3, *a)}[
        kind
    ]
    backward = {
        "max": engine.max_pool2d_backward,
        "avg": engine.avg_pool2d_backward,
        "lp": lambda g, x, *a: engine.lp_pool2d_backward(g, x, 3, *a),
    }[kind]
    rng = RNG(1)
    x = rng.standard_normal((2, 5, 9, 8))
    g = rng.standard_normal(forward(x, kernel, stride, padding).shape)
    grad = backward(g, x, kernel, stride, padding)
    direction = rng.standard_normal(x.shape)
    slope = truth.central_difference(lambda v: (forward(v, kernel, stride, padding) * g).sum(), x, direction)
    assert slope == pytest.approx((grad * direction).sum(), rel=1e-6, abs=1e-6)


def test_among_equal_maxima_the_first_receives_the_gradient():
    """Ties go to the first in reading order, with and without overlap."""
    x = np.zeros((1, 1, 4, 4), np.float32)
    g = np.ones((1, 1, 2, 2), np.float32)
    expected = np.zeros((4, 4))
    expected[::2, ::2] = 1
    assert np.array_equal(engine.max_pool2d_backward(g, x, 2)[0, 0], expected)
    overlapping = engine.max_pool2d_backward(g, x, 3, 1)
    assert np.array_equal(overlapping[0, 0][:2, :2], np.ones((2, 2))) and overlapping.sum() == 4


def test_a_window_of_padding_alone_is_refused():
    """Padding beyond half a window raises."""
    with pytest.raises(ValueError, match="at most half"):
        engine.max_pool2d(np.zeros((1, 1, 4, 4), np.float32), 2, 2, 2)


def test_global_average_and_its_gradient():
    """The mean of every map; its gradient spreads evenly."""
    x = RNG(0).standard_normal((3, 21, 5, 6)).astype(np.float32)
    assert truth.relative_error(engine.global_avg_pool2d(x), x.mean((2, 3), dtype=np.float64)) < 1e-6
    g = RNG(1).standard_normal((3, 21)).astype(np.float32)
    grad = engine.global_avg_pool2d_backward(g, 5, 6)
    assert grad.shape == x.shape and np.allclose(grad.sum((2, 3)), g, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("samples", "inputs", "outputs"), [(1, 1, 1), (1, 333, 10), (1, 640, 31), (7, 50, 9), (64, 256, 128)]
)
def test_linear_and_its_gradients(samples, inputs, outputs, dtype):
    """One sample and batches agree with float64 products."""
    rng = RNG(0)
    x, w = (
        rng.standard_normal((samples, inputs)).astype(dtype),
        rng.standard_normal((outputs, inputs)).astype(dtype),
    )
    b, g = rng.standard_normal(outputs).astype(dtype), rng.standard_normal((samples, outputs)).astype(dtype)
    limit = 2e-6 if dtype == "float32" else 1e-14
    wide = [a.astype(np.float64) for a in (x, w, b, g)]
    assert truth.relative_error(engine.linear_forward(x, w, b), wide[0] @ wide[1].T + wide[2]) < limit
    grads = engine.linear_backward(g, x, w)
    assert truth.relative_error(grads.inputs, wide[3] @ wide[1]) < limit
    assert truth.relative_error(grads.weight, wide[3].T @ wide[0]) < limit
    assert truth.relative_error(grads.bias, wide[3].sum(0)) < limit


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_norm_survives_a_mean_far_from_zero(dtype):
    """Output and statistics are right where the mean is a thousand deviations from zero."""
    x = (RNG(0).standard_normal((4, 19, 6, 5)) + 1000).astype(dtype)
    gamma, beta = RNG(1).standard_normal((2, 19)).astype(dtype)
    y, state = engine.batch_norm(x, gamma, beta)
    wide = x.astype(np.float64)
    mean, variance = wide.mean((0, 2, 3)), wide.var((0, 2, 3))
    shape = (1, -1, 1, 1)
    expected = (wide - mean.reshape(shape)) / np.sqrt(variance + 1e-5).reshape(shape) * gamma.reshape(
        shape
    ) + beta.reshape(shape)
    assert truth.relative_error(y, expected) < (2e-3 if dtype == "float32" else 1e-11)
    assert np.allclose(state.running_mean[:19], 0.1 * mean, rtol=1e-5)
    assert np.allclose(state.running_variance[:19], 0.9 + 0.1 * variance * 120 / 119, rtol=1e-4)


def test_batch_norm_gradients_equal_finite_differences():
    """Slopes in inputs, gamma and beta along random directions."""
    rng = RNG(2)
    x, gamma, beta = rng.standard_normal((3, 9, 4, 5)), rng.standard_normal(9), rng.standard_normal(9)
    g = rng.standard_normal(x.shape)
    _, state = engine.batch_norm(x, gamma, beta)
    grads = engine.batch_norm_backward(g, x, state)
    for position, value in enumerate((x, gamma, beta)):
        direction = rng.standard_normal(value.shape)

        def loss(v, position=position):
            return (
                engine.batch_norm(*[v if i == position else a for i, a in enumerate((x, gamma, beta))])[0] * g
            ).sum()

        slope = truth.central_difference(loss, value, direction)
        assert slope == pytest.approx((grads[position] * direction).sum(), rel=1e-6, abs=1e-7)


def test_activations_and_their_gradients():
    """ReLU and sigmoid of odd sizes, and slopes by their outputs."""
    x = RNG(0).standard_normal((3, 7, 5)).astype(np.float32)
    g = RNG(1).standard_normal(x.shape).astype(np.float32)
    assert np.array_equal(engine.relu(x), np.maximum(x, 0))
    assert np.array_equal(engine.relu_backward(engine.relu(x), g), np.where(x > 0, g, 0))
    s = 1 / (1 + np.exp(-x.astype(np.float64)))
    assert truth.relative_error(engine.sigmoid(x), s) < 3e-7
    assert truth.relative_error(engine.sigmoid_backward(engine.sigmoid(x), g), g * s * (1 - s)) < 1e-6
    assert np.isnan(engine.relu(np.array([np.nan], np.float32))[0])


def test_dropout_keeps_the_mean_and_its_own_gradient():
    """Kept elements are scaled up, the gradient uses the same factors, and nothing happens outside training."""
    x = np.ones((200, 300), np.float32)
    y, factors = engine.dropout(x, 0.25, RNG(0))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)} and abs(y.mean() - 1) < 0.01
    assert np.array_equal(y, x * factors)
    assert np.array_equal(engine.dropout(x, 0.25, RNG(0), training=False)[0], x)


def test_cross_entropy_survives_large_logits_and_has_the_right_slope():
    """No overflow at 1000, and the gradient equals finite differences."""
    logits, labels = RNG(0).standard_normal((5, 7)), np.array([0, 6, 3, 3, 1])
    _, grad = engine.softmax_cross_entropy(logits, labels)
    direction = RNG(1).standard_normal(logits.shape)
    slope = truth.central_difference(lambda v: engine.softmax_cross_entropy(v, labels)[0], logits, direction)
    assert slope == pytest.approx((grad * direction).sum(), rel=1e-7)
    assert engine.softmax_cross_entropy(np.array([[1000.0, 0.0]]), np.array([1]))[0] == pytest.approx(1000)


def test_style_and_content_losses_have_the_right_slopes():
    """Gram matrix by definition; both losses' gradients by finite differences."""
    rng = RNG(0)
    features, wanted = rng.standard_normal((2, 20, 6, 5))
    gram = features.reshape(20, -1) @ features.reshape(20, -1).T / features.size
    assert truth.relative_error(engine.gram_matrix(features), gram) < 1e-14
    goal = engine.gram_matrix(wanted)
    for function, target in ((engine.style_loss, goal), (engine.content_loss, wanted)):
        _, grad = function(features, target)
        direction = rng.standard_normal(features.shape)
        slope = truth.central_difference(lambda v, f=function, t=target: f(v, t)[0], features, direction, 1e-5)
        assert slope == pytest.approx((grad * direction).sum(), rel=1e-5)


def test_optimizers_follow_their_formulas():
    """Two steps of SGD with momentum and of Adam equal the published updates in float64."""
    start, gradients = RNG(0).standard_normal(40), RNG(1).standard_normal((2, 40))
    parameter = start.copy()
    optimizer = engine.SGD([parameter], 0.1, 0.9)
    for gradient in gradients:
        optimizer.step([gradient])
    assert np.allclose(parameter, start - 0.1 * gradients[0] - 0.1 * (0.9 * gradients[0] + gradients[1]))
    parameter, first, second, expected = start.copy(), 0.0, 0.0, start.copy()
    adam = engine.Adam([parameter], 0.01)
    for step, gradient in enumerate(gradients, 1):
        adam.step([gradient])
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        expected -= 0.01 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    assert np.allclose(parameter, expected, rtol=1e-12)


def test_the_thread_limit_of_numba_is_respected():
    """Inside set_num_threads(1) the engine uses one thread and gives the same convolution."""
    import numba

    x, w = RNG(0).standard_normal((1, 40, 9, 9)), RNG(1).standard_normal((40, 40, 3, 3))
    many = engine.conv2d(x, w)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert thread_count() == 1
        assert np.allclose(engine.conv2d(x, w), many, rtol=0, atol=1e-11)
    finally:
        numba.set_num_threads(before)
