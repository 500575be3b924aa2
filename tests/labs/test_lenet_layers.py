"""The lab lenet on small arrays: reference against PyTorch's gradients, variants, and the skeleton."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest

from grader.checks import Case, Check
from grader.contract import load_lab
from grader.skeleton import generate

ROOT = Path(__file__).resolve().parents[2]
LAB = "lenet"
REFERENCE = ROOT / "reference" / LAB
VARIANTS = sorted(folder.name for folder in (REFERENCE / "variants").iterdir())
FILES = ["conv.py", "layers.py", "lenet.py", "exercises.py"]


@pytest.fixture(scope="module")
def layer_checks() -> list[Check]:
    """Return the checks of functions and layers."""
    return [check for check in load_lab(ROOT / "labs" / LAB).checks.values() if not check.slow]


@pytest.fixture(scope="module")
def jobs(layer_checks) -> list[tuple[str, Case]]:
    """Return every quick check with every case of one seed."""
    return [(check.id, case) for check in layer_checks for case in check.cases(np.random.default_rng(12))]


@pytest.fixture(scope="module")
def reference_outcomes(tmp_path_factory, run_checks_in, jobs):
    """Return what the reference gives for every job."""
    return run_checks_in(tmp_path_factory.mktemp("reference"))(REFERENCE, jobs, lab=LAB)


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_agree_with_the_reference(run_checks, reference_outcomes, jobs, tmp_path, name):
    """However a right solution is written, it gives the reference's shapes and values, to float32 rounding."""
    student = tmp_path / "student"
    student.mkdir()
    for folder in (REFERENCE, REFERENCE / "variants" / name):
        for file in folder.glob("*.py"):
            shutil.copyfile(file, student / file.name)
    for (check, case), wanted, found in zip(
        jobs, reference_outcomes, run_checks(student, jobs, lab=LAB), strict=True
    ):
        assert wanted.error is None, (check, case.name, wanted.error)
        assert found.error is None, (check, case.name, found.error)
        assert found.arrays.keys() == wanted.arrays.keys()
        for key, array in wanted.arrays.items():
            assert found.arrays[key].shape == array.shape, (check, case.name, key)
            np.testing.assert_allclose(found.arrays[key], array, rtol=3e-5, atol=3e-5, err_msg=f"{check}: {key}")


@pytest.mark.parametrize("name", FILES)
def test_committed_skeleton_is_what_the_generator_makes(name):
    """The lab's skeleton is generated from the reference and from nothing else."""
    skeleton = (ROOT / "labs" / LAB / name).read_text(encoding="utf-8")
    assert skeleton == generate((REFERENCE / name).read_text(encoding="utf-8"), name)
    ast.parse(skeleton)


def test_untouched_skeleton_is_unfinished_wherever_there_is_a_hole(run_checks, layer_checks, jobs):
    """Every check ends with the verdict unfinished: nothing is solved in advance."""
    holed = {check.id for check in layer_checks if check.holes}
    for (name, case), outcome in zip(jobs, run_checks(ROOT / "labs" / LAB, jobs, lab=LAB), strict=True):
        if name in holed and case.config.get("pad") not in (0, "valid"):
            assert outcome.error is not None and outcome.error["verdict"] == "unfinished", (name, case.name)
