"""The parallel loops of the direct convolution; ``direct`` prepares their arguments and explains the plan.

``x_at``, ``y_at`` and ``g_at`` are :class:`buffers.Strides`; outputs are multiples of the vector.
"""

from __future__ import annotations

from numba import prange

from .compilation import kernel
from .matrix import WIDEST, biased_rows, outer_rows, panel_vectors
from .row_tiles import picture_rows, suits
from .vector import lanes, vadd, vload, vstore, vwhere_greater, vzero


@kernel(parallel=True)
def sum_taps(x, x_at, x_row, x_column, taps, tap_count, depth, B, E, low, y, y_at, outputs, images, rows, columns,
             row_block, panels_first, threads):  # fmt: skip
    """y = max(low, E + sum of taps of x times B), in units of ``row_block`` rows and a panel of outputs."""
    line = lanes(x)
    panels = (outputs // line + WIDEST - 1) // WIDEST
    all_rows = images * rows
    blocks = (all_rows + row_block - 1) // row_block
    work = blocks * panels
    for thread in prange(threads):
        for item in range(work * thread // threads, work * (thread + 1) // threads):
            if panels_first:
                block = item // panels
                panel = item - block * panels
            else:
                panel = item // blocks
                block = item - panel * blocks
            column = panel * WIDEST * line
            vectors = panel_vectors(outputs, panel, line)
            b = column * tap_count * depth
            written_out = suits(vectors, tap_count, depth)
            for r in range(all_rows * block // blocks, all_rows * (block + 1) // blocks):
                n = r // rows
                h = r - n * rows
                source = x_at.origin + n * x_at.image + h * x_row
                target = y_at.origin + n * y_at.image + h * y_at.row + column
                if written_out:
                    picture_rows(x, source, x_column, columns, taps, tap_count, depth, B, b, y, target, y_at.pixel,
                                 E, column, low)  # fmt: skip
                else:
                    biased_rows(vectors, x, source, x_column, columns, taps, 0, tap_count, depth, B, b,
                                vectors * line, y, target, y_at.pixel, E, column, low)  # fmt: skip


@kernel(parallel=True)
def clear_pixels(y, y_at, images, rows, columns, channels, threads):
    """Zero the pixels of a picture without its border."""
    line = lanes(y)
    for thread in prange(threads):
        zero = vzero(y)
        for r in range(images * rows * thread // threads, images * rows * (thread + 1) // threads):
            n = r // rows
            start = y_at.origin + n * y_at.image + (r - n * rows) * y_at.row
            for i in range(start, start + (columns - 1) * y_at.pixel + channels, line):
                vstore(y, i, zero)


@kernel(parallel=True)
def pack_rows(source, step, rows, columns, outputs, B, first, row_list, threads):
    """Rows ``row_list`` (blocks of ``rows``) of a [..][columns] matrix to panels [panel][row][width]."""
    line = lanes(B)
    panels = (outputs // line + WIDEST - 1) // WIDEST
    total = len(row_list) * rows
    for thread in prange(threads):
        for r in range(total * thread // threads, total * (thread + 1) // threads):
            block = r // rows
            start = (row_list[block] * rows + r - block * rows) * step
            for panel in range(panels):
                width = panel_vectors(outputs, panel, line) * line
                column = panel * WIDEST * line
                target = first + column * total + r * width
                for i in range(width):
                    B[target + i] = source[start + column + i] if column + i < columns else 0


@kernel(parallel=True)
def swap_channels(taps, count, channels, outputs, swapped, wide, threads):
    """[tap][channels][outputs] to [tap][outputs][wide], the rest of ``wide`` zero."""
    strip = 16
    groups = (outputs + strip - 1) // strip
    for thread in prange(threads):
        work = count * groups
        for item in range(work * thread // threads, work * (thread + 1) // threads):
            tap = item // groups
            first = (item - tap * groups) * strip
            last = min(outputs, first + strip)
            for c in range(channels):
                for k in range(first, last):
                    swapped[(tap * outputs + k) * wide + c] = taps[(tap * channels + c) * outputs + k]
            for c in range(channels, wide):
                for k in range(first, last):
                    swapped[(tap * outputs + k) * wide + c] = 0


@kernel(parallel=True)
def keep_where_positive(active, active_at, values, values_at, images, height, width, channels, threads):
    """Zero ``values`` where ``active`` is not positive: the gradient of a ReLU."""
    line = lanes(values)
    for thread in prange(threads):
        zero = vzero(values)
        for r in range(images * height * thread // threads, images * height * (thread + 1) // threads):
            n = r // height
            h = r - n * height
            for w in range(width):
                a = active_at.origin + n * active_at.image + h * active_at.row + w * active_at.pixel
                v = values_at.origin + n * values_at.image + h * values_at.row + w * values_at.pixel
                for c in range(0, channels, line):
                    vstore(values, v + c, vwhere_greater(vload(active, a + c), zero, vload(values, v + c), zero))


@kernel(parallel=True)
def sum_pixels(x, x_at, x_row, x_column, taps, tap_rows, unit_rows, g, g_at, outputs, images, rows, columns,
                     row_block, by_image, image_block, row_parts, D, threads):  # fmt: skip
    """D[part][tap][row][outputs] = sum over pixels of x times g; parts of the rows are summed at the end.

    A block of pixels is ``row_block`` rows of pictures or, ``by_image``, the same row of ``image_block`` pictures.
    """
    line = lanes(x)
    panels = (outputs // line + WIDEST - 1) // WIDEST
    per_tap = (tap_rows + unit_rows - 1) // unit_rows
    units = len(taps) * per_tap * panels
    size = len(taps) * tap_rows * outputs
    unit_parts = threads // row_parts
    image_parts = (images + image_block - 1) // image_block
    outer_items = rows * image_parts if by_image else images * rows
    blocks = (outer_items + row_block - 1) // row_block
    for thread in prange(threads):
        row_part = thread // unit_parts
        part = thread - row_part * unit_parts
        if row_part < row_parts:
            first_block, last_block = blocks * row_part // row_parts, blocks * (row_part + 1) // row_parts
            if last_block <= first_block:
                for i in range(size * part // unit_parts, size * (part + 1) // unit_parts):
                    D[row_part * size + i] = 0
            for block in range(first_block, last_block):
                for unit in range(units * part // unit_parts, units * (part + 1) // unit_parts):
                    panel = unit // (len(taps) * per_tap)
                    inside = unit - panel * len(taps) * per_tap
                    tap = inside // per_tap
                    row = (inside - tap * per_tap) * unit_rows
                    count = min(unit_rows, tap_rows - row)
                    column = panel * WIDEST * line
                    vectors = panel_vectors(outputs, panel, line)
                    target = row_part * size + (tap * tap_rows + row) * outputs + column
                    position = outer_items * block // blocks
                    end = outer_items * (block + 1) // blocks
                    fresh = block == first_block
                    while position < end:
                        if by_image:
                            h = position // image_parts
                            share = position - h * image_parts
                            n = images * share // image_parts
                            length = images * (share + 1) // image_parts - n
                            outer_x, outer_g = x_at.image, g_at.image
                            position += 1
                        else:
                            n = position // rows
                            h = position - n * rows
                            length = min(end - position, rows - h)
                            outer_x, outer_g = x_row, g_at.row
                            position += length
                        outer_rows(
                            not fresh,
                            vectors,
                            count,
                            x,
                            x_at.origin + n * x_at.image + h * x_row + taps[tap] + row,
                            outer_x,
                            x_column,
                            g,
                            g_at.origin + n * g_at.image + h * g_at.row + column,
                            outer_g,
                            g_at.pixel,
                            length,
                            columns,
                            D,
                            target,
                            outputs,
                        )
                        fresh = False
    for thread in prange(threads):
        if row_parts > 1:
            for i in range(
                size // line * thread // threads * line, size // line * (thread + 1) // threads * line, line
            ):
                total = vload(D, i)
                for part in range(1, row_parts):
                    total = vadd(total, vload(D, part * size + i))
                vstore(D, i, total)
