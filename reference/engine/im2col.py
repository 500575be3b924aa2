"""Convolution as one matrix product: copy every window into a row, multiply by all kernels at once.

The copy costs kernel-size times the memory of the input, so this is chosen only where rows of outputs
are too short for the direct sum's tiles (maps of a few pixels with many channels).
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .buffers import WORKSPACES, Activation, Array
from .compilation import kernel
from .direct import merge_taps
from .geometry import Window
from .matrix import NO_TAP, product_rows, row_block_size
from .processor import thread_count


@kernel(parallel=True)
def _gather(x, x_at, x_row, x_column, taps, depth, matrix, images, rows, columns, threads):
    """matrix[(n, h, w)][tap][depth] = x at the tap of output (n, h, w)."""
    work = images * rows
    for thread in prange(threads):
        for r in range(work * thread // threads, work * (thread + 1) // threads):
            n = r // rows
            h = r - n * rows
            for w in range(columns):
                source = x_at.origin + n * x_at.image + h * x_row + w * x_column
                target = (r * columns + w) * len(taps) * depth
                for tap in range(len(taps)):
                    for i in range(depth):
                        matrix[target + tap * depth + i] = x[source + taps[tap] + i]


@kernel(parallel=True)
def _scatter(matrix, y, y_at, images, rows, columns, channels, threads):
    """Rows of the product back into the padded activation."""
    work = images * rows
    for thread in prange(threads):
        for r in range(work * thread // threads, work * (thread + 1) // threads):
            n = r // rows
            h = r - n * rows
            for w in range(columns):
                target = y_at.origin + n * y_at.image + h * y_at.row + w * y_at.pixel
                source = (r * columns + w) * channels
                for c in range(channels):
                    y[target + c] = matrix[source + c]


def gather(window: Window, source: Activation, channels: int) -> tuple[Array, int, int]:
    """Copy every window of ``source`` into a row.

    Returns
    -------
    matrix, rows, length : flat [pixel][kernel position][channel]; output pixels; elements of a row.
    """
    kernel_rows, kernel_columns = window.kernel
    at = source.strides(window.padding[0], window.padding[2])
    positions = [
        (i * window.dilation[0], j * window.dilation[1]) for i in range(kernel_rows) for j in range(kernel_columns)
    ]
    offsets, depth = merge_taps(positions, at.row, at.pixel, channels)
    pixels, length = source.batch * window.out_height * window.out_width, len(offsets) * depth
    matrix = WORKSPACES.get("im2col", pixels * length, source.buffer.dtype)
    _gather(source.flat, at, at.row * window.stride[0], at.pixel * window.stride[1], offsets, depth, matrix,
            source.batch, window.out_height, window.out_width, thread_count())  # fmt: skip
    return matrix, pixels, length


def convolve(
    window: Window, taps: Array, source: Activation, target: Activation, bias: Array, low: float = -np.inf
) -> None:
    """``target = max(low, bias + source * taps)`` with taps (rows, columns, channels, filled outputs)."""
    dtype = source.buffer.dtype
    _, _, channels, outputs = taps.shape
    matrix, pixels, length = gather(window, source, channels)
    product = WORKSPACES.get("im2col product", pixels * outputs, dtype)
    threads = thread_count()
    product_rows(matrix, length, pixels, NO_TAP, length, taps.reshape(-1), outputs, outputs, product, outputs, bias,
             dtype.type(low), row_block_size(pixels, outputs, threads), threads)  # fmt: skip
    _scatter(product, target.flat, target.strides(), source.batch, window.out_height, window.out_width, outputs,
             threads)  # fmt: skip
