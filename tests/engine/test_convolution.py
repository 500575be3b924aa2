"""Convolution and its gradients against float64 definitions, for every algorithm and nasty shapes."""

from __future__ import annotations

import numpy as np
import pytest
import truth
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference.engine import conv2d, conv2d_backward

LIMITS = {"float32": 3e-6, "float64": 2e-14}
WINOGRAD_LIMITS = {
    ("winograd_f2", "float32"): 3e-6,
    ("winograd_f4", "float32"): 5e-5,
    ("winograd_f2", "float64"): 1e-14,
    ("winograd_f4", "float64"): 1e-13,
    ("winograd_five", "float32"): 5e-5,
    ("winograd_five", "float64"): 1e-13,
    ("winograd_strided", "float32"): 3e-6,
    ("winograd_strided", "float64"): 1e-14,
}


def arrays(shape, outputs, kernel, groups, dtype, seed=0):
    """Random inputs, weight and bias."""
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((outputs, shape[1] // groups, *kernel)).astype(dtype)
    return rng.standard_normal(shape).astype(dtype), weight, rng.standard_normal(outputs).astype(dtype)


def to_layout(array, layout):
    return array if layout == "NCHW" else np.ascontiguousarray(array.transpose(0, 2, 3, 1))


def from_layout(array, layout):
    return array if layout == "NCHW" else array.transpose(0, 3, 1, 2)


def check(shape, outputs, kernel, stride, padding, dilation, groups, dtype, limit, layout="NCHW", **options):
    """Forward and all gradients of one case are within ``limit`` of the definition."""
    x, w, b = arrays(shape, outputs, kernel, groups, dtype)
    arguments = (stride, padding, dilation, groups)
    keywords = dict(
        zip(("stride", "padding", "dilation", "groups"), arguments, strict=True), layout=layout, **options
    )
    expected = truth.convolve(x, w, b, *arguments)
    actual = from_layout(conv2d(to_layout(x, layout), w, b, **keywords), layout)
    assert actual.dtype == np.dtype(dtype)
    assert truth.relative_error(actual, expected) < limit
    g = np.random.default_rng(1).standard_normal(expected.shape).astype(dtype)
    grads = conv2d_backward(to_layout(g, layout), to_layout(x, layout), w, **keywords)
    inputs = truth.convolve_input_gradient(g, w, x.shape, *arguments)
    assert truth.relative_error(from_layout(grads.inputs, layout), inputs) < limit
    assert truth.relative_error(grads.weight, truth.convolve_weight_gradient(g, x, w.shape, *arguments)) < limit
    assert truth.relative_error(grads.bias, g.sum((0, 2, 3), dtype=np.float64)) < limit


@st.composite
def cases(draw):
    """Any geometry whose window fits the padded picture."""
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    padding = draw(st.tuples(*[st.integers(0, 3)] * 4))
    need = [
        d * (k - 1) + 1 - a - b for k, d, a, b in zip(kernel, dilation, padding[::2], padding[1::2], strict=True)
    ]
    size = [draw(st.integers(max(1, n), max(1, n) + 8)) for n in need]
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    channels, outputs = (groups * draw(st.integers(1, 20)) for _ in range(2))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return (draw(st.integers(1, 3)), channels, *size), outputs, kernel, stride, padding, dilation, groups


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cases(), st.sampled_from(["float32", "float64"]), st.sampled_from(["NCHW", "NHWC"]))
def test_any_shape_agrees_with_the_definition(case, dtype, layout):
    """Random kernels, strides, asymmetric paddings, dilations, groups and layouts are right in all four results."""
    shape, outputs, kernel, stride, padding, dilation, groups = case
    check(shape, outputs, kernel, stride, padding, dilation, groups, dtype, LIMITS[dtype], layout)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cases())
def test_gradients_of_any_shape_equal_finite_differences(case):
    """In float64 the slope of <y, g> along random directions of input, weight and bias is <gradient, direction>."""
    shape, outputs, kernel, stride, padding, dilation, groups = case
    values = arrays(shape, outputs, kernel, groups, "float64")
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    rng = np.random.default_rng(2)
    g = rng.standard_normal(conv2d(*values, **options).shape)
    for position, grad in enumerate(conv2d_backward(g, *values[:2], **options)):
        direction = rng.standard_normal(values[position].shape)

        def loss(value, position=position):
            return (conv2d(*values[:position], value, *values[position + 1 :], **options) * g).sum()

        slope = truth.central_difference(loss, values[position], direction, 1.0)
        assert slope == pytest.approx((grad * direction).sum(), rel=1e-9, abs=1e-9)


@pytest.mark.oracle
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cases())
def test_results_of_any_shape_agree_with_pytorch(case):
    """Output and all three gradients in float64, asymmetric paddings and groups included."""
    torch = pytest.importorskip("torch")
    shape, outputs, kernel, stride, padding, dilation, groups = case
    values = arrays(shape, outputs, kernel, groups, "float64")
    x, w, b = (torch.tensor(value, requires_grad=True) for value in values)
    top, bottom, left, right = padding
    padded = torch.nn.functional.pad(x, (left, right, top, bottom))
    expected = torch.nn.functional.conv2d(padded, w, b, stride, 0, dilation, groups)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    assert truth.relative_error(conv2d(*values, **options), expected.detach().numpy()) < LIMITS["float64"]
    g = np.random.default_rng(2).standard_normal(tuple(expected.shape))
    expected.backward(torch.tensor(g))
    for grad, theirs in zip(conv2d_backward(g, *values[:2], **options), (x, w, b), strict=True):
        assert truth.relative_error(grad, theirs.grad.numpy()) < LIMITS["float64"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("algorithm", ["winograd_f2", "winograd_f4"])
@pytest.mark.parametrize(
    ("shape", "outputs", "padding"),
    [
        ((1, 64, 28, 28), 128, (1, 1, 1, 1)),
        ((2, 33, 7, 10), 50, (1, 1, 1, 1)),
        ((3, 40, 9, 5), 32, (0, 0, 0, 0)),
        ((1, 32, 4, 3), 48, (2, 0, 1, 2)),
    ],
)
def test_winograd_stays_within_its_error_bound(shape, outputs, padding, algorithm, dtype):
    """F(2, 3) is as accurate as a direct sum, F(4, 3) below 5e-5, also at ragged edges and odd channel counts."""
    limit = WINOGRAD_LIMITS[algorithm, dtype]
    check(shape, outputs, (3, 3), (1, 1), padding, (1, 1), 1, dtype, limit, algorithm=algorithm)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "outputs", "padding"),
    [
        ((1, 64, 28, 28), 48, (2, 2, 2, 2)),
        ((2, 33, 7, 10), 50, (2, 1, 0, 4)),
        ((3, 40, 9, 5), 32, (0, 0, 0, 0)),
        ((1, 32, 4, 3), 48, (4, 0, 1, 2)),
        ((5, 128, 6, 6), 128, (2, 2, 2, 2)),
    ],
)
def test_winograd_of_five_taps_stays_within_its_error_bound(shape, outputs, padding, dtype):
    """F(2, 5) stays below 5e-5, also at ragged edges, unequal paddings and odd channel counts."""
    limit = WINOGRAD_LIMITS["winograd_five", dtype]
    check(shape, outputs, (5, 5), (1, 1), padding, (1, 1), 1, dtype, limit, algorithm="winograd_five")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "outputs", "after"),
    [
        ((1, 64, 28, 28), 128, (1, 1)),
        ((2, 33, 7, 10), 50, (1, 1)),
        ((3, 40, 9, 5), 32, (0, 0)),
        ((1, 32, 2, 3), 48, (1, 2)),
        ((2, 32, 6, 4), 32, (0, 1)),
        ((5, 128, 8, 8), 128, (1, 1)),
    ],
)
def test_winograd_with_stride_two_is_as_accurate_as_a_sum(shape, outputs, after, dtype):
    """The strided scheme is right for even and odd sizes, whatever the padding below and to the right."""
    padding, limit = (1, after[0], 1, after[1]), WINOGRAD_LIMITS["winograd_strided", dtype]
    check(shape, outputs, (3, 3), (2, 2), padding, (1, 1), 1, dtype, limit, algorithm="winograd_strided")


@pytest.mark.parametrize("algorithm", ["direct", "gemm"])
@pytest.mark.parametrize(
    ("shape", "outputs", "kernel", "stride"),
    [
        ((2, 70, 3, 3), 130, (3, 3), (1, 1)),
        ((1, 3, 20, 20), 64, (7, 7), (2, 2)),
        ((4, 64, 6, 6), 48, (1, 1), (2, 2)),
        ((70, 6, 5, 4), 20, (3, 3), (2, 2)),
    ],
)
def test_direct_and_gemm_agree_with_the_definition(shape, outputs, kernel, stride, algorithm):
    """Both exact algorithms are right for small maps, large kernels and strided projections."""
    check(shape, outputs, kernel, stride, (1, 1, 1, 1), (1, 1), 1, "float32", 3e-6, algorithm=algorithm)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 5, 1, 1), (1, 1, 3, 1)])
def test_one_pixel_maps_and_one_channel_work(shape):
    """The smallest pictures give the definition's result."""
    check(shape, 1, (1, 1), (3, 3), (0, 0, 0, 0), (1, 1), 1, "float32", 1e-6)
    check(shape, 4, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1, "float32", 1e-6)


@pytest.mark.parametrize("channels", [1, 16, 37])
def test_depthwise_is_right_with_stride_and_dilation(channels):
    """One kernel per channel, forward and backward."""
    check((2, channels, 9, 8), channels, (3, 3), (2, 1), (1, 0, 2, 1), (1, 2), channels, "float32", 3e-6)


def test_exact_never_uses_winograd():
    """exact=True gives bit for bit the direct sum, which the default does not."""
    x, w, b = arrays((1, 64, 16, 16), 64, (3, 3), 1, "float32")
    exact = conv2d(x, w, b, padding=1, exact=True)
    assert np.array_equal(exact, conv2d(x, w, b, padding=1, algorithm="direct"))
    assert not np.array_equal(exact, conv2d(x, w, b, padding=1))


def test_integers_come_out_exactly_when_exact():
    """A direct sum of small integers has no rounding at all."""
    rng = np.random.default_rng(3)
    x = rng.integers(-8, 9, (2, 40, 9, 9)).astype(np.float32)
    w = rng.integers(-8, 9, (40, 40, 3, 3)).astype(np.float32)
    expected = truth.convolve(x, w, None, (1, 1), (1, 1, 1, 1), (1, 1))
    assert np.array_equal(conv2d(x, w, padding=1, exact=True), expected)


def test_only_needed_gradients_are_returned():
    """What is not asked for is None."""
    x, w, _ = arrays((1, 4, 6, 6), 4, (3, 3), 1, "float32")
    grads = conv2d_backward(np.ones((1, 4, 4, 4), np.float32), x, w, need_weight=False, need_bias=False)
    assert grads.weight is None and grads.bias is None and grads.inputs is not None


def test_inputs_are_not_changed_and_results_are_fresh():
    """A second call neither alters the first result nor the arguments."""
    x, w, b = arrays((1, 40, 8, 8), 40, (3, 3), 1, "float32")
    copies = x.copy(), w.copy(), b.copy()
    first = conv2d(x, w, b, padding=1)
    kept = first.copy()
    conv2d(-x, w, b, padding=1)
    assert np.array_equal(first, kept)
    assert all(np.array_equal(a, c) for a, c in zip((x, w, b), copies, strict=True))


@pytest.mark.parametrize(
    ("shape", "weight", "options", "error", "words"),
    [
        ((1, 3, 4, 4), (2, 3, 7, 7), {}, ValueError, "larger than the padded picture"),
        ((0, 3, 4, 4), (2, 3, 3, 3), {}, ValueError, "batch is empty"),
        ((1, 3, 4, 4), (2, 4, 3, 3), {}, ValueError, "weight must be"),
        ((1, 3, 4, 4), (2, 3, 3, 3), {"groups": 2}, ValueError, "groups = 2 must divide"),
        ((1, 3, 4, 4), (2, 3, 3, 3), {"stride": 0}, ValueError, "stride must be at least 1"),
        ((1, 3, 4, 4), (2, 3, 3, 3), {"padding": -1}, ValueError, "padding"),
        ((1, 3, 4, 4), (2, 3, 3, 3), {"layout": "HWCN"}, ValueError, "layout"),
        ((1, 3, 9, 9), (2, 3, 3, 3), {"stride": 2, "algorithm": "winograd_f4"}, ValueError, "stride 1"),
        ((1, 3, 9, 9), (2, 3, 3, 3), {"stride": 2, "algorithm": "winograd_strided"}, ValueError, "above and left"),
        ((1, 3, 9, 9), (2, 3, 3, 3), {"algorithm": "winograd_five"}, ValueError, "5 x 5"),
        ((1, 3, 9, 9), (2, 3, 3, 3), {"algorithm": "winograd_f4", "exact": True}, ValueError, "exact"),
        ((3, 4, 4), (2, 3, 3, 3), {}, ValueError, "four dimensions"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(shape, weight, options, error, words):
    """Impossible calls raise before anything is computed, and the message names the cause."""
    with pytest.raises(error, match=words):
        conv2d(np.zeros(shape, np.float32), np.zeros(weight, np.float32), **options)


def test_other_element_types_are_refused():
    """Integers and mixtures raise TypeError."""
    x, w = np.zeros((1, 1, 3, 3), np.float32), np.zeros((1, 1, 3, 3), np.float64)
    with pytest.raises(TypeError, match="float32"):
        conv2d(x, w)
    with pytest.raises(TypeError, match="int64"):
        conv2d(x.astype(np.int64), w.astype(np.int64))
