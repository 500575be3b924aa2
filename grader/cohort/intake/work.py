"""Makes of what was handed in the folder that is graded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from grader.collect.submission import SubmissionError, collect
from grader.language.translation import _
from grader.project.contract import Lab

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
    problem : why it cannot be graded; empty if it can.
    """

    folder: Path | None
    sha256: str = ""
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    problem: str = ""


def make_work(lab: Lab, handed_in: Path, target: Path) -> Work:
    """Copy from the folder ``handed_in`` into the new folder ``target`` what counts for ``lab``."""
    try:
        collected = collect(handed_in, target, required=lab.required, given=lab.facts.given)
    except SubmissionError as error:
        text = _of_the_archive(lab, handed_in, target) or str(error)
        # The person who reads it knows what was handed in, not where the copy lies.
        text = text.replace(f"{handed_in}{os.sep}", "").replace(str(handed_in), _("the submission"))
        return Work(None, problem=text)
    there = {file.path for file in collected.files}
    missing = tuple(name for name in lab.required if name not in there)
    return Work(target, collected.sha256, collected.notes, missing)


def _of_the_archive(lab: Lab, handed_in: Path, target: Path) -> str:
    """Return what is wrong with the one archive that was handed in; empty if there is not exactly one."""
    files = [path for path in handed_in.rglob("*") if path.is_file()]
    archives = [path for path in files if path.suffix.lower() in ARCHIVES]
    if len(archives) == 1:
        try:
            collect(archives[0], target, required=lab.required, given=lab.facts.given)
        except SubmissionError as error:
            return str(error)
    return ""
