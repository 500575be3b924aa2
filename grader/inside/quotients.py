"""Quotients as Python 2 took them, for submissions whose course ran on it: ``/`` of integers that goes out even.

There ``224 / 2`` was the integer 112, and sizes and ranges were computed so. Where a run fails because a size is a
float, the submission's modules are loaded once more with such quotients kept integers; others stay as they are.
Code that Numba compiles is left alone: there types decide, not values.
"""

from __future__ import annotations

import ast
import importlib.machinery
import operator
import re
from typing import Any

FAULT = re.compile(
    r"'(numpy\.)?float(64|32)?' object cannot be interpreted as an integer"
    r"|slice indices must be integers|only integers, slices|indices must be integers"
    r"|expected a sequence of integers or a single integer"
)
# The name under which transformed code finds `quotient`.
NAME = "__whole_quotient__"
COMPILED = re.compile(r"\b(n?jit|vectorize|guvectorize|stencil|cfunc)\b")


def quotient(dividend: Any, divisor: Any) -> Any:
    """Return ``dividend / divisor``; an integer if both are integers and it goes out even."""
    if type(dividend) is int and type(divisor) is int and divisor and dividend % divisor == 0:
        return dividend // divisor
    return operator.truediv(dividend, divisor)


def is_fault(error: BaseException) -> bool:
    """Whether an error may come of a quotient that was an integer on Python 2."""
    return isinstance(error, TypeError | IndexError) and FAULT.search(str(error)) is not None


class WholeQuotients(importlib.machinery.SourceFileLoader):
    """Loads a module of the submission with its quotients replaced."""

    def get_code(self, fullname: str) -> Any:
        """Return the code with `quotient` in the place of ``/``, in all that Numba does not compile."""
        path = self.get_filename(fullname)
        tree = ast.fix_missing_locations(_Transformer().visit(ast.parse(self.get_data(path))))
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: Any) -> None:
        """Run the module with `quotient` within its reach."""
        setattr(module, NAME, quotient)
        super().exec_module(module)


class _Transformer(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if any(COMPILED.search(ast.unparse(mark)) for mark in node.decorator_list):
            return node
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        function = ast.Name(NAME, ast.Load())
        return ast.copy_location(ast.Call(function, [node.left, node.right], []), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div) or not isinstance(node.target, ast.Name):
            return node
        value = ast.Call(ast.Name(NAME, ast.Load()), [ast.Name(node.target.id, ast.Load()), node.value], [])
        return ast.copy_location(ast.Assign([node.target], value), node)
