"""What a process that grades holds while it lives: a slot, a folder for everything temporary, its parent's life."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from grader.cohort.running.scratch import scratch_folder
from grader.cohort.running.slots import claimed_slot

PR_SET_PDEATHSIG = 1


@contextmanager
def household(threads: int, jobs: int) -> Iterator[int]:
    """Hold a slot, whose number is given; whatever is made in the temporary folder meanwhile is gone afterwards.

    If this process is killed instead, the next grader removes the folder.
    """
    with claimed_slot(threads, jobs) as slot, scratch_folder("slot") as folder:
        before = tempfile.tempdir
        tempfile.tempdir = str(folder)
        try:
            yield slot
        finally:
            tempfile.tempdir = before


@contextmanager
def no_interrupt() -> Iterator[None]:
    """Hold back Ctrl+C, also for a process that is started meanwhile, until it has called `end_with_parent`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent(parent: int) -> None:
    """Have this process end, as after Ctrl+C, when its parent is gone; only where the system can (Linux)."""

    def end(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    # Ctrl+C goes to the whole group; it is the parent that decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise KeyboardInterrupt
