"""Puts a lab's skeleton into the student's folder without ever losing work."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader.language.errors import BadInput
from grader.language.near import meant_or_known
from grader.project.contract import Lab
from grader.project.places import ProjectError

SAMPLES_NAME = ".samples.json"


class WouldOverwrite(BadInput):
    """The folder holds work; the message lists it and says how to go on."""


@dataclass(frozen=True)
class Started:
    """What was copied, and where earlier files were kept (None if there were none)."""

    folder: Path
    copied: list[str]
    backup: Path | None


def start(lab: Lab, folder: Path, *, force: bool = False) -> Started:
    """Copy the skeleton and the given files of ``lab`` to ``folder``.

    Files that are already what would be copied, and the sample submission as it was shipped, are replaced
    silently. Anything else is kept: with ``force`` in a dated folder beside, otherwise nothing is touched.

    Raises
    ------
    WouldOverwrite : ``folder`` holds other files of the same names, and ``force`` is False.
    """
    names = [file.path for file in lab.facts.files] + list(lab.facts.given)
    sample = _is_untouched_sample(folder)
    changed = [name for name in names if (folder / name).exists() and not _same(lab.folder / name, folder / name)]
    backup = None
    if changed and not sample:
        if not force:
            raise WouldOverwrite(
                "{folder} holds your work: {changed} would be overwritten. Nothing was changed. Use --force to "
                "start afresh; your files are then kept in a dated folder beside it.",
                folder=folder,
                changed=", ".join(changed),
            )
        backup = _fresh_name(folder.with_name(f"{folder.name}.backup-{datetime.now():%Y%m%d-%H%M%S}"))
        shutil.copytree(folder, backup)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        source, target = lab.folder / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
    return Started(folder, names, backup)


def bring_back(lab: Lab, folder: Path, name: str, *, force: bool = False) -> Started:
    """Copy one file of the skeleton, or one that the lab gives, to ``folder`` again.

    Raises
    ------
    ProjectError : the lab has no such file.
    WouldOverwrite : the file is there and holds work, and ``force`` is False; with it, it is kept beside.
    """
    known = [file.path for file in lab.facts.files] + list(lab.facts.given)
    if name not in known:
        raise ProjectError(
            "lab {lab} has no file {name}{near}", lab=lab.name, name=repr(name), near=meant_or_known(name, known)
        )
    source, target, backup = lab.folder / name, folder / name, None
    if target.exists() and not _same(source, target):
        if not force:
            raise WouldOverwrite(
                "{file} is there and holds your work. Nothing was changed. Use --force to get a fresh one; yours "
                "is then kept beside it.",
                file=target,
            )
        backup = _fresh_name(target.with_name(f"{name}.backup-{datetime.now():%Y%m%d-%H%M%S}"))
        target.rename(backup)
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)
    return Started(folder, [name], backup)


def _fresh_name(wanted: Path) -> Path:
    candidate = wanted
    number = 1
    while candidate.exists():
        number += 1
        candidate = wanted.with_name(f"{wanted.name}-{number}")
    return candidate


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _same(source: Path, target: Path) -> bool:
    if source.is_dir() and target.is_dir():
        return all(
            not (target / file.relative_to(source)).exists() or _same(file, target / file.relative_to(source))
            for file in source.rglob("*")
            if file.is_file()
        )
    return source.is_file() and target.is_file() and _digest(source) == _digest(target)


def _is_untouched_sample(folder: Path) -> bool:
    """Whether the Python files in ``folder`` are exactly those of the sample submission that is shipped."""
    present = {file.name: _digest(file) for file in folder.glob("*.py")}
    return bool(present) and present == _shipped(folder).get(folder.name)


def _shipped(folder: Path) -> dict[str, dict[str, str]]:
    try:
        shipped = json.loads((folder.parent / SAMPLES_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return shipped if isinstance(shipped, dict) else {}
