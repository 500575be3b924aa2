"""The table of a network's layers: where the time goes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from grader.language.text import one_line
from grader.language.translation import _, marked, translated
from grader.report.look import Look
from grader.score.document import LayerTime

NARROW_BAR = 8
WIDE_BAR = 20
WIDE_FROM = 100
# With the columns to compare with, a bar finds room only from here on.
COMPARED_BAR_FROM = 112
OWN = ((marked("forward\nms"), "forward_ms"), (marked("backward\nms"), "backward_ms"))
REFERENCE = (
    (marked("reference\nforward"), "reference_forward_ms"),
    (marked("reference\nbackward"), "reference_backward_ms"),
)
ENGINE = ((marked("engine\nforward"), "engine_forward_ms"), (marked("engine\nbackward"), "engine_backward_ms"))
COMPARED = marked(
    "reference: the lab's own solution; engine: how fast it can be, in Python. Both in ms, as measured at "
    "publishing and carried over to this machine; they decide nothing."
)


def layer_table(layers: Sequence[LayerTime], look: Look, width: int, *, verbose: bool = False) -> Table:
    """Return the layers with their times in ms, share of the forward pass and speed; totals in the last row.

    A column without a value is left out; all of the reference's times are shown with ``verbose``. Where the
    engine's times are known, a narrow terminal has no room for kinds and bars.
    """
    compared = is_compared(layers)
    has_kind = any(layer.kind for layer in layers) and (width >= WIDE_FROM or not compared)
    bar_width = WIDE_BAR if width >= WIDE_FROM else NARROW_BAR
    if compared:
        bar_width = NARROW_BAR if width >= COMPARED_BAR_FROM else 0
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_footer=True)
    table.add_column(_("layer"), Text(_("all layers"), style="bold"), overflow="fold")
    if has_kind:
        table.add_column(_("kind"), overflow="fold")
    columns = layer_columns(layers, all_=verbose)
    for head, name in columns:
        total = sum(value for layer in layers if _known(value := getattr(layer, name)))
        table.add_column(_(head), Text(milliseconds(total), style="bold"), justify="right", no_wrap=True)
    has_share = any(_known(layer.forward_share) for layer in layers)
    if has_share:
        table.add_column(_("share"), justify="right", no_wrap=True)
        if bar_width:
            table.add_column("", no_wrap=True, width=bar_width)
    has_speed = any(_known(layer.forward_gflops) for layer in layers)
    if has_speed:
        table.add_column("GFLOP/s", Text(_mean_speed(layers), style="bold"), justify="right", no_wrap=True)
    largest = max((layer.forward_share or 0.0 for layer in layers), default=0.0) or 1.0
    for layer in layers:
        cells = [Text(look.text(one_line(layer.name, 40)))]
        if has_kind:
            cells.append(Text(look.text(one_line(translated(layer.kind), 24)), style="dim"))
        cells += [Text(milliseconds(getattr(layer, name))) for _head, name in columns]
        if has_share:
            share = layer.forward_share
            cells.append(Text("" if share is None else f"{100 * share:.1f} %"))
            if bar_width:
                cells.append(Text(look.bar((share or 0.0) / largest, bar_width), style="blue"))
        if has_speed:
            cells.append(Text("" if layer.forward_gflops is None else f"{layer.forward_gflops:.1f}"))
        table.add_row(*cells)
    return table


def is_compared(layers: Sequence[LayerTime]) -> bool:
    """Whether it is known what the engine needs for one of the layers."""
    return any(_known(getattr(layer, name)) for layer in layers for _head, name in ENGINE)


def layer_columns(layers: Sequence[LayerTime], *, all_: bool = False) -> list[tuple[str, str]]:
    """Return the columns of times that have a value, each as its head, to be translated, and its field.

    Of the reference only the forward pass, and only beside the engine, unless ``all_`` are wanted.
    """
    reference = REFERENCE if all_ else REFERENCE[:1] if is_compared(layers) else ()
    columns = (*OWN, *reference, *ENGINE)
    return [(head, name) for head, name in columns if any(_known(getattr(layer, name)) for layer in layers)]


def milliseconds(value: float | None) -> str:
    """Write milliseconds to two places under ten, one under a hundred, none above; empty when not known."""
    if not _known(value) or value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _mean_speed(layers: Sequence[LayerTime]) -> str:
    """Return the speed over all layers that multiply: their work by their time, not a mean of speeds."""
    counted = [layer for layer in layers if layer.multiply_adds and layer.forward_ms]
    time_ms = sum(layer.forward_ms or 0.0 for layer in counted)
    work = sum(layer.multiply_adds or 0 for layer in counted)
    return f"{2 * work / time_ms / 1e6:.1f}" if time_ms else ""
