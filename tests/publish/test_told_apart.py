"""Mistakes that return nothing to be told by are listed apart, and there may be no more of them than of others."""

from pathlib import Path

import pytest

from grader.publishing.conditions import told_apart
from grader.publishing.misconceptions import load_misconceptions

REFERENCE = Path(__file__).resolve().parents[2] / "reference"


@pytest.mark.parametrize(
    ("number", "wrong", "silent", "holds"),
    [
        (55, 3, 0, False),
        (55, 2, 0, True),
        (55, 1, 2, True),
        (55, 0, 3, False),
        (20, 1, 1, False),
        (20, 0, 1, True),
        (2, 0, 2, False),
        (0, 0, 0, True),
    ],
)
def test_both_shares_are_bounded(number, wrong, silent, holds):
    """95 % of those that return something are told, and 95 % of all return something or name what is wrong."""
    found = told_apart(number, [f"taken{n}" for n in range(wrong)], [f"raises{n}" for n in range(silent)])
    assert found.holds is holds
    assert found.detail.startswith(f"{number - wrong - silent} of {number - silent}")
    assert ("raises0 only raise" in found.detail or "raises0, " in found.detail) is bool(silent)


@pytest.mark.parametrize("lab", sorted(folder.name for folder in REFERENCE.iterdir() if folder.is_dir()))
def test_the_line_that_tells_a_mistake_is_one_of_its_own(lab):
    """Where a line tells a mistake, its edits make such a line, and the text that they replace has none."""
    for mistake in load_misconceptions(REFERENCE / lab):
        line = mistake.raising_line()
        assert bool(line) is bool(mistake.line), mistake.name
        assert not any(line in edit.replace for edit in mistake.edits if line), mistake.name
