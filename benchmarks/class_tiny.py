"""Makes a class of a lab that is graded in a fraction of a second, with a project of its own.

``python -m benchmarks.class_tiny FOLDER [COUNT] [SEED]`` writes ``FOLDER/project``, ``FOLDER/download`` and
``FOLDER/roster.csv``: the tiny lab of the tests, its solution, mistakes, and submissions that end or mislead their
worker. For ``benchmarks.class_kills`` and ``benchmarks.class_load``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.class_submissions import Writer, write_class
from grader.project.places import Project
from tests.hostile.corpus import HERE, entries, materialise
from tests.hostile.project import LAB, make_project

SOLUTION = HERE / "lab" / "solution" / "layer.py"
# What is replaced in the solution, once.
MISTAKES = {
    "bias forgotten": (" + self.bias[:, None, None]", ""),
    "sum of the weights": ("self.grad_weight = ", "self.grad_weight = 2 * "),
    "weight not turned": ("[:, :, ::-1, ::-1]", ""),
    "backward not written": ("        size = self.weight.shape[2]\n", "        raise NotImplementedError\n"),
    "does not load": ("class Layer:", "class Layer"),
}
# Such as end within a moment, and always with the same verdict.
HOSTILE = ("kills_itself", "returns_nan", "sys_exit", "returns_broadcastable", "os_exit_zero", "returns_its_input")


def writers() -> list[tuple[str, Writer]]:
    """Return the kinds of submissions by name; each writes itself into a new folder."""
    text = SOLUTION.read_text(encoding="utf-8")

    def plain(content: str) -> Writer:
        def write(target: Path) -> None:
            target.mkdir(parents=True)
            (target / "layer.py").write_text(content, encoding="utf-8")

        return write

    def hostile(entry: object) -> Writer:
        return lambda target: materialise(entry, target, {})  # type: ignore[arg-type]

    return [
        ("solution", plain(text)),
        *((f"mistake {name}", plain(text.replace(old, new, 1))) for name, (old, new) in MISTAKES.items()),
        *((f"hostile {entry.name}", hostile(entry)) for entry in entries("submissions") if entry.name in HOSTILE),
    ]


def main() -> None:
    """Write what the command line asks for."""
    folder = Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    shutil.rmtree(folder / "project", ignore_errors=True)
    make_project(folder / "project")
    lab = Project(folder / "project").lab(LAB)
    written = write_class(lab, writers(), folder, count, seed)
    print(f"{len(written)} submissions of {len(set(written))} kinds in {folder}")


if __name__ == "__main__":
    main()
