"""Register tiles for pictures with few channels, whose kernel rows are short: a colour picture's 3 x 3 or 7 x 7.

A row of such a kernel is 9 or 21 numbers long, and the tiles of ``tiles`` spend much of their time on starting and
ending loops over it. Here a kernel's row is written out, and nothing is added up in parts: the sums are short.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compilation import kernel, routine
from .matrix import ROWS, WIDEST, balanced
from .tiles import CHUNK, add_step, for_each_row_count, max_rows, slot_of, slots
from .vector import INDEX, Emitter, index

LONG, SHORT = 9, 7
"""Terms that are written out: a row of a 3 x 3 kernel over three channels, a third of one of 7 x 7."""


def make_row_tile(vectors: int, terms: int) -> Any:
    """Intrinsic ``tile(rows, A, a, row, taps, tap_count, parts, B, b, C, c, c_row, E, e, low)``.

    ``C[m] = max(low, E + sum_{t, k} A[a + m*row + taps[t] + k] * B[b + (t*depth + k)*vectors*lanes ..])`` for depth
    ``parts * terms``, contiguous elements per tap, of which ``terms`` are written out.
    """

    @intrinsic
    def tile(
        typing_context: Any, rows: Any, A: Any, a: Any, row: Any, taps: Any, tap_count: Any, parts: Any, B: Any,
        b: Any, C: Any, c: Any, c_row: Any, E: Any, e: Any, low: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows, A, a, row, taps, tap_count, parts, B, b, C, c, c_row, E, e, low = arguments
            emitter = Emitter(context, builder, signature.args[1].dtype)
            a_start = emitter.pointer(signature.args[1], A, a)
            b_start = emitter.pointer(signature.args[7], B, b)
            c_start = emitter.pointer(signature.args[9], C, c)
            bias = emitter.pointer(signature.args[12], E, e)
            tap_start = cgutils.create_struct_proxy(signature.args[4])(context, builder, value=taps).data
            step = vectors * emitter.lanes

            def body(count: int) -> None:
                sums = slots(emitter, count, vectors)
                for v in range(vectors):
                    start = emitter.load(emitter.move(bias, v * emitter.lanes))
                    for m in range(count):
                        builder.store(start, sums[m][v])
                b_slot = slot_of(emitter, b_start)
                with cgutils.for_range(builder, tap_count, intp=INDEX) as tap:
                    a_tap = emitter.move(a_start, builder.load(builder.gep(tap_start, [tap.index])))
                    with cgutils.for_range(builder, parts, intp=INDEX) as part:
                        a_now = emitter.move(a_tap, builder.mul(part.index, index(terms)))
                        a_rows = [emitter.move(a_now, builder.mul(index(m), row)) for m in range(count)]
                        b_now = builder.load(b_slot)
                        for k in range(terms):
                            add_step(
                                emitter, sums, [emitter.move(r, k) for r in a_rows], emitter.move(b_now, k * step)
                            )
                        builder.store(emitter.move(b_now, terms * step), b_slot)
                bound = emitter.broadcast(low)
                for m in range(count):
                    target = emitter.move(c_start, builder.mul(index(m), c_row))
                    for v in range(vectors):
                        value = emitter.at_least(builder.load(sums[m][v]), bound)
                        emitter.store(emitter.move(target, v * emitter.lanes), value)

            for_each_row_count(emitter, rows, max_rows(vectors), body)
            return context.get_dummy_value()

        n = types.intp
        return types.void(n, A, n, n, taps, n, n, B, n, C, n, n, E, n, A.dtype), emit

    return tile


_long, _short = make_row_tile(WIDEST, LONG), make_row_tile(WIDEST, SHORT)


@kernel
def suits(vectors, tap_count, depth):
    """Whether :func:`picture_rows` can compute a panel of ``vectors`` with these taps."""
    return vectors == WIDEST and tap_count * depth <= CHUNK and (depth == LONG or depth == 3 * SHORT)


@routine("annninnanannans")
def picture_rows(A, a, row, count, taps, tap_count, depth, B, b, C, c, c_row, E, e, low):
    """``C[m, :] = max(low, E + sum_{t, k} A[a + m*row + taps[t] + k] * B[..])``, a panel of the widest tile."""
    position = 0
    while position < count:
        rows = balanced(count, ROWS[WIDEST - 1], position)
        x, y = a + position * row, c + position * c_row
        if depth == LONG:
            _long(rows, A, x, row, taps, tap_count, 1, B, b, C, y, c_row, E, e, low)
        else:
            _short(rows, A, x, row, taps, tap_count, 3, B, b, C, y, c_row, E, e, low)
        position += rows
