"""Reads what lies in a folder that may change at the same time: no link is followed, nothing is trusted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grader.collect.archives import ArchiveError, CollectLimits, Member, shown
from grader.language.translation import _, marked

NAMES_IN_A_NOTE = 6


LEFT_OUT_FOLDERS = frozenset({"__pycache__", "__MACOSX", "venv", "node_modules", "site-packages"})


LEFT_OUT_FOLDER_SUFFIXES = (".egg-info", ".dist-info")


START_UP_FILES = frozenset({"conftest.py", "sitecustomize.py", "usercustomize.py"})


NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


READ_FLAGS = os.O_RDONLY | NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


FOLDER_FLAGS = os.O_RDONLY | NO_FOLLOW | getattr(os, "O_DIRECTORY", 0)


# Windows opens no folder, and its links need rights that a student does not have.
HAS_FOLDER_DESCRIPTORS = os.open in os.supports_dir_fd and os.scandir in os.supports_fd


@dataclass
class LeftOut:
    """Names that were left out, by reason, in the order in which the reasons came up; given ones are expected."""

    given: tuple[str, ...] = ()
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        if any(name == given or name.startswith(f"{given}/") for given in self.given):
            return
        self.names.setdefault(reason, []).append(name)

    def notebooks(self) -> bool:
        """Tell whether a notebook is among them."""
        return any(name.endswith(".ipynb") for names in self.names.values() for name in names)

    def notes(self) -> list[str]:
        lines = []
        for reason, names in self.names.items():
            first = ", ".join(shown(name) for name in sorted(names)[:NAMES_IN_A_NOTE])
            more = len(names) - NAMES_IN_A_NOTE
            if more > 0:
                first = _("{names} and {count} more", names=first, count=more)
            lines.append(_("left out, {reason}: {names}", reason=_(reason), names=first))
        return lines


def walk(folder: Path, limits: CollectLimits, suffixes: tuple[str, ...], left_out: LeftOut) -> Iterator[Member]:
    """Yield the regular files below ``folder``; links are never followed, in no part of a path."""
    waiting = [""]
    looked_at = 0
    while waiting:
        prefix = waiting.pop()
        try:
            entries = _entries_of(folder, prefix)
        except OSError as error:
            raise ArchiveError(
                "cannot be read at {value} ({strerror})", value=shown(prefix or "."), strerror=error.strerror
            ) from None
        for name, mode, size in entries:
            looked_at += 1
            if looked_at > limits.folder_entries:
                raise ArchiveError(
                    "was refused: it holds more than {folder_entries} files; hand in a folder with your source "
                    "files only",
                    folder_entries=limits.folder_entries,
                )
            path = prefix + name
            if stat.S_ISDIR(mode):
                if is_left_out_folder(name):
                    left_out.add(marked("not part of the work"), path + "/")
                elif path.count("/") + 1 >= limits.depth:
                    left_out.add(marked("nested too deep"), path + "/")
                else:
                    waiting.append(path + "/")
            elif stat.S_ISREG(mode):
                yield Member(path, size, _file_reader(folder, path))
            elif path.endswith(suffixes) and not is_junk(name):
                raise ArchiveError(
                    "was refused: {path} is a link or a device; put the file itself there", path=shown(path)
                )
            else:
                left_out.add(marked("links and devices are not followed"), path)


def _entries_of(folder: Path, prefix: str) -> list[tuple[str, int, int]]:
    """Return name, mode and size of what lies in a folder below ``folder``, in no certain order."""
    if not HAS_FOLDER_DESCRIPTORS:
        place: int | Path = folder / prefix
    else:
        place = open_below(folder, prefix.rstrip("/"), FOLDER_FLAGS)
    try:
        with os.scandir(place) as entries:
            facts = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        return [(name, fact.st_mode, fact.st_size) for name, fact in facts]
    finally:
        if isinstance(place, int):
            os.close(place)


def open_below(folder: Path, path: str, flags: int) -> int:
    """Open what lies at ``path`` below ``folder``, part by part, so that no part of the path can be a link.

    A folder may be put in the place of another, or a link in the place of a folder, while it is being collected.
    """
    parts = [part for part in path.split("/") if part]
    descriptor = os.open(folder, FOLDER_FLAGS)
    for number, part in enumerate(parts, start=1):
        try:
            below = os.open(part, FOLDER_FLAGS if number < len(parts) else flags, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def _file_reader(folder: Path, path: str) -> Callable[[int], bytes]:
    def opened() -> int:
        if HAS_FOLDER_DESCRIPTORS:
            return open_below(folder, path, READ_FLAGS)
        return os.open(folder / path, READ_FLAGS)

    return lambda limit: read_regular(opened, path.rsplit("/", 1)[-1], limit)


def read_regular(opened: Callable[[], int], name: str, limit: int, *, one_name: bool = True) -> bytes:
    """Read at most ``limit`` bytes of a regular file that is no link and, with ``one_name``, has no other name."""
    try:
        descriptor = opened()
    except OSError as error:
        raise ArchiveError(
            "cannot be read at {name} ({strerror}); check its rights", name=shown(name), strerror=error.strerror
        ) from None
    with os.fdopen(descriptor, "rb") as stream:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise ArchiveError("was refused: {name} is not a regular file", name=shown(name))
        if one_name and facts.st_nlink > 1:
            raise ArchiveError(
                "was refused: {name} is a hard link (the file has {st_nlink} names); put a copy of the file there",
                name=shown(name),
                st_nlink=facts.st_nlink,
            )
        return stream.read(limit)


def is_junk(name: str) -> bool:
    return name.startswith(".") or name in START_UP_FILES


def is_left_out_folder(name: str) -> bool:
    return name.startswith(".") or name in LEFT_OUT_FOLDERS or name.endswith(LEFT_OUT_FOLDER_SUFFIXES)
