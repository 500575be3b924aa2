"""Answers known by heart help with the cases that students see, and only with those."""

from __future__ import annotations

import pytest

from tests.hostile.corpus import entries

LOOKS_UP = next(entry for entry in entries("submissions") if entry.name == "looks_answers_up")


@pytest.mark.parametrize("level", [3, 2, 1])
def test_table_of_public_answers_passes_the_public_cases(grading, level):
    """The table is right, so that the hidden cases are what stops it, and the result is not one for the record."""
    graded = grading(level, LOOKS_UP, kind="public")
    assert graded.submission["score"] == 100, graded.verdicts
    assert graded.submission["for_record"] is False


@pytest.mark.parametrize("level", [3, 2, 1])
def test_table_of_public_answers_scores_nothing_when_graded(grading, level):
    """With hidden cases the same submission has no score."""
    assert grading(level, LOOKS_UP).submission["score"] == 0
