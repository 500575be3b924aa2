"""What a class shows of the checks themselves: how hard, how telling, how slow, and which mistakes are made.

Each student, or group, counts once, with the attempt that counts for the grade. What was skipped, or failed by the
grader, is missing, not wrong: behind a gate every check would look hard and discriminating otherwise. Formulas:
Wilson (1927) for the interval, point-biserial correlation with the rest score for discrimination, the phi
coefficient for redundancy.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from grader.cohort.release.grades import Grade
from grader.cohort.store.queries import ROWS_AT_ONCE
from grader.cohort.store.tables import CheckRow
from grader.language.translation import _

MISSING = ("skipped", "grader")
PASS = "pass"
# Below so many a correlation says nothing.
MIN_REACHED = 20
HARD, EASY = 0.3, 0.95
REDUNDANT = 0.95
UNKNOWN_SHARE = 0.2
CONFIDENCE = 0.95
COLUMNS = (
    CheckRow.grading_id, CheckRow.check_id, CheckRow.tier, CheckRow.verdict, CheckRow.seconds,
    CheckRow.misconception,
)  # fmt: skip


@dataclass(frozen=True)
class CheckStats:
    """One check over all attempts that count, one for each student or group.

    Attributes
    ----------
    reached : how many ran it.
    difficulty, low, high : share of these that passed, and its Wilson interval.
    discrimination : correlation of passing with the share of other checks passed; None below 20 or without spread.
    verdicts : how often each came, other than ``pass``.
    mistakes : recognised ones and how often, the unknown under an empty name.
    median_s, slow_s, slowest_s : seconds, of half, nine tenths and 99 of a hundred of those that reached it.
    remarks : what to look at.
    easy : nearly everybody passes, not only those who reached it.
    """

    check: str
    tier: int | None
    reached: int
    difficulty: float
    low: float
    high: float
    discrimination: float | None
    verdicts: Mapping[str, int]
    mistakes: Mapping[str, int]
    median_s: float
    slow_s: float
    slowest_s: float
    remarks: tuple[str, ...]
    easy: bool = False


def check_stats(session: Session, grades: Iterable[Grade]) -> tuple[list[CheckStats], list[tuple[str, str, float]]]:
    """Return the figures of every check, in order, and pairs of checks that say the same, with their phi."""
    counting = sorted({one.grading.id for one in grades if one.grading is not None})
    rows: list[Row[Any]] = []
    for start in range(0, len(counting), ROWS_AT_ONCE):
        rows += session.execute(
            select(*COLUMNS)
            .where(CheckRow.grading_id.in_(counting[start : start + ROWS_AT_ONCE]))
            .order_by(CheckRow.grading_id)
        )
    by_check: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        by_check[row.check_id].append(row)
    # A line for each grading, a column for each check: 1 passed, 0 did not, NaN is missing.
    line = {number: place for place, number in enumerate(counting)}
    column = {name: place for place, name in enumerate(by_check)}
    passed = np.full((len(line), len(column)), np.nan)
    for row in rows:
        if row.verdict not in MISSING:
            passed[line[row.grading_id], column[row.check_id]] = row.verdict == PASS
    found = [_stats(name, own, _discrimination(column[name], passed)) for name, own in by_check.items()]
    found.sort(key=lambda one: (one.tier is None, one.tier or 0))
    return found, _redundant({one.check: passed[:, column[one.check]] for one in found})


def _stats(name: str, rows: Sequence[Row[Any]], discrimination: float | None) -> CheckStats:
    ran = [row for row in rows if row.verdict not in MISSING]
    right = sum(row.verdict == PASS for row in ran)
    low, high = 0.0, 1.0
    if ran:
        bounds = stats.binomtest(right, len(ran)).proportion_ci(CONFIDENCE, method="wilson")
        low, high = float(bounds.low), float(bounds.high)
    verdicts = Counter(row.verdict for row in rows if row.verdict != PASS)
    wrong = [row for row in ran if row.verdict in ("wrong", "output")]
    mistakes = Counter(row.misconception or "" for row in wrong)
    seconds = [row.seconds for row in ran] or [0.0]
    share = right / len(ran) if ran else 0.0
    remarks = []
    if ran and share < HARD:
        unwritten = verdicts["unfinished"] > len(ran) / 2
        remarks.append(_("most have not written it") if unwritten else _("hard"))
    # Of everybody, not of the few who got that far.
    easy = right > EASY * len(rows)
    if easy:
        remarks.append(_("nearly everybody passes"))
    if wrong and mistakes[""] > UNKNOWN_SHARE * len(wrong):
        remarks.append(_("{count} unknown mistakes", count=mistakes[""]))
    if verdicts["grader"]:
        remarks.append(_("the grader failed"))
    return CheckStats(
        check=name,
        tier=rows[0].tier,
        reached=len(ran),
        difficulty=share,
        low=low,
        high=high,
        discrimination=discrimination,
        verdicts=dict(verdicts),
        mistakes=dict(mistakes),
        median_s=float(np.median(seconds)),
        slow_s=float(np.quantile(seconds, 0.9)),
        slowest_s=float(np.quantile(seconds, 0.99)),
        remarks=tuple(remarks),
        easy=easy,
    )


def _discrimination(column: int, passed: np.ndarray) -> float | None:
    own, others = passed[:, column], np.delete(passed, column, axis=1)
    there = ~np.isnan(own)
    if there.sum() < MIN_REACHED:
        return None
    counts = (~np.isnan(others)).sum(axis=1)
    use = there & (counts > 0)
    own, rest = own[use], np.nansum(others[use], axis=1) / counts[use]
    if len(set(own)) < 2 or len(set(rest)) < 2:
        return None
    return float(stats.pointbiserialr(own, rest).statistic)


def _redundant(passed: Mapping[str, np.ndarray]) -> list[tuple[str, str, float]]:
    found = []
    for (first, own), (second, other) in itertools.combinations(passed.items(), 2):
        both = ~np.isnan(own) & ~np.isnan(other)
        if both.sum() < MIN_REACHED:
            continue
        table = np.stack([own[both], other[both]])
        if table.std(axis=1).min() == 0:
            continue
        phi = float(np.corrcoef(table)[0, 1])
        if phi > REDUNDANT:
            found.append((first, second, phi))
    return found
