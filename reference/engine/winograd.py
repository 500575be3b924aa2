"""3 x 3 convolutions, stride 1, by Winograd's algorithm: forward, input gradient and weight gradient.

The picture is cut into tiles of m x m outputs (m = 4, or 2 for small maps and for accuracy). Tiles of
the input are transformed into (m+2)^2 *planes*; in each plane the convolution is a plain matrix product
over channels, ``M[plane] = V[plane] @ U[plane]``; then tiles are transformed back.

Two ways to order the work, because the planes must not travel to memory and back:

* *fused*: every thread takes a block of tiles small enough that its V and M stay in the second-level
  cache, and does all three steps. U is read once per block, so this suits small U and many tiles.
* *phased*: all threads transform, then share out the (plane, panel) products, then transform back. U is
  read once, which suits many channels and few tiles.

The gradient with respect to the input is the same convolution with rotated, transposed weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import prange

from .buffers import WORKSPACES, Activation, Array, aligned_zeros, round_up, vector_lanes
from .compilation import kernel
from .matrix import NO_TAP, WIDEST, outer_rows, panel_vectors, plain_rows
from .processor import PROCESSOR, thread_count
from .vector import lanes, vstore, vzero
from .winograd_transforms import (
    gradient_tile_2,
    gradient_tile_4,
    input_tile_2,
    input_tile_4,
    output_tile_2,
    output_tile_4,
    weight_gradient_tile_2,
    weight_gradient_tile_4,
    weight_tile_2,
    weight_tile_4,
)

SMALL_MAP_PIXELS = 8 * 8
"""Up to this size of the output F(2, 3) is used: F(4, 3) wastes too much on the edges and on weights."""


@kernel
def _to_planes(kind, size, x, at, channels, V, v, plane, first, last, tile_rows, tile_columns):
    """Transform tiles ``first`` to ``last``: inputs (kind 0) or output gradients (kind 1)."""
    line = lanes(x)
    for tile in range(first, last):
        image = tile // (tile_rows * tile_columns)
        inside = tile - image * tile_rows * tile_columns
        r = inside // tile_columns
        s = inside - r * tile_columns
        source = at.origin + image * at.image + r * size * at.row + s * size * at.pixel
        target = v + (tile - first) * channels
        for c in range(0, channels, line):
            if kind == 0:
                if size == 4:
                    input_tile_4(x, source + c, at.row, at.pixel, V, target + c, plane)
                else:
                    input_tile_2(x, source + c, at.row, at.pixel, V, target + c, plane)
            elif size == 4:
                gradient_tile_4(x, source + c, at.row, at.pixel, V, target + c, plane)
            else:
                gradient_tile_2(x, source + c, at.row, at.pixel, V, target + c, plane)


@kernel
def _from_planes(size, M, m, plane, y, at, channels, first, last, height, width, tile_rows, tile_columns, E, low, mask):
    """Transform tiles back and write them, with bias and bound, or with the ReLU's mask."""
    line = lanes(y)
    for tile in range(first, last):
        image = tile // (tile_rows * tile_columns)
        inside = tile - image * tile_rows * tile_columns
        r = inside // tile_columns
        s = inside - r * tile_columns
        target = at.origin + image * at.image + r * size * at.row + s * size * at.pixel
        source = m + (tile - first) * channels
        rows, columns = height - r * size, width - s * size
        for c in range(0, channels, line):
            if size == 4:
                output_tile_4(M, source + c, plane, y, target + c, at.row, at.pixel, rows, columns, E, c, low, mask)
            else:
                output_tile_2(M, source + c, plane, y, target + c, at.row, at.pixel, rows, columns, E, c, low, mask)


@kernel
def _multiply_planes(first, last, V, v, v_plane, tiles, channels, U, M, m, m_plane, outputs, no_tap):
    """Products number ``first`` to ``last`` of all (plane, panel) pairs."""
    line = lanes(V)
    panels = (outputs // line + WIDEST - 1) // WIDEST
    for item in range(first, last):
        plane = item // panels
        panel = item - plane * panels
        column = panel * WIDEST * line
        vectors = panel_vectors(outputs, panel, line)
        here = plane * channels * outputs + column * channels
        following = here + vectors * line * channels if item + 1 < last else here
        plain_rows(vectors, V, v + plane * v_plane, channels, tiles, no_tap, channels, U, here, vectors * line,
                   M, m + plane * m_plane + column, outputs, U, following)  # fmt: skip


@kernel(parallel=True)
def _convolve(size, phased, x, x_at, channels, U, E, low, mask, y, y_at, outputs, images, height, width, block_tiles,
              V, M, v_plane, m_plane, no_tap, threads):  # fmt: skip
    """The whole convolution. Fused is one parallel step; phased is three per block of tiles.

    One parallel region serves both orders, because numba compiles every region anew.
    """
    tile_rows, tile_columns = (height + size - 1) // size, (width + size - 1) // size
    tiles = images * tile_rows * tile_columns
    planes = (size + 2) * (size + 2)
    products = planes * ((outputs // lanes(x) + WIDEST - 1) // WIDEST)
    blocks = (tiles + block_tiles - 1) // block_tiles
    if not phased:
        blocks = (blocks + threads - 1) // threads * threads
    for step in range(3 * blocks if phased else 1):
        for thread in prange(threads):
            if phased:
                phase = step % 3
                first_block, last_block = step // 3, step // 3 + 1
                first_product, last_product = products * thread // threads, products * (thread + 1) // threads
                v, m = 0, 0
            else:
                phase = -1
                first_block, last_block = blocks * thread // threads, blocks * (thread + 1) // threads
                first_product, last_product = 0, products
                v, m = thread * planes * v_plane, thread * planes * m_plane
            for block in range(first_block, last_block):
                start, end = tiles * block // blocks, tiles * (block + 1) // blocks
                count = end - start
                first, last = 0, count
                if phased:
                    first, last = count * thread // threads, count * (thread + 1) // threads
                if phase == 0 or phase < 0:
                    _to_planes(0, size, x, x_at, channels, V, v + first * channels, v_plane, start + first,
                               start + last, tile_rows, tile_columns)  # fmt: skip
                if (phase == 1 or phase < 0) and count > 0:
                    _multiply_planes(first_product, last_product, V, v, v_plane, count, channels, U, M, m, m_plane,
                                     outputs, no_tap)  # fmt: skip
                if phase == 2 or phase < 0:
                    _from_planes(size, M, m + first * outputs, m_plane, y, y_at, outputs, start + first, start + last,
                                 height, width, tile_rows, tile_columns, E, low, mask)  # fmt: skip


@kernel(parallel=True)
def _transform_weight(size, taps, channels, outputs, U, threads):
    """Taps [3][3][channels][outputs] to planes [plane][panel][channels][panel width]."""
    line = lanes(taps)
    row, column = 3 * channels * outputs, channels * outputs
    groups = outputs // line
    for thread in prange(threads):
        work = channels * groups
        for item in range(work * thread // threads, work * (thread + 1) // threads):
            c = item // groups
            group = item - c * groups
            panel = group // WIDEST
            vectors = panel_vectors(outputs, panel, line)
            target = panel * WIDEST * line * channels + (c * vectors + group - panel * WIDEST) * line
            source = c * outputs + group * line
            if size == 4:
                weight_tile_4(taps, source, row, column, U, target, column)
            else:
                weight_tile_2(taps, source, row, column, U, target, column)


GRADIENT_ROWS = 16
"""Input channels per unit of the weight gradient: their products fit the second-level cache."""


@kernel
def _from_products(size, D, d, plane, d_row, taps, tap, channels, outputs, rows, vectors):
    """Transform ``rows`` x ``vectors`` summed products and add them to the taps."""
    line = lanes(D)
    for r in range(rows):
        for v in range(vectors):
            source, target = d + r * d_row + v * line, tap + r * outputs + v * line
            if size == 4:
                weight_gradient_tile_4(D, source, plane, taps, target, 3 * channels * outputs, channels * outputs)
            else:
                weight_gradient_tile_2(D, source, plane, taps, target, 3 * channels * outputs, channels * outputs)


@kernel(parallel=True)
def _weight_gradient(size, x, x_at, channels, g, g_at, outputs, images, height, width, block_tiles,
                     V, M, v_plane, m_plane, D, taps, threads):  # fmt: skip
    """Adds to ``taps`` [3][3][channels][outputs]; D is scratch, one (planes, 16, panel) block per thread."""
    line = lanes(x)
    planes = (size + 2) * (size + 2)
    tile_rows, tile_columns = (height + size - 1) // size, (width + size - 1) // size
    tiles = images * tile_rows * tile_columns
    panels = (outputs // line + WIDEST - 1) // WIDEST
    row_blocks = (channels + GRADIENT_ROWS - 1) // GRADIENT_ROWS
    units = row_blocks * panels
    blocks = (tiles + block_tiles - 1) // block_tiles
    d_row = WIDEST * line
    d_plane = GRADIENT_ROWS * d_row
    for step in range(2 * blocks):
        block = step // 2
        start, count = tiles * block // blocks, tiles * (block + 1) // blocks - tiles * block // blocks
        for thread in prange(threads):
            if step % 2 == 0:
                first, last = count * thread // threads, count * (thread + 1) // threads
                _to_planes(0, size, x, x_at, channels, V, first * channels, v_plane, start + first, start + last,
                           tile_rows, tile_columns)  # fmt: skip
                _to_planes(1, size, g, g_at, outputs, M, first * outputs, m_plane, start + first, start + last,
                           tile_rows, tile_columns)  # fmt: skip
            else:
                d = thread * planes * d_plane
                for unit in range(units * thread // threads, units * (thread + 1) // threads):
                    panel = unit // row_blocks
                    c = (unit - panel * row_blocks) * GRADIENT_ROWS
                    rows = min(GRADIENT_ROWS, channels - c)
                    column = panel * WIDEST * line
                    vectors = panel_vectors(outputs, panel, line)
                    for plane in range(planes):
                        outer_rows(False, vectors, rows, V, plane * v_plane + c, 0, channels, M,
                                   plane * m_plane + column, 0, outputs, 1, count, D, d + plane * d_plane, d_row)  # fmt: skip
                    _from_products(size, D, d, d_plane, d_row, taps, c * outputs + column, channels, outputs, rows, vectors)


@kernel(parallel=True)
def clear(target, size, threads):
    """Zero ``target[:size]``; ``size`` is a multiple of the vector."""
    line = lanes(target)
    for thread in prange(threads):
        zero = vzero(target)
        for i in range(size // line * thread // threads * line, size // line * (thread + 1) // threads * line, line):
            vstore(target, i, zero)


def _tile_count(size: int, images: int, height: int, width: int) -> int:
    return images * -(-height // size) * -(-width // size)


@dataclass(frozen=True)
class WinogradWeight:
    """Weights in Winograd's domain: ``planes`` is [plane][panel][channels][panel width], flat."""

    size: int
    channels: int
    outputs: int
    planes: Array


def transform_weight(taps: Array, size: int, into: WinogradWeight | None = None) -> WinogradWeight:
    """Transform taps (3, 3, channels, outputs), both multiples of the vector, for F(size, 3)."""
    _, _, channels, outputs = taps.shape
    if into is None:
        planes = aligned_zeros((size + 2) ** 2 * channels * outputs, taps.dtype)
        into = WinogradWeight(size, channels, outputs, planes)
    _transform_weight(size, taps.reshape(-1), channels, outputs, into.planes, thread_count())
    return into


def choose_size(height: int, width: int, accurate: bool) -> int:
    """Output tile: 4, or 2 for small maps and where the error must be like a direct sum's."""
    return 2 if accurate or height * width <= SMALL_MAP_PIXELS else 4


def _is_phased(weight: WinogradWeight, tiles: int, threads: int) -> bool:
    """Whether reading U once per block would cost more than V's and M's way through the shared cache."""
    return weight.planes.nbytes > 2 * PROCESSOR.level2_bytes and tiles // threads < PHASED_TILES_PER_THREAD


PHASED_TILES_PER_THREAD = 64


def convolve(
    source: Activation,
    weight: WinogradWeight,
    target: Activation,
    *,
    bias: Array | None = None,
    low: float = -np.inf,
    mask: Activation | None = None,
    padding: tuple[int, int] = (1, 1),
) -> None:
    """``target = max(low, source * weight + bias)``, or masked where ``mask`` is not positive.

    ``padding`` is the number of zero rows above and columns left of the source that the result uses;
    the target's height and width say how far it goes. Bias is filled up to ``weight.outputs``.
    ``mask`` must have the target's geometry.
    """
    dtype = source.buffer.dtype
    size, threads = weight.size, thread_count()
    _check_reach(source, target, size, padding)
    tiles = _tile_count(size, target.batch, target.height, target.width)
    planes = (size + 2) ** 2
    line = vector_lanes(dtype)
    per_tile = planes * (weight.channels + weight.outputs) * dtype.itemsize
    phased = _is_phased(weight, tiles, threads)
    budget = 12 * PROCESSOR.level2_bytes if phased else PROCESSOR.level2_bytes * 7 // 8
    block = min(max(6, budget // per_tile // 6 * 6), tiles if phased else max(6, -(-tiles // threads)))
    v_plane, m_plane = block * weight.channels + line, block * weight.outputs + line
    copies = 1 if phased else threads
    V = WORKSPACES.get("winograd inputs", copies * planes * v_plane, dtype)
    M = WORKSPACES.get("winograd products", copies * planes * m_plane, dtype)
    if mask is not None:
        extra = mask.flat
    else:
        extra = bias if bias is not None else _no_bias(weight.outputs, dtype)
    _convolve(size, phased, source.flat, source.strides(*padding), weight.channels, weight.planes, extra, dtype.type(low),
        int(mask is not None), target.flat, target.strides(), weight.outputs, target.batch, target.height, target.width,
        block, V, M, v_plane, m_plane, NO_TAP, threads)  # fmt: skip


def _check_reach(source: Activation, target: Activation, size: int, padding: tuple[int, int]) -> None:
    """The tiles of the target must lie inside the source's buffer: kernels do not look."""
    for axis, before, extent in ((1, padding[0], target.height), (2, padding[1], target.width)):
        start = (source.top if axis == 1 else source.left) - before
        if start < 0 or start + round_up(extent, size) + 2 > source.buffer.shape[axis]:
            raise ValueError(
                f"the source's border is too small for F({size}, 3): buffer {source.buffer.shape}, picture at "
                f"({source.top}, {source.left}), target {target.height} x {target.width}, padding {padding}; "
                "create it with the border that tile_border() returns"
            )


def tile_border(size: int, source: int, target: int, padding: int) -> tuple[int, int]:
    """Border before and after ``source`` rows that tiles covering ``target`` rows read.

    The part of it that :func:`buffers.new_activation` adds by rounding up to 4 is taken off.
    """
    return padding, max(0, round_up(target, size) + 2 - padding - round_up(source, 4))


def _no_bias(size: int, dtype: Any) -> Array:
    bias = WORKSPACES.get("no bias", size, dtype)
    bias[:size] = 0
    return bias


def weight_gradient(
    source: Activation,
    grad_output: Activation,
    taps: Array,
    *,
    size: int = 4,
    padding: tuple[int, int] = (1, 1),
) -> None:
    """Write the gradient of the taps (3, 3, channels, outputs) of a 3 x 3 convolution of ``source``."""
    dtype = source.buffer.dtype
    threads = thread_count()
    _, _, channels, outputs = taps.shape
    height, width = grad_output.height, grad_output.width
    tiles = _tile_count(size, source.batch, height, width)
    planes = (size + 2) ** 2
    per_tile = planes * (channels + outputs) * dtype.itemsize
    block = min(tiles, max(16, 10 * PROCESSOR.level2_bytes // per_tile))
    line = vector_lanes(dtype)
    v_plane, m_plane = block * channels + line, block * outputs + line
    V = WORKSPACES.get("winograd inputs", planes * v_plane, dtype)
    M = WORKSPACES.get("winograd products", planes * m_plane, dtype)
    D = WORKSPACES.get("winograd sums", threads * planes * GRADIENT_ROWS * WIDEST * line, dtype)
    clear(taps.reshape(-1), taps.size, threads)
    _weight_gradient(size, source.flat, source.strides(*padding), channels, grad_output.flat, grad_output.strides(),
                     outputs, source.batch, height, width, block, V, M, v_plane, m_plane, D, taps.reshape(-1), threads)  # fmt: skip
