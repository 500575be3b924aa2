"""When a call has taken too long: by the processor time of the submission, far behind it by the clock.

On a busy host the same work takes longer by the clock, which is nobody's fault. So what counts is how long the call
would have taken with its processors to itself: the time of its busiest thread, or that of all together divided by
the number of its processors. The clock is there for what sleeps; what a thread spends waiting for a processor is
taken off it. Where the host lets the submission wait more than it runs, or is far slower than the one that the
limits were made for, nobody is charged.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

# The clock's limit, in times of the limit on processor time: for a call that sleeps, and for any call.
CLOCK_FACTOR, LAST_FACTOR = 3.0, 10.0
# How much slower than the host of publishing a host may be for its limits to be scaled.
MAX_SLOWNESS = 4.0
LOOK_S = 0.02
# How often to ask whether an answer is still wanted.
ASK_EVERY_S = 0.1
NANOSECOND_S = 1e-9
Slowness = Callable[[], float]


def as_fast() -> float:
    """Say that this host is as fast as that of publishing."""
    return 1.0


class Reason(Enum):
    """Why a call is over its time."""

    PROCESSOR = "processor"
    CLOCK = "clock"
    BUSY = "busy"


@dataclass(frozen=True)
class Reading:
    """Seconds that each thread ran, and waited for a processor, and that all ran together, ended ones included."""

    threads: Mapping[int, tuple[float, float]]
    ran_s: float


@dataclass(frozen=True)
class Spent:
    """Seconds of processor time as with processors of its own, and seconds in which it waited for one."""

    used_s: float
    waited_s: float


def read(pid: int | None) -> Reading | None:
    """Read what a process has used; None where the system does not tell, or it is gone."""
    if pid is None or sys.platform != "linux":
        return None
    threads = {}
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
        ran_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for thread in os.listdir(f"/proc/{pid}/task"):
            ran, waited, _slices = Path(f"/proc/{pid}/task/{thread}/schedstat").read_bytes().split()
            threads[int(thread)] = (int(ran) * NANOSECOND_S, int(waited) * NANOSECOND_S)
    except (OSError, ValueError, IndexError):
        return None
    return Reading(threads, ran_s)


def between(before: Reading, after: Reading, processors: int) -> Spent:
    """Return what was spent between two readings of a process that has so many processors."""
    used_s, waited_s = (after.ran_s - before.ran_s) / processors, 0.0
    for thread, (ran, waited) in after.threads.items():
        ran_before, waited_before = before.threads.get(thread, (0.0, 0.0))
        used_s, waited_s = max(used_s, ran - ran_before), max(waited_s, waited - waited_before)
    return Spent(used_s, waited_s)


class Patience:
    """Decides how long to wait for an answer.

    Parameters
    ----------
    pid : of the worker; without it, or where the system does not tell, the clock alone counts.
    processors : how many the worker has.
    limit_s : seconds that the call may take with its processors to itself, on the host of publishing.
    slowness : how many times slower this host is than that one; asked for when the limit is reached, not before.
    """

    def __init__(self, pid: int | None, processors: int, limit_s: float, slowness: Slowness) -> None:
        self.limit_s = limit_s
        self.reason = Reason.CLOCK
        self.spent = Spent(0.0, 0.0)
        self._pid, self._processors = pid, max(1, processors)
        self._slowness = slowness
        self._factor = 0.0
        self._before = read(pid)
        self._started = time.monotonic()
        self._until = self._started + limit_s

    @property
    def used_s(self) -> float:
        """Seconds that the call has used until now; those of the clock where the system does not tell."""
        return self.spent.used_s if self._look() else time.monotonic() - self._started

    @property
    def charged_s(self) -> float:
        """Seconds that count against what a whole submission may use: sleep counts, too, by what it is allowed."""
        used_s = self.used_s
        return max(used_s, (self.seconds - min(self.spent.waited_s, self.seconds)) / CLOCK_FACTOR)

    @property
    def seconds(self) -> float:
        """Seconds by the clock until now."""
        return time.monotonic() - self._started

    def left_s(self) -> float:
        """Return how long to wait before asking again; not above 0 when it has been too long."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            left_s = self._more_s()
            self._until = time.monotonic() + left_s
        return left_s

    def _look(self) -> bool:
        now = read(self._pid) if self._before is not None else None
        if self._before is None or now is None:
            return False
        self.spent = between(self._before, now, self._processors)
        return True

    def _more_s(self) -> float:
        if not self._look():
            return 0.0
        if self.spent.used_s >= self.limit_s and not self._factor:
            asked = time.monotonic()
            self._factor = self._slowness()
            # What was measured meanwhile is not the submission's time.
            self._started += time.monotonic() - asked
        scaled = min(max(self._factor, 1.0), MAX_SLOWNESS)
        allowed_s = self.limit_s * scaled
        left_s = allowed_s - self.spent.used_s
        if left_s <= 0:
            self.reason = Reason.BUSY if self._factor > MAX_SLOWNESS else Reason.PROCESSOR
            return 0.0
        waited_s = min(self.spent.waited_s, self.seconds)
        awake_left_s = CLOCK_FACTOR * allowed_s - (self.seconds - waited_s)
        last_left_s = LAST_FACTOR * allowed_s - self.seconds
        if awake_left_s <= 0 or last_left_s <= 0:
            self.reason = Reason.BUSY if waited_s > self.seconds / 2 else Reason.CLOCK
            return 0.0
        return max(LOOK_S, min(left_s, awake_left_s, last_left_s))


class Cancelled(Exception):
    """Whoever asked does not want the answer any more."""


@dataclass(frozen=True)
class Wanted:
    """Waits as long as a patience does, and no longer than the answer is wanted."""

    patience: Patience
    cancelled: Callable[[], bool]

    def left_s(self) -> float:
        """Return how long to wait before asking again; not above 0 when it has been too long.

        Raises
        ------
        Cancelled : the answer is not wanted any more.
        """
        if self.cancelled():
            raise Cancelled
        return min(self.patience.left_s(), ASK_EVERY_S)
