"""Exact 8-bit convolution in float32, for processors without instructions for bytes.

3 x 3 layers with enough channels are summed in Winograd's domain (``integer_winograd``). All others are summed as
they are defined: a product of two bytes is at most 128 * 128 = 2^14, so float32 holds the sum of 2^10 of them
whatever the bytes are, and longer sums are sums in int32 of such parts (``integer_tiles``).
"""

from __future__ import annotations

import numpy as np
from numba import prange

from . import im2col
from .buffers import WORKSPACES, Activation, Array
from .compilation import kernel
from .convolution import Convolution, choose_algorithm
from .direct import forward_sum, share_rows
from .geometry import Window
from .integer_tiles import EXACT_FLOAT32, integer_rows
from .integer_winograd import MAX_CHANNELS, TileSums
from .matrix import WIDEST, panel_vectors
from .processor import thread_count
from .vector import lanes

EXACT_TERMS = EXACT_FLOAT32 // (128 * 128)
"""Products of two bytes whose sum float32 always holds."""


@kernel(parallel=True)
def _sum_rows(x, x_at, x_row, x_column, taps, depth, most, B, y, outputs, images, rows, columns, row_block,
              panels_first, threads):  # fmt: skip
    """y (images, rows, columns, outputs) as int32; the order of work is that of ``direct``."""
    line = lanes(x)
    panels = (outputs // line + WIDEST - 1) // WIDEST
    all_rows = images * rows
    blocks = (all_rows + row_block - 1) // row_block
    work = blocks * panels
    for thread in prange(threads):
        for item in range(work * thread // threads, work * (thread + 1) // threads):
            if panels_first:
                block = item // panels
                panel = item - block * panels
            else:
                panel = item // blocks
                block = item - panel * blocks
            column = panel * WIDEST * line
            vectors = panel_vectors(outputs, panel, line)
            b = column * len(taps) * depth
            for r in range(all_rows * block // blocks, all_rows * (block + 1) // blocks):
                n = r // rows
                source = x_at.origin + n * x_at.image + (r - n * rows) * x_row
                integer_rows(vectors, x, source, x_column, columns, taps, len(taps), depth, most, B, b,
                             vectors * line, y, r * columns * outputs + column, outputs, B, b)  # fmt: skip


class FloatConvolution:
    """An int8 convolution prepared for one geometry and weight; see :class:`integer.IntegerConvolution`.

    Attributes
    ----------
    algorithm : ``"winograd_f2"``, ``"direct"`` or ``"gemm"``.
    """

    def __init__(self, window: Window, weight: Array) -> None:
        outputs, channels = weight.shape[:2]
        self.algorithm = choose_algorithm(window, outputs, accurate=True)
        if self.algorithm == "winograd_strided" or (self.algorithm == "winograd_f2" and channels > MAX_CHANNELS):
            self.algorithm = "direct"
        layer = Convolution(window, outputs, np.float32, algorithm=self.algorithm, filled=False)
        layer.set_weight(weight.astype(np.float32))
        self._window = window
        self._source = layer.new_source()
        self._shape = (window.batch, window.out_height, window.out_width, layer.filled_outputs)
        self._tiles: TileSums | None = None
        if self.algorithm == "winograd_f2":
            self._tiles = TileSums(layer.taps, (window.padding[0], window.padding[2]))
        elif self.algorithm == "gemm":
            row, source = self._gathered()
            self._rows = forward_sum(row, layer.taps.reshape(1, 1, -1, layer.filled_outputs), source)
        else:
            self._rows = forward_sum(window, layer.taps, self._source)

    def _gathered(self) -> tuple[Window, Activation]:
        """All windows as pixels of one row: then the layer is a 1 x 1 convolution."""
        matrix, pixels, length = im2col.gather(self._window, self._source, self._source.pixel)
        buffer = matrix[: pixels * length].reshape(1, 1, pixels, length)
        return Window(1, length, 1, pixels, (1, 1), (1, 1), (0, 0, 0, 0)), Activation(
            buffer, 0, 0, 1, pixels, length
        )

    def load(self, inputs: Array) -> None:
        """Take the inputs (N, H, W, C), int8."""
        self._source.interior[...] = inputs

    def run(self) -> Array:
        """The result (N, H', W', filled outputs), int32; valid until the next run of any."""
        result = WORKSPACES.shaped("integer sums", self._shape, np.int32)
        if self._tiles is not None:
            self._tiles.run(self._source, result)
            return result
        source = self._gathered()[1] if self.algorithm == "gemm" else self._source
        plan = self._rows
        at = source.strides(plan.up, plan.left)
        _sum_rows(source.flat, at, at.row * plan.step[0], at.pixel * plan.step[1], plan.offsets, plan.depth,
                  EXACT_TERMS, plan.panels, result.reshape(-1), plan.outputs, source.batch, plan.rows, plan.columns,
                  *share_rows(plan, source), thread_count())  # fmt: skip
        return result
