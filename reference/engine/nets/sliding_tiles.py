"""Register tiles for a convolution of pictures with one channel, such as digits.

With one channel a window's row is only a few numbers long, and the tiles of ``engine.tiles`` spend their time on
starting and ending such short sums. Here the kernel's columns are unrolled, and neighbouring outputs share the
pixels that both need:

    4 outputs, 3 columns:   12 multiply-adds from the 6 pixels   x0 x1 x2 x3 x4 x5   and 3 weights

A vector holds the output channels of one pixel. Only its first half is computed, and networks with at most eight
such channels can use the tiles: LeNet's six maps fill half a vector, and the other half costs as much wherever a
processor computes a wide vector in two parts.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..processor import PROCESSOR
from ..vector import INDEX, Emitter, index

KERNEL = 5
"""Rows and columns of the only kernel that these tiles are made for: LeNet's."""

OUTPUTS = 8
"""Neighbouring outputs of one forward tile: 8 sums, 5 weights and a pixel in registers."""

PIXELS = 2
"""Neighbouring pixels that one step of the gradient tile takes."""

_WHOLE = PROCESSOR.instruction_set == "avx512"

LANES = 8
"""Channels that the tiles compute, of the 16 of a vector; the others' memory is not touched."""

_ROWS_AT_ONCE = KERNEL if _WHOLE else 2
"""Kernel rows whose sums of the gradient fit into the registers beside what they are made from."""

SUITED = PROCESSOR.instruction_set != "generic"
"""Whether the sums fit into this processor's registers; elsewhere the general tiles are faster."""

_LINE = 16
"""Elements between the vectors of neighbouring pixels, all of float32."""


def _slots(emitter: Emitter, starts: list[Any]) -> list[Any]:
    """Sums as stack slots; LLVM promotes them to registers because no address escapes."""
    slots = [cgutils.alloca_once(emitter.builder, emitter.vector) for _ in starts]
    for slot, start in zip(slots, starts, strict=True):
        emitter.builder.store(start, slot)
    return slots


def _add(emitter: Emitter, slot: Any, a: Any, b: Any) -> None:
    emitter.builder.store(emitter.multiply_add(a, b, emitter.builder.load(slot)), slot)


def _pixels(emitter: Emitter, start: Any, count: int) -> list[Any]:
    """``count`` neighbouring pixels, each in all lanes of a vector."""
    return [emitter.broadcast(emitter.builder.load(emitter.move(start, m))) for m in range(count)]


@intrinsic
def sliding_outputs(
    typing_context: Any, A: Any, a: Any, row: Any, B: Any, b: Any, E: Any, e: Any, low: Any, C: Any, c: Any
) -> Any:
    """``C[m] = max(low, E + sum_{i, j < 5} A[a + i*row + m + j] * B[5*i + j])`` for 8 neighbours m.

    A is a picture; B, E and C hold vectors, one after the other, from the offsets b, e and c.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        A, a, row, B, b, E, e, low, C, c = arguments
        kinds = signature.args
        emitter = Emitter(context, builder, kinds[0].dtype, LANES)
        a_start, b_start = emitter.pointer(kinds[0], A, a), emitter.pointer(kinds[3], B, b)
        c_start = emitter.pointer(kinds[8], C, c)
        sums = _slots(emitter, [emitter.load(emitter.pointer(kinds[5], E, e))] * OUTPUTS)
        with cgutils.for_range(builder, index(KERNEL), intp=INDEX) as i:
            pixels = emitter.move(a_start, builder.mul(i.index, row))
            weights = emitter.move(b_start, builder.mul(i.index, index(KERNEL * _LINE)))
            columns = [emitter.load(emitter.move(weights, j * _LINE)) for j in range(KERNEL)]
            for place in range(OUTPUTS + KERNEL - 1):
                pixel = emitter.broadcast(builder.load(emitter.move(pixels, place)))
                for j in range(max(0, place - OUTPUTS + 1), min(KERNEL, place + 1)):
                    _add(emitter, sums[place - j], pixel, columns[j])
        bound = emitter.broadcast(low)
        for m, slot in enumerate(sums):
            emitter.store(emitter.move(c_start, m * _LINE), emitter.at_least(builder.load(slot), bound))
        return context.get_dummy_value()

    n = types.intp
    return types.void(A, n, n, B, n, E, n, A.dtype, C, n), emit


@intrinsic
def sliding_gradient(
    typing_context: Any, A: Any, a: Any, row: Any, B: Any, b: Any, rows: Any, columns: Any, C: Any, c: Any
) -> Any:
    """``C[5*i + j] += sum_{h < rows, w < columns} A[a + (h + i)*row + w + j] * B[h*columns + w]``, columns even.

    A is a picture; B (an output gradient) and C hold vectors, one after the other, from the offsets b and c.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        A, a, row, B, b, rows, columns, C, c = arguments
        kinds = signature.args
        emitter = Emitter(context, builder, kinds[0].dtype, LANES)
        a_start, c_start = emitter.pointer(kinds[0], A, a), emitter.pointer(kinds[7], C, c)
        for first in range(0, KERNEL, _ROWS_AT_ONCE):
            kernel_rows = range(first, min(KERNEL, first + _ROWS_AT_ONCE))
            b_slot = cgutils.alloca_once(builder, a_start.type)
            builder.store(emitter.pointer(kinds[3], B, b), b_slot)
            sums = _slots(emitter, [emitter.constant(0.0)] * (KERNEL * len(kernel_rows)))
            with cgutils.for_range(builder, rows, intp=INDEX) as h:
                upper = emitter.move(a_start, builder.mul(h.index, row))
                with cgutils.for_range(builder, builder.sdiv(columns, index(PIXELS)), intp=INDEX) as step:
                    here = builder.load(b_slot)
                    grads = [emitter.load(emitter.move(here, p * _LINE)) for p in range(PIXELS)]
                    builder.store(emitter.move(here, PIXELS * _LINE), b_slot)
                    corner = emitter.move(upper, builder.mul(step.index, index(PIXELS)))
                    for number, i in enumerate(kernel_rows):
                        line = emitter.move(corner, builder.mul(index(i), row))
                        pixels = _pixels(emitter, line, KERNEL + PIXELS - 1)
                        for j in range(KERNEL):
                            for p, grad in enumerate(grads):
                                _add(emitter, sums[number * KERNEL + j], pixels[j + p], grad)
            for number, slot in enumerate(sums):
                place = emitter.move(c_start, (first * KERNEL + number) * _LINE)
                emitter.store(place, builder.fadd(emitter.load(place), builder.load(slot)))
        return context.get_dummy_value()

    n = types.intp
    return types.void(A, n, n, B, n, n, n, C, n), emit
