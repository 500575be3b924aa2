"""Exact 3 x 3 convolution of 8-bit integers by Winograd's F(2, 3) in float32.

F(2, 3) computes ``Y = A^T [ (G g G^T) * (B^T d B) ] A`` (Lavin and Gray, "Fast Algorithms for Convolutional
Neural Networks", CVPR 2016, section 4.1). B and A hold 0, 1 and -1, and 2 G is integral; so with weights scaled
by four every product is an integer, every result four times the convolution, and nothing is ever rounded if the
sums fit (Meng and Brothers, "Efficient Winograd Convolution via Integer Arithmetic", 2019). They do:

* Transformed inputs: a row of B^T has two entries, so an entry of a plane sums four bytes, at most 512.
* Sums over channels: float32 is exact up to 2^24. The transformed weights tell over how many channels a sum may
  run in registers before it is added to an int32 (``integer_tiles``): :func:`exact_channels`.
* Outputs are added in int32, where overflow on the way does no harm if the end, four times the convolution, fits:
  up to ``MAX_CHANNELS`` channels.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .buffers import Activation, Array
from .compilation import kernel
from .integer_tiles import EXACT_FLOAT32, integer_rows
from .matrix import NO_TAP, WIDEST, panel_vectors
from .processor import thread_count
from .vector import lanes
from .winograd import check_reach, share_tiles, transform_weight
from .winograd_kernels import to_planes
from .winograd_schemes import F2, INPUT_MATRIX
from .winograd_transforms import integer_output_tile

SIZE = 2
"""Rows and columns of a tile of outputs."""

SCALE = 4
"""Makes the transformed weights integral."""

MAX_CHANNELS = (2**31 - 1) // (SCALE * 9 * 128 * 128)
"""Channels for which four times any output fits into 32 bits."""


def input_bounds() -> Array:
    """Largest magnitude that the transformed inputs of each plane may have, inputs being -128 to 127; (16,)."""
    factors = np.einsum("ia,jb->ijab", INPUT_MATRIX[F2], INPUT_MATRIX[F2]).reshape(16, -1)
    plus, minus = factors.clip(min=0).sum(1), -factors.clip(max=0).sum(1)
    return np.maximum(128 * plus + 127 * minus, 127 * plus + 128 * minus)


def exact_channels(magnitudes: Array) -> int:
    """Channels over which a sum may run in float32.

    Parameters
    ----------
    magnitudes : (planes, channels, outputs), of the transformed weights.

    Returns
    -------
    length : such that for every plane and output, and channels ``first`` to ``first + length`` with ``first`` a
        multiple of it, no inputs give a sum beyond 2^24. Parts are about equally long.
    """
    worst = magnitudes * input_bounds()[:, None, None]
    channels = worst.shape[1]
    fewest = int(-(-worst.sum(1).max() // EXACT_FLOAT32))
    for count in range(max(1, fewest), channels + 1):
        length = -(-channels // count)
        if np.add.reduceat(worst, np.arange(0, channels, length), axis=1).max() <= EXACT_FLOAT32:
            return length
    raise ValueError("transformed weights of one channel exceed what float32 holds: they are not of 8-bit weights")


@kernel
def _multiply_planes(first, last, V, v, v_plane, tiles, channels, most, U, M, m, m_plane, outputs, no_tap):
    """Products number ``first`` to ``last`` of all (plane, panel) pairs, as integers."""
    line = lanes(V)
    panels = (outputs // line + WIDEST - 1) // WIDEST
    for item in range(first, last):
        plane = item // panels
        panel = item - plane * panels
        column = panel * WIDEST * line
        vectors = panel_vectors(outputs, panel, line)
        here = plane * channels * outputs + column * channels
        following = here + vectors * line * channels if item + 1 < last else here
        integer_rows(vectors, V, v + plane * v_plane, channels, tiles, no_tap, 1, channels, most, U, here,
                     vectors * line, M, m + plane * m_plane + column, outputs, U, following)  # fmt: skip


@kernel
def _from_planes(M, m, plane, y, outputs, first, last, height, width, tile_rows, tile_columns):
    """Transform tiles ``first`` to ``last`` back and write them to y (images, height, width, outputs)."""
    line = lanes(y)
    for tile in range(first, last):
        image = tile // (tile_rows * tile_columns)
        inside = tile - image * tile_rows * tile_columns
        r = inside // tile_columns
        s = inside - r * tile_columns
        target = ((image * height + r * SIZE) * width + s * SIZE) * outputs
        source = m + (tile - first) * outputs
        for k in range(0, outputs, line):
            integer_output_tile(M, source + k, plane, y, target + k, width * outputs, outputs, height - r * SIZE,
                                width - s * SIZE)  # fmt: skip


@kernel(parallel=True)
def _convolve(phased, x, x_at, channels, most, U, y, outputs, images, height, width, block_tiles, V, M, v_plane,
              m_plane, no_tap, threads):  # fmt: skip
    """The whole convolution, in the orders that ``winograd`` explains."""
    tile_rows, tile_columns = (height + SIZE - 1) // SIZE, (width + SIZE - 1) // SIZE
    tiles = images * tile_rows * tile_columns
    products = 16 * ((outputs // lanes(x) + WIDEST - 1) // WIDEST)
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
                v, m = thread * 16 * v_plane, thread * 16 * m_plane
            for block in range(first_block, last_block):
                start, end = tiles * block // blocks, tiles * (block + 1) // blocks
                count = end - start
                first, last = 0, count
                if phased:
                    first, last = count * thread // threads, count * (thread + 1) // threads
                if phase <= 0:
                    to_planes(F2, x, x_at, channels, V, v + first * channels, v_plane, start + first,
                              start + last, tile_rows, tile_columns)  # fmt: skip
                if (phase == 1 or phase < 0) and count > 0:
                    _multiply_planes(first_product, last_product, V, v, v_plane, count, channels, most, U, M, m,
                                     m_plane, outputs, no_tap)  # fmt: skip
                if phase == 2 or phase < 0:
                    _from_planes(M, m + first * outputs, m_plane, y, outputs, start + first, start + last, height,
                                 width, tile_rows, tile_columns)  # fmt: skip


class TileSums:
    """A convolution prepared for one weight.

    Parameters
    ----------
    taps : (3, 3, channels, outputs) float32 that hold 8-bit integers, both counts multiples of the vector and
        at most ``MAX_CHANNELS`` channels other than zeros.
    padding : rows of zeros above and columns left of the source.

    Attributes
    ----------
    channels_at_once : over how many a sum runs in float32.
    """

    def __init__(self, taps: Array, padding: tuple[int, int]) -> None:
        self._weight = transform_weight(taps * np.float32(SCALE), F2)
        self._padding = padding
        self.channels_at_once = exact_channels(np.abs(self.planes()))

    def planes(self) -> Array:
        """The transformed weights, four times ``G g G^T``; a copy (16, channels, outputs)."""
        channels, outputs = self._weight.channels, self._weight.outputs
        flat, width = self._weight.planes.reshape(16, -1), WIDEST * 16
        panels = [
            flat[:, first * channels : min(first + width, outputs) * channels].reshape(16, channels, -1)
            for first in range(0, outputs, width)
        ]
        return np.concatenate(panels, axis=2)

    def run(self, source: Activation, result: Array) -> None:
        """Write the convolution of ``source`` to ``result`` (N, H', W', outputs), int32."""
        batch, height, width, outputs = result.shape
        check_reach(source, height, width, F2, self._padding)
        weight = self._weight
        work = share_tiles(weight, batch, height, width, np.float32, np.int32)
        _convolve(work.phased, source.flat, source.strides(*self._padding), weight.channels, self.channels_at_once,
                  weight.planes, result.reshape(-1), outputs, batch, height, width, work.block, work.V, work.M,
                  work.v_plane, work.m_plane, NO_TAP, thread_count())  # fmt: skip
