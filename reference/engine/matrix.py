"""Matrix products on flat arrays, cut into register tiles.

numpy's BLAS is not used: its thread pool and numba's would fight for the same cores (a kernel of
12 us becomes 7 ms when the two alternate), and the tiles here are as fast.

``plain_rows``, ``biased_rows`` and ``outer_rows`` take any width and cut it into tiles that the processor has.
Callers pass the widest tile's (``panel_vectors``) only to keep what they read again in a near cache.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .buffers import WORKSPACES, Array, aligned_zeros, round_up, vector_lanes
from .compilation import kernel, routine
from .processor import PROCESSOR, thread_count
from .tiles import BIAS_CLAMP, PLAIN, make_dot_tile, make_outer_tile, tile_family
from .vector import lanes

ROWS = (*PROCESSOR.tile_rows, *(PROCESSOR.tile_rows[-1:] * 4))[:4]
WIDEST = PROCESSOR.tile_vectors
NO_TAP = np.zeros(1, np.int64)

_plain_1, _plain_2, _plain_3, _plain_4 = tile_family(make_dot_tile, PLAIN)
_biased_1, _biased_2, _biased_3, _biased_4 = tile_family(make_dot_tile, BIAS_CLAMP)
_outer_1, _outer_2, _outer_3, _outer_4 = tile_family(make_outer_tile, False)
_outer_add_1, _outer_add_2, _outer_add_3, _outer_add_4 = tile_family(make_outer_tile, True)


@kernel
def balanced(total, most, position):
    """Rows of the next tile when ``total`` rows, ``position`` of them done, are cut evenly."""
    left = total - position
    tiles = (left + most - 1) // most
    return (left + tiles - 1) // tiles


@routine("nannninannannan")
def plain_rows(vectors, A, a, row, count, no_tap, depth, B, b, step, C, c, c_row, P, p):
    """``C[m, :] = sum_k A[a + m*row + k] * B[b + k*step ...]`` for ``count`` rows, prefetching at P[p]."""
    low = A.dtype.type(0)
    line = lanes(A)
    lines = depth * vectors
    done = 0
    for left in range(0, vectors, WIDEST):
        width = min(WIDEST, vectors - left)
        from_b, to_c = b + left * line, c + left * line
        position = 0
        while position < count:
            rows = balanced(count, ROWS[width - 1], position)
            x, y = a + position * row, to_c + position * c_row
            ahead = p + min(done, lines - depth) * line
            if width == 4:
                _plain_4(rows, A, x, row, no_tap, 0, 1, depth, B, from_b, step, C, y, c_row, A, 0, low, P, ahead)
            elif width == 3:
                _plain_3(rows, A, x, row, no_tap, 0, 1, depth, B, from_b, step, C, y, c_row, A, 0, low, P, ahead)
            elif width == 2:
                _plain_2(rows, A, x, row, no_tap, 0, 1, depth, B, from_b, step, C, y, c_row, A, 0, low, P, ahead)
            else:
                _plain_1(rows, A, x, row, no_tap, 0, 1, depth, B, from_b, step, C, y, c_row, A, 0, low, P, ahead)
            done += depth
            position += rows


@routine("nannninnnannannans")
def biased_rows(vectors, A, a, row, count, taps, tap, tap_count, depth, B, b, step, C, c, c_row, E, e, low):
    """``C[m, :] = max(low, E[e..] + sum_{t,k} A[a + m*row + taps[t] + k] * B[b + (t*depth + k)*step ..])``."""
    line = lanes(A)
    for left in range(0, vectors, WIDEST):
        width = min(WIDEST, vectors - left)
        f, g = b + left * line, e + left * line
        position = 0
        while position < count:
            rows = balanced(count, ROWS[width - 1], position)
            x, y = a + position * row, c + left * line + position * c_row
            if width == 4:
                _biased_4(rows, A, x, row, taps, tap, tap_count, depth, B, f, step, C, y, c_row, E, g, low, A, 0)
            elif width == 3:
                _biased_3(rows, A, x, row, taps, tap, tap_count, depth, B, f, step, C, y, c_row, E, g, low, A, 0)
            elif width == 2:
                _biased_2(rows, A, x, row, taps, tap, tap_count, depth, B, f, step, C, y, c_row, E, g, low, A, 0)
            else:
                _biased_1(rows, A, x, row, taps, tap, tap_count, depth, B, f, step, C, y, c_row, E, g, low, A, 0)
            position += rows


@routine("nnnannnannnnnann")
def outer_rows(add, vectors, count, A, a, outer_a, step_a, B, b, outer_b, step_b, outer, depth, C, c, c_row):
    """``C[m, :] (+)= sum_{r,k} A[a + r*outer_a + k*step_a + m] * B[b + r*outer_b + k*step_b ..]``, m < count."""
    line = lanes(A)
    for left in range(0, vectors, WIDEST):
        width = min(WIDEST, vectors - left)
        f = b + left * line
        i = 0
        while i < count:
            rows = balanced(count, ROWS[width - 1], i)
            x, y = a + i, c + left * line + i * c_row
            if add:
                if width == 4:
                    _outer_add_4(rows, A, x, outer_a, step_a, B, f, outer_b, step_b, outer, depth, C, y, c_row)
                elif width == 3:
                    _outer_add_3(rows, A, x, outer_a, step_a, B, f, outer_b, step_b, outer, depth, C, y, c_row)
                elif width == 2:
                    _outer_add_2(rows, A, x, outer_a, step_a, B, f, outer_b, step_b, outer, depth, C, y, c_row)
                else:
                    _outer_add_1(rows, A, x, outer_a, step_a, B, f, outer_b, step_b, outer, depth, C, y, c_row)
            elif width == 4:
                _outer_4(rows, A, x, outer_a, step_a, B, f, outer_b, step_b, outer, depth, C, y, c_row)
            elif width == 3:
                _outer_3(rows, A, x, outer_a, step_a, B, f, outer_b, step_b, outer, depth, C, y, c_row)
            elif width == 2:
                _outer_2(rows, A, x, outer_a, step_a, B, f, outer_b, step_b, outer, depth, C, y, c_row)
            else:
                _outer_1(rows, A, x, outer_a, step_a, B, f, outer_b, step_b, outer, depth, C, y, c_row)
            i += rows


@kernel
def panel_vectors(columns, panel, line):
    """Width in vectors of panel ``panel`` of ``columns`` columns: the widest tile, or what is left."""
    return min(WIDEST, columns // line - panel * WIDEST)


@kernel(parallel=True)
def product_rows(A, row, m, no_tap, depth, B, step, n, C, c_row, E, low, row_block, threads):
    """C = max(low, E + A B); of A and B the larger one is read once, and the other again for each of its blocks.

    ``step`` is the distance between rows of B; 0 if its panels follow one another, each with its rows.
    """
    line = lanes(A)
    panels = (n // line + WIDEST - 1) // WIDEST
    blocks = (m + row_block - 1) // row_block
    work = panels * blocks
    for thread in prange(threads):
        for item in range(work * thread // threads, work * (thread + 1) // threads):
            if m > n:
                block = item // panels
                panel = item - block * panels
            else:
                panel = item // blocks
                block = item - panel * blocks
            first, last = m * block // blocks, m * (block + 1) // blocks
            column = panel * WIDEST * line
            vectors = panel_vectors(n, panel, line)
            b, b_step = (column, step) if step else (column * depth, vectors * line)
            biased_rows(vectors, A, first * row, row, last - first, no_tap, 0, 1, depth, B, b, b_step,
                        C, first * c_row + column, c_row, E, column, low)  # fmt: skip


@kernel(parallel=True)
def product_transposed(A, step_a, m, depth, B, step_b, n, C, c_row, row_block, add, threads):
    line = lanes(A)
    panels = (n // line + WIDEST - 1) // WIDEST
    blocks = (m + row_block - 1) // row_block
    work = panels * blocks
    for thread in prange(threads):
        for item in range(work * thread // threads, work * (thread + 1) // threads):
            panel = item // blocks
            block = item - panel * blocks
            first, last = m * block // blocks, m * (block + 1) // blocks
            column = panel * WIDEST * line
            outer_rows(add, panel_vectors(n, panel, line), last - first, A, first, 0, step_a, B, column, 0, step_b,
                       1, depth, C, first * c_row + column, c_row)  # fmt: skip


def row_block_size(rows: int, columns: int, threads: int, row_bytes: int = 0) -> int:
    """Rows per unit of work: enough units for all threads, not fewer than a few tiles each.

    ``row_bytes`` : of a row that several panels read one after the other; their block then stays in the cache.
    """
    panels = max(1, columns // 64)
    wanted = max(1, -(-4 * threads // panels))
    block = -(-rows // wanted)
    if row_bytes and rows > columns:
        block = min(block, PROCESSOR.level2_bytes // 2 // row_bytes)
    return max(ROWS[-1] * 4, block)


def _padded_columns(matrix: Array, purpose: str) -> Array:
    """``matrix`` with columns filled up to whole vectors; itself when they already are."""
    rows, columns = matrix.shape
    wide = round_up(columns, vector_lanes(matrix.dtype))
    matrix = np.ascontiguousarray(matrix)
    if wide == columns:
        return matrix
    padded = WORKSPACES.get(purpose, rows * wide, matrix.dtype)[: rows * wide].reshape(rows, wide)
    padded[:, :columns] = matrix
    padded[:, columns:] = 0
    return padded


def matmul(a: Array, b: Array, bias: Array | None = None, low: float = -np.inf) -> Array:
    """``max(low, a @ b + bias)`` for row-major (M, K) and (K, N); float32 or float64, fresh result."""
    m, depth = a.shape
    if b.shape[0] != depth:
        raise ValueError(f"matmul needs a of (M, K) and b of (K, N) with the same K; got {a.shape} and {b.shape}")
    columns = b.shape[1]
    a, wide = np.ascontiguousarray(a), _padded_columns(b, "matmul b")
    n = wide.shape[1]
    result = aligned_zeros((m, n), a.dtype)
    start = aligned_zeros(n, a.dtype)
    if bias is not None:
        start[:columns] = bias
    threads = thread_count()
    product_rows(a.reshape(-1), depth, m, NO_TAP, depth, wide.reshape(-1), n, n, result.reshape(-1), n, start,
             a.dtype.type(low), row_block_size(m, n, threads, depth * a.itemsize), threads)  # fmt: skip
    return result if n == columns else np.ascontiguousarray(result[:, :columns])


def matmul_transposed(a: Array, b: Array) -> Array:
    """``a.T @ b`` for row-major (K, M) and (K, N); float32 or float64, fresh result."""
    depth, m = a.shape
    if b.shape[0] != depth:
        raise ValueError(f"matmul_transposed needs (K, M) and (K, N) with the same K; got {a.shape} and {b.shape}")
    columns = b.shape[1]
    a, wide = np.ascontiguousarray(a), _padded_columns(b, "matmul b")
    n = wide.shape[1]
    result = aligned_zeros((m, n), a.dtype)
    threads = thread_count()
    product_transposed(a.reshape(-1), m, m, depth, wide.reshape(-1), n, n, result.reshape(-1), n,
                        row_block_size(m, n, threads), False, threads)  # fmt: skip
    return result if n == columns else np.ascontiguousarray(result[:, :columns])
