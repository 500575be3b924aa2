"""The reference layers of the lab vgg16, against PyTorch and against finite differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader.lab.checks import Case
from tests.labs.conftest import same_of_every_call

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference" / "vgg16"


def expected_by_torch(name, case):
    """Return what PyTorch computes in float64 for a case: the output, or the gradient of the input."""
    import torch
    from torch.nn import functional

    kind, _, direction = name.rpartition("_")
    arrays = {key: torch.from_numpy(value.copy()) for key, value in case.arrays.items()}
    doubles = {key: value.double() for key, value in arrays.items() if value.is_floating_point()}
    x = doubles["logits" if kind == "cross_entropy" else "x"].requires_grad_()
    if kind == "conv":
        y = functional.conv2d(x, doubles["weight"], doubles["bias"], stride=case.stride, padding=case.padding)
    elif kind == "max_pool":
        y = functional.max_pool2d(x, case.k, case.stride)
    elif kind == "relu":
        y = functional.relu(x)
    elif kind == "flatten":
        y = torch.flatten(x, 1)
    elif kind == "fully_connected":
        y = functional.linear(x, doubles["weight"], doubles["bias"])
    else:
        y = functional.cross_entropy(x, arrays["labels"])
    if direction == "forward":
        return y.detach().numpy()
    y.backward(doubles.get("out_grad"))
    return x.grad.numpy()


@pytest.mark.oracle
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_layer_agrees_with_torch_on_every_case(run_checks, layer_checks, seed):
    """Outputs and gradients of the reference are PyTorch's, in shape and value, for float32 arrays."""
    pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    jobs = [(check.id, case) for check in layer_checks for case in check.cases(rng)]
    for (name, case), outcome in zip(jobs, run_checks(REFERENCE, jobs), strict=True):
        assert outcome.error is None, (name, case.name, outcome.error)
        (actual,) = same_of_every_call(outcome).values()
        expected = expected_by_torch(name, case)
        assert actual.dtype == np.float32
        assert actual.shape == expected.shape, (name, case.name)
        np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-5, err_msg=f"{name}: {case.name}")


@pytest.mark.parametrize("kind", ["conv", "max_pool", "fully_connected", "relu"])
def test_backward_is_the_derivative_of_forward(run_checks, layer_checks, kind):
    """In float64, sum(backward(G) * D) is the central difference of sum(G * forward) along D, for every case."""
    rng = np.random.default_rng(11)
    checks = {check.id: check for check in layer_checks}
    step = 1e-6
    jobs, directions = [], []
    for case in checks[f"{kind}_backward"].cases(rng):
        if "equal" in case.name:
            continue
        wide = {key: value.astype(np.float64) for key, value in case.arrays.items()}
        direction = rng.standard_normal(wide["x"].shape)
        directions.append((case.name, wide["out_grad"], direction))
        jobs.append((f"{kind}_backward", Case(case.name, case.config, wide)))
        for sign in (1, -1):
            moved = dict(wide, x=wide["x"] + sign * step * direction)
            jobs.append((f"{kind}_forward", Case(case.name, case.config, moved)))
    results = [next(iter(outcome.arrays.values())) for outcome in run_checks(REFERENCE, jobs)]
    for (name, out_grad, direction), gradient, above, below in zip(
        directions, results[::3], results[1::3], results[2::3], strict=True
    ):
        slope = np.sum(out_grad * (above - below)) / (2 * step)
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-6, abs=1e-6), name


def test_cases_differ_between_seeds(vgg16_checks):
    """Two seeds give arrays of different sizes, so that a hidden case is not a public one."""
    first, second = (
        [case.x.shape for case in vgg16_checks.convolution_cases(np.random.default_rng(seed))] for seed in (1, 2)
    )
    assert first != second


def test_cases_are_small_float32(layer_checks):
    """A layer check's arrays are float32 (labels int64) and stay below 500 kB in all."""
    for check in layer_checks:
        arrays = [array for case in check.cases(np.random.default_rng(3)) for array in case.arrays.values()]
        assert sum(array.nbytes for array in arrays) < 500_000, check.id
        assert {array.dtype.name for array in arrays} <= {"float32", "int64"}, check.id


def test_pooling_ties_only_where_wanted(vgg16_checks):
    """Values repeat in the cases about equal maxima and nowhere else."""
    for case in vgg16_checks.pooling_cases(np.random.default_rng(4)):
        assert (np.unique(case.x).size < case.x.size) == ("equal" in case.name), case.name
