"""Finds the functions of a file of Python, by the names of the classes and functions that they stand in."""

from __future__ import annotations

import ast
from collections.abc import Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(tree: ast.Module) -> dict[str, Function]:
    """Return all functions and methods by their dotted names, as ``Layer.forward``; of equal names the last."""
    found: dict[str, Function] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            # No function is defined inside of an expression, which may be as deep as somebody likes.
            if isinstance(child, ast.expr):
                continue
            name = f"{prefix}{child.name}" if isinstance(child, Function | ast.ClassDef) else ""
            if isinstance(child, Function):
                found[name] = child
            visit(child, f"{name}." if name else prefix)

    visit(tree, "")
    return found


def innermost(functions: Mapping[str, Function], line: int) -> str:
    """Return the name of the innermost function that holds a line, empty at the top of a module."""
    around = [
        (node.lineno, name) for name, node in functions.items() if node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around)[1] if around else ""
