"""The lab resnet18 on small arrays: the reference against PyTorch and the printed examples, and the skeleton."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from grader.lab.checks import Case, Check
from grader.project.contract import load_lab
from grader.project.solution import write_solution
from grader.publishing.skeleton import generate
from tests.golden import materialise
from tests.labs import resnet18_oracle as oracle

ROOT = Path(__file__).resolve().parents[2]
LAB = "resnet18"
REFERENCE = ROOT / "reference" / LAB
VARIANTS = sorted(folder.name for folder in (REFERENCE / "variants").iterdir())
BY_OUTPUT_PLACES = "output_places"
FILES = ["edge.py", "op.py", "lenet5.py", "resnet.py", "counts.py"]
OPERATORS = ("conv", "max_pool", "average_pool", "linear")
PRINTED = {
    ("conv_single_forward", "1 to 9 under the kernel 0 1, 2 3"): [[[25, 31], [43, 49]]],
    ("conv_forward", "0 to 8 and 1 to 9, three 2x2 kernels of ones"): [[[[20, 28], [44, 52]]] * 3],
    ("max_pool_forward", "1 to 16, 2x2 window, stride 2"): [[[[6, 8], [14, 16]]]],
    ("average_pool_forward", "1 to 16, 2x2 window, stride 2"): [[[[3.5, 5.5], [11.5, 13.5]]]],
}


@pytest.fixture(scope="module")
def layer_checks() -> list[Check]:
    """Return the quick checks."""
    return [check for check in load_lab(ROOT / "labs" / LAB).checks.values() if not check.slow]


@pytest.fixture(scope="module")
def jobs(layer_checks) -> list[tuple[str, Case]]:
    """Return every quick check with every case of one seed."""
    return [(check.id, case) for check in layer_checks for case in check.cases(np.random.default_rng(18))]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, run_checks_in, jobs):
    """Return what the reference gives for every job."""
    found = run_checks_in(tmp_path_factory.mktemp("reference"))(REFERENCE, jobs, lab=LAB)
    for (name, case), outcome in zip(jobs, found, strict=True):
        assert outcome.error is None, (name, case.name, outcome.error)
    return found


def compare(name, case, found, expected):
    """Require equal names, shapes and values, to float32 rounding."""
    assert found.keys() == expected.keys(), (name, case.name)
    for key, wanted in expected.items():
        assert found[key].shape == wanted.shape, (name, case.name, key)
        np.testing.assert_allclose(found[key], wanted, rtol=5e-5, atol=5e-5, err_msg=f"{name}, {case.name}: {key}")


@pytest.mark.oracle
def test_every_operator_agrees_with_torch_on_every_case(outcomes, jobs):
    """Both convolutions, both poolings and the fully connected layer, forward and backward."""
    pytest.importorskip("torch")
    seen = set()
    for (name, case), outcome in zip(jobs, outcomes, strict=True):
        if name.startswith(OPERATORS):
            compare(name, case, outcome.arrays, oracle.layer(name, case))
            seen.add(name)
    assert len(seen) == 10


@pytest.mark.oracle
def test_batch_norm_agrees_with_torch_in_both_modes(outcomes, jobs):
    """Outputs, running statistics and gradients; the running variance is the biased one."""
    pytest.importorskip("torch")
    seen = set()
    for (name, case), outcome in zip(jobs, outcomes, strict=True):
        if name.startswith("batch_norm"):
            compare(name, case, outcome.arrays, oracle.batch_norm(name, case))
            seen.add(name)
    assert len(seen) == 3


def test_the_handouts_printed_examples(outcomes, jobs):
    """Convolutions and poolings of small whole numbers give what the handout prints."""
    found = {
        (name, case.name): outcome.arrays["outputs"] for (name, case), outcome in zip(jobs, outcomes, strict=True)
        if (name, case.name) in PRINTED
    }  # fmt: skip
    assert found.keys() == PRINTED.keys()
    for key, expected in PRINTED.items():
        np.testing.assert_array_equal(found[key], expected)


def test_sizes_of_odd_shapes(outcomes, jobs):
    """7 rows under a 3x3 kernel with padding 1 and stride 2 give 4."""
    shapes = {
        (name, case.name): outcome.arrays["outputs"].shape
        for (name, case), outcome in zip(jobs, outcomes, strict=True)
        if "outputs" in outcome.arrays
    }
    assert shapes["conv_forward", "7 x 7, stride 2, padding 1"][2:] == (4, 4)
    assert shapes["conv_forward", "7 x 10, stride 2, padding 1"][2:] == (4, 5)
    assert shapes["conv_single_forward", "7 x 7, stride 2, padding 1"] == (2, 4, 4)


@pytest.mark.oracle
def test_edges_are_scipys(outcomes, jobs):
    """The responses are SciPy's correlation with both Laplacian kernels as the handout prints them."""
    signal = pytest.importorskip("scipy.signal")
    kernels = {
        4: np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
        8: np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    }
    compared = 0
    for (name, case), outcome in zip(jobs, outcomes, strict=True):
        if name == "edges":
            wanted = signal.correlate2d(case.picture.astype(np.float64), kernels[case.neighbours], mode="valid")
            np.testing.assert_array_equal(outcome.arrays["response"], wanted)
            assert np.ptp(wanted) > 100
            compared += 1
    assert compared == 2


def test_equal_maxima_share_nothing(outcomes, jobs):
    """All of a window's gradient goes to one place, and the maximum stands there."""
    ((case, arrays),) = [
        (case, outcome.arrays)
        for (name, case), outcome in zip(jobs, outcomes, strict=True)
        if name == "equal_maxima"
    ]
    assert np.array_equal(arrays["places"], np.ones(case.out_grad.shape, int))
    np.testing.assert_array_equal(arrays["at_a_maximum"], case.out_grad)


@pytest.mark.parametrize("name", FILES)
def test_committed_skeleton_is_what_the_generator_makes(name):
    """The lab's skeleton is generated from the reference and from nothing else."""
    skeleton = (ROOT / "labs" / LAB / name).read_text(encoding="utf-8")
    assert skeleton == generate((REFERENCE / name).read_text(encoding="utf-8"), name)
    ast.parse(skeleton)


def test_untouched_skeleton_is_unfinished_wherever_there_is_a_hole(run_checks, layer_checks, jobs):
    """Every check with a hole ends with the verdict unfinished: nothing is solved in advance."""
    holed = {check.id for check in layer_checks if check.holes}
    for (name, case), outcome in zip(jobs, run_checks(ROOT / "labs" / LAB, jobs, lab=LAB), strict=True):
        if name in holed:
            assert outcome.error is not None and outcome.error["verdict"] == "unfinished", (name, case.name)


@pytest.mark.parametrize("name", [*VARIANTS, BY_OUTPUT_PLACES])
def test_variants_agree_with_the_reference(run_checks, outcomes, jobs, tmp_path, name):
    """However a right solution is written and named, it gives the reference's shapes and values, to rounding."""
    student = tmp_path / "student"
    if name == BY_OUTPUT_PLACES:
        materialise(ROOT / "tests" / "submissions" / LAB / name, student)
    else:
        write_solution(REFERENCE, name, student)
    for (check, case), wanted, found in zip(jobs, outcomes, run_checks(student, jobs, lab=LAB), strict=True):
        if check == "exercise_counts" and name == BY_OUTPUT_PLACES:
            continue
        assert found.error is None, (check, case.name, found.error)
        compare(check, case, found.arrays, wanted.arrays)
