"""Mistakes that return nothing to be told by are listed apart, and there may be no more of them than of others."""

import pytest

from grader.publishing.conditions import told_apart


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
