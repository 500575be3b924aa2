"""Register tile of 8-bit products summed in 32 bits, for processors with AVX-512 VNNI.

``vpdpbusd`` multiplies 64 unsigned by 64 signed bytes and adds each group of four products to one of 16
32-bit sums: four times the work of a float32 multiply-add per instruction, and exact. Its first factor is
unsigned, so inputs are stored as ``x + 128`` and every sum starts at ``-128 * sum(weights)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from .buffers import WORKSPACES, Array, aligned_zeros, round_up
from .compilation import kernel
from .direct import merge_taps
from .geometry import Window
from .processor import PROCESSOR, thread_count
from .vector import INDEX, index

HAS_VNNI = PROCESSOR.instruction_set == "avx512" and "avx512vnni" in PROCESSOR.features

GROUP = 4
"""Channels that one 32-bit sum takes per step."""

TILE_ROWS = 6
LANES = 16
OFFSET = 128

_BYTE = ir.IntType(8).as_pointer()
_INT32 = ir.IntType(32)
_SUMS = ir.VectorType(_INT32, 16)


def _data(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return cgutils.create_struct_proxy(array_type)(context, builder, value=array).data


def _broadcast(builder: Any, scalar: Any) -> Any:
    undefined = ir.Constant(_SUMS, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INT32, 16), [0] * 16))


def make_byte_tile(vectors: int) -> Any:
    """Intrinsic ``tile(rows, A, a, row, taps, tap_count, groups, B, b, S, s, C, c, c_row)``.

    ``C[m, :] = S[s..] + sum_{t, k} A[a + m*row + taps[t] + 4k ..+4] . B[b + (t*groups + k) * 64 * vectors ..]``
    with A uint8, B int8 (four channels of each of 16 outputs per vector), S and C int32.
    """

    @intrinsic
    def tile(
        typing_context: Any, rows: Any, A: Any, a: Any, row: Any, taps: Any, tap_count: Any, groups: Any, B: Any,
        b: Any, S: Any, s: Any, C: Any, c: Any, c_row: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows, A, a, row, taps, tap_count, groups, B, b, S, s, C, c, c_row = arguments
            types_of = signature.args

            def pointer(position: int, array: Any, offset: Any) -> Any:
                return builder.gep(_data(context, builder, types_of[position], array), [offset])

            a_start = builder.bitcast(pointer(1, A, a), _BYTE)
            b_start = builder.bitcast(pointer(7, B, b), _BYTE)
            tap_start = _data(context, builder, types_of[4], taps)
            multiply = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(_SUMS, [_SUMS] * 3), "llvm.x86.avx512.vpdpbusd.512"
            )

            def vector_at(address: Any) -> Any:
                return builder.bitcast(address, _SUMS.as_pointer())

            def body(count: int) -> None:
                sums = [[cgutils.alloca_once(builder, _SUMS) for _ in range(vectors)] for _ in range(count)]
                for v in range(vectors):
                    start = builder.load(vector_at(pointer(9, S, builder.add(s, index(16 * v)))), align=4)
                    for m in range(count):
                        builder.store(start, sums[m][v])
                b_slot = cgutils.alloca_once_value(builder, b_start)
                with cgutils.for_range(builder, tap_count, intp=INDEX) as tap:
                    a_tap = builder.gep(a_start, [builder.load(builder.gep(tap_start, [tap.index]))])
                    a_rows = [builder.gep(a_tap, [builder.mul(index(m), row)]) for m in range(count)]
                    with cgutils.for_range(builder, groups, intp=INDEX) as k:
                        b_now = builder.load(b_slot)
                        columns = [
                            builder.load(vector_at(builder.gep(b_now, [index(64 * v)])), align=1)
                            for v in range(vectors)
                        ]
                        offset = builder.mul(k.index, index(GROUP))
                        for m in range(count):
                            address = builder.bitcast(builder.gep(a_rows[m], [offset]), _INT32.as_pointer())
                            factor = _broadcast(builder, builder.load(address, align=1))
                            for v in range(vectors):
                                total = builder.call(multiply, [builder.load(sums[m][v]), factor, columns[v]])
                                builder.store(total, sums[m][v])
                        builder.store(builder.gep(b_now, [index(64 * vectors)]), b_slot)
                for m in range(count):
                    for v in range(vectors):
                        place = builder.add(builder.add(c, builder.mul(index(m), c_row)), index(16 * v))
                        builder.store(builder.load(sums[m][v]), vector_at(pointer(11, C, place)), align=4)

            done = builder.append_basic_block("tile.done")
            switch = builder.switch(rows, done)
            for count in range(1, TILE_ROWS + 1):
                block = builder.append_basic_block(f"tile.rows{count}")
                switch.add_case(index(count), block)
                builder.position_at_end(block)
                body(count)
                builder.branch(done)
            builder.position_at_end(done)
            return context.get_dummy_value()

        n = types.intp
        return types.void(n, A, n, n, taps, n, n, B, n, S, n, C, n, n), emit

    return tile


byte_tile_1, byte_tile_2, byte_tile_3, byte_tile_4 = (make_byte_tile(vectors) for vectors in (1, 2, 3, 4))


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


class VectorConvolution:
    """An int8 convolution prepared for one geometry and weight; see :class:`integer.IntegerConvolution`."""

    def __init__(self, window: Window, weight: Array) -> None:
        self._window = window
        outputs = weight.shape[0]
        filled = round_up(window.channels, GROUP)
        self._filled_outputs = round_up(outputs, LANES)
        top, bottom, left, right = window.padding
        shape = (window.batch, window.height + top + bottom, window.width + left + right, filled)
        # Zero is stored as 128, in the border too.
        self._bytes = aligned_zeros(shape, np.uint8)
        self._bytes[...] = OFFSET
        self._inside = self._bytes[:, top : top + window.height, left : left + window.width, : window.channels]
        kernel_rows, kernel_columns = window.kernel
        positions = [
            (i * window.dilation[0], j * window.dilation[1])
            for i in range(kernel_rows)
            for j in range(kernel_columns)
        ]
        self._taps, depth = merge_taps(positions, shape[2] * filled, filled, filled)
        self._groups = depth // GROUP
        self._panels = self._packed(weight, filled)
        self._starts = aligned_zeros(self._filled_outputs, np.int32)
        self._starts[:outputs] = -OFFSET * weight.astype(np.int32).sum((1, 2, 3))
        sizes = (window.batch, window.out_height, window.out_width)
        self._shape = (*sizes, self._filled_outputs)

    def _packed(self, weight: Array, filled: int) -> Array:
        """Panels of up to 64 outputs: [panel][step][vector][16 outputs][4 channels]."""
        outputs, channels, rows, columns = weight.shape
        taps = np.zeros((rows * columns, filled, self._filled_outputs), np.int8)
        taps[:, :channels, :outputs] = weight.transpose(2, 3, 1, 0).reshape(-1, channels, outputs)
        steps = taps.reshape(-1, GROUP, self._filled_outputs)
        panels = [
            steps[:, :, first : first + 4 * LANES]
            .reshape(len(steps), GROUP, -1, LANES)
            .transpose(0, 2, 3, 1)
            .ravel()
            for first in range(0, self._filled_outputs, 4 * LANES)
        ]
        packed = aligned_zeros(taps.size, np.int8)
        packed[:] = np.concatenate(panels)
        return packed

    def load(self, inputs: Array) -> None:
        """Take the inputs (N, H, W, C), int8."""
        # Adding 128 modulo 256 is flipping the top bit.
        np.bitwise_xor(inputs.view(np.uint8), np.uint8(OFFSET), out=self._inside)

    def run(self) -> Array:
        """The result (N, H', W', filled outputs), int32; valid until the next run of any."""
        window = self._window
        result = WORKSPACES.shaped("integer sums", self._shape, np.int32)
        _, rows, columns, filled = self._bytes.shape
        _convolve(self._bytes.reshape(-1), rows * columns * filled, columns * filled * window.stride[0],
                  filled * window.stride[1], self._taps, self._groups, self._panels, self._starts,
                  result.reshape(-1), self._filled_outputs, window.batch, window.out_height, window.out_width,
                  thread_count())  # fmt: skip
        return result
