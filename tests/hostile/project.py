"""Makes the project in which the hostile submissions are graded: the tiny lab, its solution and its fixtures."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.compare import Tolerance
from grader.inside.runner import Runner
from grader.project.contract import Lab, load_lab
from grader.project.fixtures import RecordedCase, write_fixture
from grader.project.manifest import Facts
from grader.publishing.recording import make_cases
from tests.golden import ROOT

LAB = "tiny"
HERE = Path(__file__).parent
SEEDS = {"public": 1, "hidden": 2}
TOLERANCE = 1e-4
PUBLISH_LIMIT_S = 120


@dataclass(frozen=True)
class TinyProject:
    """The folders of the project that an attacker would like to read."""

    root: Path

    @property
    def hidden(self) -> Path:
        """Recorded cases with their answers."""
        return self.root / "fixtures" / LAB / "hidden"

    @property
    def solution(self) -> Path:
        """Folder of the solution."""
        return self.root / "reference" / LAB

    @property
    def table(self) -> Path:
        """The answers of the public cases as Python source, for a submission that looks them up."""
        return self.root / "answers.py"


def make_project(root: Path) -> TinyProject:
    """Write lab and solution below ``root`` and record the fixtures, in a process of their own."""
    (root / "labs" / LAB).mkdir(parents=True)
    for name in ("lab.yaml", "checks.py"):
        shutil.copyfile(HERE / "lab" / name, root / "labs" / LAB / name)
    shutil.copytree(
        HERE / "lab" / "solution", root / "reference" / LAB, ignore=shutil.ignore_patterns("__pycache__")
    )
    command = [sys.executable, "-m", "tests.hostile.project", str(root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PUBLISH_LIMIT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"the tiny lab could not be recorded: {done.stdout}{done.stderr}")
    return TinyProject(root)


def publish(root: Path) -> None:
    """Record the fixtures of the solution below ``root``. Only ever called on the solution: it runs unjailed."""
    lab = load_lab(root / "labs" / LAB)
    solution = root / "reference" / LAB
    sys.path.append(str(solution))
    answers: dict[str, dict[str, list]] = {}
    for kind, seed in SEEDS.items():
        recorded = {
            name: [run_trusted(lab, solution, name, case) for case in cases]
            for name, cases in make_cases(lab, seed).items()
        }
        write_fixture(
            root / "fixtures" / LAB / kind,
            lab=LAB,
            lab_version=1,
            kind=kind,
            release="test",
            checks=recorded,
            facts=Facts(seed=seed),
        )
        if kind == "public":
            answers = _answers(recorded)
    TinyProject(root).table.write_text(f"ANSWERS = {json.dumps(answers)}\n")


def run_trusted(lab: Lab, solution: Path, check: str, case: object) -> RecordedCase:
    """Run one check on the solution and return what it gave with the tolerance of each output."""
    found: dict[str, np.ndarray] = {}
    runner = Runner({"student": str(solution), "lab": str(lab.folder), "policy": {"modules": ["layer"]}})
    runner.handle({"op": "load", "case": case.name, "config": {}}, dict(case.arrays), found.__setitem__)
    runner.handle({"op": "run", "check": check}, {}, lambda name, array: found.__setitem__(name, array.copy()))
    return RecordedCase(case, found, {name: Tolerance(TOLERANCE, TOLERANCE) for name in found})


def _answers(recorded: dict[str, list[RecordedCase]]) -> dict[str, dict[str, list]]:
    """Return input digest to output, for every forward pass of the public cases."""
    table: dict[str, dict[str, list]] = {}
    pairs = (("inputs", "outputs"), ("inputs", "first"), ("again", "second"), ("grad_output", "grad_input"))
    for cases in recorded.values():
        for one in cases:
            for given, wanted in pairs:
                if wanted in one.expected:
                    key = hashlib.sha256(one.case.arrays[given].tobytes()).hexdigest()
                    table[key] = one.expected[wanted].tolist()
            if "grad_weight" in one.expected:
                key = hashlib.sha256(one.case.arrays["grad_output"].tobytes()).hexdigest()
                table[f"weight-{key}"] = one.expected["grad_weight"].tolist()
    return table


if __name__ == "__main__":
    publish(Path(sys.argv[1]))
