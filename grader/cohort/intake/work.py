"""Makes of what was handed in the folder that is graded: the zip inside is opened, names of copies are mended."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from grader.cohort.intake.names import stand_ins
from grader.cohort.intake.originals import digest_of_all
from grader.collect.submission import SubmissionError, collect
from grader.language.translation import _
from grader.project.contract import Lab

ARCHIVES = (".zip", ".tar", ".tgz", ".gz")
OTHER_ARCHIVES = (".rar", ".7z")


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
    source, notes = _source(handed_in)
    try:
        collected = collect(source, target, required=lab.required, given=lab.facts.given)
    except SubmissionError as error:
        # The person who reads it knows the name that was handed in, not where the copy lies.
        return Work(
            None, notes=notes, problem=str(error).replace(f"{handed_in}{os.sep}", "").replace(str(handed_in), "it")
        )
    hashes = {file.path: file.sha256 for file in collected.files}
    noted = list(collected.notes)
    for name, wanted in stand_ins(lab.required, list(hashes)).items():
        (target / name).rename(target / wanted)
        hashes[wanted] = hashes.pop(name)
        noted = [note for note in noted if not note.startswith(_("{file} is missing", file=wanted))]
        noted.append(_("{name} was taken for {wanted}, which is missing", name=name, wanted=wanted))
    missing = tuple(name for name in lab.required if name not in hashes)
    return Work(target, digest_of_all(hashes), (*notes, *noted), missing)


def _source(handed_in: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the one archive of a folder without source files, else the folder itself."""
    files = [path for path in sorted(handed_in.rglob("*")) if path.is_file()]
    if any(path.suffix == ".py" for path in files):
        return handed_in, ()
    archives = [path for path in files if path.suffix.lower() in ARCHIVES]
    if len(archives) == 1:
        return archives[0], (_("opened: {file}", file=archives[0].name),)
    if not archives:
        archives = [path for path in files if path.suffix.lower() in OTHER_ARCHIVES]
        return (archives[0], ()) if len(archives) == 1 else (handed_in, ())
    return handed_in, (
        _("several archives were handed in, none was opened: {files}", files=", ".join(a.name for a in archives)),
    )
