"""Register tile whose float32 sums are exact integers, added up in 32 bits.

float32 holds every integer up to 2^24, so a sum of integers is exact in any order while none of its partial
sums leaves that range. The tile adds as many products in registers as surely stay inside it, converts the sums
to int32, adds them to the result in memory, and goes on from zero. The conversions cost a few instructions per
some hundred multiply-adds.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compilation import routine
from .matrix import ROWS, WIDEST, balanced
from .tiles import add_step, for_each_row_count, max_rows, slot_of, slots, tile_family
from .vector import INDEX, Emitter, index, lanes

EXACT_FLOAT32 = 1 << 24
"""Up to here float32 holds every integer."""

_BIT = ir.IntType(1)


def make_integer_tile(vectors: int) -> Any:
    """Intrinsic ``tile(rows, A, a, row, taps, tap_count, depth, most, B, b, step, C, c, c_row, P, p)``.

    ``C[m] = sum_{t<tap_count} sum_{k<depth} A[a + taps[t] + m*row + k] * B[b + (t*depth + k)*step + 0..]`` with A
    and B float32 that hold integers, C int32. Sums of ``most`` successive terms, counted from the first term of a
    tap, must not exceed ``EXACT_FLOAT32``. ``P[p ..]`` is prefetched, one cache line per term.
    """

    @intrinsic
    def tile(
        typing_context: Any, rows: Any, A: Any, a: Any, row: Any, taps: Any, tap_count: Any, depth: Any, most: Any,
        B: Any, b: Any, step: Any, C: Any, c: Any, c_row: Any, P: Any, p: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows, A, a, row, taps, tap_count, depth, most, B, b, step, C, c, c_row, P, p = arguments
            emitter = Emitter(context, builder, signature.args[1].dtype)
            integers = Emitter(context, builder, signature.args[11].dtype)
            a_start = emitter.pointer(signature.args[1], A, a)
            b_start = emitter.pointer(signature.args[8], B, b)
            c_start = integers.pointer(signature.args[11], C, c)
            tap_start = cgutils.create_struct_proxy(signature.args[4])(context, builder, value=taps).data
            zero, none = emitter.constant(0.0), ir.Constant(integers.vector, [0] * integers.lanes)

            def body(count: int) -> None:
                sums = slots(emitter, count, vectors)
                c_rows = [integers.move(c_start, builder.mul(index(m), c_row)) for m in range(count)]
                for values in sums:
                    for slot in values:
                        builder.store(zero, slot)
                b_slot = slot_of(emitter, b_start)
                ahead = slot_of(emitter, emitter.pointer(signature.args[14], P, p))
                length = slot_of(emitter, index(0))
                begun = slot_of(emitter, ir.Constant(_BIT, 0))

                def convert() -> None:
                    """Add what is in registers to what is in C."""
                    for m in range(count):
                        for v in range(vectors):
                            place = integers.move(c_rows[m], v * emitter.lanes)
                            earlier = builder.select(builder.load(begun), integers.load(place), none)
                            value = builder.fptosi(builder.load(sums[m][v]), integers.vector)
                            integers.store(place, builder.add(earlier, value))

                with cgutils.for_range(builder, tap_count, intp=INDEX) as tap:
                    a_tap = emitter.move(a_start, builder.load(builder.gep(tap_start, [tap.index])))
                    a_rows = [emitter.move(a_tap, builder.mul(index(m), row)) for m in range(count)]
                    chunks = builder.add(builder.sdiv(builder.sub(depth, index(1)), most), index(1))
                    with cgutils.for_range(builder, chunks, intp=INDEX) as chunk:
                        first = builder.mul(chunk.index, most)
                        left = builder.sub(depth, first)
                        size = builder.select(builder.icmp_signed("<", left, most), left, most)
                        longer = builder.add(builder.load(length), size)
                        full = builder.icmp_signed(">", longer, most)
                        with builder.if_then(full):
                            convert()
                            for values in sums:
                                for slot in values:
                                    builder.store(zero, slot)
                            builder.store(ir.Constant(_BIT, 1), begun)
                        builder.store(builder.select(full, size, longer), length)
                        with cgutils.for_range(builder, size, intp=INDEX) as k:
                            b_now, line_ahead = builder.load(b_slot), builder.load(ahead)
                            at = builder.add(first, k.index)
                            add_step(emitter, sums, [emitter.move(r, at) for r in a_rows], b_now)
                            builder.store(emitter.move(b_now, step), b_slot)
                            emitter.prefetch(line_ahead)
                            builder.store(emitter.move(line_ahead, emitter.lanes), ahead)
                convert()

            for_each_row_count(emitter, rows, max_rows(vectors), body)
            return context.get_dummy_value()

        n = types.intp
        return types.void(n, A, n, n, taps, n, n, n, B, n, n, C, n, n, P, n), emit

    return tile


_integer_1, _integer_2, _integer_3, _integer_4 = tile_family(make_integer_tile)


@routine("nannninnnanncnnan")
def integer_rows(vectors, A, a, row, count, taps, tap_count, depth, most, B, b, step, C, c, c_row, P, p):
    """``C[m, :] = sum_{t,k} A[a + m*row + taps[t] + k] * B[b + (t*depth + k)*step ..]`` for ``count`` rows.

    See :func:`make_integer_tile`; what lies at P[p], as large as the rows of B, is prefetched.
    """
    line = lanes(A)
    terms = tap_count * depth
    done = 0
    for left in range(0, vectors, WIDEST):
        width = min(WIDEST, vectors - left)
        f = b + left * line
        position = 0
        while position < count:
            rows = balanced(count, ROWS[width - 1], position)
            x, y = a + position * row, c + left * line + position * c_row
            ahead = p + min(done, terms * vectors - terms) * line
            if width == 4:
                _integer_4(rows, A, x, row, taps, tap_count, depth, most, B, f, step, C, y, c_row, P, ahead)
            elif width == 3:
                _integer_3(rows, A, x, row, taps, tap_count, depth, most, B, f, step, C, y, c_row, P, ahead)
            elif width == 2:
                _integer_2(rows, A, x, row, taps, tap_count, depth, most, B, f, step, C, y, c_row, P, ahead)
            else:
                _integer_1(rows, A, x, row, taps, tap_count, depth, most, B, f, step, C, y, c_row, P, ahead)
            done += terms
            position += rows
