"""Exact convolution and linear layers of 8-bit integers, summed in 32 bits.

With AVX-512 VNNI the processor does it directly (``integer_tiles``). Elsewhere float32 does it, as exactly:
a product is at most 128 * 128 = 2^14, so sums of up to 2^10 products stay below 2^24, where float32 still
holds every integer; longer sums are cut into such blocks and added as int32.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numba import prange

from .buffers import Array, aligned_zeros, new_activation, round_up
from .compilation import kernel
from .convolution import Convolution
from .direct import merge_taps
from .geometry import Padding, Pair, Window, window_of
from .integer_tiles import GROUP, HAS_VNNI, TILE_ROWS, byte_tile_1, byte_tile_2, byte_tile_3, byte_tile_4
from .processor import thread_count

EXACT_FLOAT32_TERMS = 1 << 10
"""Products of two 8-bit integers that float32 sums exactly, in any order."""

LANES = 16
OFFSET = 128
MAX_TERMS = (2**31 - 1) // (255 * 128)
"""Longest sum that cannot overflow 32 bits, offset included."""


@kernel(parallel=True)
def _convolve(x, x_image, x_row, x_column, taps, groups, B, starts, y, outputs, images, rows, columns, threads):
    """y (images, rows, columns, outputs) int32 from shifted bytes."""
    panels = (outputs // LANES + 3) // 4
    all_rows = images * rows
    for thread in prange(threads):
        # Panels outside, so that a panel's weights stay in cache while the thread's rows pass.
        for panel in range(panels):
            column = panel * 4 * LANES
            vectors = min(4, outputs // LANES - panel * 4)
            b = column * len(taps) * groups * GROUP
            for r in range(all_rows * thread // threads, all_rows * (thread + 1) // threads):
                n = r // rows
                source = n * x_image + (r - n * rows) * x_row
                target = r * columns * outputs + column
                done = 0
                while done < columns:
                    left = columns - done
                    tiles = (left + TILE_ROWS - 1) // TILE_ROWS
                    m = (left + tiles - 1) // tiles
                    a, c = source + done * x_column, target + done * outputs
                    if vectors == 4:
                        byte_tile_4(m, x, a, x_column, taps, len(taps), groups, B, b, starts, column, y, c, outputs)
                    elif vectors == 3:
                        byte_tile_3(m, x, a, x_column, taps, len(taps), groups, B, b, starts, column, y, c, outputs)
                    elif vectors == 2:
                        byte_tile_2(m, x, a, x_column, taps, len(taps), groups, B, b, starts, column, y, c, outputs)
                    else:
                        byte_tile_1(m, x, a, x_column, taps, len(taps), groups, B, b, starts, column, y, c, outputs)
                    done += m


@kernel(parallel=True)
def _add_integers(values, at, y, images, rows, columns, outputs, first, threads):
    """y (+)= the integers that ``values`` holds as float32."""
    for thread in prange(threads):
        for r in range(images * rows * thread // threads, images * rows * (thread + 1) // threads):
            n = r // rows
            for w in range(columns):
                source = at.origin + n * at.image + (r - n * rows) * at.row + w * at.pixel
                target = (r * columns + w) * outputs
                for k in range(outputs):
                    if first:
                        y[target + k] = np.int32(values[source + k])
                    else:
                        y[target + k] += np.int32(values[source + k])


def _check_bytes(*arrays: Array) -> None:
    for array in arrays:
        if array.dtype != np.int8:
            raise TypeError(f"inputs and weight must be int8, got {array.dtype}")


class IntegerConvolution:
    """An int8 convolution prepared for one geometry and weight.

    Parameters
    ----------
    window : geometry.
    weight : (outputs, channels, rows, columns), int8.
    use_vnni : None for what the processor has; False forces the float32 blocks.

    Attributes
    ----------
    method : "vnni" or "float32".
    """

    def __init__(self, window: Window, weight: Array, use_vnni: bool | None = None) -> None:
        _check_bytes(weight)
        outputs, channels, rows, columns = weight.shape
        if (channels, (rows, columns)) != (window.channels, window.kernel):
            raise ValueError(f"weight must be (outputs, {window.channels}, *{window.kernel}), got {weight.shape}")
        if channels * rows * columns > MAX_TERMS:
            raise ValueError(
                f"sums of {channels * rows * columns} products may overflow 32 bits; at most {MAX_TERMS} fit"
            )
        self.window, self.outputs = window, outputs
        self.method = "vnni" if (HAS_VNNI if use_vnni is None else use_vnni) else "float32"
        self._filled_outputs = round_up(outputs, LANES)
        sizes = (window.batch, window.out_height, window.out_width)
        self._result = aligned_zeros((*sizes, self._filled_outputs), np.int32)
        if self.method == "vnni":
            self._prepare_bytes(weight)
        else:
            self._prepare_floats(weight)

    def _prepare_bytes(self, weight: Array) -> None:
        window = self.window
        filled = round_up(window.channels, GROUP)
        top, bottom, left, right = window.padding
        shape = (window.batch, window.height + top + bottom, window.width + left + right, filled)
        # Zero is stored as 128, in the border too.
        self._bytes = aligned_zeros(shape, np.uint8)
        self._bytes[...] = OFFSET
        kernel_rows, kernel_columns = window.kernel
        positions = [
            (i * window.dilation[0], j * window.dilation[1])
            for i in range(kernel_rows)
            for j in range(kernel_columns)
        ]
        self._taps, depth = merge_taps(positions, shape[2] * filled, filled, filled)
        self._groups = depth // GROUP
        taps = np.zeros((kernel_rows * kernel_columns, filled, self._filled_outputs), np.int8)
        taps[:, : window.channels, : self.outputs] = weight.transpose(2, 3, 1, 0).reshape(
            -1, window.channels, self.outputs
        )
        # [step][4 channels][outputs] to panels of up to 64 outputs: [panel][step][vector][16 outputs][4 channels]
        steps = taps.reshape(-1, GROUP, self._filled_outputs)
        panels = [
            steps[:, :, first : first + 4 * LANES]
            .reshape(len(steps), GROUP, -1, LANES)
            .transpose(0, 2, 3, 1)
            .ravel()
            for first in range(0, self._filled_outputs, 4 * LANES)
        ]
        self._panels = aligned_zeros(taps.size, np.int8)
        self._panels[:] = np.concatenate(panels)
        self._starts = aligned_zeros(self._filled_outputs, np.int32)
        self._starts[: self.outputs] = -OFFSET * weight.astype(np.int32).sum((1, 2, 3))

    def _prepare_floats(self, weight: Array) -> None:
        window = self.window
        share = max(1, EXACT_FLOAT32_TERMS // (window.kernel[0] * window.kernel[1]))
        count = -(-window.channels // share)
        edges = [window.channels * i // count for i in range(count + 1)]
        if window.kernel[0] * window.kernel[1] > EXACT_FLOAT32_TERMS:
            raise ValueError(
                f"kernels of more than {EXACT_FLOAT32_TERMS} positions are not supported, got {window.kernel}"
            )
        self._parts = []
        for first, last in itertools.pairwise(edges):
            part = Window(window.batch, last - first, window.height, window.width, window.kernel, window.stride,
                          window.padding, window.dilation)  # fmt: skip
            convolution = Convolution(part, self.outputs, np.float32, exact=True, filled=False)
            convolution.set_weight(weight[:, first:last].astype(np.float32))
            self._parts.append((first, last, convolution, convolution.new_source()))
        self._floats = new_activation(
            window.batch, window.out_height, window.out_width, self.outputs, border=(0, 0, 0, 0)
        )

    def load(self, inputs: Array) -> None:
        """Take the inputs (N, H, W, C), int8."""
        _check_bytes(inputs)
        window = self.window
        if self.method == "vnni":
            top, left = window.padding[0], window.padding[2]
            inside = self._bytes[:, top : top + window.height, left : left + window.width, : window.channels]
            # Adding 128 modulo 256 is flipping the top bit.
            np.bitwise_xor(inputs.view(np.uint8), np.uint8(OFFSET), out=inside)
        else:
            for first, last, _, source in self._parts:
                source.interior[...] = inputs[..., first:last]

    def run(self) -> Array:
        """The result (N, H', W', filled outputs), int32; valid until the next run."""
        window, threads = self.window, thread_count()
        sizes = (window.batch, window.out_height, window.out_width)
        result = self._result.reshape(-1)
        if self.method == "vnni":
            _, rows, columns, filled = self._bytes.shape
            _convolve(self._bytes.reshape(-1), rows * columns * filled, columns * filled * window.stride[0],
                      filled * window.stride[1], self._taps, self._groups, self._panels, self._starts, result,
                      self._filled_outputs, *sizes, threads)  # fmt: skip
        else:
            for number, (_, _, convolution, source) in enumerate(self._parts):
                convolution.forward(source, self._floats)
                _add_integers(
                    self._floats.flat,
                    self._floats.strides(),
                    result,
                    *sizes,
                    self._filled_outputs,
                    number == 0,
                    threads,
                )
        return self._result


def conv2d_int8(
    inputs: Array,
    weight: Array,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    layout: str = "NCHW",
    use_vnni: bool | None = None,
) -> Array:
    """Exact convolution of int8 inputs with int8 weight (outputs, C, rows, columns); a fresh int32 array."""
    _check_bytes(inputs, weight)
    window = window_of(inputs.shape, weight.shape[2:], stride, padding, dilation, layout)
    plan = IntegerConvolution(window, weight, use_vnni)
    plan.load(np.ascontiguousarray(inputs if layout == "NHWC" else inputs.transpose(0, 2, 3, 1)))
    result: Any = plan.run()[..., : plan.outputs]
    return np.ascontiguousarray(result if layout == "NHWC" else result.transpose(0, 3, 1, 2))


def linear_int8(inputs: Array, weight: Array, use_vnni: bool | None = None) -> Array:
    """Exact ``inputs @ weight.T`` of int8 (N, inputs) and (outputs, inputs); a fresh int32 (N, outputs)."""
    _check_bytes(inputs, weight)
    if inputs.shape[1] != weight.shape[1]:
        raise ValueError(f"weight must be (outputs, {inputs.shape[1]}), got {weight.shape}")
    # A linear layer is a 1 x 1 convolution of one row of samples.
    return conv2d_int8(inputs[None, None], weight[:, :, None, None], layout="NHWC", use_vnni=use_vnni)[0, 0]
