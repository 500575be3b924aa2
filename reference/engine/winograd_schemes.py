"""The schemes by which Winograd's algorithm multiplies less, in one dimension: sizes, matrices, shared terms.

``F(m, r)`` computes m neighbouring outputs of r taps with m + r - 1 multiplications instead of m r (Lavin and
Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4.1). In one dimension

    y = A^T [ (G g) * (B^T d) ]

with the inputs d, the taps g, and in two dimensions each matrix is applied to columns and to rows. Because the
formula is bilinear, the gradient of the taps is ``dg = G^T [ (B^T d) * (A dy) ]``.

With stride 2 the even taps meet only even inputs, and the odd tap odd ones: F(2, 2) of the even ones and two plain
products, 5 multiplications instead of 6. The gradient of the inputs is the same sum with even and odd exchanged: a
tile of it has four pixels, made from three outputs.

The price of few multiplications is rounding error, because the matrices' entries grow with m + r: F(2, 3) and the
strided schemes are as accurate as a sum, F(4, 3) and F(2, 5), which share the points 0, 1, -1, 2, -2, are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir

from .vector import Emitter


class Scheme(NamedTuple):
    """Sizes of a scheme in one dimension; kernels take it as an argument and choose by ``code``.

    Attributes
    ----------
    code : which scheme it is.
    side : multiplications; a tile has ``side ** 2`` planes.
    reads, step : rows that a tile reads, and rows from one tile's first to the next one's.
    writes : rows that a tile writes.
    taps : rows of the kernel.
    """

    code: int
    side: int
    reads: int
    step: int
    writes: int
    taps: int

    @property
    def planes(self) -> int:
        """Multiplications of a two-dimensional tile."""
        return self.side**2

    def tiles(self, rows: int) -> int:
        """Tiles that cover ``rows`` rows of the result."""
        return -(-rows // self.writes)

    def reach(self, rows: int) -> int:
        """Rows that the tiles over ``rows`` rows of the result read."""
        return (self.tiles(rows) - 1) * self.step + self.reads


F2 = Scheme(2, 4, 4, 2, 2, 3)
F4 = Scheme(4, 6, 6, 4, 4, 3)
FIVE = Scheme(5, 6, 6, 2, 2, 5)
"""F(2, 5); its inputs are transformed as those of F(4, 3)."""

STRIDED = Scheme(12, 5, 5, 4, 2, 3)
"""Three taps with stride 2; a tile reads five rows, the first under its first tap."""

STRIDED_BACK = Scheme(21, 5, 3, 2, 4, 3)
"""The gradient of the inputs of ``STRIDED``: a tile's first row is one that only the middle tap reaches."""

CODE_2, CODE_4, CODE_5, CODE_STRIDED, CODE_BACK = (s.code for s in (F2, F4, FIVE, STRIDED, STRIDED_BACK))

_POINTS_INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float64,
)

INPUT_MATRIX = {
    F2: np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float64),
    F4: _POINTS_INPUT,
    FIVE: _POINTS_INPUT,
    STRIDED: np.array(
        [[1, 0, -1, 0, 0], [0, 0, 1, 0, 0], [0, 0, -1, 0, 1], [0, 1, 0, 0, 0], [0, 0, 0, 1, 0]], np.float64
    ),
    STRIDED_BACK: np.array([[1, -1, 0], [0, 1, 0], [0, -1, 1], [1, 0, 0], [0, 1, 0]], np.float64),
}
"""``B^T``."""

OUTPUT_MATRIX = {
    F2: np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float64),
    F4: np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float64),
    FIVE: np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 1]], np.float64),
    STRIDED: np.array([[1, 1, 0, 1, 0], [0, 1, 1, 0, 1]], np.float64),
    STRIDED_BACK: np.array([[0, 0, 0, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0, 1, 1, 0, 0]], np.float64),
}
"""``A^T``."""


def _evaluated(taps: int) -> Any:
    """``G`` for the points 0, 1, -1, 2, -2 and infinity: values of the polynomial of the taps, scaled."""
    powers = np.arange(taps)
    rows = [
        scale * float(point) ** powers for point, scale in ((1, -1 / 6), (-1, -1 / 6), (2, 1 / 24), (-2, 1 / 24))
    ]
    return np.array([np.eye(taps)[0] / 4, *rows, np.eye(taps)[-1]])


WEIGHT_MATRIX = {
    F2: np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]]),
    F4: _evaluated(3),
    FIVE: _evaluated(5),
    STRIDED: np.array([[1, 0, 0], [1, 0, 1], [0, 0, 1], [0, 1, 0], [0, 1, 0]], np.float64),
    STRIDED_BACK: np.array([[0, 0, 1], [1, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]], np.float64),
}
"""``G``."""

Values = list[Any]
OneDimension = Callable[["Terms", Values], Values]


class Terms:
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


def input_2(t: Terms, d: Values) -> Values:
    return [t.subtract(d[0], d[2]), t.add(d[1], d[2]), t.subtract(d[2], d[1]), t.subtract(d[1], d[3])]


def input_4(t: Terms, d: Values) -> Values:
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


def output_2(t: Terms, m: Values) -> Values:
    return [t.add(m[0], t.add(m[1], m[2])), t.subtract(t.subtract(m[1], m[2]), m[3])]


def output_4(t: Terms, m: Values) -> Values:
    sum_1, difference_1 = t.add(m[1], m[2]), t.subtract(m[1], m[2])
    sum_2, difference_2 = t.add(m[3], m[4]), t.subtract(m[3], m[4])
    return [
        t.add(m[0], t.add(sum_1, sum_2)),
        t.add_scaled(difference_1, 2, difference_2),
        t.add_scaled(sum_1, 4, sum_2),
        t.add_scaled(t.add(difference_1, m[5]), 8, difference_2),
    ]


def gradient_2(t: Terms, y: Values) -> Values:
    return [y[0], t.add(y[0], y[1]), t.subtract(y[0], y[1]), t.scale(-1, y[1])]


def gradient_4(t: Terms, y: Values) -> Values:
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


def by_matrix(matrix: Any) -> OneDimension:
    """The product with a matrix, term by term."""
    return lambda t, values: [t.combine(row, values) for row in matrix]


def output_5(t: Terms, m: Values) -> Values:
    sum_1, difference_1 = t.add(m[1], m[2]), t.subtract(m[1], m[2])
    sum_2, difference_2 = t.add(m[3], m[4]), t.subtract(m[3], m[4])
    return [t.add(m[0], t.add(sum_1, sum_2)), t.add_scaled(t.add(difference_1, m[5]), 2, difference_2)]


def gradient_5(t: Terms, y: Values) -> Values:
    double = t.scale(2, y[1])
    return [
        y[0],
        t.add(y[0], y[1]),
        t.subtract(y[0], y[1]),
        t.add(y[0], double),
        t.subtract(y[0], double),
        y[1],
    ]


def input_strided(t: Terms, d: Values) -> Values:
    return [t.subtract(d[0], d[2]), d[2], t.subtract(d[4], d[2]), d[1], d[3]]


def output_strided(t: Terms, m: Values) -> Values:
    return [t.add(t.add(m[0], m[1]), m[3]), t.add(t.add(m[1], m[2]), m[4])]


def gradient_strided(t: Terms, y: Values) -> Values:
    return [y[0], t.add(y[0], y[1]), y[1], y[0], y[1]]


def input_back(t: Terms, s: Values) -> Values:
    return [t.subtract(s[0], s[1]), s[1], t.subtract(s[2], s[1]), s[0], s[1]]


def output_back(t: Terms, m: Values) -> Values:
    return [m[3], t.add(m[0], m[1]), m[4], t.add(m[1], m[2])]


OUTPUTS: dict[Scheme, OneDimension] = {
    F2: output_2,
    F4: output_4,
    FIVE: output_5,
    STRIDED: output_strided,
    STRIDED_BACK: output_back,
}
"""``A^T`` with common terms shared."""
