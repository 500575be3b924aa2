"""Depthwise convolution: every channel has its own kernel, so vectors run along channels.

There is no sum over channels and nothing to keep in registers: memory is the limit.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .buffers import WORKSPACES, Activation, Array, aligned_zeros, load_activation, new_activation, store_activation
from .compilation import kernel
from .geometry import Window
from .processor import thread_count
from .reductions import channel_sums
from .vector import lanes, vadd, vfma, vload, vstore, vzero


@kernel(parallel=True)
def _forward(x, x_at, taps, bias, y, y_at, images, rows, columns, channels, kernel_h, kernel_w, stride_h, stride_w,
             dilation_h, dilation_w, threads):  # fmt: skip
    line = lanes(x)
    for thread in prange(threads):
        for r in range(images * rows * thread // threads, images * rows * (thread + 1) // threads):
            n = r // rows
            h = r - n * rows
            for w in range(columns):
                source = x_at.origin + n * x_at.image + h * stride_h * x_at.row + w * stride_w * x_at.pixel
                target = y_at.origin + n * y_at.image + h * y_at.row + w * y_at.pixel
                for c in range(0, channels, line):
                    total = vload(bias, c)
                    for i in range(kernel_h):
                        for j in range(kernel_w):
                            here = source + i * dilation_h * x_at.row + j * dilation_w * x_at.pixel + c
                            total = vfma(vload(x, here), vload(taps, (i * kernel_w + j) * channels + c), total)
                    vstore(y, target + c, total)


@kernel(parallel=True)
def _backward(x, x_at, taps, g, g_at, d, d_at, parts, images, rows, columns, channels, kernel_h, kernel_w, stride_h,
              stride_w, dilation_h, dilation_w, threads):  # fmt: skip
    """Scatter g * w to ``d`` (zeroed, same geometry as x) and add g * x to this image's share of ``parts``."""
    line = lanes(x)
    groups = channels // line
    taps_count = kernel_h * kernel_w
    for thread in prange(threads):
        for unit in range(images * groups * thread // threads, images * groups * (thread + 1) // threads):
            n = unit // groups
            c = (unit - n * groups) * line
            for i in range(kernel_h):
                for j in range(kernel_w):
                    tap = i * kernel_w + j
                    weight, total = vload(taps, tap * channels + c), vzero(x)
                    for h in range(rows):
                        grad = g_at.origin + n * g_at.image + h * g_at.row + c
                        here = x_at.origin + n * x_at.image + (h * stride_h + i * dilation_h) * x_at.row + c
                        to = d_at.origin + n * d_at.image + (h * stride_h + i * dilation_h) * d_at.row + c
                        for w in range(columns):
                            value = vload(g, grad + w * g_at.pixel)
                            column = w * stride_w + j * dilation_w
                            total = vfma(value, vload(x, here + column * x_at.pixel), total)
                            place = to + column * d_at.pixel
                            vstore(d, place, vfma(value, weight, vload(d, place)))
                    vstore(parts, (n * taps_count + tap) * channels + c, total)
    for thread in prange(threads):
        for i in range(taps_count * groups * thread // threads, taps_count * groups * (thread + 1) // threads):
            total = vload(parts, i * line)
            for n in range(1, images):
                total = vadd(total, vload(parts, n * taps_count * channels + i * line))
            vstore(parts, i * line, total)


def _taps(weight: Array, channels: int) -> Array:
    """(C, 1, rows, columns) to flat [tap][filled channels]."""
    count, _, rows, columns = weight.shape
    taps = aligned_zeros((rows * columns, channels), weight.dtype)
    taps[:, :count] = weight.reshape(count, rows * columns).T
    return taps.reshape(-1)


def _source(window: Window, inputs: Array, layout: str) -> Activation:
    empty = new_activation(window.batch, window.height, window.width, window.channels, inputs.dtype,
                           border=window.padding, workspace="operator source")  # fmt: skip
    return load_activation(inputs, layout, empty)


def _target(window: Window, inputs: Array) -> Activation:
    return new_activation(window.batch, window.out_height, window.out_width, window.channels, inputs.dtype,
                          border=(0, 0, 0, 0), workspace="operator target")  # fmt: skip


def forward(window: Window, inputs: Array, weight: Array, bias: Array | None, layout: str) -> Array:
    """Depthwise convolution with weight (C, 1, rows, columns); see ``operators.conv2d``."""
    source, target = _source(window, inputs, layout), _target(window, inputs)
    start = aligned_zeros(source.pixel, inputs.dtype)
    if bias is not None:
        start[: window.channels] = bias
    _forward(source.flat, source.strides(window.padding[0], window.padding[2]), _taps(weight, source.pixel), start,
             target.flat, target.strides(), window.batch, window.out_height, window.out_width, source.pixel,
             *window.kernel, *window.stride, *window.dilation, thread_count())  # fmt: skip
    return store_activation(target, layout)


def backward(
    window: Window, grad_output: Array, inputs: Array, weight: Array, layout: str
) -> tuple[Array, Array, Array]:
    """Gradients of :func:`forward` with respect to inputs, weight and bias."""
    source = _source(window, inputs, layout)
    grad = load_activation(grad_output, layout, _target(window, inputs))
    result = source.like()
    channels, taps = source.pixel, window.kernel[0] * window.kernel[1]
    parts = WORKSPACES.get("depthwise", window.batch * taps * channels, inputs.dtype)
    at = source.strides(window.padding[0], window.padding[2])
    _backward(
        source.flat,
        at,
        _taps(weight, channels),
        grad.flat,
        grad.strides(),
        result.flat,
        at,
        parts,
        window.batch,
        window.out_height,
        window.out_width,
        channels,
        *window.kernel,
        *window.stride,
        *window.dilation,
        thread_count(),
    )
    grad_weight = parts[: taps * channels].reshape(taps, channels)[:, : window.channels].T.reshape(weight.shape)
    sums = channel_sums(grad, aligned_zeros(channels, inputs.dtype))[: window.channels]
    return store_activation(result, layout), np.ascontiguousarray(grad_weight), np.ascontiguousarray(sums)
