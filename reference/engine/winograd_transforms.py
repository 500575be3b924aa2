"""The small matrix products of Winograd's convolution, for one vector of channels at a time.

    Y = A^T [ (G g G^T) * (B^T d B) ] A        dg = G^T [ (B^T d B) * (A dY A^T) ] G

Each is written once for one dimension (``winograd_schemes``) and applied here to columns and then to rows.
``tests/engine/test_tiles.py`` checks them against the matrices.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .vector import Emitter, index
from .winograd_schemes import (
    F2,
    F4,
    FIVE,
    OUTPUTS,
    STRIDED,
    STRIDED_BACK,
    WEIGHT_MATRIX,
    OneDimension,
    Scheme,
    Terms,
    Values,
    by_matrix,
    gradient_2,
    gradient_4,
    gradient_5,
    gradient_strided,
    input_2,
    input_4,
    input_back,
    input_strided,
    output_2,
)

_BIT = ir.IntType(1)


def _two_dimensions(t: Terms, one: OneDimension, tile: list[Values]) -> list[Values]:
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
            result = _two_dimensions(Terms(emitter), one, tile)
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


def _make_output(scheme: Scheme) -> Any:
    """Intrinsic ``(M, m, plane, Y, y, row, column, rows_left, columns_left, E, e, low, mask)``.

    Reads the planes at ``m``, transforms back and writes the tile at ``y``, as much of it
    as is inside the picture. Adds the bias at ``E[e]`` and bounds from below by ``low``; with
    ``mask`` instead keeps values only where ``E[y ...]`` (same geometry as Y) is positive.
    """

    size = scheme.writes

    @intrinsic
    def transform(
        typing_context: Any, M: Any, m: Any, plane: Any, Y: Any, y: Any, row: Any, column: Any,
        rows_left: Any, columns_left: Any, E: Any, e: Any, low: Any, mask: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            M, m, plane, Y, y, row, column, rows_left, columns_left, E, e, low, mask = arguments
            emitter = Emitter(context, builder, signature.args[0].dtype)
            terms = Terms(emitter)
            source = emitter.pointer(signature.args[0], M, m)
            tile = _load_tile(emitter, source, scheme.side, _planes(emitter, plane, scheme.side), plane)
            tile = _two_dimensions(terms, OUTPUTS[scheme], tile)
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
            for values in _two_dimensions(Terms(emitter), output_2, tile)
        ]
        target = emitter.pointer(signature.args[3], Y, y)
        _write_inside(emitter, target, _offsets(builder, 2, row, column), tile, rows_left, columns_left)
        return context.get_dummy_value()

    n = types.intp
    return types.void(M, n, n, Y, n, n, n, n, n), emit


def _make_weight_gradient(scheme: Scheme) -> Any:
    """Intrinsic ``(D, d, plane, W, w, row, column)``: ``W += G^T D G``, planes to taps."""

    @intrinsic
    def transform(typing_context: Any, D: Any, d: Any, plane: Any, W: Any, w: Any, row: Any, column: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            D, d, plane, W, w, row, column = arguments
            emitter = Emitter(context, builder, signature.args[0].dtype)
            terms = Terms(emitter)
            source = emitter.pointer(signature.args[0], D, d)
            tile = _load_tile(emitter, source, scheme.side, _planes(emitter, plane, scheme.side), plane)
            taps = _two_dimensions(terms, by_matrix(WEIGHT_MATRIX[scheme].T), tile)
            target = emitter.pointer(signature.args[3], W, w)
            old = _load_tile(emitter, target, scheme.taps, row, column)
            total = [[terms.add(a, b) for a, b in zip(x, y, strict=True)] for x, y in zip(old, taps, strict=True)]
            _store_tile(emitter, target, total, row, column)
            return context.get_dummy_value()

        n = types.intp
        return types.void(D, n, n, W, n, n, n), emit

    return transform


input_tile_2 = _make_to_planes(input_2, 4, 4)
input_tile_4 = _make_to_planes(input_4, 6, 6)
input_tile_strided = _make_to_planes(input_strided, 5, 5)
input_tile_back = _make_to_planes(input_back, 3, 5)
gradient_tile_2 = _make_to_planes(gradient_2, 2, 4)
gradient_tile_4 = _make_to_planes(gradient_4, 4, 6)
gradient_tile_5 = _make_to_planes(gradient_5, 2, 6)
gradient_tile_strided = _make_to_planes(gradient_strided, 2, 5)
weight_tile_2, weight_tile_4, weight_tile_5, weight_tile_strided, weight_tile_back = (
    _make_to_planes(by_matrix(WEIGHT_MATRIX[scheme]), scheme.taps, scheme.side)
    for scheme in (F2, F4, FIVE, STRIDED, STRIDED_BACK)
)
output_tile_2, output_tile_4, output_tile_5, output_tile_strided, output_tile_back = (
    _make_output(scheme) for scheme in (F2, F4, FIVE, STRIDED, STRIDED_BACK)
)
weight_gradient_tile_2, weight_gradient_tile_4, weight_gradient_tile_5, weight_gradient_tile_strided = (
    _make_weight_gradient(scheme) for scheme in (F2, F4, FIVE, STRIDED)
)
