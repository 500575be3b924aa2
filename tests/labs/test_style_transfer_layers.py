"""The lab style_transfer on small arrays: reference against PyTorch's gradients, variants, and the skeleton."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from grader.lab.checks import Case, Check
from grader.project.contract import load_lab
from grader.project.solution import write_solution
from grader.publishing.skeleton import generate
from tests.labs.conftest import same_of_every_call

ROOT = Path(__file__).resolve().parents[2]
LAB = "style_transfer"
REFERENCE = ROOT / "reference" / LAB
GOLDEN = ROOT / "tests" / "submissions" / LAB
# Programs of their own, each in another manner.
RIGHT = ("course_style", "einsum_windows", "strided_in_place")
VARIANTS = sorted(folder.name for folder in (REFERENCE / "variants").iterdir())
FILES = ["layers_1.py", "layers_2.py", "layers_3.py", "exp_3_3_style_transfer.py"]
WITHOUT_OUTPUTS = {"network_build", "random_image"}


@pytest.fixture(scope="module")
def layer_checks() -> list[Check]:
    """Return the checks that need no parameters."""
    return [check for check in load_lab(ROOT / "labs" / LAB).checks.values() if not check.slow]


@pytest.fixture(scope="module")
def jobs(layer_checks) -> list[tuple[str, Case]]:
    """Return every layer check with every case of one seed."""
    rng = np.random.default_rng(33)
    return [(check.id, case) for check in layer_checks for case in check.cases(rng)]


@pytest.fixture(scope="module")
def reference_outcomes(tmp_path_factory, run_checks_in, jobs):
    """Return what the reference gives for every job."""
    return run_checks_in(tmp_path_factory.mktemp("reference"))(REFERENCE, jobs, lab=LAB)


def expected_by_torch(name, case):
    """Return what PyTorch computes in float64 for a case, gradients by its own differentiation."""
    import torch
    from torch.nn import functional

    a = {key: torch.from_numpy(value.copy()).double().requires_grad_() for key, value in case.arrays.items()}
    if name == "adam_update":
        x = a["x"].detach().clone().requires_grad_()
        optimiser = torch.optim.Adam([x], lr=case.rate, betas=(0.9, 0.999), eps=1e-8)
        moves = []
        for grad in a["grads"].detach():
            before = x.detach().clone()
            x.grad = grad
            optimiser.step()
            moves.append((x.detach() - before).numpy())
        return {"moves": np.stack(moves)}
    if name.startswith("conv"):
        weight = a["weight"].permute(3, 0, 1, 2)
        y = functional.conv2d(a["x"], weight, a["bias"], stride=case.stride, padding=case.padding)
    elif name.startswith("max_pool"):
        y = functional.max_pool2d(a["x"], case.k, case.stride)
    elif name.startswith("relu"):
        y = functional.relu(a["x"])
    elif name.startswith("content"):
        y = ((a["x"] - a["target"]) ** 2).sum() / (2 * a["x"].numel())
    else:
        grams = [torch.einsum("nihw,njhw->nij", x, x) for x in (a["x"], a["target"])]
        batch, channels, rows, columns = a["x"].shape
        y = ((grams[0] - grams[1]) ** 2).sum() / (4 * batch * channels**2 * rows**2 * columns**2)
    if "backward" not in name:
        return {"loss" if "loss" in name else "outputs": y.detach().numpy()}
    y.backward(a["out_grad"].detach() if y.ndim else None)
    found = {"in_grad": a["x"].grad.numpy()}
    if name == "conv_backward":
        found |= {"d_weight": a["weight"].grad.numpy(), "d_bias": a["bias"].grad.numpy()}
    return found


@pytest.mark.oracle
def test_every_layer_agrees_with_torch_on_every_case(reference_outcomes, jobs):
    """Outputs, losses, gradients and Adam's steps are PyTorch's, in shape and value."""
    pytest.importorskip("torch")
    seen = set()
    for (name, case), outcome in zip(jobs, reference_outcomes, strict=True):
        assert outcome.error is None, (name, case.name, outcome.error)
        if name in WITHOUT_OUTPUTS:
            continue
        expected = expected_by_torch(name, case)
        found = same_of_every_call(outcome)
        assert found.keys() == expected.keys()
        for key, wanted in expected.items():
            assert found[key].shape == wanted.shape, (name, case.name, key)
            np.testing.assert_allclose(found[key], wanted, rtol=2e-5, atol=2e-5, err_msg=f"{name}: {key}")
        seen.add(name)
    assert len(seen) == 15


@pytest.mark.parametrize("name", [*VARIANTS, *RIGHT])
def test_right_solutions_agree_with_the_reference(golden, run_checks, reference_outcomes, jobs, tmp_path, name):
    """However a right solution is written, it gives the reference's shapes and values, to float32 rounding."""
    student = tmp_path / "student"
    if name in RIGHT:
        golden.materialise(GOLDEN / name, student)
    else:
        write_solution(REFERENCE, name, student)
    outcomes = run_checks(student, jobs, lab=LAB)
    for (check, case), wanted, found in zip(jobs, reference_outcomes, outcomes, strict=True):
        assert found.error is None, (check, case.name, found.error)
        for key, expected in wanted.arrays.items():
            assert found.arrays[key].shape == expected.shape, (check, case.name)
            np.testing.assert_allclose(found.arrays[key], expected, rtol=1e-5, atol=1e-5, err_msg=f"{check}: {key}")


def test_no_two_repeats_of_the_timed_layer_have_the_same_numbers():
    """Pictures and gradients differ, and so do the weights once their channels are turned."""
    check = load_lab(ROOT / "labs" / LAB).checks["speedup_timing"]
    cases = list(check.cases(np.random.default_rng(3)))
    assert len(cases) == 5 and len({case.turn for case in cases}) == 5
    for key in ("x", "out_grad"):
        assert len({case.arrays[key].tobytes() for case in cases}) == 5


@pytest.mark.parametrize("name", FILES)
def test_committed_skeleton_is_what_the_generator_makes(name):
    """The lab's skeleton is generated from the reference and from nothing else."""
    skeleton = (ROOT / "labs" / LAB / name).read_text(encoding="utf-8")
    assert skeleton == generate((REFERENCE / name).read_text(encoding="utf-8"), name)
    ast.parse(skeleton)


def test_untouched_skeleton_is_unfinished_wherever_there_is_a_hole(run_checks, layer_checks, jobs):
    """Every check of a hole ends with the verdict unfinished: nothing is solved in advance."""
    holed = {check.id for check in layer_checks if check.holes}
    for (name, case), outcome in zip(jobs, run_checks(ROOT / "labs" / LAB, jobs, lab=LAB), strict=True):
        if name in holed:
            assert outcome.error is not None and outcome.error["verdict"] == "unfinished", (name, case.name)
