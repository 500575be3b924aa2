"""How large the house is and how it hangs together, of one commit or of several side by side.

    python -m benchmarks.rooms [COMMIT ...]

A room is a folder or a loose file directly in ``grader/``, an arrow that one imports another (imports within
functions count, those for type checkers do not), a floor a row of rooms none of which imports one beside or above
it. An arrow runs up if it must be left out for that: counted are the fewest without which no rooms import each
other in a circle. Without a commit it is the files as they lie here, else files unpacked into a temporary folder.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "grader"
CLASSES = ("grader/cohort/", "grader/commands/class")
LARGE_FILE = 350
LONG_FUNCTION = 50
Arrow = tuple[str, str]


def main(commits: list[str]) -> None:
    """Print a column of figures for each commit."""
    columns = {}
    with tempfile.TemporaryDirectory(prefix="rooms-") as scratch:
        for commit in commits or [""]:
            tree = _files_of(commit, Path(scratch)) if commit else ROOT
            columns[commit or "the files here"] = figures(tree)
    width = max(map(len, next(iter(columns.values()))))
    print(" " * width, *(f"{name:>16}" for name in columns))
    for name in next(iter(columns.values())):
        print(f"{name:<{width}}", *(f"{column[name]:>16}" for column in columns.values()))


def figures(tree: Path) -> dict[str, str]:
    """Return what is counted, by its name."""
    files = sorted((tree / PACKAGE).rglob("*.py"))
    parsed = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    lines = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    apart = [file for file in files if file.relative_to(tree).as_posix().startswith(CLASSES)]
    arrows = {arrow for file, node in parsed.items() for arrow in _arrows(tree, file, node)}
    rooms = {_room(tree, file) for file in files} - {"__init__"}
    up = running_up(arrows)
    functions = [_length(node) for module in parsed.values() for node in ast.walk(module) if _is_function(node)]
    return {
        "loose files": str(len(list((tree / PACKAGE).glob("*.py")))),
        "rooms": str(len(rooms)),
        "floors": str(_floors(rooms, arrows - up)),
        "arrows between rooms": str(len(arrows)),
        "arrows that run up": str(len(up)),
        "public functions and classes": str(sum(_public(module) for module in parsed.values())),
        "files": str(len(files)),
        "lines without the class wing": str(sum(lines.values()) - sum(lines[file] for file in apart)),
        "lines with it": str(sum(lines.values())),
        "lines of a file, median / most": f"{median(lines.values()):.0f} / {max(lines.values())}",
        f"files over {LARGE_FILE} lines": str(sum(count > LARGE_FILE for count in lines.values())),
        f"functions over {LONG_FUNCTION} lines": f"{sum(n > LONG_FUNCTION for n in functions)} of {len(functions)}",
        "longest function": str(max(functions)),
    }


def running_up(arrows: set[Arrow]) -> set[Arrow]:
    """Return the fewest arrows without which there is no circle."""
    within = {arrow for arrow in arrows if arrow[0] in _reached(arrow[1], arrows)}
    for count in range(len(within) + 1):
        for chosen in combinations(sorted(within), count):
            left = within - set(chosen)
            if not any(first in _reached(second, left) for first, second in left):
                return set(chosen)
    return within


def _reached(start: str, arrows: Iterable[Arrow]) -> set[str]:
    """Return the rooms that one leads to, itself included."""
    found, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        new = {second for first, second in arrows if first == here} - found
        found |= new
        waiting += new
    return found


def _floors(rooms: set[str], arrows: set[Arrow]) -> int:
    """Return how many rooms the longest way down passes."""
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            heights[room] = 1 + max((height(second) for first, second in arrows if first == room), default=0)
        return heights[room]

    return max(height(room) for room in rooms)


def _arrows(tree: Path, file: Path, module: ast.Module) -> Iterator[Arrow]:
    here = _room(tree, file)
    for node in _imports(module):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else _targets(node)
        for name in names:
            parts = name.split(".")
            if parts[0] == PACKAGE and len(parts) > 1 and _exists(tree, parts[1]) and parts[1] != here:
                yield here, parts[1]


def _targets(node: ast.ImportFrom) -> list[str]:
    return [f"{node.module}.{alias.name}" for alias in node.names] if node.module and not node.level else []


def _imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the import statements below a node but those for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from _imports(child)


def _exists(tree: Path, name: str) -> bool:
    place = tree / PACKAGE / name
    return place.is_dir() or place.with_suffix(".py").is_file()


def _room(tree: Path, file: Path) -> str:
    return file.relative_to(tree / PACKAGE).parts[0].removesuffix(".py")


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _length(node: ast.AST) -> int:
    return (getattr(node, "end_lineno", 0) or 0) - getattr(node, "lineno", 0) + 1


def _public(module: ast.Module) -> int:
    return sum(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
        for node in module.body
    )


def _files_of(commit: str, scratch: Path) -> Path:
    folder = scratch / commit.replace("/", "_")
    archive = scratch / "tree.tar"
    subprocess.run(["git", "archive", "--output", str(archive), commit, PACKAGE], cwd=ROOT, check=True)
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
