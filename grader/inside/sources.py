"""Loads files of a submission whose text is changed a little on the way, as the course that they are from ran them.

Some courses run their students' folder as a package, whose files import each other by ``from .layers import``. Here
they lie side by side, so the dot is left out. See `grader.inside.quotients` for the other change.
"""

from __future__ import annotations

import ast
import importlib.machinery
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RELATIVE = re.compile(rb"^[ \t]*from[ \t]*\.(?!\.)", re.MULTILINE)


def imports_relatively(file: Path) -> bool:
    """Whether a file imports another of its folder with a dot."""
    try:
        return RELATIVE.search(file.read_bytes()) is not None
    except OSError:
        return False


class ChangedSource(importlib.machinery.SourceFileLoader):
    """Loads a file after its tree went through some transformers, with some names within its reach."""

    def __init__(
        self, name: str, path: str, transformers: Sequence[ast.NodeTransformer], names: dict[str, Any]
    ) -> None:
        super().__init__(name, path)
        self._transformers = transformers
        self._names = names

    def get_code(self, fullname: str) -> Any:
        """Return the code of the changed tree; places in it are those of the file."""
        path = self.get_filename(fullname)
        tree: ast.AST = ast.parse(self.get_data(path))
        for transformer in self._transformers:
            tree = transformer.visit(tree)
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)  # type: ignore[call-overload]

    def exec_module(self, module: Any) -> None:
        """Run the module with the names within its reach."""
        vars(module).update(self._names)
        super().exec_module(module)


class SideBySide(ast.NodeTransformer):
    """Leaves out the one dot of relative imports."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        """Make ``from .a import b`` into ``from a import b``, and ``from . import a`` into ``import a``."""
        if node.level != 1:
            return node
        if node.module:
            return ast.copy_location(ast.ImportFrom(node.module, node.names, 0), node)
        if any(item.name == "*" for item in node.names):
            return node
        return ast.copy_location(ast.Import(node.names), node)
