"""Register tiles: the inner loops that every convolution and matrix product is built from.

A register tile is a small block of the result, ``rows`` x ``vectors`` cache lines, that lives in
registers while a long sum runs over it:

====================  =======================================================================
one step of the sum   load ``vectors`` vectors of B, and for each row broadcast one number of A
work per step         ``rows * vectors`` multiply-adds for ``rows + vectors`` loads
for 6 x 4 (AVX-512)   24 multiply-adds for 10 loads: arithmetic, not loading, is the limit
====================  =======================================================================

A larger tile would load less per multiply-add but needs more accumulators than there are registers
(``processor.PROCESSOR.tile_rows``). Below, a tile is written as ordinary loops over stack slots that
LLVM turns into registers; ``tests/engine`` compares each tile with numpy.

Two kinds are enough:

* :func:`make_dot_tile`: rows are pixels (or tiles, or samples), the sum runs along contiguous memory of A.
  ``C[m] = epilogue(sum_{t<taps} sum_{k<depth} A[offset_t + m*row + k] * B[(t*depth + k)*step + 0..])``
  With one tap it is a matrix product, with one tap per kernel row it is a convolution without im2col.
* :func:`make_outer_tile`: rows are neighbours in A, the sum runs over pixels: a weight gradient.
  ``C[m] (+)= sum_{r<outer} sum_{k<depth} A[r*outer_a + k*step_a + m] * B[r*outer_b + k*step_b + 0..]``

Both take the row count at run time (1 to ``max_rows(vectors)``) and jump to code made for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .processor import PROCESSOR
from .vector import INDEX, Emitter, index

PLAIN, BIAS_CLAMP = "plain", "bias and clamp"

CHUNK = 256
"""Terms that are summed in registers before they are added to the result so far.

The rounding error of a sum grows with its length; a sum of sums keeps it near that of a chunk. ``PLAIN``
sums (Winograd's, at most some hundred terms) do without.
"""

_BIT = ir.IntType(1)


def max_rows(vectors: int) -> int:
    """Most rows of a tile that is ``vectors`` wide."""
    return PROCESSOR.tile_rows[vectors - 1]


def for_each_row_count(emitter: Emitter, rows: Any, most: int, body: Callable[[int], None]) -> None:
    """Emit ``switch (rows) { case 1: body(1) ... case most: body(most) }``."""
    builder = emitter.builder
    done = builder.append_basic_block("tile.done")
    switch = builder.switch(rows, done)
    for count in range(1, most + 1):
        block = builder.append_basic_block(f"tile.rows{count}")
        switch.add_case(index(count), block)
        builder.position_at_end(block)
        body(count)
        builder.branch(done)
    builder.position_at_end(done)


def slots(emitter: Emitter, rows: int, vectors: int) -> list[list[Any]]:
    """Accumulators as stack slots; LLVM promotes them to registers because no address escapes."""
    return [[cgutils.alloca_once(emitter.builder, emitter.vector) for _ in range(vectors)] for _ in range(rows)]


def add_step(emitter: Emitter, sums: list[list[Any]], a: list[Any], b: Any) -> None:
    """One step of the sum: ``sums[m][v] += a[m] * b[v]``."""
    columns = [emitter.load(emitter.move(b, v * emitter.lanes)) for v in range(len(sums[0]))]
    for row, address in zip(sums, a, strict=True):
        factor = emitter.broadcast(emitter.builder.load(address))
        for slot, column in zip(row, columns, strict=True):
            emitter.builder.store(emitter.multiply_add(factor, column, emitter.builder.load(slot)), slot)


def slot_of(emitter: Emitter, start: Any) -> Any:
    """A new stack slot that holds ``start``; stored here, so a tile inside a loop starts afresh."""
    slot = cgutils.alloca_once(emitter.builder, start.type)
    emitter.builder.store(start, slot)
    return slot


def make_dot_tile(vectors: int, epilogue: str) -> Any:
    """Intrinsic ``tile(rows, A, a, row, taps, first, tap_count, depth, B, b, step, C, c, c_row, E, e, low, P, p)``.

    Parameters of the intrinsic
    ---------------------------
    rows : int, rows of this tile.
    A, a, row : array, element offset of the tile's first row, distance between rows.
    taps, first, tap_count : int64 array of offsets into A, and which of them to use.
    depth : contiguous elements of A per tap.
    B, b, step : array, offset, distance between consecutive steps of the sum (across taps too).
    C, c, c_row : result.
    E, e, low : bias array and offset, and the lower bound of the result (0 for a ReLU); read only by
        the epilogue ``BIAS_CLAMP``.
    P, p : array and offset of what the *next* tile will need, prefetched one cache line per step by
        the epilogue ``PLAIN``.
    """

    @intrinsic
    def tile(
        typing_context: Any, rows: Any, A: Any, a: Any, row: Any, taps: Any, first: Any, tap_count: Any,
        depth: Any, B: Any, b: Any, step: Any, C: Any, c: Any, c_row: Any, E: Any, e: Any, low: Any, P: Any, p: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows, A, a, row, taps, first, tap_count, depth, B, b, step, C, c, c_row, E, e, low, P, p = arguments
            emitter = Emitter(context, builder, signature.args[1].dtype)
            a_start = emitter.pointer(signature.args[1], A, a)
            b_start = emitter.pointer(signature.args[8], B, b)
            c_start = emitter.pointer(signature.args[11], C, c)
            tap_start = builder.gep(
                cgutils.create_struct_proxy(signature.args[4])(context, builder, value=taps).data, [first]
            )
            line = emitter.lanes

            def body(count: int) -> None:
                sums = slots(emitter, count, vectors)
                c_rows = [emitter.move(c_start, builder.mul(index(m), c_row)) for m in range(count)]
                places = [[emitter.move(r, v * line) for v in range(vectors)] for r in c_rows]
                biased = epilogue == BIAS_CLAMP
                for m in range(count):
                    for v in range(vectors):
                        start = emitter.constant(0.0)
                        if biased:
                            bias = emitter.pointer(signature.args[14], E, e)
                            start = emitter.load(emitter.move(bias, v * line))
                        builder.store(start, sums[m][v])
                b_slot = slot_of(emitter, b_start)
                length = slot_of(emitter, index(0))
                paused = slot_of(emitter, ir.Constant(_BIT, 0))
                if not biased:
                    ahead = slot_of(emitter, emitter.pointer(signature.args[17], P, p))

                def so_far(m: int, v: int) -> Any:
                    """The sum up to now: what is in registers and, after a pause, what is in C."""
                    stored = emitter.load(places[m][v])
                    stored = builder.select(builder.load(paused), stored, emitter.constant(0.0))
                    return builder.fadd(stored, builder.load(sums[m][v]))

                def run_chunk(a_rows: list[Any], first: Any, count_k: Any) -> None:
                    with cgutils.for_range(builder, count_k, intp=INDEX) as k:
                        b_now = builder.load(b_slot)
                        at = builder.add(first, k.index)
                        add_step(emitter, sums, [emitter.move(r, at) for r in a_rows], b_now)
                        builder.store(emitter.move(b_now, step), b_slot)
                        if not biased:
                            line_ahead = builder.load(ahead)
                            emitter.prefetch(line_ahead)
                            builder.store(emitter.move(line_ahead, line), ahead)

                with cgutils.for_range(builder, tap_count, intp=INDEX) as tap:
                    offset = builder.load(builder.gep(tap_start, [tap.index]))
                    a_tap = emitter.move(a_start, offset)
                    a_rows = [emitter.move(a_tap, builder.mul(index(m), row)) for m in range(count)]
                    if not biased:
                        run_chunk(a_rows, index(0), depth)
                    else:
                        last = builder.sub(depth, index(1))
                        chunks = builder.add(builder.sdiv(last, index(CHUNK)), index(1))
                        with cgutils.for_range(builder, chunks, intp=INDEX) as chunk:
                            first_k = builder.mul(chunk.index, index(CHUNK))
                            left = builder.sub(depth, first_k)
                            size = builder.select(builder.icmp_signed("<", left, index(CHUNK)), left, index(CHUNK))
                            run_chunk(a_rows, first_k, size)
                            builder.store(builder.add(builder.load(length), size), length)
                            with builder.if_then(
                                builder.icmp_signed(">=", builder.load(length), index(CHUNK // 2))
                            ):
                                for m in range(count):
                                    for v in range(vectors):
                                        emitter.store(places[m][v], so_far(m, v))
                                        builder.store(emitter.constant(0.0), sums[m][v])
                                builder.store(ir.Constant(_BIT, 1), paused)
                                builder.store(index(0), length)
                bound = emitter.broadcast(low) if biased else None
                for m in range(count):
                    for v in range(vectors):
                        value = builder.load(sums[m][v]) if bound is None else emitter.at_least(so_far(m, v), bound)
                        emitter.store(places[m][v], value)

            for_each_row_count(emitter, rows, max_rows(vectors), body)
            return context.get_dummy_value()

        n = types.intp
        return types.void(n, A, n, n, taps, n, n, n, B, n, n, C, n, n, E, n, A.dtype, P, n), emit

    return tile


def make_outer_tile(vectors: int, accumulate: bool) -> Any:
    """Intrinsic ``tile(rows, A, a, outer_a, step_a, B, b, outer_b, step_b, outer, depth, C, c, c_row)``.

    The result is ``C[m, :] (+)= sum_{r<outer, k<depth} A[a + r*outer_a + k*step_a + m] *
    B[b + r*outer_b + k*step_b + :]`` for ``m < rows``; ``+=`` with ``accumulate``.
    """

    @intrinsic
    def tile(
        typing_context: Any, rows: Any, A: Any, a: Any, outer_a: Any, step_a: Any, B: Any, b: Any,
        outer_b: Any, step_b: Any, outer: Any, depth: Any, C: Any, c: Any, c_row: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows, A, a, outer_a, step_a, B, b, outer_b, step_b, outer, depth, C, c, c_row = arguments
            emitter = Emitter(context, builder, signature.args[1].dtype)
            a_start = emitter.pointer(signature.args[1], A, a)
            b_start = emitter.pointer(signature.args[5], B, b)
            c_start = emitter.pointer(signature.args[11], C, c)

            def body(count: int) -> None:
                sums = slots(emitter, count, vectors)
                c_rows = [emitter.move(c_start, builder.mul(index(m), c_row)) for m in range(count)]
                for m in range(count):
                    for v in range(vectors):
                        builder.store(emitter.constant(0.0), sums[m][v])
                with cgutils.for_range(builder, outer, intp=INDEX) as r:
                    a_slot = slot_of(emitter, emitter.move(a_start, builder.mul(r.index, outer_a)))
                    b_slot = slot_of(emitter, emitter.move(b_start, builder.mul(r.index, outer_b)))
                    with cgutils.for_range(builder, depth, intp=INDEX):
                        a_now, b_now = builder.load(a_slot), builder.load(b_slot)
                        add_step(emitter, sums, [emitter.move(a_now, m) for m in range(count)], b_now)
                        builder.store(emitter.move(a_now, step_a), a_slot)
                        builder.store(emitter.move(b_now, step_b), b_slot)
                for m in range(count):
                    for v in range(vectors):
                        place = emitter.move(c_rows[m], v * emitter.lanes)
                        value = builder.load(sums[m][v])
                        # Added at the end, not at the start: small terms would vanish in a large total.
                        emitter.store(place, builder.fadd(emitter.load(place), value) if accumulate else value)

            for_each_row_count(emitter, rows, max_rows(vectors), body)
            return context.get_dummy_value()

        n = types.intp
        return types.void(n, A, n, n, n, B, n, n, n, n, n, C, n, n), emit

    return tile


def tile_family(make: Callable[..., Any], *options: Any) -> tuple[Any, Any, Any, Any]:
    """Tiles for 1, 2, 3 and 4 vectors. Beyond the processor's widest there are none: its last fills their places,
    and callers cut their work to ``PROCESSOR.tile_vectors``.
    """
    made = [make(vectors, *options) for vectors in range(1, PROCESSOR.tile_vectors + 1)]
    padded = made + [made[-1]] * (4 - len(made))
    return padded[0], padded[1], padded[2], padded[3]
