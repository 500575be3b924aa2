"""Max and average pooling on padded channel-last activations; see also ``power_pooling`` and ``global_pooling``.

Windows are clipped to the picture, so padding never wins a maximum. With ``source.rectified`` the
backward functions also apply the ReLU's mask (see :class:`buffers.Activation`).
"""

from __future__ import annotations

from numba import prange

from .buffers import Activation
from .compilation import kernel
from .direct import mask_gradient
from .geometry import Window
from .processor import thread_count
from .vector import lanes, vadd, vfma, vload, vmax, vmul, vset, vstore, vwhere_equal, vwhere_greater, vzero

MAXIMUM, AVERAGE = 0, 1


@kernel(parallel=True)
def _pool(
    kind,
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
    factor,
    threads,
):
    line = lanes(x)
    simple = kind == MAXIMUM and kernel_h == 2 and kernel_w == 2 and top == 0 and left == 0
    for thread in prange(threads):
        zero, scale = vzero(x), vset(factor)
        for r in range(images * rows * thread // threads, images * rows * (thread + 1) // threads):
            n = r // rows
            h = r - n * rows
            first_h, last_h = max(0, h * stride_h - top), min(height, h * stride_h - top + kernel_h)
            for w in range(columns):
                first_w, last_w = max(0, w * stride_w - left), min(width, w * stride_w - left + kernel_w)
                target = y_at.origin + n * y_at.image + h * y_at.row + w * y_at.pixel
                source = x_at.origin + n * x_at.image + first_h * x_at.row + first_w * x_at.pixel
                if simple:
                    below = source + x_at.row
                    for c in range(0, channels, line):
                        upper = vmax(vload(x, source + c), vload(x, source + x_at.pixel + c))
                        lower = vmax(vload(x, below + c), vload(x, below + x_at.pixel + c))
                        vstore(y, target + c, vmax(upper, lower))
                elif kind == MAXIMUM:
                    for c in range(0, channels, line):
                        best = vload(x, source + c)
                        for i in range(last_h - first_h):
                            for j in range(last_w - first_w):
                                best = vmax(best, vload(x, source + i * x_at.row + j * x_at.pixel + c))
                        vstore(y, target + c, best)
                else:
                    for c in range(0, channels, line):
                        total = zero
                        for i in range(last_h - first_h):
                            for j in range(last_w - first_w):
                                total = vadd(total, vload(x, source + i * x_at.row + j * x_at.pixel + c))
                        vstore(y, target + c, vmul(total, scale))


@kernel(parallel=True)
def _pool_backward(kind, x, x_at, y, y_at, g, g_at, d, d_at, images, height, width, channels, rows, columns,
                   kernel_h, kernel_w, stride_h, stride_w, top, left, factor, rectified, threads):  # fmt: skip
    """Scatter every output's gradient over its window. A thread owns channels, because windows overlap."""
    line = lanes(x)
    groups = channels // line
    for thread in prange(threads):
        zero, scale = vzero(x), vset(factor)
        for unit in range(images * groups * thread // threads, images * groups * (thread + 1) // threads):
            n = unit // groups
            c = (unit - n * groups) * line
            for h in range(height):
                target = d_at.origin + n * d_at.image + h * d_at.row + c
                for w in range(width):
                    vstore(d, target + w * d_at.pixel, zero)
            for h in range(rows):
                first_h, last_h = max(0, h * stride_h - top), min(height, h * stride_h - top + kernel_h)
                for w in range(columns):
                    first_w, last_w = max(0, w * stride_w - left), min(width, w * stride_w - left + kernel_w)
                    rest = vload(g, g_at.origin + n * g_at.image + h * g_at.row + w * g_at.pixel + c)
                    best = vload(y, y_at.origin + n * y_at.image + h * y_at.row + w * y_at.pixel + c)
                    if rectified and kind == MAXIMUM:
                        rest = vwhere_greater(best, zero, rest, zero)
                    for i in range(first_h, last_h):
                        source = x_at.origin + n * x_at.image + i * x_at.row + c
                        target = d_at.origin + n * d_at.image + i * d_at.row + c
                        for j in range(first_w, last_w):
                            to = target + j * d_at.pixel
                            if kind == MAXIMUM:
                                here = vload(x, source + j * x_at.pixel)
                                vstore(d, to, vadd(vload(d, to), vwhere_equal(here, best, rest, zero)))
                                rest = vwhere_equal(here, best, zero, rest)
                            else:
                                vstore(d, to, vfma(rest, scale, vload(d, to)))


@kernel(parallel=True)
def _max_halves_backward(x, x_at, y, y_at, g, g_at, d, d_at, images, channels, rows, columns, rectified, threads):
    """2 x 2 windows with stride 2 do not overlap: write every input once."""
    line = lanes(x)
    for thread in prange(threads):
        zero = vzero(x)
        for r in range(images * rows * thread // threads, images * rows * (thread + 1) // threads):
            n = r // rows
            h = r - n * rows
            for w in range(columns):
                source = x_at.origin + n * x_at.image + 2 * h * x_at.row + 2 * w * x_at.pixel
                target = d_at.origin + n * d_at.image + 2 * h * d_at.row + 2 * w * d_at.pixel
                out = y_at.origin + n * y_at.image + h * y_at.row + w * y_at.pixel
                grad = g_at.origin + n * g_at.image + h * g_at.row + w * g_at.pixel
                for c in range(0, channels, line):
                    best, rest = vload(y, out + c), vload(g, grad + c)
                    if rectified:
                        rest = vwhere_greater(best, zero, rest, zero)
                    here = vload(x, source + c)
                    vstore(d, target + c, vwhere_equal(here, best, rest, zero))
                    rest = vwhere_equal(here, best, zero, rest)
                    here = vload(x, source + x_at.pixel + c)
                    vstore(d, target + d_at.pixel + c, vwhere_equal(here, best, rest, zero))
                    rest = vwhere_equal(here, best, zero, rest)
                    here = vload(x, source + x_at.row + c)
                    vstore(d, target + d_at.row + c, vwhere_equal(here, best, rest, zero))
                    rest = vwhere_equal(here, best, zero, rest)
                    here = vload(x, source + x_at.row + x_at.pixel + c)
                    vstore(d, target + d_at.row + d_at.pixel + c, vwhere_equal(here, best, rest, zero))


def check_pool(window: Window) -> None:
    """ValueError unless every window holds at least one pixel of the picture."""
    if max(window.padding[0], window.padding[1]) * 2 > window.kernel[0] or (
        max(window.padding[2], window.padding[3]) * 2 > window.kernel[1]
    ):
        raise ValueError(
            f"pooling pads at most half of its window, got padding {window.padding} for {window.kernel}: "
            "a window of padding alone has no maximum"
        )


def sizes(window: Window) -> tuple[int, ...]:
    """Output rows and columns, kernel, stride, padding above and left: what the kernels need of a window."""
    return (
        window.out_height,
        window.out_width,
        *window.kernel,
        *window.stride,
        window.padding[0],
        window.padding[2],
    )


def max_pool(window: Window, source: Activation, target: Activation) -> Activation:
    """Largest value of every window."""
    check_pool(window)
    factor = source.buffer.dtype.type(1)
    _pool(
        MAXIMUM,
        source.flat,
        source.strides(),
        target.flat,
        target.strides(),
        source.batch,
        source.height,
        source.width,
        target.pixel,
        *sizes(window),
        factor,
        thread_count(),
    )
    return target


def average_pool(window: Window, source: Activation, target: Activation) -> Activation:
    """Sum of every window over the window's size; padding counts as zeros."""
    check_pool(window)
    factor = source.buffer.dtype.type(1 / (window.kernel[0] * window.kernel[1]))
    _pool(
        AVERAGE,
        source.flat,
        source.strides(),
        target.flat,
        target.strides(),
        source.batch,
        source.height,
        source.width,
        target.pixel,
        *sizes(window),
        factor,
        thread_count(),
    )
    return target


def max_pool_backward(
    window: Window, source: Activation, target: Activation, grad_output: Activation, grad_input: Activation
) -> Activation:
    """Gradient of :func:`max_pool`; among equal maxima the first in reading order receives it."""
    exact_halves = window.height == 2 * window.out_height and window.width == 2 * window.out_width
    if window.kernel == window.stride == (2, 2) and exact_halves:
        _max_halves_backward(
            source.flat,
            source.strides(),
            target.flat,
            target.strides(),
            grad_output.flat,
            grad_output.strides(),
            grad_input.flat,
            grad_input.strides(),
            source.batch,
            source.pixel,
            window.out_height,
            window.out_width,
            source.rectified,
            thread_count(),
        )
    else:
        _backward(MAXIMUM, window, source, target, grad_output, grad_input, 1.0)
    return grad_input


def average_pool_backward(
    window: Window, source: Activation, grad_output: Activation, grad_input: Activation
) -> Activation:
    """Gradient of :func:`average_pool`: every pixel of a window receives an equal share."""
    _backward(
        AVERAGE, window, source, grad_output, grad_output, grad_input, 1 / (window.kernel[0] * window.kernel[1])
    )
    if source.rectified:
        mask_gradient(source, grad_input)
    return grad_input


def _backward(
    kind: int,
    window: Window,
    source: Activation,
    target: Activation,
    grad_output: Activation,
    grad_input: Activation,
    factor: float,
) -> None:
    _pool_backward(
        kind,
        source.flat,
        source.strides(),
        target.flat,
        target.strides(),
        grad_output.flat,
        grad_output.strides(),
        grad_input.flat,
        grad_input.strides(),
        source.batch,
        source.height,
        source.width,
        source.pixel,
        *sizes(window),
        source.buffer.dtype.type(factor),
        source.rectified,
        thread_count(),
    )
