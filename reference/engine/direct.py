"""Convolution by its definition, without im2col: any kernel, stride, padding and dilation.

    y[n, oh, ow, k] = bias[k] + sum_{i, j, c} x[n, oh*s - p + i*d, ow*s - p + j*d, c] * w[i, j, c, k]

A register tile computes six neighbouring outputs of a row times 64 output channels. What the sum needs
of the input are *taps*: offsets of its kernel positions relative to the output's place in the padded
buffer. Neighbouring taps of a kernel row are contiguous in memory, so they become one long tap.

The gradient with respect to the input is the same sum over other taps: an input pixel (h, w) receives
from the outputs whose window covers it, and these are the same for all pixels with equal
``(h + p) mod stride``. So each residue class is one small convolution of the output gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .buffers import WORKSPACES, Activation, Array, Strides, aligned_zeros
from .direct_kernels import clear_pixels, keep_where_positive, pack_rows, sum_pixels, sum_taps, swap_channels
from .geometry import Window
from .processor import PROCESSOR, thread_count


@dataclass(frozen=True)
class DirectSum:
    """One convolution-like sum, prepared: taps into the source, packed weights, where results go.

    Attributes
    ----------
    offsets : (taps,) int64, elements from the place of an output to its tap.
    depth : contiguous elements per tap.
    panels : weights [panel][tap][depth][panel width].
    up, left : source rows and columns from the picture's corner to the place of the first output.
    step : source rows and columns between outputs.
    first, spacing : row and column of the first result, and between results, in the target.
    rows, columns : number of results.
    """

    offsets: Array
    depth: int
    panels: Array
    outputs: int
    up: int
    left: int
    step: tuple[int, int]
    first: tuple[int, int]
    spacing: tuple[int, int]
    rows: int
    columns: int


def merge_taps(positions: list[tuple[int, int]], row: int, pixel: int, depth: int) -> tuple[Array, int]:
    """Offsets of kernel positions (rows, columns), neighbours joined into longer taps.

    Returns
    -------
    offsets, depth : int64 offsets of the joined taps, elements in each.
    """
    offsets = np.array([r * row + c * pixel for r, c in positions], np.int64)
    per_row = len({c for _, c in positions})
    joined = offsets.reshape(-1, per_row) if per_row and len(offsets) % per_row == 0 else offsets[:, None]
    if depth == pixel and joined.shape[1] > 1 and np.all(np.diff(joined, axis=1) == depth):
        return np.ascontiguousarray(joined[:, 0]), depth * joined.shape[1]
    return offsets, depth


def pack_panels(taps: Array, order: list[int], outputs: int, into: Array | None = None) -> Array:
    """Panels of the taps (count, depth, columns) in the given order; columns filled up to ``outputs``."""
    _, depth, columns = taps.shape
    size = len(order) * depth * outputs
    panels = aligned_zeros(max(size, 1), taps.dtype) if into is None else into
    if order:
        rows = np.array(order, np.int64)
        pack_rows(taps.reshape(-1), columns, depth, columns, outputs, panels, 0, rows, thread_count())
    return panels


def forward_sum(window: Window, taps: Array, source: Activation, reuse: DirectSum | None = None) -> DirectSum:
    """Prepare the forward convolution with taps (kernel rows, kernel columns, channels, outputs).

    ``reuse``: an earlier result for the same shapes, whose memory is taken.
    """
    rows, columns, channels, outputs = taps.shape
    positions = [(i * window.dilation[0], j * window.dilation[1]) for i in range(rows) for j in range(columns)]
    strides = source.strides()
    offsets, depth = merge_taps(positions, strides.row, strides.pixel, channels)
    panels = pack_panels(taps.reshape(rows * columns, channels, outputs), list(range(rows * columns)), outputs,
                         reuse.panels if reuse else None)  # fmt: skip
    return DirectSum(
        offsets,
        depth,
        panels,
        outputs,
        window.padding[0],
        window.padding[2],
        window.stride,
        (0, 0),
        (1, 1),
        window.out_height,
        window.out_width,
    )


def input_gradient_sums(
    window: Window, swapped: Array, grad_output: Activation, reuse: list[DirectSum] | None = None
) -> list[DirectSum]:
    """Prepare the input gradient with taps (kernel rows, kernel columns, outputs, filled channels).

    ``reuse``: an earlier result for the same shapes, whose memory is taken.
    """
    kernel_rows, kernel_columns, outputs, filled = swapped.shape
    strides = grad_output.strides()
    flat = swapped.reshape(kernel_rows * kernel_columns, outputs, filled)
    sums: list[DirectSum] = []
    for residue_h in range(window.stride[0]):
        first_h = (residue_h - window.padding[0]) % window.stride[0]
        for residue_w in range(window.stride[1]):
            first_w = (residue_w - window.padding[2]) % window.stride[1]
            rows = -(-(window.height - first_h) // window.stride[0])
            columns = -(-(window.width - first_w) // window.stride[1])
            if rows < 1 or columns < 1:
                continue
            hits_h = _hits(residue_h, kernel_rows, window.stride[0], window.dilation[0])
            hits_w = _hits(residue_w, kernel_columns, window.stride[1], window.dilation[1])
            positions = [(r, c) for r, _ in hits_h for c, _ in hits_w]
            order = [i * kernel_columns + j for _, i in hits_h for _, j in hits_w]
            offsets, depth = merge_taps(positions, strides.row, strides.pixel, outputs)
            start_h = (first_h + window.padding[0]) // window.stride[0]
            start_w = (first_w + window.padding[2]) // window.stride[1]
            memory = reuse[len(sums)].panels if reuse else None
            sums.append(
                DirectSum(
                    offsets,
                    depth,
                    pack_panels(flat, order, filled, memory),
                    filled,
                    -start_h,
                    -start_w,
                    (1, 1),
                    (first_h, first_w),
                    window.stride,
                    rows,
                    columns,
                )
            )
    return sums


def _hits(residue: int, size: int, stride: int, dilation: int) -> list[tuple[int, int]]:
    """(relative output, kernel index) of the kernel entries that reach this residue, by position."""
    return sorted(
        ((residue - i * dilation) // stride, i) for i in range(size) if (residue - i * dilation) % stride == 0
    )


def share_rows(plan: DirectSum, source: Activation) -> tuple[int, bool]:
    """Rows of outputs per unit of work, and whether a unit's panels follow each other."""
    row_bytes = plan.columns * plan.step[0] * plan.step[1] * source.pixel * source.buffer.itemsize
    block = min(PROCESSOR.level2_bytes // 2 // max(1, row_bytes), -(-source.batch * plan.rows // thread_count()))
    return max(1, block), plan.panels.nbytes < PROCESSOR.level2_bytes * 3 // 2


def run_sum(
    plan: DirectSum, source: Activation, target: Activation, bias: Array | None = None, low: float = -np.inf
) -> None:
    """Compute ``max(low, bias + sum)`` into the target; bias is filled up to ``plan.outputs``."""
    dtype = source.buffer.dtype
    at = source.strides(plan.up, plan.left)
    to = target.strides(-plan.first[0], -plan.first[1])
    to = Strides(to.origin, to.image, to.row * plan.spacing[0], to.pixel * plan.spacing[1])
    if bias is None:
        bias = WORKSPACES.get("no bias", plan.outputs, dtype)
        bias[: plan.outputs] = 0
    block, panels_first = share_rows(plan, source)
    sum_taps(
        source.flat,
        at,
        at.row * plan.step[0],
        at.pixel * plan.step[1],
        plan.offsets,
        len(plan.offsets),
        plan.depth,
        plan.panels,
        bias,
        dtype.type(low),
        target.flat,
        to,
        plan.outputs,
        source.batch,
        plan.rows,
        plan.columns,
        block,
        panels_first,
        thread_count(),
    )


def run_input_gradient(sums: list[DirectSum], grad_output: Activation, grad_input: Activation) -> None:
    """Compute all residue classes of an input gradient; those that no window covers are zero."""
    if any(not len(part.offsets) for part in sums):
        clear_pixels(grad_input.flat, grad_input.strides(), grad_input.batch, grad_input.height, grad_input.width,
                     grad_input.pixel, thread_count())  # fmt: skip
    for part in sums:
        if len(part.offsets):
            run_sum(part, grad_output, grad_input)


PRIVATE_GRADIENT_BYTES = 1 << 19
"""Up to this size threads sum their own copy of a weight gradient over a share of the rows."""


PIXELS_PER_BLOCK = 128
"""Pixels whose output gradients stay in the first-level cache while all rows of a weight gradient pass."""


def weight_gradient(window: Window, source: Activation, grad_output: Activation, taps: Array) -> None:
    """Write the gradient of the taps (kernel rows, kernel columns, channels, filled outputs)."""
    dtype = source.buffer.dtype
    rows, columns, channels, outputs = taps.shape
    at = source.strides(window.padding[0], window.padding[2])
    positions = [(i * window.dilation[0], j * window.dilation[1]) for i in range(rows) for j in range(columns)]
    offsets, tap_rows = merge_taps(positions, at.row, at.pixel, channels)
    threads = thread_count()
    row_parts = threads if taps.nbytes <= PRIVATE_GRADIENT_BYTES else 1
    by_image = source.batch > window.out_height
    copies = WORKSPACES.get("weight gradient", row_parts * taps.size, dtype) if row_parts > 1 else taps.reshape(-1)
    # Rows of one picture, or the same row of several.
    share = max(1, PIXELS_PER_BLOCK // window.out_width)
    block = 1 if by_image else min(share, -(-source.batch * window.out_height // row_parts))
    sum_pixels(
        source.flat,
        at,
        at.row * window.stride[0],
        at.pixel * window.stride[1],
        offsets,
        tap_rows,
        24,
        grad_output.flat,
        grad_output.strides(),
        outputs,
        source.batch,
        window.out_height,
        window.out_width,
        block,
        by_image,
        share,
        row_parts,
        copies,
        threads,
    )
    if row_parts > 1:
        taps.reshape(-1)[:] = copies[: taps.size]


def mask_gradient(active: Activation, gradient: Activation) -> None:
    """Apply the mask of the ReLU whose output is ``active``."""
    keep_where_positive(
        active.flat,
        active.strides(),
        gradient.flat,
        gradient.strides(),
        gradient.batch,
        gradient.height,
        gradient.width,
        gradient.pixel,
        thread_count(),
    )


def swapped_taps(taps: Array, channels: int, into: Array | None = None) -> Array:
    """Taps (rows, columns, channels', outputs) with channels and outputs exchanged, channels filled up."""
    rows, columns, own, outputs = taps.shape
    if into is None:
        into = aligned_zeros((rows, columns, outputs, channels), taps.dtype)
    swap_channels(taps.reshape(-1), rows * columns, own, outputs, into.reshape(-1), channels, thread_count())
    return into


def reversed_kernel(taps: Any) -> Any:
    """Taps turned by 180 degrees, as a contiguous array."""
    return np.ascontiguousarray(taps[::-1, ::-1])
