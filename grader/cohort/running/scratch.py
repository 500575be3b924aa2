"""Temporary folders that are found again after a kill: each holds a lock while its owner lives.

They contain student code. What the kernel has unlocked belongs to nobody any more and is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from grader.cohort.problems import EnvironmentFault
from grader.jail.layout import remove_home

PREFIX = "class-"
LOCK = ".lock"


def base() -> Path:
    """Return this user's folder for temporary folders, made if it is absent; others can pass it but not look."""
    folder = Path(tempfile.gettempdir()) / f"grader-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    facts = folder.lstat()
    if facts.st_uid != os.getuid() or not stat.S_ISDIR(facts.st_mode):
        raise EnvironmentFault(
            "{folder} belongs to somebody else; set TMPDIR to a folder of your own", folder=folder
        )
    # A box with a user of its own lies further down.
    folder.chmod(0o711)
    return folder


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Give an empty folder that is removed at the end, or by `sweep` if there is no end."""
    place = base()
    with ExitStack() as stack:
        with _locked(place / LOCK, fcntl.LOCK_SH):
            outer = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-", dir=place))
            outer.chmod(0o711)
            stack.callback(remove_home, outer)
            stack.enter_context(_locked(outer / LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB))
        inner = outer / "files"
        inner.mkdir()
        inner.chmod(0o711)
        yield inner


def sweep() -> int:
    """Remove what killed graders have left behind; return how many folders that were."""
    removed = 0
    place = base()
    # Exclusive, so that no folder is between being made and being locked.
    with _locked(place / LOCK, fcntl.LOCK_EX):
        for folder in sorted(place.glob(f"{PREFIX}*")):
            try:
                with _locked(folder / LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    remove_home(folder)
                    removed += 1
            except OSError:
                continue
    return removed


@contextmanager
def _locked(file: Path, how: int) -> Iterator[None]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
