"""Makes a golden submission's files from its folder under ``tests/submissions``.

A golden folder holds ``expected.yaml`` and, beside it, the files of the submission. With ``base: NAME`` the files
of another golden folder of the same lab come first, then the folder's own ones, then ``edits`` and ``remove``.
The base ``@reference``, ``@skeleton`` or ``@sample`` stands for the lab's reference, skeleton or sample, and
``@variant/NAME`` for the reference with the files of ``reference/<lab>/variants/NAME`` over it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from grader.project.solution import MisconceptionError, write_solution

ROOT = Path(__file__).resolve().parents[1]
EXPECTED = "expected.yaml"
ROOTS = {"@reference": "reference", "@skeleton": "labs", "@sample": "stu_upload"}
VARIANT = "@variant/"
# Files in the lab's folders that a student does not hand in.
NOT_HANDED_IN = ("checks*.py", "experiment*.py", "main.py", "misconceptions.py")


class GoldenError(ValueError):
    """A golden folder contradicts itself; the message names the folder."""


def materialise(folder: Path, target: Path) -> dict[str, Any]:
    """Write the submission's files into ``target`` and return the contents of ``expected.yaml``.

    Raises
    ------
    GoldenError : the base does not exist, or an edit's text does not occur exactly once.
    """
    folder = folder.resolve()
    expected: dict[str, Any] = yaml.safe_load((folder / EXPECTED).read_text(encoding="utf-8")) or {}
    target.mkdir(parents=True, exist_ok=True)
    base = expected.get("base")
    if base is not None:
        _copy_base(folder, str(base), target)
    for source in sorted(folder.rglob("*")):
        if source.is_file() and source.name != EXPECTED and "__pycache__" not in source.parts:
            copy = target / source.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    for edit in expected.get("edits", []):
        _apply(folder, target, edit)
    for name in expected.get("remove", []):
        (target / name).unlink()
    return expected


def golden_folders(lab: str) -> list[Path]:
    """Return the golden folders of a lab, by name."""
    return sorted(file.parent for file in (ROOT / "tests" / "submissions" / lab).glob(f"*/{EXPECTED}"))


def _copy_base(folder: Path, base: str, target: Path) -> None:
    lab = folder.parent.name
    if base.startswith(VARIANT):
        try:
            write_solution(ROOT / "reference" / lab, base[len(VARIANT) :], target)
        except MisconceptionError as error:
            raise GoldenError(f"{folder.name}: {error}") from None
        return
    if base in ROOTS:
        for source in sorted((ROOT / ROOTS[base] / lab).glob("*.py")):
            if not any(source.match(pattern) for pattern in NOT_HANDED_IN):
                shutil.copyfile(source, target / source.name)
        return
    if not (folder.parent / base / EXPECTED).is_file():
        raise GoldenError(f"{folder.name}: no golden folder {base!r} for lab {lab!r}")
    materialise(folder.parent / base, target)


def _apply(folder: Path, target: Path, edit: dict[str, str]) -> None:
    file = target / edit["file"]
    text = file.read_text(encoding="utf-8")
    count = text.count(edit["replace"])
    if count != 1:
        raise GoldenError(
            f"{folder.name}: the text to replace in {edit['file']} occurs {count} times, expected once: "
            f"{edit['replace']!r}"
        )
    file.write_text(text.replace(edit["replace"], edit["with"]), encoding="utf-8")
