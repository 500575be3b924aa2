"""What the tests of the labs share: running checks on a submission in another process."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from grader.lab.checks import Case, Check
from grader.project.contract import load_lab

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 300


@dataclass(frozen=True)
class Outcome:
    """What one check did on one case: the arrays it sent, and the error it ended with, if any."""

    arrays: dict[str, np.ndarray]
    error: dict[str, Any] | None


def is_one_call(case: Case) -> bool:
    """Whether the layer is called once, which is what PyTorch is asked."""
    return "earlier_x" not in case.arrays and case.config.get("calls", 1) == 1


def same_of_every_call(outcome: Outcome) -> dict[str, np.ndarray]:
    """Return what a layer gave by name, where it was called several times the same on each call."""
    found: dict[str, np.ndarray] = {}
    for name, array in outcome.arrays.items():
        first = found.setdefault(name.partition(", call ")[0], array)
        np.testing.assert_array_equal(array, first)
    return found


RunChecks = Callable[..., list[Outcome]]


@pytest.fixture(scope="session")
def run_checks_in() -> Callable[[Path], RunChecks]:
    """Return a maker of `run_checks` that keeps its files in a given folder."""
    return make_run_checks


@pytest.fixture
def run_checks(tmp_path: Path) -> RunChecks:
    """Return a function that runs (check id, case) pairs on a folder, in order, in one other process."""
    return make_run_checks(tmp_path)


def make_run_checks(folder: Path) -> RunChecks:
    """Return a function that runs checks on a submission and keeps its files in ``folder``."""

    def run(
        student: Path, jobs: Sequence[tuple[str, Case]], *, lab: str = "vgg16", **resources: Path
    ) -> list[Outcome]:
        number = len(list(folder.glob("request*")))
        request, answer = folder / f"request{number}", folder / f"answer{number}"
        request.mkdir()
        answer.mkdir()
        listed = []
        for index, (check, case) in enumerate(jobs):
            np.savez(request / f"{index}.npz", **case.arrays)
            listed.append({"check": check, "case": case.name, "config": dict(case.config)})
        facts = load_lab(ROOT / "labs" / lab)
        config = {
            "student": str(student),
            "lab": str(ROOT / "labs" / lab),
            "resources": {name: str(path) for name, path in resources.items()},
            "policy": {
                "modules": [file.module for file in facts.facts.files],
                "given": facts.given_modules,
                "shims": facts.facts.shims,
                "optional": facts.optional_modules,
            },
        }
        (request / "request.json").write_text(json.dumps({"config": config, "jobs": listed}))
        done = subprocess.run(
            [sys.executable, "-B", str(Path(__file__).with_name("drive.py")), str(request), str(answer)],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert (answer / "answer.json").is_file(), done.stderr[-2000:]
        errors = json.loads((answer / "answer.json").read_text())
        outcomes = []
        for index, error in enumerate(errors):
            with np.load(answer / f"{index}.npz") as stored:
                arrays = {name.replace("|", "/"): stored[name] for name in stored.files}
            outcomes.append(Outcome(arrays, error))
        return outcomes

    return run


def load_module(file: Path) -> ModuleType:
    """Import a file of the project itself by its path; it may import others of its folder."""
    name = "_tested_" + "_".join(file.relative_to(ROOT).with_suffix("").parts)
    if name not in sys.modules:
        folders = [str(file.parent)]
        spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def golden() -> ModuleType:
    """Return the maker of golden submissions."""
    return load_module(ROOT / "tests" / "golden.py")


@pytest.fixture(scope="session")
def vgg16_checks() -> ModuleType:
    """Return the checks of the lab ``vgg16``."""
    return load_module(ROOT / "labs" / "vgg16" / "checks.py")


@pytest.fixture(scope="session")
def layer_checks(vgg16_checks: ModuleType) -> list[Check]:
    """Return the checks of ``vgg16`` that need no network."""
    return [value for value in vars(vgg16_checks).values() if isinstance(value, Check) and not value.slow]


@pytest.fixture(scope="session")
def layer_jobs(layer_checks: list[Check]) -> list[tuple[str, Case]]:
    """Return every layer check with every case of one seed."""
    rng = np.random.default_rng(20)
    return [(check.id, case) for check in layer_checks for case in check.cases(rng)]
