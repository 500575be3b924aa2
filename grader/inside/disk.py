"""Watches how much a submission writes: one look tells whether its scratch folders are over their caps."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

BLOCK_BYTES = 512
ENTRIES, BYTES, DEPTH, HIDDEN = "entries", "bytes", "depth", "hidden"


@dataclass(frozen=True)
class DiskCaps:
    """Caps on what lies in the scratch folders.

    ``counted`` are folders that are file systems of their own, whose size the kernel bounds and whose entries it
    counts. ``walked`` are ordinary folders, which have to be looked through.
    """

    counted: tuple[str, ...]
    walked: tuple[str, ...]
    max_bytes: int
    max_entries: int

    @classmethod
    def of(cls, data: dict[str, Any]) -> DiskCaps:
        """Read what the grader sent."""
        return cls(tuple(data["counted"]), tuple(data["walked"]), data["max_bytes"], data["max_entries"])

    def exceeded(self, pid: int) -> str:
        """Say which cap is exceeded: one of `ENTRIES`, `BYTES`, `DEPTH` and `HIDDEN`; empty when none is.

        ``pid`` is the worker: files that it holds open without a name count as well.
        """
        for folder in self.counted:
            found = os.statvfs(folder)
            if found.f_files - found.f_ffree > self.max_entries:
                return ENTRIES
        for folder in self.walked:
            reason = self._walk(folder, pid)
            if reason:
                return reason
        return ""

    def _walk(self, top: str, pid: int) -> str:
        entries = total = 0
        waiting = [top]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as listing:
                    for entry in listing:
                        entries += 1
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        else:
                            total += _used_bytes(entry.stat(follow_symlinks=False))
                        if entries > self.max_entries:
                            return ENTRIES
            except FileNotFoundError:
                continue
            except PermissionError:
                # Any amount could lie in a folder that its owner's own processes cannot read.
                return HIDDEN
            except OSError:
                return DEPTH
        total += _nameless_bytes(pid)
        return BYTES if total > self.max_bytes else ""


def _used_bytes(found: os.stat_result) -> int:
    # Windows does not tell how many blocks a file has.
    return found.st_blocks * BLOCK_BYTES if hasattr(found, "st_blocks") else found.st_size


def _nameless_bytes(pid: int) -> int:
    """Return the size of files that a process has open and whose names it has removed, as far as can be seen."""
    total = 0
    folder = f"/proc/{pid}/fd"
    try:
        for handle in os.listdir(folder):
            found = os.stat(f"{folder}/{handle}")
            if found.st_nlink == 0:
                total += found.st_blocks * BLOCK_BYTES
    except OSError:
        pass
    return total
