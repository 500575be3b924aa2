"""The files of a lab's hidden solution and of its right variants."""

from __future__ import annotations

import shutil
from pathlib import Path

from grader.language.errors import GraderFailed

MISCONCEPTIONS_NAME = "misconceptions"


VARIANTS_NAME = "variants"
# Folder of data that hidden cases are drawn from and that students never get.
KEPT_BACK = "kept_back"


# Files beside the solution that are no part of it.
NOT_A_SOLUTION = {f"{MISCONCEPTIONS_NAME}.py", "prepare.py"}


class MisconceptionError(GraderFailed):
    """A misconception cannot be made from the reference; the message names it."""


def solution_files(reference: Path) -> list[Path]:
    """Return the files of a solution or of a variant of it."""
    return [file for file in sorted(reference.glob("*.py")) if file.name not in NOT_A_SOLUTION]


def variants_of(reference: Path) -> list[str]:
    """Return the names of a lab's right variants."""
    return sorted(folder.name for folder in (reference / VARIANTS_NAME).glob("*") if folder.is_dir())


def write_solution(reference: Path, variant: str | None, target: Path) -> None:
    """Copy the reference solution to ``target``, then the files of the variant over it.

    Raises
    ------
    MisconceptionError : there is no such variant.
    """
    target.mkdir(parents=True, exist_ok=True)
    folders = [reference]
    if variant is not None:
        folders.append(reference / VARIANTS_NAME / variant)
        if not folders[-1].is_dir():
            raise MisconceptionError("{folders}: there is no such variant", folders=folders[-1])
    for folder in folders:
        for file in solution_files(folder):
            shutil.copyfile(file, target / file.name)
