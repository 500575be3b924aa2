"""The same tiny assignment, graded by ours and by well-known graders, with the isolation that each has here.

    python -m benchmarks.peers [--python PYTHON] [--many 20] [--repeats 3] [TOOL ...]

The work is one small convolution, compared on one recorded case. PYTHON is an interpreter that has the extra
``peers`` (it is large: give it an environment of its own); tools that it lacks are left out. Each round runs every
tool once, so that what else the host does falls on all of them. Printed are medians, the fastest in brackets. As a
class ours runs all three checks of the lab, alone the one that the others run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers_files import (
    CHECK50,
    CHECK50_CHECKS,
    NBGRADER_CONFIG,
    NBGRADER_TEST,
    OTTER_TEST,
    PYTEST,
    cell,
    notebook,
)
from tests.hostile.corpus import HERE

SOLUTION = HERE / "lab" / "solution" / "layer.py"
LIMIT_S = 600
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Tool:
    """One way to grade.

    Attributes
    ----------
    isolation : what keeps a submission from its answers, its neighbours and this host.
    prepare : makes what an instructor makes once, and the submissions; returns their folders.
    grade : grades some of the submissions that ``prepare`` has made; ends the program where one does not pass.
    """

    isolation: str
    prepare: Callable[[Path, int], list[Path]]
    grade: Callable[[Path, list[Path]], None]


class Tools:
    """All tools, with the interpreter that the others are run by."""

    def __init__(self, python: Path) -> None:
        self.python = python
        self.found = {
            "ours, a command each": Tool("namespaces, Landlock, seccomp; answers outside", ours, self.ours_each),
            "ours, as a class": Tool("the same; all three checks", ours, self.ours_class),
            "pytest, a process each": Tool("none", plain, self.pytest_each),
            "pytest, one process": Tool("none, and submissions share it", plain, self.pytest_once),
            "check50": Tool("none (--dev: on this host)", with_check50, self.check50),
            "otter": Tool("none (run: on this host)", self.with_otter, self.otter),
            "nbgrader": Tool("none", self.with_nbgrader, self.nbgrader),
        }

    def ours_each(self, place: Path, folders: list[Path]) -> None:
        """Run one command for each submission."""
        for folder in folders:
            words = ["grade", "tiny", "--submission", str(folder), "--only", "forward"]
            run([sys.executable, "-m", "grader", *words], place / "project")

    def ours_class(self, place: Path, folders: list[Path]) -> None:
        """Grade a class of as many, with one job, so that as many processors are used as by the others."""
        room = place / f"class-{len(folders)}-{time.monotonic_ns()}"
        environment = {"GRADER_CLASS": str(room)}
        words = [sys.executable, "-m", "grader", "class"]
        if not (place / "few").is_dir():
            shutil.copytree(folders[0], place / "few" / folders[0].name)
        source = place / "few" if len(folders) == 1 else place / "work"
        run([*words, "init", "Peers", "--class", str(room)], place / "project", environment)
        run(
            [*words, "ingest", "tiny", str(source), "--yes", "--guesses", "--unknown"],
            place / "project",
            environment,
        )
        began = time.perf_counter()
        run([*words, "grade", "tiny", "--jobs", "1"], place / "project", environment)
        self.counted_s = time.perf_counter() - began

    def pytest_each(self, place: Path, folders: list[Path]) -> None:
        """Run pytest in each folder."""
        for folder in folders:
            run([str(self.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)], folder)

    def pytest_once(self, place: Path, folders: list[Path]) -> None:
        """Run pytest once over all folders."""
        words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
        run([str(self.python), *words, *map(str, folders)], place)

    def check50(self, place: Path, folders: list[Path]) -> None:
        """Run check50 in each folder."""
        for folder in folders:
            out = run(
                [str(self.python), "-m", "check50", "--dev", "-o", "json", "--", str(place / "checks")], folder
            )
            if not all(result["passed"] for result in json.loads(out)["results"]):
                raise SystemExit(f"check50: {out}")

    def with_otter(self, place: Path, count: int) -> list[Path]:
        """Have the autograder's archive made, and write each submission as a notebook."""
        folders = submissions(place, count)
        np.savez(place / "case.npz", **recorded())
        (place / "tests").mkdir()
        (place / "tests" / "q1.py").write_text(OTTER_TEST, encoding="utf-8")
        words = ["generate", "-t", "tests", "-o", "autograder.zip", "--no-environment", "case.npz"]
        run([str(self.python), "-m", "otter", *words], place)
        for folder in folders:
            source = (folder / "layer.py").read_text(encoding="utf-8")
            (folder / "work.ipynb").write_text(notebook([cell(source)]), encoding="utf-8")
        return folders

    def otter(self, place: Path, folders: list[Path]) -> None:
        """Run the autograder on each notebook, as on Gradescope but without a container."""
        for folder in folders:
            words = ["run", "-a", str(place / "autograder.zip"), "-o", str(folder), str(folder / "work.ipynb")]
            run([str(self.python), "-m", "otter", *words], folder)
            if json.loads((folder / "results.json").read_text())["tests"][-1]["score"] != 1:
                raise SystemExit("otter: it did not pass")

    def with_nbgrader(self, place: Path, count: int) -> list[Path]:
        """Write the course with one assignment, have its release made, and write the submissions."""
        folders = nbgrader_course(place, count)
        run([str(self.python), "-m", "nbgrader", "generate_assignment", "one"], place)
        return folders

    def nbgrader(self, place: Path, folders: list[Path]) -> None:
        """Grade the submissions in one batch."""
        students = [argument for folder in folders for argument in ("--student", folder.parent.name)]
        words = ["autograde", "one", "--force", *(students if len(folders) == 1 else [])]
        run([str(self.python), "-m", "nbgrader", *words], place)


def run(command: list[str], place: Path, more: dict[str, str] | None = None) -> str:
    """Run a command that must succeed; return what it printed."""
    # With slots of its own: ours would wait for the processors of other gradings on this host, the rest would not.
    # Some of the others start programs that were installed beside them.
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "GRADER_SLOTS": str(place / "slots"), "PATH": path, **(more or {})}
    done = subprocess.run(
        command,
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


def recorded() -> dict[str, Any]:
    """Return a case and its right answer, computed here by the formula and not by the solution."""
    rng = np.random.default_rng(1)
    inputs = rng.standard_normal((2, 3, 8, 9)).astype(np.float32)
    weight, bias = rng.standard_normal((4, 3, 3, 3)).astype(np.float32), rng.standard_normal(4).astype(np.float32)
    outputs = np.zeros((2, 4, 6, 7))
    for row in range(6):
        for column in range(7):
            window = inputs[:, None, :, row : row + 3, column : column + 3]
            outputs[:, :, row, column] = (window * weight[None]).sum((2, 3, 4)) + bias
    return {"inputs": inputs, "weight": weight, "bias": bias, "outputs": outputs.astype(np.float32)}


def submissions(place: Path, count: int) -> list[Path]:
    """Write as many right submissions, no two with the same bytes."""
    folders = []
    for number in range(count):
        folder = place / "work" / f"student{number:02}"
        folder.mkdir(parents=True)
        text = SOLUTION.read_text(encoding="utf-8")
        (folder / "layer.py").write_text(f"{text}\n# number {number}\n", encoding="utf-8")
        folders.append(folder)
    return folders


def ours(place: Path, count: int) -> list[Path]:
    """Make the project with the tiny lab."""
    from tests.hostile.project import make_project

    make_project(place / "project")
    return submissions(place, count)


def plain(place: Path, count: int) -> list[Path]:
    """Put test and case beside each submission."""
    folders = submissions(place, count)
    for folder in folders:
        (folder / "test_layer.py").write_text(PYTEST, encoding="utf-8")
        np.savez(folder / "case.npz", **recorded())
    return folders


def with_check50(place: Path, count: int) -> list[Path]:
    """Write the folder of checks."""
    checks = place / "checks"
    checks.mkdir(parents=True)
    (checks / ".cs50.yaml").write_text(CHECK50, encoding="utf-8")
    (checks / "__init__.py").write_text(CHECK50_CHECKS, encoding="utf-8")
    np.savez(checks / "case.npz", **recorded())
    return submissions(place, count)


def nbgrader_course(place: Path, count: int) -> list[Path]:
    """Write the course with one assignment, and each submission as a notebook."""
    (place / "source" / "one").mkdir(parents=True)
    (place / "nbgrader_config.py").write_text(NBGRADER_CONFIG, encoding="utf-8")
    text = SOLUTION.read_text(encoding="utf-8")
    np.savez(place / "source" / "one" / "case.npz", **recorded())

    def written(solution: str) -> str:
        asked = {"grade": False, "solution": True, "locked": False, "grade_id": "layer"}
        tested = {"grade": True, "solution": False, "locked": True, "grade_id": "test", "points": 1}
        asking = cell(solution, nbgrader={**asked, "schema_version": 3, "task": False})
        testing = cell(NBGRADER_TEST, nbgrader={**tested, "schema_version": 3, "task": False})
        return notebook([asking, testing])

    (place / "source" / "one" / "work.ipynb").write_text(written(text), encoding="utf-8")
    folders = []
    for number in range(count):
        folder = place / "submitted" / f"student{number:02}" / "one"
        folder.mkdir(parents=True)
        (folder / "work.ipynb").write_text(written(f"{text}\n# number {number}\n"), encoding="utf-8")
        shutil.copyfile(place / "source" / "one" / "case.npz", folder / "case.npz")
        folders.append(folder)
    return folders


def main() -> None:
    """Prepare all tools, run them in turn, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tools", nargs="*", help="names, or parts of names, of those to run")
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--many", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    tools = Tools(given.python.absolute())
    wanted = {
        name: tool
        for name, tool in tools.found.items()
        if not given.tools or any(part in name for part in given.tools)
    }
    times: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch:
        Path(scratch).chmod(0o711)
        ready = {}
        for name, tool in wanted.items():
            module = name.partition(",")[0]
            if module != "ours" and missing(tools.python, module):
                print(f"{name}: not installed in {tools.python}", flush=True)
                continue
            place = Path(scratch) / name.replace(" ", "-").replace(",", "")
            place.mkdir()
            ready[name] = (place, tool.prepare(place, given.many))
        for _ in range(given.repeats):
            for count in (1, given.many):
                for name, (place, folders) in ready.items():
                    began = time.perf_counter()
                    tools.counted_s = 0.0
                    wanted[name].grade(place, folders[:count])
                    times.setdefault((name, count), []).append(tools.counted_s or time.perf_counter() - began)
    print(f"{'tool':24s} {'one, s':>16s} {f'{given.many}, s each':>16s}  isolation here")
    for name in ready:
        cells = [
            f"{statistics.median(found) / count:.2f} ({min(found) / count:.2f})"
            for count in (1, given.many)
            if (found := times.get((name, count)))
        ]
        print(f"{name:24s} {cells[0]:>16s} {cells[-1]:>16s}  {wanted[name].isolation}")


def missing(python: Path, module: str) -> bool:
    """Tell whether an interpreter lacks a module."""
    command = [str(python), "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"]
    return subprocess.run(command, check=False).returncode != 0


if __name__ == "__main__":
    main()
