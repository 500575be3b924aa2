"""Curves over steps, such as the loss of a training: one panel for each quantity, runs side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.drawing.appearance import GRID, PALETTE, make_logarithmic, new_figure
from grader.language.translation import _, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, PANEL_HEIGHT = 7.0, 2.4
# Inches beside, below and above the panel of a sheet: room for numbers of seven characters, and a factor above.
LEFT, RIGHT, BELOW, ABOVE = 0.85, 0.1, 0.5, 0.22
# Where the names of a sheet's axes end, in inches from its edges.
NAME_LEFT, NAME_BELOW = 0.22, 0.22
# Stretches between the numbers of an axis, at most; drawing them is most of the work on a sheet.
STRETCHES, SHEET_STRETCHES = 10, 5
ROUND = (1, 2, 5, 10)
BESIDE_WIDTH, BESIDE_HEIGHT = 4.6, 3.4
LOGARITHMIC_FROM = 30.0
MAX_POINTS = 100_000
# Words that labs use in the names of their curves; others are drawn as they are.
WORDS = {
    "loss": marked("loss"), "accuracy": marked("accuracy"), "train": marked("training"), "test": marked("test"),
    "total": marked("total"), "content": marked("content"), "style": marked("style"),
}  # fmt: skip
UNITS = {"accuracy": marked("accuracy (share, 0 to 1)")}


@dataclass
class Curve:
    """Values over steps; NaN leaves a gap. Beyond `MAX_POINTS` every second point is dropped."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        """Append a point."""
        self.steps.append(step)
        self.values.append(value)
        if len(self.steps) > MAX_POINTS:
            # The newest point stays, so that a curve always reaches the present.
            self.steps, self.values = self.steps[::-2][::-1], self.values[::-2][::-1]


def draw_curves(
    runs: Mapping[str, Mapping[str, Curve]], width: float = WIDTH, across: str = "", beside: bool = False
) -> Figure:
    """Draw the curves of each run into a column of its own, with one scale for all runs.

    There is a panel for each part of the names before ``/``; what stands behind it names a line in the panel. A
    panel whose values are all positive and differ by a factor of 30 or more has a logarithmic axis. ``width`` is in
    inches; ``across`` says what the steps are, if they are no steps of a training. ``beside`` puts the panels of a
    single run into one row.
    """
    # Quantity to run to line.
    panels: dict[str, dict[str, dict[str, Curve]]] = {}
    for run, curves in runs.items():
        for name, curve in curves.items():
            quantity, _slash, line = name.partition("/")
            if curve.steps:
                panels.setdefault(quantity, {}).setdefault(run, {})[line] = curve
    if beside and panels:
        figure = new_figure(BESIDE_WIDTH * len(panels), BESIDE_HEIGHT)
        grid = figure.subplots(1, len(panels), squeeze=False).T
    else:
        figure = new_figure(width, PANEL_HEIGHT * max(1, len(panels)))
        if not panels:
            figure.text(0.5, 0.5, _("no values yet"), ha="center", va="center")
            return figure
        grid = figure.subplots(len(panels), len(runs), sharex="col", sharey="row", squeeze=False)
    for row, (quantity, found) in zip(grid, panels.items(), strict=True):
        for axes, run in zip(row, runs, strict=True):
            _panel(axes, found.get(run, {}))
        _name_the_values(row[0], quantity, [curve for lines in found.values() for curve in lines.values()])
    for axes, run in zip(grid[0], runs, strict=True):
        axes.set_title(run)
    for axes in grid.flat if beside else grid[-1]:
        _name_the_steps(axes, across)
    return figure


class CurveSheet:
    """One panel that one curve after another is drawn on: making a figure anew takes several times as long.

    Margins and places of names are the same whatever is drawn, so that panels below each other stand in line and
    nothing is measured; numbers are few. It is made, drawn on and written within `style`. ``quantity`` and
    ``across`` are as for `draw_curves`.
    """

    def __init__(self, quantity: str, width: float, across: str = "") -> None:
        from matplotlib.figure import Figure

        self._quantity, self._across = quantity, across
        self._figure = Figure(figsize=(width, PANEL_HEIGHT))
        self._figure.subplots_adjust(
            left=LEFT / width,
            right=1 - RIGHT / width,
            bottom=BELOW / PANEL_HEIGHT,
            top=1 - ABOVE / PANEL_HEIGHT,
        )
        self._axes = self._figure.subplots()
        self._axes.xaxis.set_label_coords(0.5, NAME_BELOW / PANEL_HEIGHT, self._figure.transFigure)
        self._axes.yaxis.set_label_coords(NAME_LEFT / width, 0.5, self._figure.transFigure)
        _panel(self._axes, {"": Curve()})

    def drawn(self, curve: Curve) -> Figure:
        """Return the figure with this curve in the place of the one before."""
        from matplotlib.ticker import MaxNLocator, NullLocator

        axes, line = self._axes, self._axes.lines[0]
        line.set_data(curve.steps, curve.values)
        line.set_marker(_marker(curve) or "None")
        axes.set_yscale("linear")
        # What stays where there is no number to scale by.
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.relim()
        axes.autoscale()
        axes.yaxis.set_major_locator(MaxNLocator(nbins=SHEET_STRETCHES, steps=ROUND))
        _name_the_values(axes, self._quantity, [curve])
        axes.yaxis.set_minor_locator(NullLocator())
        _name_the_steps(axes, self._across, SHEET_STRETCHES)
        return self._figure


def _name_the_values(axes: Axes, quantity: str, curves: Iterable[Curve]) -> None:
    values = [value for curve in curves for value in curve.values if math.isfinite(value)]
    label = _(UNITS[quantity]) if quantity in UNITS else _word(quantity)
    if values and min(values) > 0 and max(values) / min(values) >= LOGARITHMIC_FROM:
        make_logarithmic(axes)
        label = _("{quantity} (logarithmic)", quantity=label)
    axes.set_ylabel(label)


def _name_the_steps(axes: Axes, across: str, stretches: int = STRETCHES) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(across or _("step"))
    axes.xaxis.set_major_locator(
        MaxNLocator(nbins=stretches, integer=True, steps=ROUND if stretches < STRETCHES else None)
    )
    low, high = axes.get_xlim()
    if high - low < 2:
        # Less than two steps have no whole numbers to stand at.
        middle = round((low + high) / 2)
        axes.set_xlim(middle - 1, middle + 1)


def _panel(axes: Axes, lines: Mapping[str, Curve]) -> None:
    axes.grid(True, color=GRID)
    for number, (name, curve) in enumerate(lines.items()):
        colour = PALETTE[number % len(PALETTE)]
        axes.plot(curve.steps, curve.values, color=colour, marker=_marker(curve), label=_word(name), linewidth=1.4)
    if any(lines):
        axes.legend()


def _marker(curve: Curve) -> str | None:
    """Return the mark of each point: a line of a single one would not be seen."""
    return "o" if sum(map(math.isfinite, curve.values)) == 1 else None


def _word(name: str) -> str:
    return " ".join(_(WORDS[part]) if part in WORDS else part for part in name.split("/"))
