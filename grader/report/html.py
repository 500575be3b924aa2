"""One self-contained page for a result: no script, no file beside it, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from grader.language.translation import _, marked
from grader.report.files import write_text
from grader.report.layer_table import COMPARED, is_compared, layer_columns, milliseconds
from grader.report.learning_chart import NAMES, drawn, range_of, trained
from grader.report.pages import page
from grader.report.speed_table import speed_heads, speed_line, speed_rows, timed
from grader.report.summary import (
    beyond_line,
    facts_line,
    first_to_do,
    gates,
    headline,
    holds_beyond,
    kind_of,
    passed,
    standing,
)
from grader.score.document import ErrorPicture, GradeResult, LayerTime

TEMPLATE = "page.html"
BARS = (
    (marked("yours"), "own", "forward_ms", "backward_ms"),
    (marked("reference"), "reference", "reference_forward_ms", "reference_backward_ms"),
    (marked("engine"), "engine", "engine_forward_ms", "engine_backward_ms"),
)


@dataclass(frozen=True)
class Bar:
    """A bar of a layer: whose it is, its style, its length in percent of the longest, its milliseconds."""

    name: str
    kind: str
    percent: float
    milliseconds: str


@dataclass(frozen=True)
class Stretch:
    """Equal neighbours in a row of an error picture: where they begin, how many, and their style."""

    row: int
    column: int
    count: int
    kind: str


def stretches(picture: ErrorPicture) -> list[Stretch]:
    """Return a picture as stretches of equal entries, row by row."""
    found = []
    for row, levels in enumerate(picture.levels):
        column = 0
        for level, equal in groupby(levels):
            count = len(list(equal))
            found.append(Stretch(row, column, count, "unknown" if level is None else f"level{level}"))
            column += count
    return found


def write_html(result: GradeResult, path: Path) -> None:
    """Write the page to ``path``.

    Raises
    ------
    ReportError : the file cannot be written, or Jinja is not installed.
    """
    write_text(path, to_html(result))


def to_html(result: GradeResult) -> str:
    """Return the page; every value is cleaned, then escaped by the template engine.

    Raises
    ------
    ReportError : Jinja is not installed.
    """
    return page(
        TEMPLATE,
        {
            "result": result,
            "gates": gates(result),
            "first": first_to_do(result),
            "exercises": [check for check in result.checks if check.tier is None],
            "headline": headline(result),
            "warnings": standing(result),
            "facts": facts_line(result),
            "passed": passed,
            "kind_of": kind_of,
            "beyond_line": beyond_line(result),
            "holds_beyond": holds_beyond,
            "stretches": stretches,
            "trainings": [
                (
                    check.title,
                    [
                        (_(NAMES[curve.name]), drawn(curve, f"{check.id}.{curve.name}"), range_of(curve))
                        for curve in check.curves
                    ],
                )
                for check in trained(result.checks)
            ],
            "speeds": [
                (check.title, speed_heads(speed), speed_rows(speed), speed_line(speed))
                for check, speed in timed(result.checks)
            ],
            "layer_columns": [(_(head), name) for head, name in layer_columns(result.layers, all_=True)],
            "compared": _(COMPARED) if is_compared(result.layers) else "",
            "milliseconds": milliseconds,
            "layer_bars": [(layer.name, bars) for layer in result.layers if (bars := _bars(layer, result.layers))],
        },
    )


def _bars(layer: LayerTime, layers: Sequence[LayerTime]) -> list[Bar]:
    """Return the bars of a layer, forward and backward together, on one scale for the whole network."""
    longest = max((_total(one, *fields) or 0.0 for one in layers for _name, _kind, *fields in BARS), default=0.0)
    totals = [(_(name), kind, _total(layer, *fields)) for name, kind, *fields in BARS]
    return [
        Bar(name, kind, 100 * total / longest if longest else 0.0, milliseconds(total))
        for name, kind, total in totals
        if total is not None
    ]


def _total(layer: LayerTime, forward: str, backward: str) -> float | None:
    known = [value for name in (forward, backward) if (value := getattr(layer, name)) is not None]
    return sum(known) if known else None
