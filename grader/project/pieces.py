"""Puts a file together from another and from the pieces in which it differs: bodies of holes and definitions."""

from __future__ import annotations

import ast
import re

from grader.project.functions import Function
from grader.project.holes import body_of, fill, has_holes, holes

# Put together, because this file goes into kits, which are searched for marks of solutions.
_OVER = re.compile(rf"{'#' * 3} OVER (?P<base>\w+)\s*")
REFERENCE = "reference"


def base_of(source: str, file: str = "<source>") -> str | None:
    """Return what a variant's file gives pieces of: the name of a variant or ``reference``; None for a whole file.

    Its first line says so, ``OVER`` and the name behind three number signs. Where none does, a file whose marks of
    holes stand at the margin gives pieces of the reference.

    Raises
    ------
    SkeletonError : the marks do not fit together.
    """
    if over := _OVER.fullmatch(source.partition("\n")[0]):
        return over["base"]
    at_margin = has_holes(source) and not any(hole.indentation for hole in holes(source, file))
    return REFERENCE if at_margin else None


def with_pieces(source: str, pieces: str, file: str) -> str:
    """Return a file with the bodies of holes, definitions, imports and helpers that ``pieces`` gives.

    A function before the first hole of ``pieces`` takes the place of that of the same name. A class with the same
    name and the same bases gives only methods, which do so one by one; one with other bases takes the place of the
    whole class. All else goes behind the imports of ``source``, but for the docstring.

    Raises
    ------
    SkeletonError : the marks do not fit together, or ``source`` has no such hole.
    """
    given = holes(pieces, file)
    filled = fill(source, {hole.name: body_of(pieces, hole) for hole in given}, file)
    head = pieces.splitlines()[: given[0].line - 1 if given else None]
    changes, taken = _changes(filled.splitlines(), head)
    start = _end_of_docstring("\n".join(head))
    helpers = [line for number, line in enumerate(head, start=1) if number > start and number not in taken]
    place = _end_of_imports(filled)
    lines = filled.splitlines()
    for first, last, text in sorted([*changes, (place + 1, place, helpers)], reverse=True):
        lines[first - 1 : last] = text
    return "\n".join(lines) + "\n"


def _changes(lines: list[str], head: list[str]) -> tuple[list[tuple[int, int, list[str]]], set[int]]:
    """Return first and last line of what is replaced, with the new text, and the lines of ``head`` that give it."""
    known = _definitions(ast.parse("\n".join(lines)))
    changes, taken = [], set[int]()
    for name, node in _definitions(ast.parse("\n".join(head))).items():
        old = known.get(name)
        if old is None:
            continue
        first, last = _first_line(node), node.end_lineno or 0
        taken |= set(range(first, last + 1))
        if isinstance(node, ast.ClassDef) and isinstance(old, ast.ClassDef) and _bases(node) == _bases(old):
            methods, end, added = _definitions(old), old.end_lineno or 0, list[str]()
            for part in node.body:
                text = head[_first_line(part) - 1 : part.end_lineno]
                method = methods.get(getattr(part, "name", ""))
                if method is not None:
                    changes.append((_first_line(method), method.end_lineno or 0, text))
                elif not isinstance(part, ast.Expr):
                    added += ["", *text]
            changes.append((end + 1, end, added))
        else:
            changes.append((_first_line(old), old.end_lineno or 0, head[first - 1 : last]))
    return changes, taken


def _definitions(tree: ast.Module | ast.ClassDef) -> dict[str, Function | ast.ClassDef]:
    return {node.name: node for node in tree.body if isinstance(node, Function | ast.ClassDef)}


def _bases(node: ast.ClassDef) -> list[str]:
    return [ast.dump(base) for base in node.bases]


def _first_line(node: ast.stmt) -> int:
    """Return the line on which a statement begins, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])


def _end_of_docstring(source: str) -> int:
    tree = ast.parse(source)
    is_text = tree.body and isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant)
    return tree.body[0].end_lineno or 0 if is_text else 0


def _end_of_imports(source: str) -> int:
    """Return the line after which names of imported modules are known, and the module's docstring is over."""
    body = ast.parse(source).body
    heads = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    return (heads[-1].end_lineno or 0) if heads else _end_of_docstring(source)
