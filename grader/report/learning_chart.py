"""Learning curves in a report: a line of blocks on a terminal, a drawing on a page."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from grader.drawing import Curve, CurveSheet, style, to_svg
from grader.language.text import one_line
from grader.language.translation import _, chosen, marked
from grader.report.look import Look
from grader.score.document import CheckResult, LearningCurve

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = "_.-=+*#@"
UNKNOWN = "?"
NAMES = {"loss": marked("loss"), "accuracy": marked("accuracy")}
SPARK_WIDTH, FEWEST_BLOCKS, NAME_WIDTH = 48, 8, 9
# Inches: letters stay readable on a page of 360 pixels.
PAGE_WIDTH = 5.0
# Works that compute the same learn alike, so many pages of a class have equal drawings, of about 10 kB each.
KEPT_DRAWINGS = 256


def trained(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """Return the checks that have curves."""
    return [check for check in checks if check.curves]


def spark_lines(check: CheckResult, look: Look, width: int) -> list[Text]:
    """Return a line of ``width`` for each curve of a check: its name, its shape, and where it begins and ends."""
    lines = [Text(look.text(one_line(check.title)), style="bold")]
    blocks = BLOCKS if look.text(BLOCKS) == BLOCKS else ASCII_BLOCKS
    for curve in check.curves:
        text = Text("  " + set_cell_size(_(NAMES[curve.name]), NAME_WIDTH) + " ")
        told = "  " + range_of(curve)
        room = max(FEWEST_BLOCKS, width - text.cell_len - cell_len(told))
        text.append(sparkline(curve.values, blocks, min(SPARK_WIDTH, room)), style="cyan")
        text.append(told, style="dim")
        lines.append(text)
    return lines


def range_of(curve: LearningCurve) -> str:
    """Return the first and the last value that are numbers, and how many values there were."""
    known = [value for value in curve.values if value is not None]
    if not known:
        return _("no number at all in {steps} steps", steps=curve.steps)
    return _(
        "{first} to {last}, {steps} values", first=f"{known[0]:.3g}", last=f"{known[-1]:.3g}", steps=curve.steps
    )


def sparkline(values: Sequence[float | None], blocks: str = BLOCKS, width: int = SPARK_WIDTH) -> str:
    """Return values as blocks of eight heights, at most ``width`` of them; ``?`` where there is no number."""
    count = min(width, len(values))
    stretches = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    means = [None if None in stretch else sum(v or 0.0 for v in stretch) / len(stretch) for stretch in stretches]
    known = [mean for mean in means if mean is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    scale = (len(blocks) - 1) / (high - low) if high > low else 0.0
    return "".join(UNKNOWN if mean is None else blocks[round((mean - low) * scale)] for mean in means)


def drawn(curve: LearningCurve, name: str) -> str:
    """Return a curve as an ``<svg>`` element; ``name`` is that of no other drawing on the page."""
    return _drawn(curve.name, curve.steps, tuple(curve.values), name, chosen())


@functools.lru_cache(maxsize=KEPT_DRAWINGS)
def _drawn(quantity: str, total: int, known: tuple[float | None, ...], name: str, language: str) -> str:
    values = [math.nan if value is None else value for value in known]
    # Each value stands for a stretch of steps, and is drawn at its end.
    steps = [round((number + 1) * total / len(values)) for number in range(len(values))]
    with style(page=True):
        return to_svg(_sheet(quantity, language).drawn(Curve(steps, values)), name)


@functools.lru_cache(maxsize=2 * len(NAMES))
def _sheet(quantity: str, language: str) -> CurveSheet:
    """Return what curves of a quantity are drawn on in a language, one after another: a class has a great many."""
    return CurveSheet(quantity, PAGE_WIDTH, "" if quantity == "loss" else _("measurement"))
