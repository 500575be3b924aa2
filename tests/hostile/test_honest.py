"""Honest submissions with unusual habits get full marks in the same jail."""

from __future__ import annotations

import pytest

from tests.hostile.corpus import entries

RUNS = [(level, entry) for level in (3, 2, 1) for entry in entries("honest") if level in entry.levels]


@pytest.mark.parametrize(("level", "entry"), RUNS, ids=[f"level{level}-{entry.name}" for level, entry in RUNS])
def test_honest_submission_gets_full_marks(grading, level, entry):
    """All checks pass, and nothing is left over."""
    graded = grading(level, entry)
    assert graded.verdicts == dict.fromkeys(graded.verdicts, "pass"), graded.checks
    assert graded.submission["score"] == 100
    assert graded.survivors == [] and graded.left_over == [] and graded.changed == []
