"""The slot that a process of a class's grading owns while it lives; see `grader.jail.slots`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from grader.cohort.problems import NoSlot
from grader.jail.slots import SlotsTaken, claim_slot, slots_here

# Then whoever asked is told, so that a task does not wait here while others have nothing to do.
WAIT_S = 10.0


def usable_processors() -> list[int]:
    """Return the processors of this process."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def claimed_slot(threads: int, jobs: int, wait_s: float = WAIT_S) -> Iterator[int]:
    """Hold a slot and give its number. More jobs than the host has slots share the processors evenly.

    Raises
    ------
    NoSlot : all of them are taken for longer than ``wait_s``.
    """
    slots = slots_here(threads)
    claim = claim_slot(threads, shares=-(-jobs // slots), wait_s=wait_s)
    try:
        slot = claim.__enter__()
    except SlotsTaken:
        raise NoSlot(
            "all {slots} slots of this host are taken by other gradings; wait for these, or start fewer with "
            "--jobs",
            slots=slots,
        ) from None
    try:
        yield slot
    finally:
        claim.__exit__(None, None, None)


__all__ = ["claimed_slot", "slots_here", "usable_processors"]
