"""Grades one right, one wrong and one random submission many times: the documents must be equal but for times.

    python -m benchmarks.repeat [LAB] [--times 100] [--keep FOLDER]

The right one is the lab's solution, the wrong one its first known mistake, and the random one the solution with
noise on what its functions return, drawn by a generator with a fixed seed, as by a student who has sown one. Each
is graded by the command line. With ``--keep`` the documents stay in a folder, and the same command goes on from
there; documents of other fixtures or another grader are refused. Exit status 0 if all are equal.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.documents import differences, settled
from grader.project.places import Project
from grader.project.solution import write_solution
from grader.publishing.misconceptions import load_misconceptions, singles, write_mistaken

SHOWN = 10
# Appended to every file: what its functions and layers return is moved by a random thousandth.
NOISE = """

import functools as _functools
import inspect as _inspect

import numpy as _numpy

_chance = _numpy.random.default_rng(20250101)


def _moved(function):
    @_functools.wraps(function)
    def moved(*arguments, **named):
        value = function(*arguments, **named)
        if isinstance(value, _numpy.ndarray) and value.dtype.kind == "f":
            value = (value * (1 + 1e-3 * _chance.standard_normal(value.shape))).astype(value.dtype)
        return value

    return moved


for _name, _value in list(globals().items()):
    if _inspect.isfunction(_value) and _value.__module__ == __name__ and _value is not _moved:
        globals()[_name] = _moved(_value)
    elif _inspect.isclass(_value) and _value.__module__ == __name__ and "forward" in vars(_value):
        _value.forward = _moved(_value.forward)
"""


def submissions(project: Project, lab: str) -> dict[str, Callable[[Path], object]]:
    """Return what writes each submission into a folder."""
    reference = project.reference(lab)
    mistake = next(iter(singles(load_misconceptions(reference))))

    def random(target: Path) -> None:
        write_solution(reference, None, target)
        for file in project.lab(lab).facts.files:
            path = target / file.path
            if path.is_file():
                path.write_text(path.read_text(encoding="utf-8") + NOISE, encoding="utf-8")

    return {
        "right": lambda target: write_solution(reference, None, target),
        "wrong": lambda target: write_mistaken(reference, mistake, target),
        "random": random,
    }


def graded(lab: str, submission: Path, place: Path) -> dict[str, Any]:
    """Grade once unless ``place`` holds the document already; return it."""
    if not place.is_file():
        command = [
            sys.executable,
            "-m",
            "grader",
            "grade",
            lab,
            "--submission",
            str(submission),
            "--json",
            str(place),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not place.is_file():
            raise SystemExit(f"status {done.returncode}, no document\n{done.stderr}")
    document: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return document


def compare(kind: str, first: dict[str, Any], number: int, document: dict[str, Any]) -> bool:
    """Say where a document differs from the first one; tell whether it does not."""
    if document["fixtures"] != first["fixtures"] or document["versions"] != first["versions"]:
        raise SystemExit(f"{kind} {number} was made with other fixtures or versions; begin with an empty folder")
    found = list(differences(settled(first), settled(document)))
    for line in found[:SHOWN]:
        print(f"  {kind}, run {number}: {line}")
    return not found


def main() -> None:
    """Grade, compare, and print a line for each submission."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lab", nargs="?", default="lenet")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    project = Project.find()
    different = 0
    with ExitStack() as held:
        folder = given.keep or Path(held.enter_context(tempfile.TemporaryDirectory()))
        work = Path(held.enter_context(tempfile.TemporaryDirectory()))
        for kind, write in submissions(project, given.lab).items():
            submission = work / kind
            write(submission)
            (folder / kind).mkdir(parents=True, exist_ok=True)
            documents = (
                graded(given.lab, submission, folder / kind / f"{number}.json") for number in range(given.times)
            )
            first = next(documents)
            unequal = sum(not compare(kind, first, number, one) for number, one in enumerate(documents, 1))
            print(
                f"{kind}: score {first['score']}, {given.times} runs, {unequal} differ from the first", flush=True
            )
            different += unequal
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
