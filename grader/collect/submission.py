"""Collects a submission: copies the files that count out of a folder or an archive, and nothing else.

The copy is what is graded, hashed and reported; the source is read once. Everything is checked before the first
file is written, and nothing is ever written outside the target.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.collect.archives import MIB, ArchiveError, CollectLimits, Member, is_plain, read_archive, shown
from grader.language.errors import BadInput
from grader.language.message import sentence
from grader.language.translation import _, joined, listed, marked

FILE_MODE = 0o444
FOLDER_MODE = 0o755
NAMES_IN_A_NOTE = 6
LEFT_OUT_FOLDERS = frozenset({"__pycache__", "__MACOSX", "venv", "node_modules", "site-packages"})
NOTEBOOK_ADVICE = marked(
    "A notebook cannot be graded: save it as a Python file (in Jupyter: File, Save and Export Notebook As, "
    "Executable Script) and hand that in."
)
LEFT_OUT_FOLDER_SUFFIXES = (".egg-info", ".dist-info")
START_UP_FILES = frozenset({"conftest.py", "sitecustomize.py", "usercustomize.py"})
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
READ_FLAGS = os.O_RDONLY | NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
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


@dataclass
class _LeftOut:
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

    ``source`` is a folder, ``.zip``, ``.tar`` or ``.tar.gz``. Files with one of ``extra_suffixes`` are taken,
    also from subfolders that Python can import from. If the files lie in a single folder of the source, that
    folder is entered. Files in ``required`` that are absent are named in a note, which is not an error.
    What the lab has ``given`` may lie beside the work without being noted.

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
    left_out = _LeftOut(tuple(given))
    try:
        members = _members(source, limits, suffixes, left_out)
        wanted = [member for member in members if _counts(member.path, suffixes, left_out)]
        wanted, entered = _enter_single_folder(wanted, required)
        wanted = [member for member in wanted if _importable(member.path, required, left_out)]
        contents = _read_all(wanted, limits)
    except ArchiveError as error:
        raise SubmissionError("{label} {error}", label=label, error=error) from None
    if not contents:
        absent = _(
            "{source} holds no {suffixes} file; expected {files}.",
            source=label,
            suffixes=_(" or ").join(suffixes),
            files=listed(required) or _("source files"),
        )
        advice = _("Hand in the folder (or an archive of it) in which you wrote your code.")
        text = joined([absent, _(NOTEBOOK_ADVICE) if left_out.notebooks() else advice])
        raise SubmissionError("{text}", text=text)
    notes = [_("the files were taken from the folder {folder}", folder=shown(entered))] if entered else []
    missing = tuple(name for name in required if name not in contents)
    notes += [_missing_note(name, list(contents)) for name in missing]
    if missing and left_out.notebooks():
        notes.append(NOTEBOOK_ADVICE)
    notes += left_out.notes()
    _write_all(contents, target)
    files = tuple(
        CollectedFile(path=path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        for path, data in sorted(contents.items(), key=lambda item: item[0].encode())
    )
    digest = hashlib.sha256("".join(f"{file.sha256}  {file.path}\n" for file in files).encode()).hexdigest()
    return Collected(target, files, digest, tuple(notes))


def _members(
    source: Path, limits: CollectLimits, suffixes: tuple[str, ...], left_out: _LeftOut
) -> Sequence[Member]:
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
        return list(_walk(source, limits, suffixes, left_out))
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
    return read_archive(_read_regular(source, limits.archive_bytes, one_name=False), limits)


def _walk(folder: Path, limits: CollectLimits, suffixes: tuple[str, ...], left_out: _LeftOut) -> Iterator[Member]:
    """Yield the regular files below ``folder``; links are never followed."""
    waiting = [("", folder)]
    looked_at = 0
    while waiting:
        prefix, current = waiting.pop()
        try:
            entries = os.scandir(current)
        except OSError as error:
            raise ArchiveError(
                "cannot be read at {value} ({strerror})", value=shown(prefix or "."), strerror=error.strerror
            ) from None
        with entries:
            for entry in entries:
                looked_at += 1
                if looked_at > limits.folder_entries:
                    raise ArchiveError(
                        "was refused: it holds more than {folder_entries} files; hand in a folder with your source "
                        "files only",
                        folder_entries=limits.folder_entries,
                    )
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if _is_left_out_folder(entry.name):
                        left_out.add(marked("not part of the work"), path + "/")
                    elif path.count("/") + 1 >= limits.depth:
                        left_out.add(marked("nested too deep"), path + "/")
                    else:
                        waiting.append((path + "/", current / entry.name))
                elif entry.is_file(follow_symlinks=False):
                    size = entry.stat(follow_symlinks=False).st_size
                    yield Member(path, size, _file_reader(current / entry.name))
                elif path.endswith(suffixes) and not _is_junk(entry.name):
                    raise ArchiveError(
                        "was refused: {path} is a link or a device; put the file itself there", path=shown(path)
                    )
                else:
                    left_out.add(marked("links and devices are not followed"), path)


def _file_reader(file: Path) -> Callable[[int], bytes]:
    return lambda limit: _read_regular(file, limit)


def _read_regular(file: Path, limit: int, *, one_name: bool = True) -> bytes:
    """Read at most ``limit`` bytes of a regular file that is no link and, with ``one_name``, has no other name."""
    try:
        descriptor = os.open(file, READ_FLAGS)
    except OSError as error:
        raise ArchiveError(
            "cannot be read at {name} ({strerror}); check its rights",
            name=shown(file.name),
            strerror=error.strerror,
        ) from None
    with os.fdopen(descriptor, "rb") as stream:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise ArchiveError("was refused: {name} is not a regular file", name=shown(file.name))
        if one_name and facts.st_nlink > 1:
            raise ArchiveError(
                "was refused: {name} is a hard link (the file has {st_nlink} names); put a copy of the file there",
                name=shown(file.name),
                st_nlink=facts.st_nlink,
            )
        return stream.read(limit)


def _label(path: Path) -> str:
    return str(path) if is_plain(str(path)) else ascii(str(path))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name in START_UP_FILES


def _is_left_out_folder(name: str) -> bool:
    return name.startswith(".") or name in LEFT_OUT_FOLDERS or name.endswith(LEFT_OUT_FOLDER_SUFFIXES)


def _counts(path: str, suffixes: tuple[str, ...], left_out: _LeftOut) -> bool:
    *folders, name = path.split("/")
    if any(_is_left_out_folder(folder) for folder in folders) or name.startswith("."):
        left_out.add(marked("not part of the work"), path)
    elif name in START_UP_FILES:
        left_out.add(marked("it would have no effect"), path)
    elif not name.endswith(suffixes):
        left_out.add(_("not {suffixes}", suffixes=_(" or ").join(suffixes)), path)
    else:
        return True
    return False


def _enter_single_folder(members: list[Member], required: Sequence[str]) -> tuple[list[Member], str]:
    """Strip leading folders while they are the only one and hold a required file; return them too."""
    entered = ""
    wanted = set(required)
    while members:
        paths = {member.path for member in members}
        tops = {path.split("/")[0] for path in paths}
        if len(tops) != 1 or paths & wanted or not all("/" in path for path in paths):
            break
        top = tops.pop() + "/"
        if not any(path.endswith(tuple("/" + name for name in wanted)) for path in paths):
            break
        members = [Member(member.path.removeprefix(top), member.size, member.read) for member in members]
        entered += top
    return members, entered


def _importable(path: str, required: Sequence[str], left_out: _LeftOut) -> bool:
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
        raise SubmissionError(
            "the copy could not be made at {folder} ({strerror}); expected a name that is free, in a folder "
            "that can be written",
            folder=shown(str(folder)),
            strerror=error.strerror,
        ) from None


__all__ = ["CollectLimits", "Collected", "SubmissionError", "collect"]
