"""How the time of a grade grows: with cases, with layers, with parameters, and with submissions in flight.

    python -m benchmarks.scaling [--rounds 3] [--only cases|layers|parameters|flight ...] [--out docs/scaling.png]

Labs of fully connected layers are written and recorded for each size (``benchmarks.scaling_lab``), and their
solution is graded by the command line at the strongest level of this host. The sizes of one curve are measured by
turns, each so many times, and the fastest counts; told apart are the submission's own time and what the grader
takes beside it. A class of `CLASS` small submissions is graded with 1, 2, 4 and 8 in flight. The last column says
what one more costs: the difference to the row above, over the difference of the sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.class_submissions import write_class
from benchmarks.class_tiny import writers
from benchmarks.scaling_lab import write_project
from grader.drawing import style, to_png
from grader.drawing.appearance import BLUE, VERMILLION
from grader.project.places import Project
from tests.hostile.project import LAB as TINY
from tests.hostile.project import make_project

LAB = "linear"
CASES = (1, 4, 16, 64, 256)
LAYERS = (1, 4, 16, 64)
SIDES = (32, 128, 512, 1024, 2048)
IN_FLIGHT = (1, 2, 4, 8)
CLASS = 24
MARGIN = 1.08
# Of the last column, by curve: the unit, and how many of it a second has.
UNITS = {"parameters": ("ns", 1e9)}
AXES = {"cases": "cases of one check", "layers": "layers, a check each", "parameters": "parameters of one layer",
        "flight": f"in flight, of {CLASS} submissions"}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """The time of one size in s: of the whole command, and of the submission in it (NaN if unknown)."""

    size: int
    wall_s: float
    own_s: float

    @property
    def beside_s(self) -> float:
        """What the grader takes beside the submission."""
        return self.wall_s - self.own_s


def grade(project: Path) -> tuple[float, float]:
    """Return the time of grading the solution of a project, and that of its own code in it."""
    document = project / "result.json"
    command = [sys.executable, "-m", "grader", "grade", LAB, "--submission", str(project / "reference" / LAB)]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--json", str(document)], cwd=project, capture_output=True, text=True, check=False
    )
    wall_s = time.monotonic() - began
    found = json.loads(document.read_text(encoding="utf-8")) if document.is_file() else {}
    if found.get("score") != found.get("max_score") or not found:
        sys.exit(f"the solution does not pass: {done.stdout}{done.stderr}")
    return wall_s, found["times"]["student"]


def grade_class(folder: Path, project: Path, in_flight: int) -> tuple[float, float]:
    """Return the time of grading a class with so many submissions at once; it is made anew first."""
    room, slots = folder / f"class-{in_flight}-{time.monotonic_ns()}", folder / "slots"
    environment = {**os.environ, "GRADER_CLASS": str(room), "GRADER_SLOTS": str(slots)}

    def call(*words: str) -> None:
        command = [sys.executable, "-m", "grader", "class", *words]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            sys.exit(f"{' '.join(words)}: {done.stdout}{done.stderr}")

    call("init", "Scaling", "--class", str(room))
    call("roster", str(folder / "roster.csv"), "--yes")
    call("ingest", TINY, str(folder / "download"), "--yes", "--guesses", "--unknown")
    began = time.monotonic()
    call("grade", TINY, "--jobs", str(in_flight))
    return time.monotonic() - began, float("nan")


def measured(sizes: Sequence[int], once: Callable[[int], tuple[float, float]], rounds: int) -> list[Row]:
    """Measure every size by turns; the fastest of each counts."""
    found: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            found[size].append(once(size))
    return [Row(size, *min(found[size])) for size in sizes]


def curve(name: str, folder: Path, rounds: int) -> list[Row]:
    """Measure one of the four."""
    if name == "flight":
        make_project(folder / "project")
        write_class(Project(folder / "project").lab(TINY), writers(), folder, CLASS)
        return measured(IN_FLIGHT, lambda n: grade_class(folder, folder / "project", n), rounds)
    sizes = {"cases": CASES, "layers": LAYERS, "parameters": tuple(side * side + side for side in SIDES)}[name]
    for place, size in enumerate(sizes):
        side = SIDES[place] if name == "parameters" else SIDES[0]
        write_project(
            folder / str(size), LAB, cases=size if name == "cases" else 1, layers=size if name == "layers" else 1,
            side=side,
        )  # fmt: skip
    return measured(sizes, lambda size: grade(folder / str(size)), rounds)


def table(name: str, rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    unit, per_s = UNITS.get(name, ("ms", 1e3))
    lines = [f"| {AXES[name]} | whole, s | the submission's own, s | beside it, s | one more, {unit} |",
             "|---:|---:|---:|---:|---:|"]  # fmt: skip
    for before, row in zip([None, *rows], rows, strict=False):
        more = (
            ""
            if before is None or name == "flight"
            else f"{per_s * (row.wall_s - before.wall_s) / (row.size - before.size):.3g}"
        )
        own, beside = ("", "") if name == "flight" else (f"{row.own_s:.3f}", f"{row.beside_s:.3f}")
        lines.append(f"| {row.size} | {row.wall_s:.3f} | {own} | {beside} | {more} |")
    return "\n".join(lines)


def picture(found: dict[str, list[Row]]) -> bytes:
    """Draw the curves, each over its own axis."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(3.6 * len(found), 3.2), layout="constrained")
        grid = figure.subplots(1, len(found), squeeze=False)
        for axes, (name, rows) in zip(grid[0], found.items(), strict=True):
            sizes = [row.size for row in rows]
            axes.plot(sizes, [row.wall_s for row in rows], "o-", color=BLUE, label="whole command")
            if name != "flight":
                beside = [row.beside_s for row in rows]
                axes.plot(
                    sizes, beside, color=VERMILLION, marker="s", linestyle="--", label="beside the submission"
                )
            axes.set(xlabel=AXES[name], ylabel="time in s")
            axes.set(xlim=(0, MARGIN * sizes[-1]), ylim=(0, MARGIN * max(row.wall_s for row in rows)))
            axes.legend()
        return to_png(figure)


def main() -> None:
    """Measure, print the tables, draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(AXES), default=list(AXES))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="scaling-") as scratch:
        # A submission's own user must be able to walk through it.
        Path(scratch).chmod(0o711)
        for name in given.only:
            (Path(scratch) / name).mkdir(mode=0o711)
            found[name] = curve(name, Path(scratch) / name, given.rounds)
            print(table(name, found[name]) + "\n", flush=True)
    if given.out is not None:
        given.out.write_bytes(picture(found))


if __name__ == "__main__":
    main()
