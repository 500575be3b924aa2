"""The truth about gradings: one file for each that is done, one for each that runs. Kept by the tasks themselves.

``results/<key>.json`` is written whole or not at all. ``running/<key>`` is locked while its grading runs: the
kernel takes the lock from a process that is killed, whatever kills it; what is there without a lock has no owner.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.cohort.problems import EnvironmentFault, Refusal

# A grading that has ended its grader twice is not tried again.
MAX_DEATHS = 2
# Where the whole run was killed nobody knows who was to blame; even so there is an end.
MAX_STARTS = 10
MIN_FREE_BYTES = 256 << 20
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Busy(Exception):
    """Another process grades this very key now."""


@dataclass(frozen=True)
class Claim:
    """The right to grade one key. ``deaths`` are graders that this key has ended while their run went on."""

    key: str
    starts: int
    deaths: int

    @property
    def hopeless(self) -> bool:
        """Whether it was tried often enough."""
        return self.deaths >= MAX_DEATHS or self.starts > MAX_STARTS


class Journal:
    """The folders of results and of running gradings of a class."""

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results"
        self.running = folder / "running"

    def open(self) -> None:
        """Make the folders."""
        self.results.mkdir(parents=True, exist_ok=True)
        self.running.mkdir(parents=True, exist_ok=True)

    def place(self, key: str) -> Path:
        """Return where the document of a key is, or will be."""
        return self.results / f"{key}.json"

    def document(self, key: str) -> dict[str, Any] | None:
        """Return a finished document; None if there is none that is whole."""
        try:
            data = json.loads(self.place(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def write(self, key: str, text: str) -> None:
        """Write a document so that it is on the disk, whole, when this returns.

        Raises
        ------
        EnvironmentFault : the disk is full or not writable.
        """
        final = self.place(key)
        draft = final.with_name(f".{key[:16]}.{secrets.token_hex(4)}.tmp")
        try:
            with draft.open("x", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(draft, final)
            _sync_folder(self.results)
        except OSError as error:
            raise EnvironmentFault(
                "{final} cannot be written ({strerror}); nothing was lost", final=final, strerror=error.strerror
            ) from None
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def claim(self, key: str, session: str, slot: int) -> Iterator[Claim]:
        """Hold the right to grade ``key``. The entry goes when the block ends, unless an error comes through.

        ``session`` names the scheduler that asks. An entry of the same scheduler without an owner is one whose
        grader has died alone; that of another may have been killed with everything else.

        Raises
        ------
        Busy : another process holds it.
        """
        file = self.running / key
        descriptor = self._lock(file)
        try:
            before = _entry(descriptor)
            starts = int(before.get("starts", 0)) + 1
            deaths = int(before.get("deaths", 0)) + (before.get("session") == session)
            entry = {
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "started": start_time(os.getpid()),
                "slot": slot,
                "session": session,
                "starts": starts,
                "deaths": deaths,
            }
            try:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(entry).encode(), 0)
            except OSError as error:
                raise EnvironmentFault(
                    "{file} cannot be written ({strerror}); nothing was lost", file=file, strerror=error.strerror
                ) from None
            try:
                yield Claim(key, starts, deaths)
            except (KeyboardInterrupt, EnvironmentFault, Refusal):
                # Nobody's fault: as if it had not been started.
                file.unlink(missing_ok=True)
                raise
            file.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def _lock(self, file: Path, make: int = os.O_CREAT) -> int:
        while True:
            try:
                descriptor = os.open(file, os.O_RDWR | make | os.O_CLOEXEC, 0o600)
            except OSError as error:
                if error.errno == errno.ENOENT and not make:
                    # Whoever held it has removed it just now.
                    raise Busy(file.name) from None
                raise EnvironmentFault(
                    "{file} cannot be made ({strerror}); nothing was lost", file=file, strerror=error.strerror
                ) from None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                raise Busy(file.name) from None
            # Who held it may have removed it just now; a lock on a file without a name keeps nobody out.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), file.stat()):
                    return descriptor
            os.close(descriptor)

    def tidy(self) -> None:
        """Remove what a kill leaves: drafts, and entries of gradings whose document was written first."""
        for draft in self.results.glob(".*.tmp"):
            draft.unlink(missing_ok=True)
        for file in self.running.iterdir():
            with contextlib.suppress(Busy):
                descriptor = self._lock(file, make=0)
                try:
                    # An older document is that of a grading before: this one is to be done again.
                    with contextlib.suppress(FileNotFoundError):
                        written = self.place(file.name).stat().st_mtime_ns
                        if written >= os.fstat(descriptor).st_mtime_ns:
                            file.unlink()
                finally:
                    os.close(descriptor)

    def require_space(self) -> None:
        """Refuse to start a grading that could not be kept.

        Raises
        ------
        EnvironmentFault : too little is free where results or temporary files are written.
        """
        for place in (self.results, Path(tempfile.gettempdir())):
            free = shutil.disk_usage(place).free
            if free < MIN_FREE_BYTES:
                raise EnvironmentFault(
                    "only {free} MiB are free at {place}, at least {min_free_bytes} are needed; no more gradings "
                    "are started, and what is done is kept. Free some space and give the command again",
                    free=free >> 20,
                    place=place,
                    min_free_bytes=MIN_FREE_BYTES >> 20,
                )


def start_time(pid: int) -> int:
    """Return when a process started, in ticks since the system did; 0 where the system does not say."""
    try:
        # The name in the second field may hold blanks and brackets; field 22 counts from its last bracket.
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def _entry(descriptor: int) -> dict[str, Any]:
    try:
        data = json.loads(os.pread(descriptor, 4096, 0) or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
