"""Draws curves over steps, such as a loss, into a picture: one panel for each quantity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

WIDTH, PANEL_HEIGHT = 760, 240
LEFT, RIGHT, TOP, BOTTOM = 84, 20, 34, 34
TEXT_SCALE = 0.42
WHITE, INK, GRID = (255, 255, 255), (40, 40, 40), (228, 228, 228)
# Red, green, blue; told apart also by those who see no red or no green (Okabe and Ito, 2008).
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233))
SUBPIXEL_BITS = 4
LOGARITHMIC_FROM = 30.0
TICKS = 5
MAX_POINTS = 100_000


@dataclass
class Curve:
    """Values over steps. Beyond `MAX_POINTS` every second point is dropped."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        """Append a point."""
        self.steps.append(step)
        self.values.append(value)
        if len(self.steps) > MAX_POINTS:
            # The newest point stays, so that a curve always reaches the present.
            self.steps, self.values = self.steps[::-2][::-1], self.values[::-2][::-1]


def draw_curves(curves: Mapping[str, Curve], unit: str = "step") -> np.ndarray:
    """Return a picture, uint8 (rows, columns, 3), red first, with a panel for each part of the names before ``/``.

    A panel whose values are all positive and differ by a factor of 30 or more has a logarithmic axis.
    """
    panels: dict[str, dict[str, Curve]] = {}
    for name, curve in curves.items():
        if curve.steps:
            title, _, line = name.partition("/")
            panels.setdefault(title, {})[line] = curve
    if not panels:
        return np.full((PANEL_HEIGHT, WIDTH, 3), WHITE, np.uint8)
    return np.concatenate([_panel(title, lines, unit) for title, lines in panels.items()])


def _panel(title: str, lines: Mapping[str, Curve], unit: str) -> np.ndarray:
    import cv2

    page = np.full((PANEL_HEIGHT, WIDTH, 3), WHITE, np.uint8)
    values = [value for curve in lines.values() for value in curve.values]
    logarithmic = min(values) > 0 and max(values) / min(values) >= LOGARITHMIC_FROM
    across = _Axis([step for curve in lines.values() for step in curve.steps], False, LEFT, WIDTH - RIGHT)
    up = _Axis(values, logarithmic, PANEL_HEIGHT - BOTTOM, TOP)

    def write(text: str, left: float, bottom: float, colour: tuple[int, int, int] = INK) -> None:
        place = (round(left), round(bottom))
        cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, colour, 1, cv2.LINE_AA)

    def width_of(text: str) -> int:
        return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, 1)[0][0])

    for value, text in up.ticks():
        row = round(up.place(value))
        cv2.line(page, (LEFT, row), (WIDTH - RIGHT, row), GRID, 1)
        write(text, LEFT - 8 - width_of(text), row + 4)
    for value, text in across.ticks():
        column = round(across.place(value))
        cv2.line(page, (column, TOP), (column, PANEL_HEIGHT - BOTTOM), GRID, 1)
        write(text, column - width_of(text) / 2, PANEL_HEIGHT - BOTTOM + 16)
    write(unit, WIDTH - RIGHT - width_of(unit), PANEL_HEIGHT - 4)
    write(f"{title} (logarithmic)" if logarithmic else title, LEFT, TOP - 12)
    right = float(WIDTH - RIGHT)
    for number, (name, curve) in reversed(list(enumerate(lines.items()))):
        colour = COLOURS[number % len(COLOURS)]
        points = [
            (across.place(step), up.place(value)) for step, value in zip(curve.steps, curve.values, strict=True)
        ]
        fixed = np.round(np.array(points) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.polylines(page, [fixed.reshape(-1, 1, 2)], False, colour, 2, cv2.LINE_AA, SUBPIXEL_BITS)
        if len(points) == 1:
            cv2.circle(page, (round(points[0][0]), round(points[0][1])), 3, colour, -1, cv2.LINE_AA)
        if name:
            right -= width_of(name) + 14
            write(name, right, TOP - 12, colour)
    cv2.rectangle(page, (LEFT, TOP), (WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM), INK, 1)
    return page


class _Axis:
    """Maps values to pixels between ``first`` and ``last``."""

    def __init__(self, values: Sequence[float], logarithmic: bool, first: int, last: int) -> None:
        self.logarithmic = logarithmic
        self.first, self.last = first, last
        low, high = self._scaled(min(values)), self._scaled(max(values))
        margin = (high - low) * 0.04 or max(abs(low) * 0.1, 1e-9)
        # Steps begin at the frame; values get some air.
        self.low, self.high = (low, high) if first < last and high > low else (low - margin, high + margin)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else float(value)

    def place(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (self._scaled(value) - self.low) / (self.high - self.low)
        return self.first + share * (self.last - self.first)

    def ticks(self) -> list[tuple[float, str]]:
        """Return round numbers on the axis, with their texts."""
        if self.logarithmic and self.high - self.low >= 1:
            every = math.ceil((self.high - self.low) / TICKS)
            powers = range(math.ceil(self.low), math.floor(self.high) + 1, every)
            return [(10.0**power, f"{10.0**power:.4g}") for power in powers]
        low, high = (10**self.low, 10**self.high) if self.logarithmic else (self.low, self.high)
        rough = (high - low) / TICKS
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        found = [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
        digits = max(0, -math.floor(math.log10(step)))
        return [
            (value, f"{value:.{digits}f}" if abs(value) < 1e5 and digits < 5 else f"{value:.3g}") for value in found
        ]
