"""The table of what was timed against the lab's own solution."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from grader.language.numbers import duration, figure
from grader.language.text import one_line
from grader.language.translation import _, joined, marked
from grader.report.look import Look
from grader.score.document import CheckResult, SpeedPart, SpeedResult

HEADS = (
    marked("baseline\nof reference"),
    marked("yours"),
    marked("times as fast"),
    marked("reference"),
    marked("engine"),
    marked("your own\nbaseline"),
)
ENGINE_COLUMN = 4
# The part's name, and the columns that the verdict follows from.
DECIDING, GAP = 4, 2
ENGINE = marked("Engine: how fast it can be, in Python; measured at publishing, it decides nothing.")


def timed(checks: Sequence[CheckResult]) -> list[tuple[CheckResult, SpeedResult]]:
    """Return the checks whose speed counts and was measured."""
    return [(check, check.speed) for check in checks if check.speed is not None]


def speed_heads(speed: SpeedResult) -> list[str]:
    """Return `HEADS` in the reader's language; what the engine needs is left out where it is not known."""
    return _known([_(head) for head in HEADS], speed)


def speed_rows(speed: SpeedResult) -> list[tuple[str, ...]]:
    """Return a row for each part: its name, then what `speed_heads` says; empty where nothing was measured."""
    rows = [
        (
            part.name,
            duration(part.baseline_s),
            duration(part.submission_s),
            _(
                "{ratio} ({low} to {high})",
                ratio=figure(part.ratio),
                low=figure(part.low),
                high=figure(part.high),
            ),
            "" if part.reference_s is None else duration(part.reference_s),
            "" if part.engine_s is None else duration(part.engine_s),
            _own(part),
        )
        for part in speed.parts
    ]
    return [(row[0], *_known(row[1:], speed)) for row in rows]


def _known(columns: Sequence[str], speed: SpeedResult) -> list[str]:
    """Return the columns without the engine's where nothing is known of it."""
    left_out = ENGINE_COLUMN if all(part.engine_s is None for part in speed.parts) else None
    return [text for number, text in enumerate(columns) if number != left_out]


def speed_line(speed: SpeedResult) -> str:
    """Return what is needed, where the baseline comes from, and what the figures are."""
    engine = any(part.engine_s is not None for part in speed.parts)
    source = _("measured here") if speed.baseline == "measured" else _("estimated from what publishing measured")
    needed = _(
        "At least {factor} times as fast as the reference in {check} ({source}) is needed. Medians of {repeats} "
        "repeats; {confidence} intervals.",
        factor=figure(speed.at_least),
        check=speed.against,
        source=source,
        repeats=speed.repeats,
        confidence=f"{speed.confidence:.0%}",
    )
    return joined([needed, *([_(ENGINE)] if engine else [])])


def speed_table(check: CheckResult, speed: SpeedResult, look: Look, width: int) -> Group:
    """Return the table of one check, with what is needed below it.

    Where not all fits into ``width``, the last columns are left out, which decide nothing.
    """
    heads = [look.text(one_line(check.id, 40)), *speed_heads(speed)]
    rows = [[look.text(one_line(cell)) for cell in row] for row in speed_rows(speed)]
    columns = [[*head.splitlines(), *cells] for head, cells in zip(heads, zip(*rows, strict=True), strict=True)]
    needed = [max(map(cell_len, column)) + GAP for column in columns]
    shown = len(heads)
    while shown > DECIDING and sum(needed[:shown]) - GAP > width:
        shown -= 1
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    table.add_column(heads[0], overflow="fold")
    for head in heads[1:shown]:
        table.add_column(head, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row[:shown]))
    return Group(table, Text(look.text(one_line(speed_line(speed))), style="dim"))


def _own(part: SpeedPart) -> str:
    """Return the submission's own baseline and how many times as fast it is now; this decides nothing."""
    own_s = part.own_baseline_s
    return "" if own_s is None else f"{duration(own_s)} ({figure(own_s / part.submission_s)})"
