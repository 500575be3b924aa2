"""What the layers of a network cost, as a table that fits: output, parameters, multiply-adds, time, share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.language.translation import _, translated
from grader.report.look import Look
from grader.timing.layers import MAX_AXES

BAR_WIDTH, NARROW_BAR, WIDE_FROM, ROOMY_FROM = 16, 8, 100, 76


@dataclass(frozen=True)
class LayerSummary:
    """One layer: multiply-adds of one picture, ``ms`` on the grader's clock, shares from 0 to 1."""

    name: str
    kind: str
    parameters: int
    multiply_adds: int
    ms: float
    time_share: float
    work_share: float
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Summary:
    """All layers of a network in order; ``message`` says why there are none.

    ``notes`` say what the figures are, and which other networks there are.
    """

    layers: Sequence[LayerSummary]
    message: str = ""
    title: str = ""
    notes: tuple[str, ...] = ()

    def render(self, console: Console) -> None:
        """Print the table with totals, and which layer and which kind of layer holds most of each."""
        if self.message:
            console.print(Text(self.message), soft_wrap=True)
            return
        if self.title:
            console.print(Text(self.title, style="bold"))
        wide, roomy = console.width >= WIDE_FROM, console.width >= ROOMY_FROM
        rows = [[cell for cell, shown in zip(row, (True, wide, roomy, *[True] * 4), strict=True) if shown]
                for row in self._rows(wide)]  # fmt: skip
        needed = sum(max(map(cell_len, column)) + 1 for column in zip(*rows, strict=True))
        bar_width = min(BAR_WIDTH if wide else NARROW_BAR, max(0, console.width - needed))
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        for place, title in enumerate(rows[0]):
            table.add_column(title, justify="left" if place <= wide else "right", no_wrap=True)
        if roomy:
            table.add_column("", no_wrap=True)
        look = Look.of(console)
        largest = max((layer.time_share for layer in self.layers), default=0.0) or 1.0
        for layer, row in zip(self.layers, rows[1:], strict=False):
            bar = [Text(look.bar(layer.time_share / largest, bar_width), style="cyan")] if roomy else []
            table.add_row(*map(Text, row), *bar)
        table.add_section()
        table.add_row(Text(rows[-1][0], style="bold"), *map(Text, rows[-1][1:]))
        console.print(table)
        for line in (*self.remarks(), *self.notes):
            console.print(Text(line), soft_wrap=True)

    def _rows(self, wide: bool) -> list[list[str]]:
        """Return titles, a row for each layer, and the totals: name, kind, output and four figures."""
        written = (lambda number: f"{number:,}") if wide else short
        titles = (_("layer"), _("kind"), _("output shape"), _("parameters"), _("multiply-adds"), "ms", _("share"))
        rows = [list(titles)]
        for layer in self.layers:
            rows.append(
                [
                    layer.name,
                    translated(layer.kind),
                    "x".join(map(str, layer.shape)),
                    written(layer.parameters) if layer.parameters else "",
                    written(layer.multiply_adds) if layer.multiply_adds else "",
                    f"{layer.ms:.1f}" if layer.ms >= 1 else f"{layer.ms:.3f}",
                    f"{layer.time_share:.1%}",
                ]
            )
        sums = (sum(layer.parameters for layer in self.layers), sum(layer.multiply_adds for layer in self.layers))
        total = f"{sum(layer.ms for layer in self.layers):.1f}"
        return [*rows, [_("total"), "", "", *map(written, sums), total, ""]]

    def remarks(self) -> list[str]:
        """Say which layer and which kind of layer holds most of the parameters, of the work, of the time."""
        lines = []
        told = (
            ("parameters", _("Most parameters: {layer} with {share}; all {kind} layers together: {kind_share}")),
            (
                "multiply_adds",
                _("Most multiply-adds: {layer} with {share}; all {kind} layers together: {kind_share}"),
            ),
            ("ms", _("Most time: {layer} with {share}; all {kind} layers together: {kind_share}")),
        )
        for attribute, sentence in told:
            sizes = {layer.name: float(getattr(layer, attribute)) for layer in self.layers}
            kinds: dict[str, float] = {}
            for layer in self.layers:
                kinds[layer.kind] = kinds.get(layer.kind, 0.0) + sizes[layer.name]
            total = sum(sizes.values())
            most, kind = max(sizes, key=lambda name: sizes[name]), max(kinds, key=lambda name: kinds[name])
            if total:
                share, kind_share = f"{sizes[most] / total:.0%}", f"{kinds[kind] / total:.0%}"
                lines.append(sentence.format(layer=most, share=share, kind=translated(kind), kind_share=kind_share))
        return lines


def shape_of(outputs: Mapping[str, np.ndarray], name: str) -> tuple[int, ...]:
    """Return the shape of what a layer returned for one picture; empty if what was sent is no shape."""
    sent = outputs.get(f"{name}/shape")
    if sent is None or sent.dtype.kind not in "iu" or sent.ndim != 1 or not 0 < sent.size <= MAX_AXES:
        return ()
    return tuple(int(length) for length in sent[1:])


def short(number: int) -> str:
    """Write a large number in four characters and a letter: 1.85 G, 134 M, 640."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return str(number)
