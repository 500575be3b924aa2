"""The given program of the lab resnet18 that answers the handout's questions, on the reference's layers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.project.solution import write_solution

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "labs" / "resnet18"


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Return a function that asks the program beside a solution; it returns what was printed."""
    folder = tmp_path_factory.mktemp("questions")
    write_solution(ROOT / "reference" / "resnet18", None, folder)
    for name in ("nndl.py", "questions.py", "engine_times.json", "mnist_subset.npz"):
        shutil.copyfile(LAB / name, folder / name)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "questions.py", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)

    return run


@pytest.mark.parametrize(
    ("name", "sums"),
    [("lenet5", ["61,706", "0", "423,344"]), ("resnet18", ["11,175,434", "9,600", "35,529,728"])],
)
def test_sums_are_those_that_the_course_prints(ask, name, sums):
    """Parameters, running statistics and operations of both networks on 1 x 32 x 32."""
    *rows, last = [line.split() for line in ask("layers", name).stdout.splitlines()[1:]]
    assert last[:4] == ["sum", *sums] and last[5] == "100.0%"
    assert float(last[4]) == pytest.approx(sum(float(row[-2]) for row in rows), abs=0.005 * len(rows) + 0.01)


def test_operations_of_lenets_layers_are_the_handouts(ask):
    """122304, 241600, 400, 48120, 10080 and 840."""
    rows = [line.split() for line in ask("layers", "lenet5").stdout.splitlines()[1:-1]]
    found = {row[0]: row[-3] for row in rows if row[-3] != "0"}
    assert found == {
        "conv1": "122,304",
        "conv3": "241,600",
        "pool4": "400",
        "conv5": "48,120",
        "linear6": "10,080",
        "linear7": "840",
    }


@pytest.mark.parametrize(("sizes", "seen"), [("3", 3), ("3 3", 5), ("5 3 3", 9)])
def test_receptive_fields_are_measured(ask, sizes, seen):
    """Kernels in a row see one pixel more for each of their entries but the first."""
    assert f"depends on {seen} x {seen} pixels" in ask("field", *sizes.split()).stdout


def test_other_words_are_refused_with_the_usage(ask):
    """What it does not know ends with what it knows, and a status other than 0."""
    done = ask("field", "2")
    assert done.returncode != 0 and "questions.py field 3 3" in done.stderr


def test_own_times_stand_beside_those_of_compiled_operators(ask):
    """Both networks, one picture as the course does and 64; below each what was recorded."""
    lines = ask("time").stdout.splitlines()
    recorded = json.loads((LAB / "engine_times.json").read_text())
    for number, (name, pictures, runs) in enumerate(
        [("lenet5", 1, 50), ("lenet5", 64, 10), ("resnet18", 1, 50), ("resnet18", 64, 10)]
    ):
        own, there = lines[2 * number : 2 * number + 2]
        assert own.startswith(f"{name}, {pictures} at a time: ") and f" ms, {runs} runs, " in own
        times = recorded[name][str(pictures)]
        assert f"{times['solution']:.2f} ms" in there and f"compiled operators {times['engine']:.2f} ms" in there
