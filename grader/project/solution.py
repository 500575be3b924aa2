"""The files of a lab's hidden solution and of its right variants."""

from __future__ import annotations

import shutil
from pathlib import Path

from grader.language.errors import GraderFailed
from grader.project.pieces import REFERENCE, base_of, with_pieces

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

    A variant's file is whole, or it gives only the pieces in which it differs from the reference or from another
    variant: see `grader.project.pieces`.

    Raises
    ------
    MisconceptionError : there is no such variant, or no such file of what a variant stands over.
    SkeletonError : a variant has a body for a hole that its file in the reference does not have.
    """
    target.mkdir(parents=True, exist_ok=True)
    for file in solution_files(reference):
        shutil.copyfile(file, target / file.name)
    if variant is None:
        return
    folder = reference / VARIANTS_NAME / variant
    if not folder.is_dir():
        raise MisconceptionError("{folders}: there is no such variant", folders=folder)
    for file in solution_files(folder):
        (target / file.name).write_text(_text_of(reference, variant, file.name), encoding="utf-8")


def _text_of(reference: Path, variant: str, name: str, above: tuple[str, ...] = ()) -> str:
    """Return the text of a variant's file, put together with that of the variants it stands over."""
    folder = reference / VARIANTS_NAME / variant
    file = folder / name if (folder / name).is_file() else reference / name
    if variant in above or not file.is_file() or not (folder.is_dir() or variant == REFERENCE):
        standing = reference / VARIANTS_NAME / above[-1] / name
        raise MisconceptionError(
            "{file}: cannot stand over {base}: there is no such file, or that one stands over this",
            file=standing,
            base=repr(variant),
        )
    text = file.read_text(encoding="utf-8")
    base = base_of(text, str(file)) if file.parent == folder else None
    if base is None:
        return text
    return with_pieces(_text_of(reference, base, name, (*above, variant)), text, str(file))
