"""The parallel loops of Winograd's algorithm; ``winograd`` prepares their arguments and explains the plan.

``x_at``, ``y_at`` and ``g_at`` are :class:`buffers.Strides`. ``V`` and ``M`` are scratch, one plane after the
other, ``v_plane`` and ``m_plane`` elements apart. Channels and outputs are multiples of the vector.
"""

from __future__ import annotations

from numba import prange

from .compilation import kernel
from .matrix import WIDEST, outer_rows, panel_vectors, plain_rows
from .vector import lanes, vadd, vload, vstore, vzero
from .winograd_schemes import CODE_2, CODE_4, CODE_5, CODE_STRIDED
from .winograd_transforms import (
    gradient_tile_2,
    gradient_tile_4,
    gradient_tile_5,
    gradient_tile_strided,
    input_tile_2,
    input_tile_4,
    input_tile_back,
    input_tile_strided,
    output_tile_2,
    output_tile_4,
    output_tile_5,
    output_tile_back,
    output_tile_strided,
    weight_gradient_tile_2,
    weight_gradient_tile_4,
    weight_gradient_tile_5,
    weight_gradient_tile_strided,
    weight_tile_2,
    weight_tile_4,
    weight_tile_5,
    weight_tile_back,
    weight_tile_strided,
)


@kernel
def to_planes(scheme, x, at, channels, V, v, plane, first, last, tile_rows, tile_columns):
    """Transform the inputs of tiles ``first`` to ``last``."""
    line = lanes(x)
    code = scheme.code
    for tile in range(first, last):
        image = tile // (tile_rows * tile_columns)
        inside = tile - image * tile_rows * tile_columns
        r = inside // tile_columns
        s = inside - r * tile_columns
        source = at.origin + image * at.image + r * scheme.step * at.row + s * scheme.step * at.pixel
        target = v + (tile - first) * channels
        for c in range(0, channels, line):
            if code in (CODE_4, CODE_5):
                input_tile_4(x, source + c, at.row, at.pixel, V, target + c, plane)
            elif code == CODE_2:
                input_tile_2(x, source + c, at.row, at.pixel, V, target + c, plane)
            elif code == CODE_STRIDED:
                input_tile_strided(x, source + c, at.row, at.pixel, V, target + c, plane)
            else:
                input_tile_back(x, source + c, at.row, at.pixel, V, target + c, plane)


@kernel
def _gradients_to_planes(scheme, g, at, channels, M, m, plane, first, last, tile_rows, tile_columns):
    """Transform the output gradients of tiles ``first`` to ``last``."""
    line = lanes(g)
    code = scheme.code
    for tile in range(first, last):
        image = tile // (tile_rows * tile_columns)
        inside = tile - image * tile_rows * tile_columns
        r = inside // tile_columns
        s = inside - r * tile_columns
        source = at.origin + image * at.image + r * scheme.writes * at.row + s * scheme.writes * at.pixel
        target = m + (tile - first) * channels
        for c in range(0, channels, line):
            if code == CODE_4:
                gradient_tile_4(g, source + c, at.row, at.pixel, M, target + c, plane)
            elif code == CODE_2:
                gradient_tile_2(g, source + c, at.row, at.pixel, M, target + c, plane)
            elif code == CODE_5:
                gradient_tile_5(g, source + c, at.row, at.pixel, M, target + c, plane)
            else:
                gradient_tile_strided(g, source + c, at.row, at.pixel, M, target + c, plane)


@kernel
def _from_planes(
    scheme, M, m, plane, y, at, channels, first, last, height, width, tile_rows, tile_columns, E, low, mask
):
    """Transform tiles back and write them, with bias and bound, or with the ReLU's mask."""
    line = lanes(y)
    size, code = scheme.writes, scheme.code
    for tile in range(first, last):
        image = tile // (tile_rows * tile_columns)
        inside = tile - image * tile_rows * tile_columns
        r = inside // tile_columns
        s = inside - r * tile_columns
        target = at.origin + image * at.image + r * size * at.row + s * size * at.pixel
        source = m + (tile - first) * channels
        rows, columns = height - r * size, width - s * size
        for c in range(0, channels, line):
            t, u = source + c, target + c
            if code == CODE_4:
                output_tile_4(M, t, plane, y, u, at.row, at.pixel, rows, columns, E, c, low, mask)
            elif code == CODE_2:
                output_tile_2(M, t, plane, y, u, at.row, at.pixel, rows, columns, E, c, low, mask)
            elif code == CODE_5:
                output_tile_5(M, t, plane, y, u, at.row, at.pixel, rows, columns, E, c, low, mask)
            elif code == CODE_STRIDED:
                output_tile_strided(M, t, plane, y, u, at.row, at.pixel, rows, columns, E, c, low, mask)
            else:
                output_tile_back(M, t, plane, y, u, at.row, at.pixel, rows, columns, E, c, low, mask)


@kernel
def _multiply_planes(first, last, V, v, v_plane, tiles, channels, U, M, m, m_plane, outputs, no_tap):
    """Products number ``first`` to ``last`` of all (plane, panel) pairs."""
    line = lanes(V)
    panels = (outputs // line + WIDEST - 1) // WIDEST
    for item in range(first, last):
        plane = item // panels
        panel = item - plane * panels
        column = panel * WIDEST * line
        vectors = panel_vectors(outputs, panel, line)
        here = plane * channels * outputs + column * channels
        following = here + vectors * line * channels if item + 1 < last else here
        plain_rows(vectors, V, v + plane * v_plane, channels, tiles, no_tap, channels, U, here, vectors * line,
                   M, m + plane * m_plane + column, outputs, U, following)  # fmt: skip


@kernel(parallel=True)
def convolve_tiles(scheme, phased, x, x_at, channels, U, E, low, mask, y, y_at, outputs, images, height, width,
                   block_tiles, V, M, v_plane, m_plane, no_tap, threads):  # fmt: skip
    """The whole convolution. Fused is one parallel step; phased is three per block of tiles.

    One parallel region serves both orders, because numba compiles every region anew.
    """
    size, planes = scheme.writes, scheme.side * scheme.side
    tile_rows, tile_columns = (height + size - 1) // size, (width + size - 1) // size
    tiles = images * tile_rows * tile_columns
    products = planes * ((outputs // lanes(x) + WIDEST - 1) // WIDEST)
    blocks = (tiles + block_tiles - 1) // block_tiles
    if not phased:
        blocks = (blocks + threads - 1) // threads * threads
    for step in range(3 * blocks if phased else 1):
        for thread in prange(threads):
            if phased:
                phase = step % 3
                first_block, last_block = step // 3, step // 3 + 1
                first_product, last_product = products * thread // threads, products * (thread + 1) // threads
                v, m = 0, 0
            else:
                phase = -1
                first_block, last_block = blocks * thread // threads, blocks * (thread + 1) // threads
                first_product, last_product = 0, products
                v, m = thread * planes * v_plane, thread * planes * m_plane
            for block in range(first_block, last_block):
                start, end = tiles * block // blocks, tiles * (block + 1) // blocks
                count = end - start
                first, last = 0, count
                if phased:
                    first, last = count * thread // threads, count * (thread + 1) // threads
                if phase == 0 or phase < 0:
                    to_planes(scheme, x, x_at, channels, V, v + first * channels, v_plane, start + first,
                               start + last, tile_rows, tile_columns)  # fmt: skip
                if (phase == 1 or phase < 0) and count > 0:
                    _multiply_planes(first_product, last_product, V, v, v_plane, count, channels, U, M, m, m_plane,
                                     outputs, no_tap)  # fmt: skip
                if phase == 2 or phase < 0:
                    _from_planes(
                        scheme,
                        M,
                        m + first * outputs,
                        m_plane,
                        y,
                        y_at,
                        outputs,
                        start + first,
                        start + last,
                        height,
                        width,
                        tile_rows,
                        tile_columns,
                        E,
                        low,
                        mask,
                    )


@kernel(parallel=True)
def transform_taps(scheme, taps, channels, outputs, U, threads):
    """Taps [row][column][channels][outputs] to planes [plane][panel][channels][panel width]."""
    line = lanes(taps)
    code = scheme.code
    row, column = scheme.taps * channels * outputs, channels * outputs
    groups = outputs // line
    for thread in prange(threads):
        work = channels * groups
        for item in range(work * thread // threads, work * (thread + 1) // threads):
            c = item // groups
            group = item - c * groups
            panel = group // WIDEST
            vectors = panel_vectors(outputs, panel, line)
            target = panel * WIDEST * line * channels + (c * vectors + group - panel * WIDEST) * line
            source = c * outputs + group * line
            if code == CODE_4:
                weight_tile_4(taps, source, row, column, U, target, column)
            elif code == CODE_2:
                weight_tile_2(taps, source, row, column, U, target, column)
            elif code == CODE_5:
                weight_tile_5(taps, source, row, column, U, target, column)
            elif code == CODE_STRIDED:
                weight_tile_strided(taps, source, row, column, U, target, column)
            else:
                weight_tile_back(taps, source, row, column, U, target, column)


GRADIENT_ROWS = 16
"""Input channels per unit of the weight gradient: their products fit the second-level cache."""


@kernel
def _from_products(scheme, D, d, plane, d_row, taps, tap, channels, outputs, rows, vectors):
    """Transform ``rows`` x ``vectors`` summed products and add them to the taps."""
    line = lanes(D)
    code = scheme.code
    row, column = scheme.taps * channels * outputs, channels * outputs
    for r in range(rows):
        for v in range(vectors):
            source, target = d + r * d_row + v * line, tap + r * outputs + v * line
            if code == CODE_4:
                weight_gradient_tile_4(D, source, plane, taps, target, row, column)
            elif code == CODE_2:
                weight_gradient_tile_2(D, source, plane, taps, target, row, column)
            elif code == CODE_5:
                weight_gradient_tile_5(D, source, plane, taps, target, row, column)
            else:
                weight_gradient_tile_strided(D, source, plane, taps, target, row, column)


@kernel
def _add_units(scheme, first, last, V, v, v_plane, channels, M, m, m_plane, outputs, count, D, d, taps, tap):
    """Multiply the planes of ``count`` tiles and add units ``first`` to ``last`` of the result to the taps."""
    line = lanes(V)
    planes = scheme.side * scheme.side
    row_blocks = (channels + GRADIENT_ROWS - 1) // GRADIENT_ROWS
    d_row = WIDEST * line
    d_plane = GRADIENT_ROWS * d_row
    for unit in range(first, last):
        panel = unit // row_blocks
        c = (unit - panel * row_blocks) * GRADIENT_ROWS
        rows = min(GRADIENT_ROWS, channels - c)
        column = panel * WIDEST * line
        vectors = panel_vectors(outputs, panel, line)
        for plane in range(planes):
            outer_rows(False, vectors, rows, V, v + plane * v_plane + c, 0, channels,
                       M, m + plane * m_plane + column, 0, outputs, 1, count,
                       D, d + plane * d_plane, d_row)  # fmt: skip
        _from_products(
            scheme, D, d, d_plane, d_row, taps, tap + c * outputs + column, channels, outputs, rows, vectors
        )


@kernel(parallel=True)
def sum_tile_gradients(scheme, fused, x, x_at, channels, g, g_at, outputs, images, height, width, block_tiles,
                       V, M, v_plane, m_plane, D, taps, threads):  # fmt: skip
    """Adds to ``taps`` [row][column][channels][outputs]; D is scratch, one (planes, 16, panel) block per thread.

    If ``fused``, V, M and ``taps`` hold one part per thread.
    """
    line = lanes(x)
    size, planes = scheme.writes, scheme.side * scheme.side
    taps_size = scheme.taps * scheme.taps * channels * outputs
    tile_rows, tile_columns = (height + size - 1) // size, (width + size - 1) // size
    tiles = images * tile_rows * tile_columns
    panels = (outputs // line + WIDEST - 1) // WIDEST
    units = (channels + GRADIENT_ROWS - 1) // GRADIENT_ROWS * panels
    d_part = planes * GRADIENT_ROWS * WIDEST * line
    if fused:
        for thread in prange(threads):
            own, end = tiles * thread // threads, tiles * (thread + 1) // threads
            v, m = thread * planes * v_plane, thread * planes * m_plane
            blocks = (end - own + block_tiles - 1) // block_tiles
            for block in range(blocks):
                start, stop = own + (end - own) * block // blocks, own + (end - own) * (block + 1) // blocks
                to_planes(scheme, x, x_at, channels, V, v, v_plane, start, stop, tile_rows, tile_columns)
                _gradients_to_planes(scheme, g, g_at, outputs, M, m, m_plane, start, stop, tile_rows, tile_columns)
                _add_units(scheme, 0, units, V, v, v_plane, channels, M, m, m_plane, outputs, stop - start,
                           D, thread * d_part, taps, thread * taps_size)  # fmt: skip
        return
    blocks = (tiles + block_tiles - 1) // block_tiles
    for step in range(2 * blocks):
        block = step // 2
        start, count = tiles * block // blocks, tiles * (block + 1) // blocks - tiles * block // blocks
        for thread in prange(threads):
            if step % 2 == 0:
                first, last = count * thread // threads, count * (thread + 1) // threads
                to_planes(scheme, x, x_at, channels, V, first * channels, v_plane, start + first, start + last,
                           tile_rows, tile_columns)  # fmt: skip
                _gradients_to_planes(scheme, g, g_at, outputs, M, first * outputs, m_plane, start + first,
                                     start + last, tile_rows, tile_columns)  # fmt: skip
            else:
                first, last = units * thread // threads, units * (thread + 1) // threads
                _add_units(scheme, first, last, V, 0, v_plane, channels, M, 0, m_plane, outputs, count,
                           D, thread * d_part, taps, 0)  # fmt: skip


@kernel(parallel=True)
def add_parts(parts, count, target, size, threads):
    """Write the sum of ``count`` parts of ``size`` elements to ``target``; ``size`` is a multiple of the vector."""
    line = lanes(target)
    for thread in prange(threads):
        for i in range(
            size // line * thread // threads * line, size // line * (thread + 1) // threads * line, line
        ):
            total = vload(parts, i)
            for part in range(1, count):
                total = vadd(total, vload(parts, part * size + i))
            vstore(target, i, total)


@kernel(parallel=True)
def clear(target, size, threads):
    """Zero ``target[:size]``; ``size`` is a multiple of the vector."""
    line = lanes(target)
    for thread in prange(threads):
        zero = vzero(target)
        for i in range(
            size // line * thread // threads * line, size // line * (thread + 1) // threads * line, line
        ):
            vstore(target, i, zero)
