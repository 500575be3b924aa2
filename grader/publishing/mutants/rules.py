"""The rules: what each makes of one node of a syntax tree, as source text, and how that is said.

A rule yields other texts for a node. Words name the kind of change, never the solution's own text.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping

Change = tuple[str, str]
Rule = Callable[[ast.AST], Iterator[Change]]

SWAPPED_OPERATORS: Mapping[type[ast.operator], tuple[type[ast.operator], str]] = {
    ast.Add: (ast.Sub, "`+` replaced by `-`"),
    ast.Sub: (ast.Add, "`-` replaced by `+`"),
    ast.Mult: (ast.Div, "`*` replaced by `/`"),
    ast.Div: (ast.Mult, "`/` replaced by `*`"),
    ast.FloorDiv: (ast.Mult, "`//` replaced by `*`"),
}
SWAPPED_COMPARISONS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], str]] = {
    ast.Gt: (ast.GtE, "`>` replaced by `>=`"),
    ast.GtE: (ast.Gt, "`>=` replaced by `>`"),
    ast.Lt: (ast.LtE, "`<` replaced by `<=`"),
    ast.LtE: (ast.Lt, "`<=` replaced by `<`"),
    ast.Eq: (ast.NotEq, "`==` replaced by `!=`"),
    ast.NotEq: (ast.Eq, "`!=` replaced by `==`"),
}
ROWS_AND_COLUMNS = (
    ("row", "col"), ("rows", "cols"), ("rows", "columns"), ("row", "column"), ("i", "j"), ("h", "w"),
    ("height", "width"), ("out_rows", "out_cols"), ("in_rows", "in_cols"), ("row_reach", "col_reach"),
)  # fmt: skip
NEUTRAL = {"pad": 0, "padding": 0, "p": 0, "stride": 1, "s": 1, "dilation": 1, "d": 1}
NAMED_AXES = ("axis", "keepdims")
TRANSPOSING = ("transpose", "swapaxes", "moveaxis")
COPYING = ("copy",)
COPIES = ("array", "ascontiguousarray")


def _text(node: ast.AST) -> str:
    # In parentheses, so that what stands around binds as before.
    text = ast.unparse(node)
    return f"({text})" if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare | ast.IfExp | ast.BoolOp) else text


def _with(node: ast.AST, **fields: object) -> str:
    changed = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return _text(changed)


def operators(node: ast.AST) -> Iterator[Change]:
    """A sign, a factor, a term, the order of operands."""
    if not isinstance(node, ast.BinOp):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield "a sign dropped", _text(node.operand)
        return
    if type(node.op) in SWAPPED_OPERATORS:
        other, words = SWAPPED_OPERATORS[type(node.op)]
        yield words, _with(node, op=other())
    if isinstance(node.op, ast.Mult | ast.Div):
        yield "a factor left out", _text(node.left)
    if isinstance(node.op, ast.Mult):
        yield "a factor left out", _text(node.right)
    if isinstance(node.op, ast.Add | ast.Sub):
        yield "a term left out", _text(node.left)
    if isinstance(node.op, ast.Add):
        yield "a term left out", _text(node.right)
    if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.FloorDiv):
        yield "operands exchanged", _with(node, left=node.right, right=node.left)


def assignments(node: ast.AST) -> Iterator[Change]:
    """Sums that are assigned, and statements that are missing."""
    if isinstance(node, ast.AugAssign):
        symbol = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}.get(type(node.op))
        if symbol is not None:
            yield f"`{symbol}` replaced by `=`", ast.unparse(ast.Assign([node.target], node.value, lineno=1))
            yield f"a statement with `{symbol}` left out", "pass"
        if isinstance(node.op, ast.Add):
            yield "`+=` replaced by `-=`", ast.unparse(ast.AugAssign(node.target, ast.Sub(), node.value))
    if isinstance(node, ast.Assign) and all(
        isinstance(item, ast.Attribute | ast.Subscript) for item in node.targets
    ):
        yield "a value that is not kept", "pass"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "a call left out", "pass"


def comparisons(node: ast.AST) -> Iterator[Change]:
    """A comparison that is one off, or turned."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED_COMPARISONS:
        other, words = SWAPPED_COMPARISONS[type(node.ops[0])]
        yield words, _with(node, ops=[other(), *node.ops[1:]])
        if isinstance(node.ops[0], ast.Gt | ast.GtE):
            yield "a comparison turned", _with(node, ops=[ast.Lt(), *node.ops[1:]])
        if isinstance(node.ops[0], ast.Lt | ast.LtE):
            yield "a comparison turned", _with(node, ops=[ast.Gt(), *node.ops[1:]])


def constants(node: ast.AST) -> Iterator[Change]:
    """Whole numbers off by one, and 0 for 1."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield "a number off by one", str(node.value + 1)
        if node.value > 0:
            yield "a number off by one", str(node.value - 1)


def indices(node: ast.AST) -> Iterator[Change]:
    """An index or a bound of a slice off by one, a bound or a step left out."""
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for number, part in enumerate(parts):
            if isinstance(part, ast.Name | ast.BinOp):
                changed: ast.expr = ast.BinOp(part, ast.Sub(), ast.Constant(1))
                yield "an index off by one", _at(node, number, changed)
    if isinstance(node, ast.Slice):
        one = ast.Constant(1)
        for bound in ("lower", "upper"):
            value = getattr(node, bound)
            if value is not None:
                yield "a bound of a slice off by one", _with(node, **{bound: ast.BinOp(value, ast.Add(), one)})
                yield "a bound of a slice left out", _with(node, **{bound: None})
        if node.step is not None:
            yield "the step of a slice left out", _with(node, step=None)


def _at(node: ast.Subscript, number: int, part: ast.expr) -> str:
    changed = copy.deepcopy(node)
    if isinstance(changed.slice, ast.Tuple):
        changed.slice.elts[number] = part
    else:
        changed.slice = part
    return _text(changed)


def calls(node: ast.AST) -> Iterator[Change]:
    """Arguments or axes exchanged, a loop that is too short, a transposition or a copy left out."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "a transposition left out", _text(node.value)
    if not isinstance(node, ast.Call):
        return
    for number in range(len(node.args) - 1):
        args = [*node.args[:number], node.args[number + 1], node.args[number], *node.args[number + 2 :]]
        yield "two arguments exchanged", _with(node, args=args)
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    of_module = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in ("np", "numpy")
    inner = node.args[0] if of_module and node.args else getattr(node.func, "value", None)
    if name in TRANSPOSING and inner is not None:
        yield "a transposition left out", _text(inner)
    if inner is not None and ((name in COPYING) or (of_module and name in COPIES)):
        yield "a copy left out", _text(inner)
    if name == "range" and len(node.args) == 1:
        yield "a loop too short", _with(node, args=[ast.BinOp(node.args[0], ast.Sub(), ast.Constant(1))])
        yield "a loop that begins too late", _with(node, args=[ast.Constant(1), node.args[0]])
    for keyword in node.keywords:
        if keyword.arg in NAMED_AXES:
            others = [item for item in node.keywords if item is not keyword]
            yield f"`{keyword.arg}` left out", _with(node, keywords=others)


def arguments(node: ast.AST) -> Iterator[Change]:
    """A named argument, or a part of a list or tuple, left out; two parts exchanged."""
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg is not None and keyword.arg not in NAMED_AXES:
                others = [item for item in node.keywords if item is not keyword]
                yield "a named argument left out", _with(node, keywords=others)
    if isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load):
        parts = node.elts
        for number in range(len(parts) if len(parts) > 1 else 0):
            yield "a part of a list or tuple left out", _with(node, elts=[*parts[:number], *parts[number + 1 :]])
        for number in range(len(parts) - 1):
            swapped = [*parts[:number], parts[number + 1], parts[number], *parts[number + 2 :]]
            yield "two parts of a list or tuple exchanged", _with(node, elts=swapped)


def conditions(node: ast.AST) -> Iterator[Change]:
    """A condition turned, one of two values taken always; `and` for `or`."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "a condition turned", _text(node.operand)
    if isinstance(node, ast.IfExp):
        if not isinstance(node.test, ast.Compare):
            yield "a condition turned", _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        yield "one of two values taken always", _text(node.body)
        yield "one of two values taken always", _text(node.orelse)
    if isinstance(node, ast.BoolOp):
        turned = isinstance(node.op, ast.And)
        words = "`and` replaced by `or`" if turned else "`or` replaced by `and`"
        yield words, _with(node, op=ast.Or() if turned else ast.And())


def names(node: ast.AST) -> Iterator[Change]:
    """Rows and columns exchanged; padding, stride or dilation left out."""
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    if not name or not isinstance(getattr(node, "ctx", None), ast.Load):
        return
    if isinstance(node, ast.Name):
        for first, second in ROWS_AND_COLUMNS:
            if name in (first, second):
                yield "rows and columns exchanged", second if name == first else first
    if name in NEUTRAL:
        yield f"`{name}` left out", str(NEUTRAL[name])


def precision(node: ast.AST) -> Iterator[Change]:
    """A result in half precision."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Call):
        value = ast.unparse(node.value)
        targets = " = ".join(ast.unparse(item) for item in node.targets)
        yield "a result in half precision", f"{targets} = np.asarray({value}, dtype=np.float16)"


RULES: tuple[Rule, ...] = (
    operators, assignments, comparisons, constants, indices, calls, arguments, conditions, names, precision,
)  # fmt: skip
