"""Reads a submission's source for libraries that the lab rules out. A signal for the rubric, not a wall.

What would do the student's work (`refusal`) must be in the lab's ``imports.allow``; dotted names in
``imports.forbid`` are ruled out even in an allowed package. The standard library is free: what must not be reached
is kept out by the jail. Names are followed through aliases, ``from`` imports, ``importlib`` and ``getattr`` with
constant strings; what hides better is seen when it runs, by ``grader.inside.importwatch``. What never runs in a
grading (below ``if __name__ == "__main__":``) and what only is tried (``try: import …, except ImportError``) is
left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.inside.importwatch import refusal
from grader.project.one_parser import parse_source

# Names of libraries are short; what is longer is there to keep the reader busy.
MAX_DEPTH = 16
# Ten times as much as any lab asks for; a megabyte of source takes half a minute to follow.
MAX_SOURCE_BYTES = 256 * 1024
IMPORT_CALLS = frozenset({"importlib.import_module", "importlib.__import__", "__import__", "builtins.__import__"})


@dataclass(frozen=True)
class Use:
    """One place where a library is used that the lab rules out."""

    file: str
    line: int
    name: str
    code: str


@dataclass(frozen=True)
class Rules:
    """What may be used: third-party packages by import name (None: any), and dotted names that may not.

    ``present`` are the packages in the box; a submission's own module of that name is not the one that is imported.
    ``given`` are the modules that the lab gives.
    """

    allow: Sequence[str] | None
    forbid: Sequence[str] = ()
    present: Sequence[str] = ()
    given: Sequence[str] = ()


def find_uses(folder: Path, declared: Sequence[str], files: Sequence[str], rules: Rules) -> list[Use]:
    """Return what the Python files in ``folder`` use against the rules, in order of file and line.

    Read are the ``declared`` files and those of ``files`` that they import, directly or through others. A file
    that does not parse has no uses; that it does not load is found elsewhere. Reading ends after
    `MAX_SOURCE_BYTES`: what stands behind them is seen when it runs.
    """
    own = [Path(name).parts[0].removesuffix(".py") for name in files]
    is_refused = refusal(rules.allow, rules.forbid, [*own, *rules.given], rules.present)
    uses = []
    waiting = [name for name in declared if name in files]
    read = set(waiting)
    left = MAX_SOURCE_BYTES
    while waiting:
        name = waiting.pop(0)
        try:
            source = (folder / name).read_bytes()
            left -= len(source)
            if left < 0:
                break
            tree = parse_source(source)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        lines = source.decode("utf-8", "replace").splitlines()
        seen = set()
        found = sorted(_names(tree))
        for other in _own_files({dotted for _, dotted in found}, files):
            if other not in read:
                read.add(other)
                waiting.append(other)
        for line, dotted in found:
            if (line, dotted.partition(".")[0]) not in seen and is_refused(dotted):
                seen.add((line, dotted.partition(".")[0]))
                code = lines[line - 1].strip()[:160] if 0 < line <= len(lines) else ""
                uses.append(Use(name, line, dotted, code))
    return uses


def _own_files(names: set[str], files: Sequence[str]) -> list[str]:
    """Return the submission's files that the imported dotted names may stand for."""
    modules = {name.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): name for name in files}
    plain = {name.removeprefix("stu_upload.") for name in names}
    return [
        file
        for module, file in modules.items()
        if any(name == module or name.startswith(f"{module}.") or module.startswith(f"{name}.") for name in plain)
    ]


def _without_effect(tree: ast.Module) -> set[int]:
    """Return the nodes, by ``id``, that do not run in a grading, and imports whose failure is provided for."""
    found: set[int] = set()
    for node in ast.walk(tree):
        # Outer statements come first; what stands in one that does not run is looked through once.
        if isinstance(node, ast.If) and id(node) not in found and _is_main_test(node.test):
            found |= {id(inner) for statement in node.body for inner in ast.walk(statement)}
        elif isinstance(node, ast.Try) and any(_provides(handler.type) for handler in node.handlers):
            found |= {id(item) for item in node.body if isinstance(item, ast.Import | ast.ImportFrom)}
    return found


def _is_main_test(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = (test.left, *test.comparators)
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    texts = [side.value for side in sides if isinstance(side, ast.Constant)]
    return (names, texts) == (["__name__"], ["__main__"])


def _provides(caught: ast.expr | None) -> bool:
    """Whether a handler catches an import that fails."""
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    names = {kind.id for kind in kinds if isinstance(kind, ast.Name)}
    return caught is None or bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything imported and of every attribute of an imported module."""
    aliases: dict[str, str] = {}
    left_out = _without_effect(tree)
    nodes = [node for node in ast.walk(tree) if id(node) not in left_out]
    for node in nodes:
        if isinstance(node, ast.Import):
            for item in node.names:
                aliases[item.asname or item.name.partition(".")[0]] = (
                    item.name if item.asname else item.name.partition(".")[0]
                )
                yield node.lineno, item.name
        elif isinstance(node, ast.ImportFrom) and node.level > 0:
            yield from (
                (node.lineno, f"{node.module}.{item.name}" if node.module else item.name) for item in node.names
            )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for item in node.names:
                aliases[item.asname or item.name] = f"{node.module}.{item.name}"
                yield node.lineno, f"{node.module}.{item.name}" if item.name != "*" else node.module
    for node in nodes:
        if isinstance(node, ast.Assign) and (value := _dotted(node.value, aliases)):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    aliases.setdefault(target.id, value)
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Call) and (name := _dotted(node, aliases)):
            yield node.lineno, name


def _dotted(node: ast.expr, aliases: dict[str, str], depth: int = 0) -> str:
    """Return the dotted name that an expression stands for, as far as it can be read; empty if it is none."""
    if depth > MAX_DEPTH:
        return ""
    if isinstance(node, ast.Name):
        return aliases.get(node.id, "")
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, aliases, depth + 1)
        return f"{owner}.{node.attr}" if owner else ""
    if isinstance(node, ast.Call):
        return _called(node, aliases, depth + 1)
    return ""


def _called(node: ast.Call, aliases: dict[str, str], depth: int) -> str:
    function = node.func.id if isinstance(node.func, ast.Name) else ""
    called = _dotted(node.func, aliases, depth) or function
    texts = [a.value if isinstance(a, ast.Constant) and isinstance(a.value, str) else "" for a in node.args]
    if called in IMPORT_CALLS and texts and texts[0]:
        return texts[0]
    if function == "getattr" and len(texts) >= 2 and texts[1]:
        owner = _dotted(node.args[0], aliases, depth)
        return f"{owner}.{texts[1]}" if owner else ""
    return ""
