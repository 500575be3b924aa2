"""Slots: groups of processors that one grading owns, claimed with locks that all processes of a host see.

Two graders that both believed to be the first would be pinned to the same processor while another idles.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.cohort.problems import EnvironmentFault

# The same for all users and all settings of TMPDIR, or it would be no agreement.
PLACE = Path("/tmp/grader-slots")
PLACE_VARIABLE = "GRADER_SLOTS"
LOOK_S = 0.5
WAIT_S = 120.0


def usable_processors() -> list[int]:
    """Return the processors of this process."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def slots_here(threads: int) -> int:
    """Return how many gradings with so many threads this host can run at once."""
    return max(1, len(usable_processors()) // threads)


@contextmanager
def claimed_slot(threads: int, jobs: int, wait_s: float = WAIT_S) -> Iterator[int]:
    """Hold a slot and give its number. More jobs than the host has slots share the processors evenly.

    Raises
    ------
    EnvironmentFault : all of them are taken for longer than ``wait_s``.
    """
    own = usable_processors()
    count = min(threads, len(own))
    slots = max(1, len(own) // count)
    shares = -(-jobs // slots)
    deadline = time.monotonic() + wait_s
    while True:
        for share in range(shares):
            for slot in range(slots):
                held = _claim([f"{own[slot * count + i]}.{share}" for i in range(count)])
                if held is not None:
                    try:
                        yield slot
                    finally:
                        for descriptor in held:
                            os.close(descriptor)
                    return
        if time.monotonic() >= deadline:
            raise EnvironmentFault(
                "all {slots} slots of this host are taken by other gradings; wait for these, or start fewer with "
                "--jobs",
                slots=slots,
            )
        time.sleep(LOOK_S)


def _claim(names: list[str]) -> list[int] | None:
    held: list[int] = []
    for name in names:
        descriptor = os.open(_place() / f"cpu-{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        held.append(descriptor)
        # Other users must be able to lock it, whatever the umask is.
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            for one in held:
                os.close(one)
            return None
    return held


def _place() -> Path:
    place = Path(os.environ.get(PLACE_VARIABLE) or PLACE)
    with contextlib.suppress(FileExistsError):
        place.mkdir(parents=True)
        place.chmod(0o1777)
    return place
