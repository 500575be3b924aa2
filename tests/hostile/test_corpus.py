"""Every hostile submission at every level: the score is not raised, nobody is harmed, the verdict is right."""

from __future__ import annotations

import unicodedata

import pytest

from tests.hostile.corpus import entries

RUNS = [(level, entry) for level in (3, 2, 1) for entry in entries("submissions") if level in entry.levels]
HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn")
each_run = pytest.mark.parametrize(
    ("level", "entry"), RUNS, ids=[f"level{level}-{entry.name}" for level, entry in RUNS]
)


@each_run
def test_score_is_not_raised(grading, level, entry):
    """The total is what the submission deserves, and no attacked check passes."""
    graded = grading(level, entry)
    assert graded.submission.get("score") == entry.score(level), graded.submission
    for check, verdicts in entry.verdicts(level).items():
        if "pass" not in verdicts:
            assert graded.verdicts[check] != "pass", graded.checks[check]


@each_run
def test_host_and_neighbour_are_unharmed(grading, host, level, entry):
    """Canaries are as before, nobody knocked, nothing is left over, and the neighbour has full marks."""
    graded = grading(level, entry)
    assert graded.neighbour.get("score") == 100, graded.neighbour
    assert graded.changed == []
    assert graded.survivors == []
    assert graded.left_over == []
    if entry.at(level).get("breach"):
        return
    assert graded.knocks == []
    assert host.secret not in graded.text
    assert "Breach" not in graded.text, graded.verdicts
    assert not [c for c in graded.text if c != "\n" and unicodedata.category(c) in HIDDEN_CATEGORIES]


@each_run
def test_verdict(grading, level, entry):
    """Each check ends as its folder says, with the words and at least the time that it says."""
    graded = grading(level, entry)
    for check, verdicts in entry.verdicts(level).items():
        assert graded.verdicts.get(check) in verdicts, (check, graded.checks.get(check))
    text = " ".join(graded.text.split()).lower()
    for fragment in entry.at(level).get("says", ()):
        assert fragment.lower() in text, graded.verdicts
    for fragment in entry.at(level).get("lacks", ()):
        assert fragment.lower() not in text, graded.checks
    for check, seconds in entry.at(level).get("at_least_s", {}).items():
        assert graded.checks[check]["seconds"] >= seconds
