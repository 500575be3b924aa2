"""A call is ended by the processor time that it used; the clock is for sleep. A busy host is nobody's fault."""

from __future__ import annotations

import sys
import time

import pytest

from grader.jail import Ending, HostBusy, patience
from grader.jail.endings import over_time
from grader.jail.patience import CLOCK_FACTOR, LAST_FACTOR, MAX_SLOWNESS, Patience, Reading, Reason, Spent, between
from grader.verdicts import Verdict

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what each thread has used")


class Host:
    """A clock and a process whose one thread runs for a share of it, and waits for a processor for another."""

    def __init__(self, monkeypatch, runs, waits=0.0):
        self.now, self.runs, self.waits = 100.0, runs, waits
        monkeypatch.setattr(patience.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(patience, "read", lambda pid: self.reading())

    def reading(self):
        """What the system tells."""
        passed = self.now - 100.0
        return Reading({1: (passed * self.runs, passed * self.waits)}, passed * self.runs)

    def until_late(self, waiting):
        """Wait as a channel does; return how long it took."""
        for _ in range(1000):
            left_s = waiting.left_s()
            if left_s <= 0:
                return self.now - 100.0
            self.now += left_s
        raise AssertionError("it would be waited for ever")


def test_what_runs_all_the_time_ends_at_the_limit(monkeypatch):
    """On a free processor the limit is reached when the clock says so, and the message names it."""
    host = Host(monkeypatch, runs=1.0)
    waiting = Patience(1, 1, 2.0, lambda: 1.0)
    assert host.until_late(waiting) == pytest.approx(2.0, abs=0.1)
    assert waiting.reason is Reason.PROCESSOR
    assert "2 s of processor time" in str(over_time(waiting, 2.0))


def test_what_has_half_a_processor_gets_twice_the_time(monkeypatch):
    """Time in which others run is not the submission's."""
    host = Host(monkeypatch, runs=0.5, waits=0.5)
    waiting = Patience(1, 1, 2.0, lambda: 1.0)
    assert host.until_late(waiting) == pytest.approx(4.0, abs=0.1)
    assert waiting.reason is Reason.PROCESSOR


def test_what_sleeps_ends_by_the_clock(monkeypatch):
    """Far behind the limit; the message says how little it worked."""
    host = Host(monkeypatch, runs=0.0)
    waiting = Patience(1, 1, 2.0, lambda: 1.0)
    assert host.until_late(waiting) == pytest.approx(2.0 * CLOCK_FACTOR, abs=0.1)
    assert waiting.reason is Reason.CLOCK
    said = str(over_time(waiting, 0.0))
    assert "by the clock" in said and "2 s are allowed" in said


def test_what_the_host_does_not_let_run_is_not_charged(monkeypatch):
    """A submission that waited for a processor nearly all the time ends, with the host to blame."""
    host = Host(monkeypatch, runs=0.02, waits=0.98)
    waiting = Patience(1, 1, 2.0, lambda: 1.0)
    assert host.until_late(waiting) == pytest.approx(2.0 * LAST_FACTOR, abs=0.5)
    assert waiting.reason is Reason.BUSY
    assert "nobody is charged" in str(over_time(waiting, 0.4))


@pytest.mark.parametrize("slower", [0.5, 1.0, 3.0, MAX_SLOWNESS])
def test_a_slower_host_has_longer_limits(monkeypatch, slower):
    """The limit is scaled by how much slower this host is; on a faster one it stays."""
    host = Host(monkeypatch, runs=1.0)
    waiting = Patience(1, 1, 2.0, lambda: slower)
    assert host.until_late(waiting) == pytest.approx(2.0 * max(1.0, slower), abs=0.1)
    assert waiting.reason is Reason.PROCESSOR


def test_on_a_far_slower_host_nobody_is_charged(monkeypatch):
    """Where the limits' host would have to be imagined, no verdict on time is given."""
    host = Host(monkeypatch, runs=1.0)
    waiting = Patience(1, 1, 2.0, lambda: 2 * MAX_SLOWNESS)
    assert host.until_late(waiting) == pytest.approx(2.0 * MAX_SLOWNESS, abs=0.1)
    assert waiting.reason is Reason.BUSY


def test_the_yardstick_is_asked_only_at_the_limit(monkeypatch):
    """A call that stays within its limit costs no measurement, and one beyond it a single one, off its time."""
    host = Host(monkeypatch, runs=1.0)
    asked = []

    def measure():
        asked.append(host.now)
        return 2.0

    waiting = Patience(1, 1, 2.0, measure)
    while host.now < 101.9:
        host.now += min(0.5, waiting.left_s())
    assert asked == []
    host.until_late(waiting)
    assert len(asked) == 1


def test_without_a_word_from_the_system_the_clock_counts(monkeypatch):
    """Where nobody tells what a process used, the limit is one on the clock."""
    host = Host(monkeypatch, runs=1.0)
    monkeypatch.setattr(patience, "read", lambda pid: None)
    waiting = Patience(None, 1, 2.0, lambda: 1.0)
    assert host.until_late(waiting) == pytest.approx(2.0)
    assert waiting.reason is Reason.CLOCK


def test_threads_side_by_side_count_once():
    """Two threads that ran for a second each on two processors have used one second; one after another, two."""
    still = Reading({1: (0.0, 0.0), 2: (0.0, 0.0)}, 0.0)
    assert between(still, Reading({1: (1.0, 0.0), 2: (1.0, 0.5)}, 2.0), 2) == Spent(1.0, 0.5)
    assert between(still, Reading({1: (2.0, 0.0), 2: (0.0, 0.0)}, 2.0), 2) == Spent(2.0, 0.0)


def test_threads_that_have_ended_count():
    """Work in threads that are gone at the end is in the sum of all."""
    assert between(Reading({1: (0.0, 0.0)}, 0.0), Reading({1: (0.1, 0.0)}, 6.0), 2) == Spent(3.0, 0.0)


SPINS = "while True: pass"
SPINS_IN_THREADS = """
import numba
@numba.njit(parallel=True, nogil=True)
def spin(x):
    for i in numba.prange(64):
        while x[i] < 1e300: x[i] += 1.0
spin(np.zeros(64))
"""


@linux
@pytest.mark.parametrize("code", [SPINS, SPINS_IN_THREADS], ids=["loop", "numba threads"])
def test_loops_end_by_processor_time(attacker, code):
    """An endless loop in Python, and one that Numba runs in threads, are stopped by what they used."""
    with pytest.raises(Ending) as ending:
        attacker.run(code, deadline_s=1.5)
    assert ending.value.verdict is Verdict.TIMEOUT
    assert "1.5 s of processor time" in str(ending.value.message)
    assert 1.4 < ending.value.used_s < 6


@linux
def test_a_short_sleep_is_forgiven_and_a_long_one_is_not(attacker):
    """To wait costs no processor time; the clock ends what waits too long."""
    assert attacker.run("import time; time.sleep(0.8)", deadline_s=0.5).used_s < 0.4
    began = time.monotonic()
    with pytest.raises(Ending) as ending:
        attacker.run("import time; time.sleep(60)", deadline_s=0.5)
    assert ending.value.verdict is Verdict.TIMEOUT
    assert "by the clock" in str(ending.value.message)
    assert 0.5 * CLOCK_FACTOR <= time.monotonic() - began < 30
    # Or a submission that sleeps in every call would hold up the grader for hours.
    assert 0.5 <= ending.value.used_s < 3


@linux
def test_a_slow_host_gives_more_time_and_a_far_slower_one_no_verdict(attacker):
    """The same loop has the scaled limit, or ends with the verdict that charges nobody."""
    with pytest.raises(Ending) as ending:
        attacker.worker.call({"code": SPINS}, deadline_s=0.3, slowness=lambda: 3.0)
    assert ending.value.verdict is Verdict.TIMEOUT and ending.value.used_s >= 0.9
    with pytest.raises(HostBusy) as busy:
        attacker.worker.call({"code": SPINS}, deadline_s=0.3, slowness=lambda: 100.0)
    assert busy.value.verdict is Verdict.GRADER
    assert attacker.value("1 + 1") == 2
