"""Writes and records the labs of ``benchmarks.scaling``: fully connected layers, as many and large as asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from grader.project.contract import load_lab
from grader.project.fixtures import write_fixture
from grader.project.manifest import Facts
from grader.publishing.recording import make_cases
from tests.hostile.project import run_trusted

ROOT = Path(__file__).resolve().parent.parent
BATCH = 4
CONTRACT = """lab: {lab}
version: 1
title: Fully connected layers
summary: A lab for measurements.
files:
  - path: layer.py
    required: true
    classes: [Layer]
    holes: [forward]
packages: [numpy]
imports:
  allow: [numpy]
tiers:
  60: Every layer holds
limits:
  memory_mib: 1024
  call_s: 10
  first_call_s: 10
  submission_s: 120
  threads: 2
  disk_mib: 16
  reply_mib: 64
"""
CHECKS = """\"\"\"Layers on inputs of side {side}.\"\"\"

import numpy as np

from grader.lab import Case, check


def cases(rng):
    \"\"\"Cases of one shape.\"\"\"
    for number in range({cases}):
        yield Case.of(
            f"case {{number}}",
            inputs=rng.standard_normal(({batch}, {side}), dtype=np.float32),
            weight=rng.standard_normal(({side}, {side}), dtype=np.float32),
            bias=rng.standard_normal({side}, dtype=np.float32),
        )
"""
CHECK = """

@check(tier=60, cases=cases, holes=["forward"], files=["layer.py"])
def layer_{number}(student, case):
    \"\"\"Layer {number}.\"\"\"
    return {{"outputs": student.layer.Layer(case.weight, case.bias).forward(case.inputs)}}
"""
SOLUTION = """class Layer:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias

    def forward(self, inputs):
        return inputs @ self.weight + self.bias
"""


def write_project(root: Path, lab: str, *, cases: int, layers: int, side: int) -> None:
    """Write a project with one lab of so many checks and cases; a layer has side * side + side parameters.

    The fixtures are recorded in a process of their own.
    """
    (root / "labs" / lab).mkdir(parents=True)
    (root / "reference" / lab).mkdir(parents=True)
    text = CHECKS.format(side=side, cases=cases, batch=BATCH)
    text += "".join(CHECK.format(number=number) for number in range(1, layers + 1))
    (root / "labs" / lab / "lab.yaml").write_text(CONTRACT.format(lab=lab), encoding="utf-8")
    (root / "labs" / lab / "checks.py").write_text(text, encoding="utf-8")
    (root / "reference" / lab / "layer.py").write_text(SOLUTION, encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.scaling_lab", str(root), lab]
    subprocess.run(command, cwd=ROOT, check=True)


def record(root: Path, name: str) -> None:
    """Record the hidden fixtures. Only ever called on the solution written here: it runs unjailed."""
    lab, solution = load_lab(root / "labs" / name), root / "reference" / name
    sys.path.append(str(solution))
    recorded = {
        check: [run_trusted(lab, solution, check, case) for case in cases]
        for check, cases in make_cases(lab, 1).items()
    }
    write_fixture(
        root / "fixtures" / name / "hidden", lab=name, lab_version=1, kind="hidden", release="measured",
        checks=recorded, facts=Facts(seed=1),
    )  # fmt: skip


if __name__ == "__main__":
    record(Path(sys.argv[1]), sys.argv[2])
