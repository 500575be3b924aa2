"""Bars: what the layers of a network cost, and how long different programs need for the same work."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from grader.drawing.appearance import GRID, PALETTE, make_logarithmic, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAYER_WIDTH, ROW_HEIGHT, FRAME_HEIGHT = 9.0, 0.24, 1.1
GROUPS_SIZE = (10.5, 5.0)
GROUP_SHARE = 0.84


def draw_layers(names: Sequence[str], kinds: Sequence[str], columns: Mapping[str, Sequence[float]]) -> Figure:
    """Draw a row for each layer and a column of bars for each quantity, with its numbers and shares.

    ``columns`` has the title of a quantity, with its unit, and a value for each layer; a colour stands for a kind.
    """
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    colours = {kind: PALETTE[number % len(PALETTE)] for number, kind in enumerate(dict.fromkeys(kinds))}
    figure = new_figure(LAYER_WIDTH, FRAME_HEIGHT + ROW_HEIGHT * len(names))
    places = range(len(names))
    row = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for axes, (title, values) in zip(row, columns.items(), strict=True):
        total = math.fsum(values)
        bars = axes.barh(places, values, color=[colours[kind] for kind in kinds], height=0.72)
        texts = [_number(value) + (f" ({value / total:.0%})" if value >= 0.005 * total else "") for value in values]
        axes.bar_label(bars, texts, padding=2, fontsize=7)
        axes.set_xlabel(title)
        axes.set_xlim(0, (max(values, default=0) or 1) * 1.45)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.grid(True, axis="x", color=GRID)
        axes.set_axisbelow(True)
        axes.set_yticks(places, names)
        # The first layer stands at the top, as in a table.
        axes.set_ylim(len(names) - 0.5, -0.5)
    handles = [Patch(color=colour, label=kind) for kind, colour in colours.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def draw_groups(
    title: str, names: Sequence[str], series: Mapping[str, Sequence[float | None]], label: str
) -> Figure:
    """Draw a group of bars for each name, one of each series, on a logarithmic axis; None leaves a place empty."""
    figure = new_figure(*GROUPS_SIZE, title)
    axes = figure.subplots()
    width = GROUP_SHARE / len(series)
    for number, (name, values) in enumerate(series.items()):
        shown = {place: value for place, value in enumerate(values) if value is not None}
        places = [place + (number - (len(series) - 1) / 2) * width for place in shown]
        colour = PALETTE[number % len(PALETTE)]
        bars = axes.bar(places, list(shown.values()), width * 0.92, label=name, color=colour)
        axes.bar_label(bars, [_number(value) for value in shown.values()], padding=1, fontsize=6)
    make_logarithmic(axes)
    axes.set_ylabel(label)
    axes.set_xticks(range(len(names)), names)
    axes.grid(True, axis="y", color=GRID)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=len(series))
    return figure


def _number(value: float) -> str:
    """Return three digits, or all before the point; nothing for nothing."""
    return "" if not value else f"{value:.3g}" if value < 100 else f"{value:,.0f}"
