"""Every hostile submission in a box that is forked from a warm process, and an honest one after it in the next."""

from __future__ import annotations

import pytest

from grader.jail.host import worker_uid
from tests.hostile.corpus import entries

pytestmark = pytest.mark.skipif(worker_uid() is None, reason="boxes are forked only where they change their user")
RUNS = [entry for entry in entries("submissions") if 3 in entry.levels]
each_run = pytest.mark.parametrize("entry", RUNS, ids=[entry.name for entry in RUNS])


@each_run
def test_a_forked_box_holds_what_any_box_holds(warm_grading, host, entry):
    """No score is raised, verdicts are right, host and next submission are unharmed, and nothing is left over."""
    graded = warm_grading(3, entry)
    assert graded.submission.get("score") == entry.score(3), graded.submission
    for check, verdicts in entry.verdicts(3).items():
        assert graded.verdicts.get(check) in verdicts, (check, graded.checks.get(check))
    assert graded.neighbour.get("score") == 100, graded.neighbour
    assert (graded.changed, graded.survivors, graded.left_over, graded.knocks) == ([], [], [], [])
    assert host.secret not in graded.text
    assert "Breach" not in graded.text
