"""The files of a lab's hidden solution and of its right variants."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

from grader.language.errors import GraderFailed
from grader.project.holes import body_of, fill, has_holes, holes

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

    A variant's file whose marks of holes stand at the margin gives only their bodies, and before the first of them
    imports and helpers; everything else is that of the reference. Any other replaces the whole file.

    Raises
    ------
    MisconceptionError : there is no such variant.
    SkeletonError : a variant has a body for a hole that its file in the reference does not have.
    """
    target.mkdir(parents=True, exist_ok=True)
    folders = [reference]
    if variant is not None:
        folders.append(reference / VARIANTS_NAME / variant)
        if not folders[-1].is_dir():
            raise MisconceptionError("{folders}: there is no such variant", folders=folders[-1])
    for folder in folders:
        for file in solution_files(folder):
            bodies = file.read_text(encoding="utf-8") if folder is not reference else ""
            if _gives_bodies(bodies, file.name):
                text = (target / file.name).read_text(encoding="utf-8")
                (target / file.name).write_text(with_bodies(text, bodies, str(file)), encoding="utf-8")
            else:
                shutil.copyfile(file, target / file.name)


def _gives_bodies(source: str, file: str) -> bool:
    return has_holes(source) and not any(hole.indentation for hole in holes(source, file))


def with_bodies(source: str, bodies: str, file: str) -> str:
    """Return a reference file with the bodies of holes, imports and helpers that a variant's file gives.

    What stands before the first hole of ``bodies`` goes behind the imports of ``source``, its docstring left out.

    Raises
    ------
    SkeletonError : the marks do not fit together, or ``source`` has no such hole.
    """
    given = holes(bodies, file)
    filled = fill(source, {hole.name: body_of(bodies, hole) for hole in given}, file)
    head = bodies.splitlines()[: given[0].line - 1]
    helpers = head[_end_of_docstring(head) :]
    lines = filled.splitlines()
    place = _end_of_imports(filled)
    return "\n".join([*lines[:place], *helpers, *lines[place:]]) + "\n"


def _end_of_docstring(head: list[str]) -> int:
    tree = ast.parse("\n".join(head))
    is_text = tree.body and isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant)
    return tree.body[0].end_lineno or 0 if is_text else 0


def _end_of_imports(source: str) -> int:
    """Return the line after which names of imported modules are known, and the module's docstring is over."""
    body = ast.parse(source).body
    heads = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    return (heads[-1].end_lineno or 0) if heads else _end_of_docstring(source.splitlines())
