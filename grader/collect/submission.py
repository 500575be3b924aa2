"""Collects a submission: copies the files that count out of a folder or an archive, and nothing else.

The copy is what is graded, hashed and reported; the source is read once. Everything is checked before the first
file is written, and nothing is ever written outside the target.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.collect.archives import MIB, ArchiveError, CollectLimits, Member, is_plain, read_archive, shown
from grader.collect.folders import (
    NO_FOLLOW,
    READ_FLAGS,
    START_UP_FILES,
    LeftOut,
    is_left_out_folder,
    read_regular,
    walk,
)
from grader.collect.home import home_of, with_own_names
from grader.language.errors import DISK_IS_FULL, BadInput
from grader.language.message import Several, sentence
from grader.language.translation import _, marked

FILE_MODE = 0o444
FOLDER_MODE = 0o755
NOTEBOOK_ADVICE = marked(
    "A notebook cannot be graded: save it as a Python file (in Jupyter: File, Save and Export Notebook As, "
    "Executable Script) and hand that in."
)
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW | getattr(os, "O_BINARY", 0)


class SubmissionError(BadInput):
    """A submission cannot be collected; the message says what happened, what was expected, what to do."""


@dataclass(frozen=True)
class CollectedFile:
    """One file of a submission as it was taken: its path, the hash of its content, its size."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Collected:
    """A copy of the files that count.

    Attributes
    ----------
    root : folder of the copy; files have mode 0444, folders 0755.
    files : what was copied, by path.
    sha256 : hash of the text ``<sha256 of content>  <path>\\n`` of all files in the order of their paths' bytes,
        which is what ``sha256sum FILES | sha256sum`` gives.
    notes : what was left out and why, for a person.
    """

    root: Path
    files: tuple[CollectedFile, ...]
    sha256: str
    notes: tuple[str, ...] = ()


def collect(
    source: Path,
    target: Path,
    *,
    required: Sequence[str],
    given: Sequence[str] = (),
    extra_suffixes: Sequence[str] = (".py",),
    limits: CollectLimits | None = None,
) -> Collected:
    """Copy the source files of a submission from ``source`` to the new folder ``target``.

    ``source`` is a folder, ``.zip``, ``.tar`` or ``.tar.gz``, or holds one such archive instead of source files.
    Files with one of ``extra_suffixes`` are taken, also from subfolders that Python can import from. If the work
    lies in a folder of the source, that folder is entered (`home_of`). Files in ``required`` that are absent are
    named in a note, which is not an error. What the lab has ``given`` may lie beside the work without being noted.

    Raises
    ------
    SubmissionError : the source does not exist, is empty, damaged, too large, or holds links or other things
        in the place of files.
    """
    limits = limits or CollectLimits()
    label = _label(source)
    if not _is_text(str(source)):
        raise SubmissionError(
            "{source} is not a readable name; rename it with ordinary characters.", source=ascii(str(source))
        )
    suffixes = tuple(extra_suffixes)
    left_out = LeftOut(tuple(given))
    try:
        members, notes = _inside_archive(_members(source, limits, suffixes, left_out), limits, suffixes)
        wanted = [member for member in members if _counts(member.path, suffixes, left_out)]
        wanted, renamed = with_own_names(wanted, required)
        home, where = home_of(wanted, required)
        wanted = [_below(member, home) for member in wanted if _is_below(member.path, home, left_out)]
        wanted = [member for member in wanted if _importable(member.path, required, left_out)]
        contents = _read_all(wanted, limits)
    except ArchiveError as error:
        raise SubmissionError("{label} {error}", label=label, error=error) from None
    if not contents:
        absent = sentence(
            "{source} holds no {suffixes} file; expected {files}.",
            source=label,
            suffixes=_(" or ").join(suffixes),
            files=Several(tuple(required)) if required else sentence("source files"),
        )
        advice = sentence("Hand in the folder (or an archive of it) in which you wrote your code.")
        if left_out.notebooks():
            advice = sentence(NOTEBOOK_ADVICE)
        text = Several((absent, advice), whole=True)
        raise SubmissionError("{text}", text=text)
    notes += [*renamed, *filter(None, [where])]
    missing = tuple(name for name in required if name not in contents)
    notes += [_missing_note(name, [member.path for member in members]) for name in missing]
    if missing and left_out.notebooks():
        notes.append(_(NOTEBOOK_ADVICE))
    notes += left_out.notes()
    _write_all(contents, target)
    files = tuple(
        CollectedFile(path=path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        for path, data in sorted(contents.items(), key=lambda item: item[0].encode())
    )
    digest = hashlib.sha256("".join(f"{file.sha256}  {file.path}\n" for file in files).encode()).hexdigest()
    return Collected(target, files, digest, tuple(notes))


def _members(source: Path, limits: CollectLimits, suffixes: tuple[str, ...], left_out: LeftOut) -> Sequence[Member]:
    label = _label(source)
    try:
        facts = os.lstat(source)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or sentence("not a usable path")
        raise SubmissionError(
            "{label} cannot be read ({reason}); expected a folder, a .zip or a .tar.gz. Check the path, or "
            "name another one with --submission.",
            label=label,
            reason=reason,
        ) from None
    if stat.S_ISDIR(facts.st_mode):
        return list(walk(source, limits, suffixes, left_out))
    if stat.S_ISLNK(facts.st_mode):
        raise SubmissionError(
            "{label} is a link, and links are not followed; name the folder or archive itself.", label=label
        )
    if not stat.S_ISREG(facts.st_mode):
        raise SubmissionError(
            "{label} is neither a file nor a folder; expected a folder, a .zip or a .tar.gz.", label=label
        )
    if source.suffix == ".py":
        raise SubmissionError(
            "{label} is a single file; hand in the folder that holds it, or an archive.", label=label
        )
    if facts.st_size > limits.archive_bytes:
        raise SubmissionError(
            "{label} has {value} MiB; at most {value2} are taken. Pack only your source files (no data, no "
            "checkpoint).",
            label=label,
            value=f"{facts.st_size / MIB:.0f}",
            value2=limits.archive_bytes // MIB,
        )
    if facts.st_size == 0:
        raise SubmissionError("{label} is empty; expected a .zip or a .tar.gz. Pack it again.", label=label)
    # A hard link is harmless here: the archive's bytes are parsed, never shown.
    data = read_regular(lambda: os.open(source, READ_FLAGS), source.name, limits.archive_bytes, one_name=False)
    return read_archive(data, limits)


def _label(path: Path) -> str:
    return str(path) if is_plain(str(path)) else ascii(str(path))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _counts(path: str, suffixes: tuple[str, ...], left_out: LeftOut) -> bool:
    *folders, name = path.split("/")
    if any(is_left_out_folder(folder) for folder in folders) or name.startswith("."):
        left_out.add(marked("not part of the work"), path)
    elif name in START_UP_FILES:
        left_out.add(marked("it would have no effect"), path)
    elif not name.endswith(suffixes):
        left_out.add(_("not {suffixes}", suffixes=_(" or ").join(suffixes)), path)
    else:
        return True
    return False


def _inside_archive(
    members: Sequence[Member], limits: CollectLimits, suffixes: tuple[str, ...]
) -> tuple[Sequence[Member], list[str]]:
    """Return the members of the one archive among ``members`` if they hold no source file, and a note of that."""
    if any(member.path.endswith(suffixes) for member in members):
        return members, []
    packed = [member for member in members if member.path.lower().endswith(ARCHIVE_SUFFIXES)]
    if not packed:
        return members, []
    names = Several(tuple(shown(member.path) for member in packed))
    if len(packed) > 1:
        raise ArchiveError(
            "holds several archives and no source file: {names}; pack the files themselves", names=names
        )
    inner = packed[0]
    if inner.size > limits.archive_bytes:
        raise ArchiveError("holds the archive {names}, which is too large; pack the files themselves", names=names)
    found = read_archive(inner.read(limits.archive_bytes), limits)
    return found, [_("the files were taken from the archive {archive} inside", archive=names)]


def _is_below(path: str, home: str, left_out: LeftOut) -> bool:
    if not path.startswith(home):
        left_out.add(marked("not in the folder of the work"), path)
    return path.startswith(home)


def _below(member: Member, home: str) -> Member:
    return replace(member, path=member.path.removeprefix(home))


def _importable(path: str, required: Sequence[str], left_out: LeftOut) -> bool:
    """Whether Python could import the file from the root: its folders are named like packages."""
    if not is_plain(path):
        raise ArchiveError(
            "was refused: {path} has control characters in its name; rename the file", path=shown(path)
        )
    if path in required or all(folder.isidentifier() for folder in path.split("/")[:-1]):
        return True
    left_out.add(marked("its folder cannot be imported from"), path)
    return False


def _read_all(members: Sequence[Member], limits: CollectLimits) -> dict[str, bytes]:
    if len(members) > limits.files:
        raise ArchiveError(
            "was refused: it holds {members} source files, at most {files} are taken; hand in your own files only",
            members=len(members),
            files=limits.files,
        )
    contents: dict[str, bytes] = {}
    seen: set[str] = set()
    total = 0
    for member in members:
        if member.path.casefold() in seen:
            raise ArchiveError(
                "was refused: two files are named {path} but for upper and lower case; rename one",
                path=shown(member.path),
            )
        seen.add(member.path.casefold())
        data = b"" if member.size > limits.file_bytes else member.read(limits.file_bytes + 1)
        if member.size > limits.file_bytes or len(data) > limits.file_bytes:
            raise ArchiveError(
                "was refused: {path} is larger than {value} MiB, which source code is not; keep data in other "
                "files",
                path=shown(member.path),
                value=f"{limits.file_bytes / MIB:g}",
            )
        if len(data) != member.size:
            raise ArchiveError(
                "is damaged: {path} has {data} bytes instead of {size}; try again",
                path=shown(member.path),
                data=len(data),
                size=member.size,
            )
        total += len(data)
        if total > limits.total_bytes:
            raise ArchiveError(
                "was refused: its source files have more than {value} MiB in all; hand in your own files only",
                value=f"{limits.total_bytes / MIB:g}",
            )
        contents[member.path] = data
    return contents


def _missing_note(name: str, present: Sequence[str]) -> str:
    wanted = name.casefold().rsplit("/", 1)[-1]
    near = [path for path in present if path.casefold().rsplit("/", 1)[-1] == wanted]
    if near:
        return _(
            "{file} is missing; there is {other}: place and spelling must be the same",
            file=name,
            other=shown(near[0]),
        )
    return _("{file} is missing", file=name)


def _write_all(contents: dict[str, bytes], target: Path) -> None:
    """Write to the new folder ``target`` with modes that do not depend on the umask."""
    _make_folder(target, parents=True)
    for path, data in contents.items():
        folder = target
        for part in path.split("/")[:-1]:
            folder = folder / part
            if not folder.is_dir():
                _make_folder(folder)
        file = folder / path.split("/")[-1]
        with os.fdopen(os.open(file, WRITE_FLAGS, 0o600), "wb") as stream:
            stream.write(data)
        file.chmod(FILE_MODE)


def _make_folder(folder: Path, *, parents: bool = False) -> None:
    try:
        folder.mkdir(parents=parents)
        folder.chmod(FOLDER_MODE)
    except OSError as error:
        if error.errno in DISK_IS_FULL:
            raise
        raise SubmissionError(
            "the copy could not be made at {folder} ({strerror}); expected a name that is free, in a folder "
            "that can be written",
            folder=shown(str(folder)),
            strerror=error.strerror,
        ) from None


__all__ = ["CollectLimits", "Collected", "SubmissionError", "collect"]
