"""Curves over steps, such as the loss of a training: one panel for each quantity, runs side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.drawing.appearance import GRID, PALETTE, make_logarithmic, new_figure
from grader.language.translation import _, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, PANEL_HEIGHT = 7.0, 2.4
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
        drawn = [curve for lines in found.values() for curve in lines.values()]
        values = [value for curve in drawn for value in curve.values if math.isfinite(value)]
        label = _(UNITS[quantity]) if quantity in UNITS else _word(quantity)
        if values and min(values) > 0 and max(values) / min(values) >= LOGARITHMIC_FROM:
            make_logarithmic(row[0])
            label = _("{quantity} (logarithmic)", quantity=label)
        row[0].set_ylabel(label)
    for axes, run in zip(grid[0], runs, strict=True):
        axes.set_title(run)
    for axes in grid.flat if beside else grid[-1]:
        _name_the_steps(axes, across)
    return figure


def _name_the_steps(axes: Axes, across: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(across or _("step"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    low, high = axes.get_xlim()
    if high - low < 2:
        # Less than two steps have no whole numbers to stand at.
        middle = round((low + high) / 2)
        axes.set_xlim(middle - 1, middle + 1)


def _panel(axes: Axes, lines: Mapping[str, Curve]) -> None:
    axes.grid(True, color=GRID)
    for number, (name, curve) in enumerate(lines.items()):
        marker = "o" if sum(map(math.isfinite, curve.values)) == 1 else None
        colour = PALETTE[number % len(PALETTE)]
        axes.plot(curve.steps, curve.values, color=colour, marker=marker, label=_word(name), linewidth=1.4)
    if any(lines):
        axes.legend()


def _word(name: str) -> str:
    return " ".join(_(WORDS[part]) if part in WORDS else part for part in name.split("/"))
