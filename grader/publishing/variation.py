"""Which right variants write which holes in another way than the reference: a copy of it measures no spread."""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Mapping
from pathlib import Path

from grader.project.contract import Lab
from grader.project.functions import functions_of, innermost
from grader.project.holes import Hole, body_of, has_holes, holes
from grader.project.solution import variants_of, write_solution

MIN_VARIANTS = 3


def scored_holes(lab: Lab) -> list[str]:
    """Return the holes that decide a tier, in the order of the contract."""
    scored = {hole for check in lab.checks.values() if check.tier is not None for hole in check.holes}
    return [hole for file in lab.facts.files for hole in file.holes if hole in scored]


def variation(lab: Lab, reference: Path) -> dict[str, list[str]]:
    """Return, for every hole, the variants that write it unlike the reference and unlike each other.

    Two programs are alike if they have the same syntax tree, docstrings left out. Where a variant keeps the marks
    of a hole, what stands between them is compared; else the function that the hole stands in, or the whole file
    where the variant has no function of that name.

    Raises
    ------
    SkeletonError, MisconceptionError : a variant cannot be written.
    SyntaxError : a file is no Python.
    """
    found: dict[str, list[str]] = {}
    names = variants_of(reference)
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            write_solution(reference, name, Path(scratch) / name)
        for handed in lab.facts.files:
            if not (reference / handed.path).is_file():
                continue
            source = (reference / handed.path).read_text(encoding="utf-8")
            others = {name: (Path(scratch) / name / handed.path).read_text(encoding="utf-8") for name in names}
            for hole in holes(source, handed.path):
                found[hole.name] = _unlike(source, hole, others)
    return found


def _unlike(source: str, hole: Hole, others: Mapping[str, str]) -> list[str]:
    place = innermost(functions_of(ast.parse(source)), hole.line)
    seen = {_tree_of_body(source, hole), _tree_of_function(source, place)}
    found = []
    for name, other in others.items():
        kept = [item for item in holes(other) if item.name == hole.name] if has_holes(other) else []
        code = _tree_of_body(other, kept[0]) if kept else _tree_of_function(other, place)
        if code not in seen:
            seen.add(code)
            found.append(name)
    return found


def _tree_of_body(source: str, hole: Hole) -> str:
    # A body may hold `return` and names of its function, so it is parsed as one.
    lines = ["def body():", *(f"    {line}" for line in body_of(source, hole))]
    return _plain(ast.parse("\n".join(lines)))


def _tree_of_function(source: str, place: str) -> str:
    tree = ast.parse(source)
    return _plain(functions_of(tree).get(place, tree))


def _plain(tree: ast.AST) -> str:
    """Return the tree as text without docstrings and places."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)
