"""Finds which modules of the grader a command needs, so that a student's kit holds those and no others."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from grader.jail.layout import STAGED_FOLDERS
from grader.language.errors import GraderFailed

PACKAGE = "grader"
# The box copies these into itself by name; no import statement leads to them.
STAGED = tuple(f"{PACKAGE}.{folder}" for folder in STAGED_FOLDERS)
DATA_SUFFIXES = (".css", ".html", ".json", ".typed")
CATALOGUES = "language/locale/*/LC_MESSAGES/*.mo"


class MissingModule(GraderFailed):
    """A module that should be packed does not exist; the message names it."""


def needed_files(package: Path, roots: Iterable[str]) -> dict[str, Path]:
    """Return the files of the package that ``roots`` import, directly or not, by path relative to its parent.

    Imports inside functions count. What is imported only for type checking counts too: it costs little and keeps
    the rule simple. Data files beside a packed module come with it, and so do the compiled translations.

    Parameters
    ----------
    package : folder of the ``grader`` package.
    roots : dotted names of the modules to begin with; a package stands for all of its modules.

    Raises
    ------
    MissingModule : a root does not exist.
    """
    waiting = [name for root in (*roots, *STAGED) for name in _with_submodules(package, root)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        file = module_file(package, name)
        if file is None:
            raise MissingModule("{name}: there is no such module in {package}", name=name, package=package)
        waiting += [found for found in imported(package, name, file) if found not in seen]
    files = {_relative(package, file): file for file in (module_file(package, name) for name in seen) if file}
    for folder in {file.parent for file in files.values()}:
        for data in folder.iterdir():
            if data.is_file() and data.suffix in DATA_SUFFIXES:
                files[_relative(package, data)] = data
    for catalogue in package.glob(CATALOGUES):
        files[_relative(package, catalogue)] = catalogue
    return dict(sorted(files.items()))


def imported(package: Path, name: str, file: Path) -> Iterator[str]:
    """Yield the modules of the package that the module ``name`` imports, and the packages that hold them."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        wanted: list[str] = []
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            wanted = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for target in wanted:
            parts = target.split(".")
            if parts[0] == PACKAGE:
                for count in range(1, len(parts) + 1):
                    candidate = ".".join(parts[:count])
                    if module_file(package, candidate) is not None:
                        yield candidate


def module_file(package: Path, name: str) -> Path | None:
    """Return the file of a module of the package, None if there is none."""
    place = package.joinpath(*name.split(".")[1:])
    for file in (place / "__init__.py", place.with_suffix(".py")):
        if file.is_file():
            return file
    return None


def _with_submodules(package: Path, name: str) -> list[str]:
    folder = package.joinpath(*name.split(".")[1:])
    if name == PACKAGE or not (folder / "__init__.py").is_file():
        return [name]
    files = sorted(folder.rglob("*.py"))
    return [name, *(".".join([PACKAGE, *_parts(package, file)]) for file in files if file.name != "__init__.py")]


def _parts(package: Path, file: Path) -> tuple[str, ...]:
    return file.relative_to(package).with_suffix("").parts


def _relative(package: Path, file: Path) -> str:
    return file.relative_to(package.parent).as_posix()
