"""The register tiles, vectors and transforms against plain numpy."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from reference.engine import matmul, matmul_transposed
from reference.engine.buffers import aligned_zeros
from reference.engine.compilation import kernel
from reference.engine.elementwise import sigmoid
from reference.engine.integer_tiles import integer_rows
from reference.engine.matrix import NO_TAP, biased_rows, outer_rows, plain_rows
from reference.engine.vector import lanes, vadd, vexp, vload, vset, vstore, vsum
from reference.engine.winograd_schemes import (
    F2,
    F4,
    FIVE,
    INPUT_MATRIX,
    OUTPUT_MATRIX,
    STRIDED,
    STRIDED_BACK,
    WEIGHT_MATRIX,
)
from reference.engine.winograd_transforms import (
    gradient_tile_2,
    gradient_tile_4,
    gradient_tile_5,
    gradient_tile_strided,
    input_tile_2,
    input_tile_4,
    input_tile_back,
    input_tile_strided,
    weight_tile_2,
    weight_tile_4,
    weight_tile_5,
    weight_tile_back,
    weight_tile_strided,
)

DTYPES = ("float32", "float64")
WIDTHS = range(1, 7)
"""Vectors side by side: narrower than, as wide as and wider than the widest tile of any processor."""


@kernel
def _dot(vectors, count, A, row, taps, depth, B, C, E, low, plain):
    if plain:
        plain_rows(vectors, A, 0, row, count, taps, depth, B, 0, vectors * lanes(A), C, 0, vectors * lanes(A), B, 0)
    else:
        biased_rows(vectors, A, 0, row, count, taps, 0, len(taps), depth, B, 0, vectors * lanes(A), C, 0,
                    vectors * lanes(A), E, 0, low)  # fmt: skip


@kernel
def _outer(add, vectors, count, A, B, outer, depth, C):
    width = vectors * lanes(A)
    outer_rows(
        add, vectors, count, A, 0, depth * count, count, B, 0, depth * width, width, outer, depth, C, 0, width
    )


def _close(actual, expected, dtype):
    scale = np.abs(expected).max()
    return np.abs(actual - expected).max() <= (1e-5 if dtype == "float32" else 1e-13) * scale


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vectors", WIDTHS)
def test_dot_tiles_multiply_any_number_of_rows(vectors, dtype):
    """Products with 1 to 15 rows of any width equal numpy's, with taps, bias and bound."""
    rng = np.random.default_rng(vectors)
    width = vectors * (64 // np.dtype(dtype).itemsize)
    taps, depth, row = np.array([0, 40, 11], np.int64), 9, 3
    for count in range(1, 16):
        a = rng.standard_normal(200).astype(dtype)
        b = rng.standard_normal((3 * depth, width)).astype(dtype)
        bias = rng.standard_normal(width).astype(dtype)
        c = aligned_zeros((count, width), dtype)
        gathered = np.stack(
            [np.concatenate([a[m * row + t : m * row + t + depth] for t in taps]) for m in range(count)]
        )
        _dot(
            vectors, count, a, row, taps, depth, b.reshape(-1), c.reshape(-1), bias, np.dtype(dtype).type(0), False
        )
        assert _close(c, np.maximum(gathered.astype(np.float64) @ b + bias, 0), dtype)
        _dot(
            vectors, count, a, row, NO_TAP, depth, b.reshape(-1), c.reshape(-1), bias, np.dtype(dtype).type(0), True
        )
        assert _close(c, gathered[:, :depth].astype(np.float64) @ b[:depth], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vectors", WIDTHS)
def test_outer_tiles_sum_over_two_loops(vectors, dtype):
    """Sums of outer products over rows and columns equal numpy's, written and added."""
    rng = np.random.default_rng(vectors)
    width, outer, depth = vectors * (64 // np.dtype(dtype).itemsize), 3, 5
    for count in range(1, 16):
        a = rng.standard_normal((outer * depth, count)).astype(dtype)
        b = rng.standard_normal((outer * depth, width)).astype(dtype)
        c = aligned_zeros((count, width), dtype)
        _outer(False, vectors, count, a.reshape(-1), b.reshape(-1), outer, depth, c.reshape(-1))
        assert _close(c, a.T.astype(np.float64) @ b, dtype)
        _outer(True, vectors, count, a.reshape(-1), b.reshape(-1), outer, depth, c.reshape(-1))
        assert _close(c, 2 * (a.T.astype(np.float64) @ b), dtype)


@kernel
def _integers(vectors, count, A, row, taps, depth, most, B, C):
    step = vectors * lanes(A)
    integer_rows(vectors, A, 0, row, count, taps, len(taps), depth, most, B, 0, step, C, 0, step, B, 0)


@pytest.mark.parametrize("vectors", WIDTHS)
def test_integer_tiles_are_exact_for_any_number_of_rows(vectors):
    """Products with 1 to 15 rows of any width equal numpy's, with taps, in parts of 4 terms and at once."""
    rng = np.random.default_rng(vectors)
    taps, depth, row = np.array([0, 40, 11], np.int64), 9, 3
    b = rng.integers(-128, 128, (3 * depth, vectors * 16))
    for count in range(1, 16):
        a = rng.integers(-128, 128, 200)
        gathered = np.stack(
            [np.concatenate([a[m * row + t : m * row + t + depth] for t in taps]) for m in range(count)]
        )
        for most in (4, 1024):
            c = aligned_zeros((count, vectors * 16), "int32")
            _integers(vectors, count, a.astype("float32"), row, taps, depth, most, b.astype("float32").reshape(-1),
                      c.reshape(-1))  # fmt: skip
            assert np.array_equal(c, gathered @ b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 3), (70, 33, 130), (200, 64, 64)])
def test_products_of_any_shape_equal_numpys(shape, dtype):
    """matmul and matmul_transposed agree with float64 for ragged sizes."""
    m, k, n = shape
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    assert _close(matmul(a, b), expected, dtype)
    assert _close(matmul_transposed(np.ascontiguousarray(a.T), b), expected, dtype)


@pytest.mark.parametrize("scheme", [F2, F4, FIVE])
def test_winograd_matrices_compute_a_convolution(scheme):
    """A^T [(G g) * (B^T d)] is the correlation of d with g, for random d and g in float64."""
    rng = np.random.default_rng(scheme.code)
    d, g = rng.standard_normal(scheme.reads), rng.standard_normal(scheme.taps)
    actual = OUTPUT_MATRIX[scheme] @ ((WEIGHT_MATRIX[scheme] @ g) * (INPUT_MATRIX[scheme] @ d))
    assert np.allclose(actual, np.correlate(d, g, "valid"), rtol=0, atol=1e-12)


def test_strided_matrices_compute_every_second_output_and_its_input_gradient():
    """Two outputs from five inputs; and four inputs' gradients from the three outputs whose windows cover them."""
    rng = np.random.default_rng(5)
    d, g, y = rng.standard_normal(5), rng.standard_normal(3), rng.standard_normal(3)
    actual = OUTPUT_MATRIX[STRIDED] @ ((WEIGHT_MATRIX[STRIDED] @ g) * (INPUT_MATRIX[STRIDED] @ d))
    assert np.allclose(actual, np.correlate(d, g, "valid")[::2], rtol=0, atol=1e-12)
    back = OUTPUT_MATRIX[STRIDED_BACK] @ ((WEIGHT_MATRIX[STRIDED_BACK] @ g) * (INPUT_MATRIX[STRIDED_BACK] @ y))
    scattered = np.zeros(7)
    for output in range(3):
        scattered[2 * output : 2 * output + 3] += y[output] * g
    assert np.allclose(back, scattered[1:5], rtol=0, atol=1e-12)


TRANSFORMS = [
    ("input-2", INPUT_MATRIX[F2], input_tile_2),
    ("input-4", INPUT_MATRIX[F4], input_tile_4),
    ("input-strided", INPUT_MATRIX[STRIDED], input_tile_strided),
    ("input-back", INPUT_MATRIX[STRIDED_BACK], input_tile_back),
    ("gradient-2", OUTPUT_MATRIX[F2].T, gradient_tile_2),
    ("gradient-4", OUTPUT_MATRIX[F4].T, gradient_tile_4),
    ("gradient-5", OUTPUT_MATRIX[FIVE].T, gradient_tile_5),
    ("gradient-strided", OUTPUT_MATRIX[STRIDED].T, gradient_tile_strided),
    ("weight-2", WEIGHT_MATRIX[F2], weight_tile_2),
    ("weight-4", WEIGHT_MATRIX[F4], weight_tile_4),
    ("weight-5", WEIGHT_MATRIX[FIVE], weight_tile_5),
    ("weight-strided", WEIGHT_MATRIX[STRIDED], weight_tile_strided),
    ("weight-back", WEIGHT_MATRIX[STRIDED_BACK], weight_tile_back),
]


@pytest.mark.parametrize(
    ("matrix", "transform"), [row[1:] for row in TRANSFORMS], ids=[row[0] for row in TRANSFORMS]
)
def test_tile_transforms_are_their_matrices(matrix, transform):
    """The hand-factored transforms equal M d M^T with the published matrices, lane by lane."""
    planes, side = matrix.shape

    @numba.njit
    def run(x, row, column, v, plane):
        transform(x, 0, row, column, v, 0, plane)

    tile = np.random.default_rng(side).standard_normal((side, side, 8))
    actual = aligned_zeros((planes**2, 8), "float64")
    run(tile.reshape(-1), side * 8, 8, actual.reshape(-1), 8)
    expected = np.einsum("ai,ijl,bj->abl", matrix, tile, matrix).reshape(-1, 8)
    assert np.allclose(actual, expected, rtol=0, atol=1e-12)


@kernel
def _exponentials(x, y):
    for i in range(0, x.size, lanes(x)):
        vstore(y, i, vexp(vload(x, i)))


@pytest.mark.parametrize(("dtype", "limit", "span"), [("float32", 2.5e-7, 80), ("float64", 5e-16, 700)])
def test_vector_exponential_is_accurate_over_the_whole_range(dtype, limit, span):
    """exp's relative error is about an ulp from the smallest normal result to the largest."""
    x = np.linspace(-span, span, 1 << 14).astype(dtype)
    y = np.empty_like(x)
    _exponentials(x, y)
    assert np.abs(y / np.exp(x.astype(np.longdouble)) - 1).max() < limit


def test_sigmoid_saturates_without_warnings_or_nan():
    """Far arguments give 0 and 1."""
    assert np.allclose(sigmoid(np.array([-1e4, 0, 1e4], np.float32)), [0, 0.5, 1], atol=1e-30)


@kernel
def _sum_of(x):
    return vsum(vadd(vload(x, 0), vset(x.dtype.type(1))))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_vector_is_one_cache_line(dtype):
    """Loads take 64 bytes of elements in both precisions."""
    x = np.arange(64 // np.dtype(dtype).itemsize, dtype=dtype)
    assert _sum_of(x) == x.sum() + x.size
