"""Makes of what was handed in the folder that is graded."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grader.collect.submission import SubmissionError, collect
from grader.language.errors import GraderError
from grader.language.message import Message, Several, sentence
from grader.project.contract import Lab

NO_PROBLEM = Message()
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".rar", ".7z")


@dataclass(frozen=True)
class Work:
    """What is graded of one attempt.

    Attributes
    ----------
    folder : the files that count, and nothing else; None where there is a problem.
    sha256 : of these files, names and contents; empty where there is a problem.
    notes : what was left out, opened or renamed, for a person.
    missing : required files that are not there.
    problem : why it cannot be graded; empty if it can. In no language yet: it is kept, and others read it.
    """

    folder: Path | None
    sha256: str = ""
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    problem: Message = NO_PROBLEM


def make_work(lab: Lab, handed_in: Path, target: Path) -> Work:
    """Copy from the folder ``handed_in`` into the new folder ``target`` what counts for ``lab``."""
    try:
        collected = collect(handed_in, target, required=lab.required, given=lab.facts.given)
    except SubmissionError as error:
        inside = _the_archive(handed_in)
        if inside is None:
            return Work(None, problem=_without_place(error.message, handed_in))
        try:
            # Packed twice; or what is wrong with the archive says more than that no file lies beside it.
            collected = collect(inside, target, required=lab.required, given=lab.facts.given)
        except SubmissionError as wrong:
            return Work(None, problem=_without_place(wrong.message, handed_in))
    there = {file.path for file in collected.files}
    missing = tuple(name for name in lab.required if name not in there)
    return Work(target, collected.sha256, collected.notes, missing)


def _without_place(said: Any, handed_in: Path) -> Any:
    """Return what is said without the place of the copy: readers know what was handed in, not where it lies."""
    if isinstance(said, GraderError):
        said = said.message
    if isinstance(said, Message):
        return replace(said, values={name: _without_place(value, handed_in) for name, value in said.values.items()})
    if isinstance(said, Several):
        return replace(said, parts=tuple(_without_place(part, handed_in) for part in said.parts))
    if said == str(handed_in):
        return sentence("the submission")
    return said.replace(f"{handed_in}{os.sep}", "") if isinstance(said, str) else said


def _the_archive(handed_in: Path) -> Path | None:
    """Return the one archive that was handed in; None if there is not exactly one."""
    archives = [path for path in handed_in.rglob("*") if path.is_file() and path.suffix.lower() in ARCHIVES]
    return archives[0] if len(archives) == 1 else None
