"""The five small matrix products of Winograd's convolution, for one vector of channels at a time.

``F(m, 3)`` computes an m x m tile of a 3 x 3 convolution from an (m+2) x (m+2) tile of the input with
(m+2)^2 multiplications instead of 9 m^2 (Lavin and Gray, "Fast Algorithms for Convolutional Neural
Networks", 2015, section 4.1):

    Y = A^T [ (G g G^T) * (B^T d B) ] A

and, because the formula is bilinear, the gradients follow by transposing the same three matrices:
``dg = G^T [ (B^T d B) * (A dY A^T) ] G``. F(4, 3) saves a factor 4, F(2, 3) a factor 2.25; the price is
rounding error, because the entries of the matrices grow with m.

Here each product is written once for one dimension, with common terms shared, and applied to columns
and then to rows. ``tests/engine/test_winograd.py`` checks them against the matrices below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .vector import Emitter, index

INPUT_MATRIX = {
    2: np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float64),
    4: np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        np.float64,
    ),
}
"""``B^T`` by output tile size."""

OUTPUT_MATRIX = {
    2: np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float64),
    4: np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float64),
}
"""``A^T`` by output tile size."""

WEIGHT_MATRIX = {
    2: np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]]),
    4: np.array(
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ]
    ),
}
"""``G`` by output tile size."""

_BIT = ir.IntType(1)

Values = list[Any]
OneDimension = Callable[["_Terms", Values], Values]


class _Terms:
    """Vector arithmetic with numbers from the matrices; integers only add and subtract, and wrap around."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter
        builder, integral = emitter.builder, isinstance(emitter.element, ir.IntType)
        self.add = builder.add if integral else builder.fadd
        self.subtract = builder.sub if integral else builder.fsub

    def scale(self, factor: float, a: Any) -> Any:
        return self.emitter.builder.fmul(self.emitter.constant(factor), a)

    def add_scaled(self, a: Any, factor: float, b: Any) -> Any:
        """``a + factor * b``."""
        return self.emitter.multiply_add(self.emitter.constant(factor), b, a)

    def combine(self, factors: Any, values: Values) -> Any:
        """``sum(factors * values)`` without the zero terms."""
        total = None
        for factor, value in zip(factors, values, strict=True):
            if factor != 0:
                scaled = value if factor == 1 else None
                if total is None:
                    total = scaled if scaled is not None else self.scale(float(factor), value)
                else:
                    total = self.add_scaled(total, float(factor), value)
        return total


def _input_2(t: _Terms, d: Values) -> Values:
    return [t.subtract(d[0], d[2]), t.add(d[1], d[2]), t.subtract(d[2], d[1]), t.subtract(d[1], d[3])]


def _input_4(t: _Terms, d: Values) -> Values:
    even, odd = t.add_scaled(d[4], -4, d[2]), t.add_scaled(d[3], -4, d[1])
    difference, double = t.subtract(d[4], d[2]), t.scale(2, t.subtract(d[3], d[1]))
    return [
        t.add_scaled(t.add_scaled(d[4], -5, d[2]), 4, d[0]),
        t.add(even, odd),
        t.subtract(even, odd),
        t.add(difference, double),
        t.subtract(difference, double),
        t.add_scaled(t.add_scaled(d[5], -5, d[3]), 4, d[1]),
    ]


def _output_2(t: _Terms, m: Values) -> Values:
    return [t.add(m[0], t.add(m[1], m[2])), t.subtract(t.subtract(m[1], m[2]), m[3])]


def _output_4(t: _Terms, m: Values) -> Values:
    sum_1, difference_1 = t.add(m[1], m[2]), t.subtract(m[1], m[2])
    sum_2, difference_2 = t.add(m[3], m[4]), t.subtract(m[3], m[4])
    return [
        t.add(m[0], t.add(sum_1, sum_2)),
        t.add_scaled(difference_1, 2, difference_2),
        t.add_scaled(sum_1, 4, sum_2),
        t.add_scaled(t.add(difference_1, m[5]), 8, difference_2),
    ]


def _gradient_2(t: _Terms, y: Values) -> Values:
    return [y[0], t.add(y[0], y[1]), t.subtract(y[0], y[1]), t.scale(-1, y[1])]


def _gradient_4(t: _Terms, y: Values) -> Values:
    even, odd = t.add(y[0], y[2]), t.add(y[1], y[3])
    even_4, odd_4 = t.add_scaled(y[0], 4, y[2]), t.add_scaled(t.scale(2, y[1]), 8, y[3])
    return [
        y[0],
        t.add(even, odd),
        t.subtract(even, odd),
        t.add(even_4, odd_4),
        t.subtract(even_4, odd_4),
        y[3],
    ]


def _matrix(matrix: Any) -> OneDimension:
    return lambda t, values: [t.combine(row, values) for row in matrix]


def _two_dimensions(t: _Terms, one: OneDimension, tile: list[Values]) -> list[Values]:
    """Apply ``one`` to every column, then to every row."""
    columns = [one(t, [row[j] for row in tile]) for j in range(len(tile[0]))]
    return [one(t, [column[i] for column in columns]) for i in range(len(columns[0]))]


def _load_tile(emitter: Emitter, start: Any, size: int, row: Any, column: Any) -> list[Values]:
    builder = emitter.builder
    rows = [emitter.move(start, builder.mul(index(i), row)) for i in range(size)]
    return [[emitter.load(emitter.move(r, builder.mul(index(j), column))) for j in range(size)] for r in rows]


def _store_tile(emitter: Emitter, start: Any, tile: list[Values], row: Any, column: Any) -> None:
    builder = emitter.builder
    for i, values in enumerate(tile):
        for j, value in enumerate(values):
            offset = builder.add(builder.mul(index(i), row), builder.mul(index(j), column))
            emitter.store(emitter.move(start, offset), value)


def _planes(emitter: Emitter, plane: Any, size: int) -> Any:
    """Row step of a tile whose (i, j) entry is in plane ``i*size + j``."""
    return emitter.builder.mul(index(size), plane)


def _make_to_planes(one: OneDimension, size: int, out_size: int) -> Any:
    """Intrinsic: read a ``size`` x ``size`` tile of vectors, transform, write ``out_size``^2 planes."""

    @intrinsic
    def transform(typing_context: Any, X: Any, x: Any, row: Any, column: Any, V: Any, v: Any, plane: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            X, x, row, column, V, v, plane = arguments
            emitter = Emitter(context, builder, signature.args[0].dtype)
            tile = _load_tile(emitter, emitter.pointer(signature.args[0], X, x), size, row, column)
            result = _two_dimensions(_Terms(emitter), one, tile)
            target = emitter.pointer(signature.args[4], V, v)
            _store_tile(emitter, target, result, _planes(emitter, plane, out_size), plane)
            return context.get_dummy_value()

        n = types.intp
        return types.void(X, n, n, n, V, n, n), emit

    return transform


def _offsets(builder: Any, size: int, row: Any, column: Any) -> list[Values]:
    """Distance of entry (i, j) of a tile from its first."""
    return [
        [builder.add(builder.mul(index(i), row), builder.mul(index(j), column)) for j in range(size)]
        for i in range(size)
    ]


def _write_inside(
    emitter: Emitter, target: Any, offsets: list[Values], values: list[Values], rows_left: Any, columns_left: Any
) -> None:
    """Store a tile at ``target``, as much of it as is inside the picture."""
    builder, size = emitter.builder, len(values)
    whole = builder.and_(
        builder.icmp_signed(">=", rows_left, index(size)),
        builder.icmp_signed(">=", columns_left, index(size)),
    )
    with builder.if_else(whole) as (all_of_it, part_of_it):
        with all_of_it:
            for i in range(size):
                for j in range(size):
                    emitter.store(emitter.move(target, offsets[i][j]), values[i][j])
        with part_of_it:
            for i in range(size):
                for j in range(size):
                    inside = builder.and_(
                        builder.icmp_signed(">", rows_left, index(i)),
                        builder.icmp_signed(">", columns_left, index(j)),
                    )
                    with builder.if_then(inside):
                        emitter.store(emitter.move(target, offsets[i][j]), values[i][j])


def _make_output(size: int) -> Any:
    """Intrinsic ``(M, m, plane, Y, y, row, column, rows_left, columns_left, E, e, low, mask)``.

    Reads the (size+2)^2 planes at ``m``, transforms back and writes the tile at ``y``, as much of it
    as is inside the picture. Adds the bias at ``E[e]`` and bounds from below by ``low``; with
    ``mask`` instead keeps values only where ``E[y ...]`` (same geometry as Y) is positive.
    """

    @intrinsic
    def transform(
        typing_context: Any, M: Any, m: Any, plane: Any, Y: Any, y: Any, row: Any, column: Any,
        rows_left: Any, columns_left: Any, E: Any, e: Any, low: Any, mask: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            M, m, plane, Y, y, row, column, rows_left, columns_left, E, e, low, mask = arguments
            emitter = Emitter(context, builder, signature.args[0].dtype)
            terms = _Terms(emitter)
            source = emitter.pointer(signature.args[0], M, m)
            tile = _load_tile(emitter, source, size + 2, _planes(emitter, plane, size + 2), plane)
            tile = _two_dimensions(terms, _output_2 if size == 2 else _output_4, tile)
            target = emitter.pointer(signature.args[3], Y, y)
            offsets = _offsets(builder, size, row, column)

            def write(values: list[Values]) -> None:
                _write_inside(emitter, target, offsets, values, rows_left, columns_left)

            with builder.if_else(builder.trunc(mask, _BIT)) as (masked, biased):
                with masked:
                    active = emitter.pointer(signature.args[9], E, y)
                    write(
                        [
                            [
                                emitter.where_positive(
                                    emitter.load(emitter.move(active, offsets[i][j])), tile[i][j]
                                )
                                for j in range(size)
                            ]
                            for i in range(size)
                        ]
                    )
                with biased:
                    bias = emitter.load(emitter.pointer(signature.args[9], E, e))
                    bound = emitter.broadcast(low)
                    write([[emitter.at_least(terms.add(value, bias), bound) for value in r] for r in tile])
            return context.get_dummy_value()

        n = types.intp
        return types.void(M, n, n, Y, n, n, n, n, n, E, n, M.dtype, n), emit

    return transform


@intrinsic
def integer_output_tile(
    typing_context: Any, M: Any, m: Any, plane: Any, Y: Any, y: Any, row: Any, column: Any, rows_left: Any,
    columns_left: Any,
) -> Any:  # fmt: skip
    """F(2, 3)'s outputs from int32 planes that hold four times their sums; see :func:`_make_output`."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        M, m, plane, Y, y, row, column, rows_left, columns_left = arguments
        emitter = Emitter(context, builder, signature.args[0].dtype)
        source = emitter.pointer(signature.args[0], M, m)
        tile = _load_tile(emitter, source, 4, _planes(emitter, plane, 4), plane)
        two = ir.Constant(emitter.vector, [2] * emitter.lanes)
        tile = [
            [builder.ashr(value, two) for value in values]
            for values in _two_dimensions(_Terms(emitter), _output_2, tile)
        ]
        target = emitter.pointer(signature.args[3], Y, y)
        _write_inside(emitter, target, _offsets(builder, 2, row, column), tile, rows_left, columns_left)
        return context.get_dummy_value()

    n = types.intp
    return types.void(M, n, n, Y, n, n, n, n, n), emit


def _make_weight_gradient(size: int) -> Any:
    """Intrinsic ``(D, d, plane, W, w, row, column)``: ``W += G^T D G``, (size+2)^2 planes to 3 x 3 taps."""

    @intrinsic
    def transform(typing_context: Any, D: Any, d: Any, plane: Any, W: Any, w: Any, row: Any, column: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            D, d, plane, W, w, row, column = arguments
            emitter = Emitter(context, builder, signature.args[0].dtype)
            terms = _Terms(emitter)
            source = emitter.pointer(signature.args[0], D, d)
            tile = _load_tile(emitter, source, size + 2, _planes(emitter, plane, size + 2), plane)
            taps = _two_dimensions(terms, _matrix(WEIGHT_MATRIX[size].T), tile)
            target = emitter.pointer(signature.args[3], W, w)
            old = _load_tile(emitter, target, 3, row, column)
            total = [[terms.add(a, b) for a, b in zip(x, y, strict=True)] for x, y in zip(old, taps, strict=True)]
            _store_tile(emitter, target, total, row, column)
            return context.get_dummy_value()

        n = types.intp
        return types.void(D, n, n, W, n, n, n), emit

    return transform


input_tile_2 = _make_to_planes(_input_2, 4, 4)
input_tile_4 = _make_to_planes(_input_4, 6, 6)
gradient_tile_2 = _make_to_planes(_gradient_2, 2, 4)
gradient_tile_4 = _make_to_planes(_gradient_4, 4, 6)
weight_tile_2 = _make_to_planes(_matrix(WEIGHT_MATRIX[2]), 3, 4)
weight_tile_4 = _make_to_planes(_matrix(WEIGHT_MATRIX[4]), 3, 6)
output_tile_2 = _make_output(2)
output_tile_4 = _make_output(4)
weight_gradient_tile_2 = _make_weight_gradient(2)
weight_gradient_tile_4 = _make_weight_gradient(4)
