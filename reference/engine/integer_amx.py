"""Exact 8-bit convolution on the matrix unit of newer Intel server processors (AMX).

The unit has eight registers, *tiles*, of 16 rows of 64 bytes. ``tdpbssd`` multiplies a tile of 16 pixels x 64
channels with a tile of 64 channels x 16 outputs, signed bytes, and adds to a tile of 16 x 16 32-bit sums: 16384
products in 16 cycles, sixteen times what VNNI does. Four tiles hold the sums of 32 pixels x 32 outputs, the
other four what they are made from.

Windows need not be copied: a tile's rows may lie any fixed distance apart in memory. With stride 1 *all* pixels
of a picture do, across the ends of rows too, if the sums at the border's pixels are computed and thrown away.
With larger strides only the pixels of one row of outputs do. Channels are filled up to 64.

The operating system saves these large registers only for processes that ask (:func:`granted`).
"""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
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

STEP_BYTES = 64
"""Bytes of the sum that one instruction takes."""

TILE_ROWS = 16
BLOCK = 2 * TILE_ROWS
"""Pixels and outputs of one block of sums."""

_SYSTEM_CALL_ARCH_PRCTL = 158
_REQUEST_PERMISSION = 0x1023
_TILE_DATA = 18

_VOID = ir.VoidType()
_REGISTER = ir.IntType(8)
_BYTE = ir.IntType(8).as_pointer()


@functools.cache
def granted() -> bool:
    """Whether this processor has the unit and the system lets this process use it.

    Linux keeps the unit switched off until ``arch_prctl(ARCH_REQ_XCOMP_PERM)``; a sandbox may refuse the call.
    """
    if "amx-int8" not in PROCESSOR.features or sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    arguments = (_SYSTEM_CALL_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA)
    return bool(ctypes.CDLL(None).syscall(*(ctypes.c_long(value) for value in arguments)) == 0)


def tile_configuration() -> Array:
    """The 64 bytes that ``ldtilecfg`` reads: all eight tiles have 16 rows of 64 bytes."""
    words = np.zeros(64, np.uint8)
    words[0] = 1
    words[16:32].view(np.uint16)[:] = STEP_BYTES
    words[48:56] = TILE_ROWS
    return words


def _call(builder: Any, name: str, *arguments: Any) -> None:
    signature = ir.FunctionType(_VOID, [argument.type for argument in arguments])
    builder.call(cgutils.get_or_insert_function(builder.module, signature, f"llvm.x86.{name}"), arguments)


def _bytes_at(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    """Address of element ``offset`` of an array argument, as a byte pointer."""
    data = cgutils.create_struct_proxy(array_type)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [offset]), _BYTE)


@intrinsic
def configure(typing_context: Any, words: Any) -> Any:
    """Switch this thread's matrix unit on."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _call(builder, "ldtilecfg", _bytes_at(context, builder, signature.args[0], arguments[0], index(0)))
        return context.get_dummy_value()

    return types.void(words), emit


@intrinsic
def release(typing_context: Any) -> Any:
    """Switch this thread's matrix unit off, so that the system need not save its registers."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _call(builder, "tilerelease")
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def byte_block(
    typing_context: Any, A: Any, a: Any, row: Any, taps: Any, tap_count: Any, steps: Any, B: Any, b: Any, C: Any,
    c: Any, c_row: Any,
) -> Any:  # fmt: skip
    """``C[m, n] = sum_{t, k} A[a + m*row + taps[t] + k] * B[..]`` for 32 rows and 32 columns; k < 64 * steps.

    A and B are int8, C is int32. B holds, for each tap and step, two tiles of 16 rows (four bytes of the sum
    each) x 16 outputs x 4 bytes. Registers: sums in 0 to 3, rows of A in 4 and 5, columns of B in 6 and 7.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        A, a, row, taps, tap_count, steps, B, b, C, c, c_row = arguments
        kinds = signature.args
        a_start = _bytes_at(context, builder, kinds[0], A, a)
        c_start = _bytes_at(context, builder, kinds[8], C, c)
        tap_start = cgutils.create_struct_proxy(kinds[3])(context, builder, value=taps).data
        b_slot = cgutils.alloca_once(builder, _BYTE)
        builder.store(_bytes_at(context, builder, kinds[6], B, b), b_slot)
        lower = builder.mul(row, index(TILE_ROWS))
        c_bytes = builder.mul(c_row, index(4))
        down = builder.mul(c_bytes, index(TILE_ROWS))
        corners = [c_start, builder.gep(c_start, [index(STEP_BYTES)])]
        corners += [builder.gep(corner, [down]) for corner in corners]

        def register(number: int) -> ir.Constant:
            return ir.Constant(_REGISTER, number)

        for number in range(4):
            _call(builder, "tilezero", register(number))
        with cgutils.for_range(builder, tap_count, intp=INDEX) as tap:
            a_tap = builder.gep(a_start, [builder.load(builder.gep(tap_start, [tap.index]))])
            with cgutils.for_range(builder, steps, intp=INDEX) as step:
                upper_rows = builder.gep(a_tap, [builder.mul(step.index, index(STEP_BYTES))])
                columns = builder.load(b_slot)
                tile_bytes = TILE_ROWS * STEP_BYTES
                _call(builder, "tileloadd64", register(4), upper_rows, row)
                _call(builder, "tileloadd64", register(6), columns, index(STEP_BYTES))
                _call(builder, "tdpbssd", register(0), register(4), register(6))
                _call(builder, "tileloadd64", register(5), builder.gep(upper_rows, [lower]), row)
                _call(builder, "tdpbssd", register(2), register(5), register(6))
                following = builder.gep(columns, [index(tile_bytes)])
                _call(builder, "tileloadd64", register(7), following, index(STEP_BYTES))
                _call(builder, "tdpbssd", register(1), register(4), register(7))
                _call(builder, "tdpbssd", register(3), register(5), register(7))
                builder.store(builder.gep(columns, [index(2 * tile_bytes)]), b_slot)
        for number, corner in enumerate(corners):
            _call(builder, "tilestored64", register(number), corner, c_bytes)
        return context.get_dummy_value()

    n = types.intp
    return types.void(A, n, n, taps, n, n, B, n, C, n, n), emit


@kernel(parallel=True)
def _convolve(configuration, x, starts, distance, taps, steps, B, y, outputs, blocks, chunk, threads):
    """Runs of ``blocks`` x 32 pixels, ``distance`` bytes apart, from every offset in ``starts``.

    The pixels are taken in chunks that stay in the second-level cache while all panels of outputs pass.
    """
    panels = outputs // BLOCK
    total = len(starts) * blocks
    chunks = (total + chunk - 1) // chunk
    work = chunks * panels
    panel_bytes = len(taps) * steps * STEP_BYTES * BLOCK
    for thread in prange(threads):
        configure(configuration)
        for item in range(work * thread // threads, work * (thread + 1) // threads):
            part = item // panels
            panel = item - part * panels
            for block in range(total * part // chunks, total * (part + 1) // chunks):
                run = block // blocks
                a = starts[run] + (block - run * blocks) * BLOCK * distance
                byte_block(x, a, distance, taps, len(taps), steps, B, panel * panel_bytes, y,
                           block * BLOCK * outputs + panel * BLOCK, outputs)  # fmt: skip
        release()


class MatrixUnitConvolution:
    """An int8 convolution prepared for one geometry and weight; see :class:`integer.IntegerConvolution`."""

    def __init__(self, window: Window, weight: Array) -> None:
        if not granted():
            # Without permission the first instruction would end the process.
            raise RuntimeError("this process may not use a matrix unit: choose another method")
        outputs = weight.shape[0]
        top, bottom, left, right = window.padding
        rows, columns = window.height + top + bottom, window.width + left + right
        pixel = round_up(window.channels, STEP_BYTES)
        positions = [
            (i * window.dilation[0], j * window.dilation[1])
            for i in range(window.kernel[0])
            for j in range(window.kernel[1])
        ]
        self._taps, depth = merge_taps(positions, columns * pixel, pixel, pixel)
        self._steps = depth // STEP_BYTES
        self._filled_outputs = round_up(outputs, BLOCK)
        self._panels = self._packed(weight, pixel)
        self._distance = window.stride[1] * pixel
        self._chunk = max(1, PROCESSOR.level2_bytes // 4 // (BLOCK * self._distance))
        self._choose_runs(window, rows * columns * pixel, columns * pixel, columns)
        size = window.batch * rows * columns * pixel
        reach = int(self._starts[-1] + self._taps.max()) + self._blocks * BLOCK * self._distance
        self._bytes = aligned_zeros(max(size, reach + self._steps * STEP_BYTES), np.int8)
        picture = self._bytes[:size].reshape(window.batch, rows, columns, pixel)
        self._inside = picture[:, top : top + window.height, left : left + window.width, : window.channels]
        self._configuration = tile_configuration()

    def _packed(self, weight: Array, pixel: int) -> Array:
        """Panels of 32 outputs: [panel][tap][step][column tile][16 groups][16 outputs][4 bytes]."""
        outputs, channels, rows, columns = weight.shape
        taps = np.zeros((rows * columns, pixel, self._filled_outputs), np.int8)
        taps[:, :channels, :outputs] = weight.transpose(2, 3, 1, 0).reshape(-1, channels, outputs)
        steps = taps.reshape(-1, TILE_ROWS, 4, self._filled_outputs // BLOCK, 2, TILE_ROWS)
        split = steps.transpose(3, 0, 4, 1, 5, 2)
        packed = aligned_zeros(split.size, np.int8)
        packed.reshape(split.shape)[...] = split
        return packed

    def _choose_runs(self, window: Window, image: int, row: int, columns: int) -> None:
        """Where runs of equally spaced pixels start, and how their sums lie without what is thrown away."""
        images = np.arange(window.batch, dtype=np.int64) * image
        if window.stride == (1, 1):
            self._starts = images
            length, row_pitch = (window.out_height - 1) * columns + window.out_width, columns
            runs_per_image = 1
        else:
            rows = np.arange(window.out_height, dtype=np.int64) * (row * window.stride[0])
            self._starts = (images[:, None] + rows).reshape(-1)
            length, row_pitch = window.out_width, round_up(window.out_width, BLOCK)
            runs_per_image = window.out_height
        self._blocks = -(-length // BLOCK)
        pitch = self._blocks * BLOCK
        self._sums_shape = len(self._starts) * pitch, self._filled_outputs
        self._shape = window.batch, window.out_height, window.out_width, self._filled_outputs
        pixel = 4 * self._filled_outputs
        self._strides = runs_per_image * pitch * pixel, row_pitch * pixel, pixel, 4

    def load(self, inputs: Array) -> None:
        """Take the inputs (N, H, W, C), int8."""
        self._inside[...] = inputs

    def run(self) -> Array:
        """The result (N, H', W', filled outputs), int32, a view; valid until the next run of any."""
        sums = WORKSPACES.shaped("integer sums", self._sums_shape, np.int32)
        _convolve(self._configuration, self._bytes, self._starts, self._distance, self._taps, self._steps,
                  self._panels, sums.reshape(-1), self._filled_outputs, self._blocks, self._chunk,
                  thread_count())  # fmt: skip
        return np.lib.stride_tricks.as_strided(sums, self._shape, self._strides)
