"""Operators on plain NCHW or NHWC arrays: the engine's drop-in interface.

Each call converts its arrays to the padded layout inside and back. A network that keeps its activations
inside (``nets``) avoids the conversions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import depthwise, global_pooling, linear, pooling, power_pooling
from .buffers import Activation, Array, load_activation, new_activation, store_activation
from .convolution import Algorithm, Convolution
from .geometry import Padding, Pair, Window, check_dtype, window_of


class ConvolutionGradients(NamedTuple):
    """Gradients of a convolution; None where not asked for."""

    inputs: Array | None
    weight: Array | None
    bias: Array | None


def _check_weight(window: Window, weight: Array, groups: int) -> None:
    expected = f"(outputs, {window.channels} / groups, rows, columns)"
    if weight.ndim != 4 or groups < 1 or window.channels % groups or weight.shape[0] % groups:
        raise ValueError(
            f"groups = {groups} must divide the {window.channels} input channels and the outputs; "
            f"weight must be {expected}, got {weight.shape}"
        )
    if weight.shape[1] != window.channels // groups:
        raise ValueError(f"weight must be {expected} = (.., {window.channels // groups}, ..), got {weight.shape}")


def _conv_window(inputs: Array, weight: Array, stride: Pair, padding: Padding, dilation: Pair, groups: int,
                 layout: str) -> Window:  # fmt: skip
    check_dtype(inputs, weight)
    if weight.ndim != 4:
        raise ValueError(f"weight must be (outputs, channels / groups, rows, columns), got shape {weight.shape}")
    window = window_of(inputs.shape, weight.shape[2:], stride, padding, dilation, layout)
    _check_weight(window, weight, groups)
    return window


def _channels(array: Array, first: int, last: int, layout: str) -> Array:
    return array[:, first:last] if layout == "NCHW" else array[..., first:last]


def _like(array: Array, channels: int, height: int, width: int, layout: str) -> Array:
    batch = array.shape[0]
    shape = (batch, channels, height, width) if layout == "NCHW" else (batch, height, width, channels)
    return np.empty(shape, array.dtype)


def conv2d(
    inputs: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    groups: int = 1,
    layout: str = "NCHW",
    exact: bool = False,
    accurate: bool = False,
    algorithm: Algorithm | None = None,
) -> Array:
    """Two-dimensional convolution (cross-correlation, as in all frameworks).

    Parameters
    ----------
    inputs : (N, C, H, W), or (N, H, W, C) with ``layout="NHWC"``; float32 or float64.
    weight : (outputs, C / groups, rows, columns), the same type.
    bias : (outputs,).
    padding : one number, (height, width), or (top, bottom, left, right).
    exact : sum the products as they are defined; never Winograd.
    accurate : Winograd only where its error is like a direct sum's.
    algorithm : one of ``ALGORITHMS`` instead of the engine's choice.

    Returns
    -------
    (N, outputs, H', W') or (N, H', W', outputs), a fresh array.

    Raises
    ------
    ValueError
        Shapes that do not fit, an empty batch, or a kernel larger than the padded input.
    TypeError
        Element types other than float32 and float64, or mixed ones.
    """
    window = _conv_window(inputs, weight, stride, padding, dilation, groups, layout)
    outputs = weight.shape[0]
    if groups == window.channels == outputs:
        return depthwise.forward(window, inputs, weight, bias, layout)
    if groups > 1:
        result = _like(inputs, outputs, window.out_height, window.out_width, layout)
        step, share = window.channels // groups, outputs // groups
        for group in range(groups):
            part = _channels(inputs, group * step, (group + 1) * step, layout)
            own = slice(group * share, (group + 1) * share)
            _channels(result, own.start, own.stop, layout)[...] = conv2d(
                part, weight[own], None if bias is None else bias[own], stride=stride, padding=padding,
                dilation=dilation, layout=layout, exact=exact, accurate=accurate, algorithm=algorithm)  # fmt: skip
        return result
    plan = Convolution(window, outputs, inputs.dtype, exact=exact, accurate=accurate, algorithm=algorithm)
    plan.set_weight(weight, bias)
    source = load_activation(inputs, layout, plan.new_source(workspace="operator source"))
    return store_activation(plan.forward(source, plan.new_target(workspace="operator target")), layout)


def conv2d_backward(
    grad_output: Array,
    inputs: Array,
    weight: Array,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    groups: int = 1,
    layout: str = "NCHW",
    exact: bool = False,
    accurate: bool = False,
    algorithm: Algorithm | None = None,
    need_input: bool = True,
    need_weight: bool = True,
    need_bias: bool = True,
) -> ConvolutionGradients:
    """Gradients of :func:`conv2d` with respect to its inputs, weight and bias, as far as needed.

    ``grad_output`` has the shape of the output; the other arguments are those of the forward call.
    """
    window = _conv_window(inputs, weight, stride, padding, dilation, groups, layout)
    outputs = weight.shape[0]
    expected = _like(inputs, outputs, window.out_height, window.out_width, layout).shape
    check_dtype(inputs, grad_output)
    if grad_output.shape != expected:
        raise ValueError(f"grad_output must have the output's shape {expected}, got {grad_output.shape}")
    if groups == window.channels == outputs:
        return ConvolutionGradients(*depthwise.backward(window, grad_output, inputs, weight, layout))
    options: dict[str, Any] = {"layout": layout, "exact": exact, "accurate": accurate, "algorithm": algorithm}
    if groups > 1:
        step, share = window.channels // groups, outputs // groups
        parts = [
            conv2d_backward(
                _channels(grad_output, g * share, (g + 1) * share, layout),
                _channels(inputs, g * step, (g + 1) * step, layout),
                weight[g * share : (g + 1) * share],
                stride=stride,
                padding=padding,
                dilation=dilation,
                need_input=need_input,
                need_weight=need_weight,
                need_bias=need_bias,
                **options,
            )
            for g in range(groups)
        ]
        axis = 1 if layout == "NCHW" else 3
        joined = [None if values[0] is None else values for values in zip(*parts, strict=True)]
        axes = (axis, 0, 0)
        return ConvolutionGradients(
            *(None if v is None else np.concatenate(v, axis=a) for v, a in zip(joined, axes, strict=True))
        )
    plan = Convolution(window, outputs, inputs.dtype, exact=exact, accurate=accurate, algorithm=algorithm)
    grad = load_activation(grad_output, layout, plan.new_target(workspace="operator target"))
    grad_inputs = grad_weight = None
    if need_input:
        plan.set_weight(weight)
        result = plan.new_gradient(workspace="operator gradient")
        grad_inputs = store_activation(plan.backward_input(grad, result), layout)
    if need_weight or need_bias:
        source = load_activation(inputs, layout, plan.new_source(workspace="operator source"))
        plan.backward_weight(source, grad, need_bias)
        grad_weight = plan.weight_gradient() if need_weight else None
    return ConvolutionGradients(grad_inputs, grad_weight, plan.bias_gradient[:outputs] if need_bias else None)


def _pool_source(inputs: Array, layout: str, window: Window, workspace: str = "operator source") -> Activation:
    empty = new_activation(window.batch, window.height, window.width, window.channels, inputs.dtype,
                           border=(0, 0, 0, 0), workspace=workspace)  # fmt: skip
    return load_activation(inputs, layout, empty)


def _pool_target(inputs: Array, window: Window, workspace: str = "operator target") -> Activation:
    return new_activation(window.batch, window.out_height, window.out_width, window.channels, inputs.dtype,
                          border=(0, 0, 0, 0), workspace=workspace)  # fmt: skip


def _pool_window(inputs: Array, kernel: Pair, stride: Pair | None, padding: Padding, layout: str) -> Window:
    check_dtype(inputs)
    return window_of(inputs.shape, kernel, kernel if stride is None else stride, padding, 1, layout)


def max_pool2d(
    inputs: Array, kernel: Pair, stride: Pair | None = None, padding: Padding = 0, *, layout: str = "NCHW"
) -> Array:
    """Largest value of every window; the stride is the kernel's size unless given."""
    window = _pool_window(inputs, kernel, stride, padding, layout)
    source = _pool_source(inputs, layout, window)
    return store_activation(pooling.max_pool(window, source, _pool_target(inputs, window)), layout)


def max_pool2d_backward(
    grad_output: Array,
    inputs: Array,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = 0,
    *,
    layout: str = "NCHW",
) -> Array:
    """Gradient of :func:`max_pool2d`; among equal maxima the first in reading order receives it."""
    window = _pool_window(inputs, kernel, stride, padding, layout)
    source = _pool_source(inputs, layout, window)
    target = pooling.max_pool(window, source, _pool_target(inputs, window))
    grad = load_activation(grad_output, layout, _pool_target(inputs, window, "operator output gradient"))
    result = new_activation(window.batch, window.height, window.width, window.channels, inputs.dtype,
                            border=(0, 0, 0, 0))  # fmt: skip
    return store_activation(pooling.max_pool_backward(window, source, target, grad, result), layout)


def avg_pool2d(
    inputs: Array, kernel: Pair, stride: Pair | None = None, padding: Padding = 0, *, layout: str = "NCHW"
) -> Array:
    """Mean of every window; padding counts as zeros."""
    window = _pool_window(inputs, kernel, stride, padding, layout)
    source = _pool_source(inputs, layout, window)
    return store_activation(pooling.average_pool(window, source, _pool_target(inputs, window)), layout)


def avg_pool2d_backward(
    grad_output: Array,
    inputs: Array,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Padding = 0,
    *,
    layout: str = "NCHW",
) -> Array:
    """Gradient of :func:`avg_pool2d`; of ``inputs`` only the shape matters."""
    window = _pool_window(inputs, kernel, stride, padding, layout)
    source = _pool_source(inputs, layout, window)
    grad = load_activation(grad_output, layout, _pool_target(inputs, window))
    result = new_activation(window.batch, window.height, window.width, window.channels, inputs.dtype,
                            border=(0, 0, 0, 0))  # fmt: skip
    return store_activation(pooling.average_pool_backward(window, source, grad, result), layout)


def lp_pool2d(inputs: Array, power: float, kernel: Pair, stride: Pair | None = None, padding: Padding = 0, *,
              layout: str = "NCHW") -> Array:  # fmt: skip
    """``(sum of |x|^power)^(1/power)`` over every window."""
    window = _pool_window(inputs, kernel, stride, padding, layout)
    source = _pool_source(inputs, layout, window)
    return store_activation(power_pooling.power_pool(window, source, _pool_target(inputs, window), power), layout)


def lp_pool2d_backward(grad_output: Array, inputs: Array, power: float, kernel: Pair, stride: Pair | None = None,
                       padding: Padding = 0, *, layout: str = "NCHW") -> Array:  # fmt: skip
    """Gradient of :func:`lp_pool2d`; a window of zeros passes nothing."""
    window = _pool_window(inputs, kernel, stride, padding, layout)
    source = _pool_source(inputs, layout, window)
    target = power_pooling.power_pool(window, source, _pool_target(inputs, window), power)
    grad = load_activation(grad_output, layout, _pool_target(inputs, window, "operator output gradient"))
    result = new_activation(window.batch, window.height, window.width, window.channels, inputs.dtype,
                            border=(0, 0, 0, 0))  # fmt: skip
    return store_activation(power_pooling.power_pool_backward(window, source, target, grad, result, power), layout)


def global_avg_pool2d(inputs: Array, *, layout: str = "NCHW") -> Array:
    """Mean of every map: (N, C)."""
    window = _pool_window(inputs, 1, 1, 0, layout)
    source = _pool_source(inputs, layout, window)
    means = np.empty((window.batch, source.pixel), inputs.dtype)
    return np.ascontiguousarray(global_pooling.global_average(source, means)[:, : window.channels])


def global_avg_pool2d_backward(grad_output: Array, height: int, width: int, *, layout: str = "NCHW") -> Array:
    """Gradient of :func:`global_avg_pool2d` from (N, C), for maps of this size."""
    spread = grad_output / grad_output.dtype.type(height * width)
    batch, channels = grad_output.shape
    if layout == "NCHW":
        return np.ascontiguousarray(np.broadcast_to(spread[:, :, None, None], (batch, channels, height, width)))
    return np.ascontiguousarray(np.broadcast_to(spread[:, None, None, :], (batch, height, width, channels)))


def linear_forward(inputs: Array, weight: Array, bias: Array | None = None) -> Array:
    """``inputs @ weight.T + bias`` for (N, inputs), (outputs, inputs), (outputs,)."""
    check_dtype(inputs, weight, bias)
    return linear.forward(inputs, weight, bias)


def linear_backward(grad_output: Array, inputs: Array, weight: Array) -> linear.LinearGradients:
    """Gradients of :func:`linear_forward` with respect to inputs, weight and bias."""
    check_dtype(grad_output, inputs, weight)
    return linear.LinearGradients(
        linear.backward_input(grad_output, weight), linear.backward_weight(grad_output, inputs), grad_output.sum(0)
    )
