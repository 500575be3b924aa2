"""L^p pooling: ``(sum over the window of |x|^p)^(1/p)``, on padded channel-last activations.

With ``source.rectified`` the gradient is also masked by the ReLU (see :class:`buffers.Activation`).
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .buffers import Activation
from .compilation import kernel
from .direct import mask_gradient
from .geometry import Window
from .pooling import check_pool, sizes
from .processor import thread_count


@kernel(parallel=True)
def _power_pool(
    x,
    x_at,
    y,
    y_at,
    images,
    height,
    width,
    channels,
    rows,
    columns,
    kernel_h,
    kernel_w,
    stride_h,
    stride_w,
    top,
    left,
    power,
    threads,
):
    for thread in prange(threads):
        for r in range(images * rows * thread // threads, images * rows * (thread + 1) // threads):
            n = r // rows
            h = r - n * rows
            first_h, last_h = max(0, h * stride_h - top), min(height, h * stride_h - top + kernel_h)
            for w in range(columns):
                first_w, last_w = max(0, w * stride_w - left), min(width, w * stride_w - left + kernel_w)
                target = y_at.origin + n * y_at.image + h * y_at.row + w * y_at.pixel
                for c in range(channels):
                    total = 0.0
                    for i in range(first_h, last_h):
                        for j in range(first_w, last_w):
                            value = abs(x[x_at.origin + n * x_at.image + i * x_at.row + j * x_at.pixel + c])
                            total += value * value if power == 2.0 else value**power
                    y[target + c] = np.sqrt(total) if power == 2.0 else total ** (1.0 / power)


@kernel(parallel=True)
def _power_pool_backward(
    x,
    x_at,
    y,
    y_at,
    g,
    g_at,
    d,
    d_at,
    images,
    height,
    width,
    channels,
    rows,
    columns,
    kernel_h,
    kernel_w,
    stride_h,
    stride_w,
    top,
    left,
    power,
    threads,
):
    """dx = sum over windows of g * (|x| / y)^(p-1) * sign(x); a window of zeros passes nothing."""
    for thread in prange(threads):
        for unit in range(images * channels * thread // threads, images * channels * (thread + 1) // threads):
            n = unit // channels
            c = unit - n * channels
            for h in range(height):
                for w in range(width):
                    d[d_at.origin + n * d_at.image + h * d_at.row + w * d_at.pixel + c] = 0
            for h in range(rows):
                for w in range(columns):
                    norm = y[y_at.origin + n * y_at.image + h * y_at.row + w * y_at.pixel + c]
                    if norm > 0:
                        grad = g[g_at.origin + n * g_at.image + h * g_at.row + w * g_at.pixel + c]
                        for i in range(max(0, h * stride_h - top), min(height, h * stride_h - top + kernel_h)):
                            for j in range(max(0, w * stride_w - left), min(width, w * stride_w - left + kernel_w)):
                                value = x[x_at.origin + n * x_at.image + i * x_at.row + j * x_at.pixel + c]
                                share = (abs(value) / norm) ** (power - 1.0) * np.sign(value)
                                d[d_at.origin + n * d_at.image + i * d_at.row + j * d_at.pixel + c] += grad * share


def power_pool(window: Window, source: Activation, target: Activation, power: float) -> Activation:
    """``(sum over the window of |x|^p)^(1/p)``."""
    check_pool(window)
    _power_pool(
        source.flat,
        source.strides(),
        target.flat,
        target.strides(),
        source.batch,
        source.height,
        source.width,
        source.channels,
        *sizes(window),
        float(power),
        thread_count(),
    )
    return target


def power_pool_backward(
    window: Window,
    source: Activation,
    target: Activation,
    grad_output: Activation,
    grad_input: Activation,
    power: float,
) -> Activation:
    """Gradient of :func:`power_pool`."""
    _power_pool_backward(source.flat, source.strides(), target.flat, target.strides(), grad_output.flat,
                         grad_output.strides(), grad_input.flat, grad_input.strides(), source.batch, source.height,
                         source.width, source.channels, *sizes(window), float(power), thread_count())  # fmt: skip
    if source.rectified:
        mask_gradient(source, grad_input)
    return grad_input
