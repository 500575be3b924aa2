"""Slots: groups of processors that one grading has for itself, claimed by locks that all processes of a host see.

Two graders that both took themselves for the first would share processors while others idle, and each would slow
the other's timing. A lock goes with the process that holds it, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from grader.jail.host import processors
from grader.language.errors import GraderFailed

# The same for every user and every TMPDIR, or the processes of a host would not meet.
PLACE = Path("/tmp/grader-slots")
PLACE_VARIABLE = "GRADER_SLOTS"
PLACE_MODE, LOCK_MODE = 0o1777, 0o666
LOOK_S = 0.5


class SlotsTaken(GraderFailed):
    """All processors are taken by other gradings."""


def slots_here(threads: int) -> int:
    """Return how many gradings with so many threads can each have processors of their own here."""
    if sys.platform != "linux":
        return max(1, (os.cpu_count() or 1) // threads)
    return max(1, len(os.sched_getaffinity(0)) // threads)


@contextmanager
def claim_slot(threads: int, *, shares: int | None = None, wait_s: float = 0.0) -> Iterator[int]:
    """Claim a slot for a grading and give its number, which `grader.jail.host.processors` turns into processors.

    While all are taken, processors are shared with as few others as can be.

    Parameters
    ----------
    threads : how many processors a slot has.
    shares : how many gradings may share a processor; any number if None.
    wait_s : seconds to wait for one, if ``shares`` leaves none.

    Raises
    ------
    SlotsTaken : none is left.
    """
    place = _place()
    if place is None:
        yield 0
        return
    deadline = time.monotonic() + wait_s
    while True:
        for share in count() if shares is None else range(shares):
            for slot in range(slots_here(threads)):
                held = _claim(place, [f"cpu-{number}.{share}" for number in processors(slot, threads)])
                if held is not None:
                    try:
                        yield slot
                    finally:
                        for descriptor in held:
                            os.close(descriptor)
                    return
        if time.monotonic() >= deadline:
            raise SlotsTaken(
                "all processors of this host are taken by other gradings; wait for these, or run fewer"
            )
        time.sleep(LOOK_S)


def _place() -> Path | None:
    """Return the folder of the locks; None where nothing is pinned, or where it cannot be had."""
    if sys.platform != "linux":
        return None
    place = Path(os.environ.get(PLACE_VARIABLE) or PLACE)
    try:
        with contextlib.suppress(FileExistsError):
            place.mkdir(parents=True)
            place.chmod(PLACE_MODE)
        # Whoever made it could be anybody: a link would lead elsewhere, and there must be no way to take another's
        # lock away but to be the one who made the folder.
        return place if stat.S_ISDIR(place.lstat().st_mode) else None
    except OSError:
        return None


def _claim(place: Path, names: list[str]) -> list[int] | None:
    """Lock all of these files, or none; what is locked stays so until its descriptor is closed."""
    held: list[int] = []
    for name in names:
        descriptor = _lock_file(place / name)
        # Where somebody has put something else, or nothing can be locked, nobody can be waited for either.
        if descriptor is None:
            continue
        held.append(descriptor)
        if not _lock(descriptor):
            for one in held:
                os.close(one)
            return None
    return held


def _lock(descriptor: int) -> bool:
    """Lock a file; False if somebody else holds it."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _lock_file(path: Path) -> int | None:
    """Open a lock file; nothing is ever read from it or written to it."""
    # Not with O_CREAT at first: in such a folder Linux refuses that for files of other users.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, LOCK_MODE)
            # Other users must be able to lock it, whatever the umask is.
            os.fchmod(descriptor, LOCK_MODE)
    except FileExistsError:
        return _lock_file(path)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None
