"""A wrong array on a terminal: what went in, what came out and the error side by side, with the window marked."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len

from grader.drawing import Difference, Plane
from grader.language.translation import _

SHADES, SHADES_ASCII = "·░▒▓█", ".-+*#"
STEPS, STEPS_ASCII = ("≤ 18", "≤ 300", "≤ 5600", "> 5600"), ("<= 18", "<= 300", "<= 5600", "> 5600")
MOST_ROWS, MOST_COLUMNS = 7, 5
# Numbers within these bounds are written with two places, others with two digits.
PLAIN_FROM, PLAIN_TO = 0.05, 100.0
# A map of samples has no numbers, so that more of it fits.
MOST_BINS = 16
GAP = "  "


def as_lines(found: Difference, width: int, *, unicode: bool = True) -> list[str]:
    """Return the panels of a wrong array as lines: beside each other where they fit into ``width``, else below.

    Of large arrays the part around the worst entry is shown, with the numbers of its rows and columns. Brackets
    mark the worst entry, and the window of the input that it comes from.
    """
    shades = SHADES if unicode else SHADES_ASCII
    panels = [_panel(plane, None) for plane in found.shown] + [_panel(found.error, shades)]
    rows: list[list[list[str]]] = []
    for panel in panels:
        fits = rows and sum(_width(other) + len(GAP) for other in rows[-1]) + _width(panel) <= width
        rows[-1].append(panel) if fits else rows.append([panel])
    lines = [line for row in rows for line in _beside(row)]
    # Quarters of the logarithmic scale of `grader.explain.picture`.
    steps = zip(shades[1:], STEPS if unicode else STEPS_ASCII, strict=True)
    scale = _(", ").join([_("{shade} right", shade=shades[0]), *(f"{shade} {text}" for shade, text in steps)])
    what = _("error ÷ allowed error") if unicode else "error / allowed"
    return [*lines, _("{what}: {scale}", what=what, scale=scale)]


def _panel(plane: Plane, shades: str | None) -> list[str]:
    """Return the lines of one panel; numbers, or with ``shades`` how wrong each entry is."""
    values = np.atleast_2d(plane.values)
    window = plane.window
    most = (MOST_BINS, MOST_BINS) if plane.span is not None else (MOST_ROWS, MOST_COLUMNS)
    centre = (window[0] + window[2] // 2, window[1] + window[3] // 2) if window is not None else (0, 0)
    rows, columns = (_part(length, at, of) for length, at, of in zip(values.shape, centre, most, strict=True))
    span = plane.span or values.shape
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    form = ".2f" if PLAIN_FROM <= largest < PLAIN_TO else ".2g"
    cells = [
        [_cell(float(values[row, column]), shades or form, _is_in(window, row, column)) for column in columns]
        for row in rows
    ]
    wide = max(len(cell) for line in cells for cell in line)
    label = max(len(str(row * span[0] // values.shape[0])) for row in rows)
    heads = [str(column * span[1] // values.shape[1]) for column in columns]
    wide = max(wide, *(len(head) + 1 for head in heads))
    lines = [*plane.title.split("\n")]
    if values.size > len(rows) * len(columns):
        lines[-1] += _(" (a part of it)")
    lines.append(f"{plane.axes[0]} \\ {plane.axes[1]}" if plane.values.ndim > 1 else plane.axes[1])
    lines.append(" " * label + " " + "".join(f"{head:^{wide}}" for head in heads))
    for row, line in zip(rows, cells, strict=True):
        number = str(row * span[0] // values.shape[0]) if plane.values.ndim > 1 else ""
        lines.append(f"{number:>{label}} " + "".join(f"{cell:^{wide}}" for cell in line))
    return lines


def _part(length: int, at: int, most: int) -> range:
    """Return at most so many places of a length, with ``at`` in their middle where that can be."""
    begin = max(0, min(at - most // 2, length - most))
    return range(begin, min(length, begin + most))


def _is_in(window: tuple[int, int, int, int] | None, row: int, column: int) -> bool:
    if window is None:
        return False
    top, left, rows, columns = window
    return top <= row < top + rows and left <= column < left + columns


def _cell(value: float, look: str, marked: bool) -> str:
    """Write one entry; ``look`` is the shades of an error, or the form of a number."""
    if look not in (SHADES, SHADES_ASCII):
        text = "NaN" if math.isnan(value) else f"{value:{look}}"
    elif math.isnan(value):
        text = "?"
    else:
        steps = len(look) - 1
        text = look[0 if value <= 0 else min(steps, math.ceil(value * steps))]
    return f"[{text}]" if marked else f" {text} "


def _width(panel: Sequence[str]) -> int:
    return max(map(cell_len, panel))


def _beside(panels: Sequence[Sequence[str]]) -> list[str]:
    height = max(map(len, panels))
    lines = []
    for number in range(height):
        parts = []
        for panel in panels:
            text = panel[number] if number < len(panel) else ""
            parts.append(text + " " * (_width(panel) - cell_len(text)))
        lines.append(GAP.join(parts).rstrip())
    return lines
