"""Figures of checks, against values worked out from the formulas by hand or by SciPy on other data structures."""

import numpy as np
import pytest
from scipy.stats import pearsonr
from sqlalchemy import select

from grader.cohort.release.grades import grades_of
from grader.cohort.running.perform import Grader, perform
from grader.cohort.stats import check_stats
from grader.cohort.store.tables import CheckRow
from tests.cohort.stand_in_class import MODULE, begin, hand_in

SCORES = [0] * 6 + [60] * 9 + [80] * 7 + [100] * 8


@pytest.fixture
def figures(room, lab, tmp_path):
    """A class of thirty, and what it says of the three checks."""
    hand_in(room, tmp_path, [{"score": score} for score in SCORES])
    runs, plan = begin(room, lab, tmp_path)
    for task in plan.tasks:
        perform(task, 0, Grader(MODULE))
    runs.settle_keys(plan, list(plan.by_key))

    def look(edit=lambda row: None):
        with room.session() as session:
            for row in session.scalars(select(CheckRow)):
                edit(row)
            session.flush()
            found, same = check_stats(session, grades_of(session, room.assignment(session, "tiny")))
        return {one.check: one for one in found}, same

    return look


def test_difficulty_has_wilson_s_interval(figures):
    """24 of 30: p = 0.8; the interval from the formula with z = 1.959964."""
    first = figures()[0]["first"]
    z, n, p = 1.959964, 30, 0.8
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (first.reached, first.difficulty) == (30, 0.8)
    assert (first.low, first.high) == pytest.approx((middle - half, middle + half), abs=1e-6)


def test_discrimination_is_the_correlation_with_the_rest(figures):
    """Of passing the second with the share of first and third passed."""
    own = [score >= 80 for score in SCORES]
    rest = [((score >= 60) + (score >= 100)) / 2 for score in SCORES]
    assert figures()[0]["second"].discrimination == pytest.approx(pearsonr(own, rest).statistic)


def test_what_was_skipped_is_missing(figures):
    """Where the first did not hold, the others are skipped: they look easier then, and reached by fewer."""

    def skip(row):
        if row.check_id != "first" and row.verdict == "wrong" and row.grading_id <= 6:
            row.verdict = "skipped"

    found, _same = figures(skip)
    assert (found["second"].reached, found["second"].difficulty) == (24, 15 / 24)
    assert found["second"].verdicts["skipped"] == 6


def test_few_say_nothing(figures):
    """Below twenty that reached a check there is no correlation, and without spread none either."""
    found, _same = figures(lambda row: setattr(row, "verdict", "skipped" if row.grading_id > 15 else row.verdict))
    assert found["first"].discrimination is None
    found, _same = figures(lambda row: setattr(row, "verdict", "pass"))
    assert found["first"].discrimination is None
    assert found["first"].remarks == ("nearly everybody passes",) and found["first"].easy


def test_that_nearly_everybody_passes_is_said_of_everybody(figures):
    """Not of the two who got that far; and what most have not written is not called hard."""

    def few(row):
        row.verdict = "pass" if row.grading_id <= 2 else "skipped"
        if row.check_id == "second":
            row.verdict = "unfinished" if row.grading_id <= 20 else "wrong"

    found, _same = figures(few)
    assert (found["first"].reached, found["first"].difficulty) == (2, 1.0)
    assert found["first"].remarks == () and not found["first"].easy
    assert found["second"].remarks[0] == "most have not written it"


def test_checks_that_say_the_same_are_named(figures):
    """A third check that always ends as the second is one too many."""
    second = {}

    def copy(row):
        if row.check_id == "second":
            second[row.grading_id] = row.verdict

    figures(copy)
    _found, same = figures(
        lambda row: setattr(row, "verdict", second[row.grading_id]) if row.check_id == "third" else None
    )
    assert [(first, other, round(phi, 6)) for first, other, phi in same] == [("second", "third", 1.0)]


def test_unknown_mistakes_are_counted(figures):
    """More than a fifth without a name: one more should be recorded."""
    found, _same = figures(lambda row: setattr(row, "misconception", "padding" if row.grading_id % 2 else None))
    first = found["first"]
    assert sum(first.mistakes.values()) == 6
    assert first.mistakes["padding"] == 3
    assert "3 unknown mistakes" in first.remarks
