"""Plain charts of bars as pictures, uint8 (rows, columns, 3), red first, with what the box has: OpenCV."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

INK, PALE = (40, 40, 40), (205, 205, 205)
# Okabe and Ito's colours, which are told apart by everybody.
COLOURS = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167))
FONT, SIZE, SMALL = cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0.42
ROW, THICK, LEFT, RIGHT, TOP, BOTTOM = 22, 14, 190, 90, 60, 40


def written(picture: np.ndarray, text: str, x: int, y: int, size: float = SMALL, colour: Sequence[int] = INK) -> None:
    """Write ASCII text with its left end at x and its base line at y."""
    cv2.putText(picture, text, (x, y), FONT, size, tuple(colour), 1, cv2.LINE_AA)


def columns_of(text: str, size: float = SMALL) -> int:
    """Return how wide a text is."""
    return int(cv2.getTextSize(text, FONT, size, 1)[0][0])


def bars(
    title: str,
    unit: str,
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    form: str = "{:.1f}",
    width: int = 760,
) -> np.ndarray:
    """Draw horizontal bars: one group for each name, in it one bar for each series, with its number at its end."""
    thick = THICK if len(series) > 1 else ROW - 6
    step = max(ROW, thick * len(series) + 6)
    height = TOP + step * len(names) + BOTTOM
    picture = np.full((height, width, 3), 255, np.uint8)
    largest = max((value for _, values in series for value in values), default=0.0) or 1.0
    span = width - LEFT - RIGHT
    written(picture, title, 12, 22, SIZE)
    x = 12
    for number, (label, _) in enumerate(series if len(series) > 1 else ()):
        cv2.rectangle(picture, (x, 36), (x + 10, 46), COLOURS[number], -1)
        written(picture, label, x + 16, 46)
        x += 40 + 8 * len(label)
    cv2.line(picture, (LEFT, TOP - 4), (LEFT, height - BOTTOM), INK, 1)
    for row, name in enumerate(names):
        y = TOP + row * step
        written(picture, name[:24], 12, y + step // 2 + 2)
        for number, (_, values) in enumerate(series):
            above = y + number * thick
            end = LEFT + round(span * max(0.0, values[row]) / largest)
            cv2.rectangle(picture, (LEFT, above), (end, above + thick - 2), COLOURS[number], -1)
            written(picture, form.format(values[row]), end + 6, above + thick - 1)
    written(picture, unit, LEFT, height - 14)
    return picture


def columns(title: str, axis: str, edges: np.ndarray, series: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """Draw histograms over the same bins, one below the other, with the ends and the middle of the axis."""
    each, width = 190, 760
    picture = np.full((50 + each * len(series), width, 3), 255, np.uint8)
    written(picture, title, 12, 22, SIZE)
    left, span = 60, width - 90
    for number, (label, counts) in enumerate(series):
        base = 40 + each * (number + 1) - 40
        top = base - (each - 70)
        written(picture, label, left, top - 8)
        largest = float(counts.max()) or 1.0
        for place, count in enumerate(counts):
            x = left + round(span * place / len(counts))
            end = max(x, left + round(span * (place + 1) / len(counts)) - 1)
            y = base - round((base - top) * float(count) / largest)
            if count:
                cv2.rectangle(picture, (x, y), (end, base), COLOURS[number], -1)
        cv2.line(picture, (left, base), (left + span, base), INK, 1)
        for share in (0.0, 0.5, 1.0):
            value = edges[0] + share * (edges[-1] - edges[0])
            text = f"{value:.3g}"
            written(picture, text, left + round(span * share) - round(share * columns_of(text)), base + 16)
        written(picture, axis, left + span - columns_of(axis), base + 32)
    return picture


def beside(photograph: np.ndarray, chart: np.ndarray) -> np.ndarray:
    """Put a photograph left of a chart of the same height."""
    rows = chart.shape[0]
    scaled = cv2.resize(photograph, (round(photograph.shape[1] * rows / photograph.shape[0]), rows))
    return np.concatenate([scaled, np.full((rows, 8, 3), 255, np.uint8), chart], axis=1)
