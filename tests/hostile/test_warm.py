"""Hostile submissions in boxes that are forked from a warm process, and an honest one after each in the next.

What a worker does once it is locked down is the same as in any box; here are those that try what a box itself must
hold: mounts, namespaces, identity, descriptors, limits. With ``--all-golden`` every one is tried.
"""

from __future__ import annotations

import pytest

from grader.jail.host import worker_uid
from tests.hostile.corpus import entries

pytestmark = pytest.mark.skipif(worker_uid() is None, reason="boxes are forked only where they change their user")
OF_THE_BOX = frozenset((
    "becomes_root", "closes_descriptors", "fills_disk", "fills_disk_unseen", "fills_shared_memory", "fork_bomb",
    "holds_capabilities", "imports_grader", "inherited_descriptors", "kills_itself", "knocks_on_door",
    "leaves_daemon", "looks_into_processes", "looks_through_proc", "many_files", "memory_bomb", "old_system_calls",
    "opens_host_files", "opens_sockets", "passes_descriptors", "raw_system_calls", "reads_environment",
    "reads_hidden_fixture", "searches_heap", "shared_memory_bomb", "signals_others", "starts_processes",
))  # fmt: skip
RUNS = [entry for entry in entries("submissions") if 3 in entry.levels]
each_run = pytest.mark.parametrize("entry", RUNS, ids=[entry.name for entry in RUNS])


@each_run
def test_a_forked_box_holds_what_any_box_holds(warm_grading, host, entry, pytestconfig):
    """No score is raised, verdicts are right, host and next submission are unharmed, and nothing is left over."""
    if entry.name not in OF_THE_BOX and not pytestconfig.getoption("--all-golden"):
        pytest.skip("the same as in any box; --all-golden tries it here, too")
    graded = warm_grading(3, entry)
    assert graded.submission.get("score") == entry.score(3), graded.submission
    for check, verdicts in entry.verdicts(3).items():
        assert graded.verdicts.get(check) in verdicts, (check, graded.checks.get(check))
    assert graded.neighbour.get("score") == 100, graded.neighbour
    assert (graded.changed, graded.survivors, graded.left_over, graded.knocks) == ([], [], [], [])
    assert host.secret not in graded.text
    assert "Breach" not in graded.text
