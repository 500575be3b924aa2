"""The input gradient of a convolution whose input has very few channels, such as a picture.

The direct sum would fill a vector with 3 channels and 13 zeros. Here a vector holds what one output's
gradient adds to a whole kernel row of input pixels, ``kernel columns * channels`` numbers that lie next to
each other in a picture without filler:

    strip[w, i, (j, c)] = sum_k g[h, w, k] * w[i, j, c, k]          one register tile, kernel rows wide
    dx[h + i - p, w + j - p, c] += strip[w, i, (j, c)]              one vector addition per kernel row
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .buffers import WORKSPACES, Activation, Array, aligned_zeros, vector_lanes
from .compilation import kernel
from .geometry import Window
from .matrix import NO_TAP, biased_rows
from .processor import thread_count
from .vector import lanes, vadd, vload, vstore


@kernel(parallel=True)
def _scatter_rows(
    g, g_at, B, outputs, zeros, low, no_tap, strips, strip_size, d, d_at, images, rows, columns, height, width,
    kernel_h, top, left, right, threads,
):  # fmt: skip
    line = lanes(g)
    step = kernel_h * line
    for thread in prange(threads):
        strip = thread * strip_size
        all_rows = images * height
        first, last = all_rows * thread // threads, all_rows * (thread + 1) // threads
        for r in range(first, last):
            n = r // height
            start = d_at.origin + n * d_at.image + (r - n * height) * d_at.row - left * d_at.pixel
            for i in range((left + width + right) * d_at.pixel):
                d[start + i] = 0
        # Outputs whose windows touch this thread's rows; at the seams two threads compute the same strip.
        for n in range(first // height, (last + height - 1) // height):
            own_first, own_last = max(first - n * height, 0), min(last - n * height, height)
            for h in range(max(0, own_first + top - kernel_h + 1), min(rows, own_last + top)):
                biased_rows(
                    kernel_h,
                    g,
                    g_at.origin + n * g_at.image + h * g_at.row,
                    g_at.pixel,
                    columns,
                    no_tap,
                    0,
                    1,
                    outputs,
                    B,
                    0,
                    step,
                    strips,
                    strip,
                    step,
                    zeros,
                    0,
                    low,
                )
                for w in range(columns):
                    source = strip + w * step
                    for i in range(kernel_h):
                        row = h + i - top
                        if row >= own_first and row < own_last:
                            to = d_at.origin + n * d_at.image + row * d_at.row + (w - left) * d_at.pixel
                            if (w - left) * d_at.pixel + line <= (width + right) * d_at.pixel:
                                vstore(d, to, vadd(vload(d, to), vload(strips, source + i * line)))
                            else:
                                # A whole vector would reach into the next row, which may be another thread's.
                                for lane in range(min(line, (width + right - w + left) * d_at.pixel)):
                                    d[to + lane] += strips[source + i * line + lane]


def allowed(window: Window, dtype: object) -> bool:
    """Whether this convolution's input gradient can be computed here."""
    return (
        window.channels <= 4
        and window.stride == (1, 1)
        and window.dilation == (1, 1)
        and window.kernel[1] * window.channels <= vector_lanes(dtype)
    )


def pack(taps: Array, channels: int, outputs: int) -> Array:
    """Taps (kernel rows, kernel columns, source channels, filled outputs) as [outputs][kernel rows][vector]."""
    rows, columns = taps.shape[:2]
    packed = aligned_zeros((outputs, rows, vector_lanes(taps.dtype)), taps.dtype)
    values = taps[:, :, :channels, :outputs].transpose(3, 0, 1, 2)
    packed[:, :, : columns * channels] = values.reshape(outputs, rows, columns * channels)
    return packed.reshape(-1)


def input_gradient(
    window: Window, packed: Array, outputs: int, grad_output: Activation, grad_input: Activation
) -> None:
    """Write the gradient into an unfilled activation; its border is overwritten with what falls outside.

    ``grad_input`` needs a border of at least the window's padding.
    """
    if grad_input.pixel != window.channels:
        raise ValueError(
            f"the gradient must have unfilled channels ({window.channels}), got {grad_input.pixel} per pixel"
        )
    needed = window.padding
    columns_right = grad_input.buffer.shape[2] - grad_input.left - grad_input.width
    if grad_input.left < needed[2] or columns_right < needed[3]:
        raise ValueError(
            f"the gradient needs a border of {needed}, got {grad_input.left} and {columns_right} columns"
        )
    dtype, threads = grad_output.buffer.dtype, thread_count()
    line = vector_lanes(dtype)
    size = window.out_width * window.kernel[0] * line
    strips = WORKSPACES.get("narrow strips", threads * size, dtype)
    zeros = WORKSPACES.get("no bias", window.kernel[0] * line, dtype)
    zeros[: window.kernel[0] * line] = 0
    _scatter_rows(
        grad_output.flat,
        grad_output.strides(),
        packed,
        outputs,
        zeros,
        dtype.type(-np.inf),
        NO_TAP,
        strips,
        size,
        grad_input.flat,
        grad_input.strides(),
        window.batch,
        window.out_height,
        window.out_width,
        window.height,
        window.width,
        window.kernel[0],
        window.padding[0],
        window.padding[2],
        window.padding[3],
        threads,
    )
