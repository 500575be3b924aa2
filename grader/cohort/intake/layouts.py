"""Recognises how a platform lays out what students handed in, from the names alone.

Sources of the patterns: Moodle's mod_assign, Canvas's submission zip, Blackboard's gradebook download, Gradescope's
"Export Submissions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from grader.cohort.intake.arrivals import Arrival, Person
from grader.cohort.problems import CohortError
from grader.language.translation import marked

MOODLE_FOLDER = re.compile(r"^(?P<name>[^_]*)_(?P<participant>\d+)_assignsubmission_(?P<plugin>file|onlinetext)_?$")
MOODLE_FLAT = re.compile(
    r"^(?P<name>[^_]*)_(?P<participant>\d+)_assignsubmission_(?P<plugin>file|onlinetext)_(?P<file>.+)$"
)
CANVAS = re.compile(r"^(?P<name>[^_]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<submission>\d+)_(?P<file>.+)$")
BLACKBOARD = re.compile(
    r"^(?P<assignment>.+)_(?P<user>[^_]+)_attempt_(?P<when>\d{4}(-\d\d){5})(?:_(?P<file>.+)|\.txt)?$"
)
BLACKBOARD_TIME = "%Y-%m-%d-%H-%M-%S"
METADATA = "submission_metadata.yml"
JUNK = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")
SOURCES = ("moodle", "canvas", "blackboard", "gradescope", "plain")
# A pattern of a course's own may run as long as the names are; these bound both.
MAX_PATTERN_CHARACTERS = 300
PATTERN_GROUPS = ("student", "student_id", "first_name", "last_name", "email", "timestamp")


def arrivals_in(folder: Path, source: str | None, zone: ZoneInfo, pattern: str | None = None) -> list[Arrival]:
    """Return every attempt in an export, in the order of its names.

    Parameters
    ----------
    folder : the unpacked export.
    source : platform; found out from the names if None.
    zone : time zone of what the platform writes without one.
    pattern : regular expression with ``(?P<student>…)`` for the names of a course's own system.

    Raises
    ------
    CohortError : the folder is no export, or the pattern is not usable.
    """
    entries = _entries(folder)
    if not entries:
        raise CohortError(
            "{folder} is empty; name the folder that the platform's download was unpacked into", folder=folder
        )
    if pattern is not None:
        return list(_by_pattern(entries, _compiled(pattern)))
    known = source or detected(folder)
    readers: Mapping[str, Callable[[], Iterator[Arrival]]] = {
        "moodle": lambda: _moodle(entries),
        "canvas": lambda: _canvas(entries),
        "blackboard": lambda: _blackboard(entries, zone),
        "gradescope": lambda: _gradescope(folder, entries),
        "plain": lambda: _plain(entries),
    }
    if known not in readers:
        raise CohortError(
            "there is no source {known}; there are: {names}", known=repr(known), names=", ".join(SOURCES)
        )
    return list(readers[known]())


def detected(folder: Path) -> str:
    """Return the platform whose names most entries of a folder have; ``plain`` if it is none of them."""
    if (folder / METADATA).is_file():
        return "gradescope"
    names = [entry.name for entry in _entries(folder)]
    counts = {
        "moodle": sum(bool(MOODLE_FOLDER.match(name) or MOODLE_FLAT.match(name)) for name in names),
        "blackboard": sum(bool(BLACKBOARD.match(name)) for name in names),
        "canvas": sum(bool(CANVAS.match(name)) for name in names),
    }
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] * 2 > len(names) else "plain"


def _entries(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise CohortError(
            "{folder} cannot be read ({strerror}); name a folder or a zip", folder=folder, strerror=error.strerror
        ) from None
    return [path for path in found if path.name not in JUNK and not path.name.startswith(".")]


def _below(folder: Path) -> dict[str, Path]:
    """Return the regular files below a folder by their path in it; links are left where they are."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not any(p in JUNK for p in path.relative_to(folder).parts):
            found[path.relative_to(folder).as_posix()] = path
    return found


def _moodle(entries: list[Path]) -> Iterator[Arrival]:
    flat: dict[tuple[str, str], dict[str, Path]] = {}
    texts: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        folder = MOODLE_FOLDER.match(entry.name) if entry.is_dir() else None
        file = MOODLE_FLAT.match(entry.name) if entry.is_file() else None
        match = folder or file
        if match is None:
            yield _unreadable("moodle", entry)
            continue
        who = (match["name"], match["participant"])
        flat.setdefault(who, {})
        if match["plugin"] == "onlinetext":
            texts.setdefault(who, []).append(entry.name)
        elif folder:
            flat[who] |= _below(entry)
        else:
            flat[who][match["file"]] = entry
    for (name, participant), files in flat.items():
        problem = ""
        if not files:
            problem = (
                marked("only a text was handed in, no file")
                if (name, participant) in texts
                else marked("the folder is empty")
            )
        yield Arrival(
            "moodle",
            f"{name}_{participant}",
            (Person(name, external=("moodle", participant)),),
            files,
            problem=problem,
        )


def _canvas(entries: list[Path]) -> Iterator[Arrival]:
    found: dict[str, tuple[Person, dict[str, Path], bool]] = {}
    for entry in entries:
        match = CANVAS.match(entry.name)
        if match is None:
            yield _unreadable("canvas", entry)
            continue
        person = Person(match["name"], external=("canvas", match["user"]))
        _, files, _ = found.setdefault(match["user"], (person, {}, bool(match["late"])))
        files |= _below(entry) if entry.is_dir() else {match["file"]: entry}
    for user, (person, files, late) in found.items():
        yield Arrival("canvas", f"{person.name}_{user}", (person,), files, marked_late=late)


def _blackboard(entries: list[Path], zone: ZoneInfo) -> Iterator[Arrival]:
    found: dict[tuple[str, str], dict[str, Path]] = {}
    for entry in entries:
        match = BLACKBOARD.match(entry.name)
        if match is None:
            yield _unreadable("blackboard", entry)
            continue
        files = found.setdefault((match["user"], match["when"]), {})
        # Without a file's name it is the receipt, a text that Blackboard writes itself.
        if match["file"]:
            files[match["file"]] = entry
    for (user, when), files in sorted(found.items()):
        yield Arrival(
            "blackboard",
            f"{user} {when}",
            (Person(external=("blackboard", user), sid=user),),
            files,
            submitted_at=datetime.strptime(when, BLACKBOARD_TIME).replace(tzinfo=zone),
            problem="" if files else marked("only a receipt, no file"),
            order=when,
        )


def _gradescope(folder: Path, entries: list[Path]) -> Iterator[Arrival]:
    file = folder / METADATA
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), yaml.SafeLoader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise CohortError(
            "{file} cannot be read ({reason}); export the submissions again", file=file, reason=reason
        ) from None
    if not isinstance(data, dict):
        raise CohortError("{file} is not what Gradescope writes; export the submissions again", file=file)
    for name, facts in data.items():
        facts = facts if isinstance(facts, dict) else {}
        people = tuple(
            Person(str(one.get(":name") or ""), str(one.get(":sid") or ""), str(one.get(":email") or ""))
            for one in facts.get(":submitters") or []
            if isinstance(one, dict)
        )
        place = folder / str(name)
        files = _below(place) if "/" not in str(name) and place.is_dir() else {}
        yield Arrival(
            "gradescope",
            str(name),
            people,
            files,
            submitted_at=_moment(facts.get(":created_at")),
            problem="" if files else marked("the export holds no file of it"),
        )
    for entry in entries:
        if entry.name != METADATA and entry.name not in data:
            yield _unreadable("gradescope", entry)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    # Without a zone it is UTC: that is how YAML is read, and how Gradescope writes.
    return value if value.tzinfo else value.replace(tzinfo=ZoneInfo("UTC"))


def _plain(entries: list[Path]) -> Iterator[Arrival]:
    for entry in entries:
        if entry.is_dir():
            files = _below(entry)
            problem = "" if files else marked("the folder is empty")
            yield Arrival("plain", entry.name, (Person(entry.name, entry.name),), files, problem=problem)
        elif entry.name.endswith(ARCHIVES):
            who = next(
                entry.name.removesuffix(suffix) for suffix in reversed(ARCHIVES) if entry.name.endswith(suffix)
            )
            yield Arrival("plain", entry.name, (Person(who, who),), {entry.name: entry})
        else:
            yield _unreadable("plain", entry)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise CohortError("--pattern is no regular expression ({error})", error=error) from None
    if len(pattern) > MAX_PATTERN_CHARACTERS or not {"student", "student_id"} & set(compiled.groupindex):
        raise CohortError(
            "--pattern needs a group (?P<student>…) for the student's id; it may have {names} and file besides",
            names=", ".join(PATTERN_GROUPS[2:]),
        )
    return compiled


def _by_pattern(entries: list[Path], pattern: re.Pattern[str]) -> Iterator[Arrival]:
    found: dict[tuple[str, str], tuple[Person, dict[str, Path]]] = {}
    for entry in entries:
        match = pattern.match(entry.name)
        if match is None:
            yield _unreadable("pattern", entry)
            continue
        groups = {key: value or "" for key, value in match.groupdict().items()}
        sid = groups.get("student") or groups.get("student_id", "")
        name = f"{groups.get('first_name', '')} {groups.get('last_name', '')}".strip()
        person = Person(name, sid, groups.get("email", ""))
        _, files = found.setdefault((sid, groups.get("timestamp", "")), (person, {}))
        files |= _below(entry) if entry.is_dir() else {groups.get("file") or entry.name: entry}
    for (sid, when), (person, files) in sorted(found.items()):
        yield Arrival("pattern", f"{sid} {when}".strip(), (person,), files, order=when)


def _unreadable(source: str, entry: Path) -> Arrival:
    return Arrival(source, entry.name, (), problem=marked("its name is not one that this source gives"))
