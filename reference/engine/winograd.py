"""Convolutions by Winograd's algorithm: forward, input gradient and weight gradient.

3 x 3 kernels with stride 1 or 2 and 5 x 5 kernels, by the schemes of ``winograd_schemes``. The picture is cut into
tiles of m x m outputs (for 3 x 3 and stride 1 m = 4, or 2 for small maps and for accuracy; else 2). Tiles of
the input are transformed into *planes*; in each plane the convolution is a plain matrix product
over channels, ``M[plane] = V[plane] @ U[plane]``; then tiles are transformed back.

Two ways to order the work, because the planes must not travel to memory and back:

* *fused*: every thread takes a block of tiles small enough that its V and M stay in the second-level
  cache, and does all three steps. U is read once per block, so this suits small U and many tiles.
* *phased*: all threads transform, then share out the (plane, panel) products, then transform back. U is
  read once, which suits many channels and few tiles.

The gradient with respect to the input is the same convolution with rotated, transposed weights; with stride 2 it
has a scheme of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .buffers import WORKSPACES, Activation, Array, aligned_zeros, round_up, vector_lanes
from .matrix import NO_TAP, WIDEST
from .processor import PROCESSOR, thread_count
from .winograd_kernels import (
    GRADIENT_ROWS,
    add_parts,
    clear,
    convolve_tiles,
    sum_tile_gradients,
    transform_taps,
)
from .winograd_schemes import F2, F4, Scheme


def _tile_count(scheme: Scheme, images: int, height: int, width: int) -> int:
    return images * scheme.tiles(height) * scheme.tiles(width)


@dataclass(frozen=True)
class WinogradWeight:
    """Weights in Winograd's domain: ``planes`` is [plane][panel][channels][panel width], flat."""

    scheme: Scheme
    channels: int
    outputs: int
    planes: Array


def transform_weight(taps: Array, scheme: Scheme, into: WinogradWeight | None = None) -> WinogradWeight:
    """Transform taps (rows, columns, channels, outputs), the last two multiples of the vector."""
    _, _, channels, outputs = taps.shape
    if into is None:
        planes = aligned_zeros(scheme.planes * channels * outputs, taps.dtype)
        into = WinogradWeight(scheme, channels, outputs, planes)
    transform_taps(scheme, taps.reshape(-1), channels, outputs, into.planes, thread_count())
    return into


def choose_scheme(height: int, width: int, accurate: bool) -> Scheme:
    """For 3 x 3 and stride 1 the one with fewer multiplications, or F(2, 3) where the error must be a direct sum's.

    On small maps much of a large tile hangs over the edge.
    """
    small, large = (multiplications(scheme, height, width) for scheme in (F2, F4))
    return F2 if accurate or small <= large else F4


def multiplications(scheme: Scheme, height: int, width: int) -> int:
    """Multiplications of one pair of channels for ``height`` x ``width`` results, ragged tiles included."""
    return scheme.planes * _tile_count(scheme, 1, height, width)


MIN_TILES_PER_PASS = 18
"""Tiles that one pass over U must serve, so that reading it takes no longer than multiplying by it."""


def _fused_block(weight: WinogradWeight, per_tile: int) -> int:
    """Tiles whose V and M stay in the second-level cache, beside U where it is small."""
    budget = PROCESSOR.level2_bytes * 7 // 8
    if weight.planes.nbytes < budget // 2:
        budget -= weight.planes.nbytes
    return max(6, budget // per_tile // 6 * 6)


class TileWork(NamedTuple):
    """How the tiles of a picture are shared out, and scratch for their planes."""

    phased: bool
    block: int
    V: Array
    M: Array
    v_plane: int
    m_plane: int


def share_tiles(
    weight: WinogradWeight, images: int, height: int, width: int, values: Any, products: Any
) -> TileWork:
    """Choose between fused and phased and the tiles of a block; ``values``, ``products``: types of V and M."""
    threads, planes, line = thread_count(), weight.scheme.planes, vector_lanes(values)
    tiles = _tile_count(weight.scheme, images, height, width)
    per_tile = planes * (weight.channels + weight.outputs) * np.dtype(values).itemsize
    block = min(_fused_block(weight, per_tile), max(6, -(-tiles // threads)))
    phased = weight.planes.nbytes > PROCESSOR.level2_bytes and block < MIN_TILES_PER_PASS
    if phased:
        block = min(max(6, 6 * PROCESSOR.level2_bytes // per_tile // 6 * 6), tiles)
    v_plane, m_plane = block * weight.channels + line, block * weight.outputs + line
    copies = 1 if phased else threads
    V = WORKSPACES.get("winograd inputs", copies * planes * v_plane, values)
    M = WORKSPACES.get("winograd products", copies * planes * m_plane, products)
    return TileWork(phased, block, V, M, v_plane, m_plane)


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
    check_reach(source, target.height, target.width, weight.scheme, padding)
    work = share_tiles(weight, target.batch, target.height, target.width, dtype, dtype)
    if mask is not None:
        extra = mask.flat
    else:
        extra = bias if bias is not None else _no_bias(weight.outputs, dtype)
    convolve_tiles(
        weight.scheme,
        work.phased,
        source.flat,
        source.strides(*padding),
        weight.channels,
        weight.planes,
        extra,
        dtype.type(low),
        int(mask is not None),
        target.flat,
        target.strides(),
        weight.outputs,
        target.batch,
        target.height,
        target.width,
        work.block,
        work.V,
        work.M,
        work.v_plane,
        work.m_plane,
        NO_TAP,
        thread_count(),
    )


def check_reach(source: Activation, height: int, width: int, scheme: Scheme, padding: tuple[int, int]) -> None:
    """The tiles of ``height`` x ``width`` outputs must lie inside the source's buffer: kernels do not look."""
    for axis, before, extent in ((1, padding[0], height), (2, padding[1], width)):
        start = (source.top if axis == 1 else source.left) - before
        if start < 0 or start + scheme.reach(extent) > source.buffer.shape[axis]:
            raise ValueError(
                f"the source's border is too small for Winograd's tiles of {scheme.writes} outputs: buffer "
                f"{source.buffer.shape}, picture at ({source.top}, {source.left}), target {height} x {width}, "
                f"padding {padding}; create it with the border that tile_border() returns"
            )


def tile_border(scheme: Scheme, source: int, target: int, padding: int) -> tuple[int, int]:
    """Border before and after ``source`` rows that tiles covering ``target`` rows read.

    The part of it that :func:`buffers.new_activation` adds by rounding up to 4 is taken off.
    """
    return padding, max(0, scheme.reach(target) - padding - round_up(source, 4))


def _no_bias(size: int, dtype: Any) -> Array:
    bias = WORKSPACES.get("no bias", size, dtype)
    bias[:size] = 0
    return bias


GRADIENT_TILES = 28
"""Tiles that one transform of a gradient's sums must serve, so that it takes less time than making them."""


def weight_gradient(
    source: Activation,
    grad_output: Activation,
    taps: Array,
    *,
    scheme: Scheme = F4,
    padding: tuple[int, int] = (1, 1),
) -> None:
    """Write the gradient of the taps (rows, columns, channels, outputs) of a convolution of ``source``.

    Fused, every thread has taps of its own, which are added up at the end; with many channels these and the tiles
    are too large for its cache, and threads share the tiles and take parts of the taps.
    """
    dtype = source.buffer.dtype
    threads = thread_count()
    _, _, channels, outputs = taps.shape
    height, width = grad_output.height, grad_output.width
    tiles = _tile_count(scheme, source.batch, height, width)
    planes = scheme.planes
    per_tile = planes * (channels + outputs) * dtype.itemsize
    fused = GRADIENT_TILES * per_tile <= PROCESSOR.level2_bytes and tiles >= GRADIENT_TILES * threads
    budget = PROCESSOR.level2_bytes // 2 if fused else 2 * threads * PROCESSOR.level2_bytes
    block = max(GRADIENT_TILES, budget // per_tile)
    block = min(tiles, block)
    line = vector_lanes(dtype)
    copies = threads if fused else 1
    v_plane, m_plane = block * channels + line, block * outputs + line
    V = WORKSPACES.get("winograd inputs", copies * planes * v_plane, dtype)
    M = WORKSPACES.get("winograd products", copies * planes * m_plane, dtype)
    D = WORKSPACES.get("winograd sums", threads * planes * GRADIENT_ROWS * WIDEST * line, dtype)
    sums = WORKSPACES.get("winograd taps", threads * taps.size, dtype) if copies > 1 else taps.reshape(-1)
    clear(sums, copies * taps.size, threads)
    check_reach(source, height, width, scheme, padding)
    sum_tile_gradients(
        scheme,
        fused,
        source.flat,
        source.strides(*padding),
        channels,
        grad_output.flat,
        grad_output.strides(),
        outputs,
        source.batch,
        height,
        width,
        block,
        V,
        M,
        v_plane,
        m_plane,
        D,
        sums,
        threads,
    )
    if copies > 1:
        add_parts(sums, threads, taps.reshape(-1), taps.size, threads)
