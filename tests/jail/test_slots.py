"""Gradings on one host have processors of their own, whoever started them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from grader.jail import slots
from grader.jail.host import processors
from grader.jail.slots import SlotsTaken, claim_slot, slots_here

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux pins processes to processors")
HOLD = """
import sys
from grader.jail import slots
with slots.claim_slot(1) as slot:
    print(slot, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Locks of this test's own: other gradings on this host count for nothing."""
    monkeypatch.setenv(slots.PLACE_VARIABLE, str(tmp_path / "slots"))
    return tmp_path / "slots"


@pytest.fixture
def elsewhere(place):
    """A process of its own that holds a slot; its number, and the process."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield int(process.stdout.readline()), process
    process.kill()
    process.communicate()


@pytest.mark.skipif(len(processors(0, 2)) < 2, reason="there is one processor only")
def test_two_processes_have_different_processors(elsewhere):
    """What another process has claimed is not given again while another is free."""
    taken, _process = elsewhere
    with claim_slot(1) as slot:
        assert set(processors(slot, 1)).isdisjoint(processors(taken, 1))


def test_two_threads_of_a_process_count_as_two():
    """Claims of one process exclude one another, as long as there are processors."""
    with ExitStack() as held:
        claimed = [held.enter_context(claim_slot(1)) for _ in range(slots_here(1))]
    assert sorted(claimed) == list(range(slots_here(1)))


def test_a_slot_of_many_threads_keeps_out_one_of_a_single_thread():
    """Processors are what is claimed, so that slots of different sizes cannot overlap unseen."""
    with claim_slot(len(os.sched_getaffinity(0))), pytest.raises(SlotsTaken), claim_slot(1, shares=1):
        pass


def test_a_killed_process_lets_go(elsewhere):
    """After ``kill -9`` the slot is free at once."""
    taken, process = elsewhere
    process.kill()
    process.wait()
    with ExitStack() as held:
        assert taken in [held.enter_context(claim_slot(1, shares=1)) for _ in range(slots_here(1))]


def test_when_all_are_taken_they_are_shared_evenly():
    """A grading never waits for another; each processor gets a second one before any gets a third."""
    with ExitStack() as held:
        claimed = [held.enter_context(claim_slot(1)) for _ in range(2 * slots_here(1))]
    assert sorted(claimed) == sorted([*range(slots_here(1))] * 2)


def test_a_trap_in_the_place_of_a_lock_is_passed_over(place, tmp_path):
    """A link, a pipe or a folder that somebody has put there neither hangs the grader nor is written to."""
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    victim.chmod(0o600)
    place.mkdir()
    names = [f"cpu-{number}.0" for number in sorted(os.sched_getaffinity(0))]
    (place / names[0]).symlink_to(victim)
    for name in names[1:]:
        os.mkfifo(place / name)
    with claim_slot(1) as slot:
        assert slot == 0
    assert victim.read_text() == "untouched"
    assert victim.stat().st_mode & 0o777 == 0o600


def test_without_a_place_for_locks_gradings_go_on(place, tmp_path):
    """Where a file or a link lies in the place of the folder, nothing is claimed and nothing fails."""
    place.symlink_to(tmp_path)
    with claim_slot(1, shares=1) as slot:
        assert slot == 0
