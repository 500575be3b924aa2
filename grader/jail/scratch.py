"""Temporary folders that say whose they are, and are deleted at the next start when their owner was killed.

A name holds the process that made the folder, the moment at which that process started, by which it is told from a
later one with the same number, and the namespace that counts its number.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.jail.layout import remove_home
from grader.language.errors import DISK_IS_FULL, GraderFailed

OWNED = re.compile(r"(?P<purpose>[a-z]+)-(?P<pid>\d+)-(?P<start>\d+)-(?P<namespace>\d+)-\w+")
PURPOSES = ("box", "grading", "gradcheck", "timing", "publishing", "converting")


class NoRoom(GraderFailed):
    """There is no place for temporary files."""


def new_scratch(purpose: str) -> Path:
    """Make a folder of this process that nobody else can enter; ``purpose`` is one of `PURPOSES`.

    Raises
    ------
    NoRoom : the temporary folder is full, or cannot be written to.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"{purpose!r} is none of {PURPOSES}")
    _sweep_once(os.getpid())
    owner = f"{os.getpid()}-{_started(os.getpid()) or 0}-{_namespace()}"
    try:
        return Path(tempfile.mkdtemp(prefix=f"{purpose}-{owner}-"))
    except OSError as error:
        raise no_room(tempfile.gettempdir(), error) from error


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Give such a folder, which is gone in the end with all that is in it.

    Raises
    ------
    NoRoom : the temporary folder is full, or cannot be written to.
    """
    folder = new_scratch(purpose)
    try:
        yield folder
    finally:
        remove_home(folder)


def no_room(place: str | Path, error: OSError) -> NoRoom:
    """Return the error that says why nothing can be written at a place."""
    reason = error.strerror or type(error).__name__
    if error.errno in DISK_IS_FULL:
        return NoRoom(
            "the disk is full ({place}): make room there, or set TMPDIR to a place that has some", place=place
        )
    return NoRoom(
        "nothing can be written in {place} ({reason}); set TMPDIR to a place where that is possible",
        place=place,
        reason=reason,
    )


def sweep(place: Path | None = None) -> list[str]:
    """Delete the folders of this user whose owners are gone, in the temporary folder; return their names."""
    removed = []
    try:
        with os.scandir(place or tempfile.gettempdir()) as listing:
            entries = [entry for entry in listing if OWNED.fullmatch(entry.name)]
    except OSError:
        return []
    for entry in entries:
        # Another grader may be deleting it at this moment; what cannot be deleted now can be later.
        with contextlib.suppress(OSError):
            if _is_abandoned(entry):
                remove_home(Path(entry.path))
                removed.append(entry.name)
    return removed


@functools.lru_cache(maxsize=1)
def _sweep_once(process_id: int) -> None:
    sweep()


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    owner = OWNED.fullmatch(entry.name)
    # Where nothing is known of a process, it may live.
    if owner is None or sys.platform != "linux" or owner["purpose"] not in PURPOSES:
        return False
    facts = entry.stat(follow_symlinks=False)
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or int(owner["namespace"]) != _namespace():
        return False
    return _started(int(owner["pid"])) != int(owner["start"])


def _started(pid: int) -> int | None:
    """Return when a process started, in ticks since the system did; None if there is none, or nobody tells."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()[19])
    except (OSError, ValueError, IndexError):
        return None


@functools.lru_cache(maxsize=1)
def _namespace() -> int:
    """Return the number of the namespace that counts this process; 0 where there is none."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0
