"""LeNet of the lab lenet as a whole: against PyTorch with the same parameters, and its exercises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader.lab.checks import Sampled
from grader.project.contract import load_lab

ROOT = Path(__file__).resolve().parents[2]
LAB = "lenet"
REFERENCE = ROOT / "reference" / LAB
LAYERS = ("Conv1", "Conv2", "FC3", "FC4", "FC5")
LEARNING_RATE = 1e-3


@pytest.fixture(scope="module")
def case():
    """Return the case of the step."""
    return next(iter(load_lab(ROOT / "labs" / LAB).checks["lenet_step"].cases(np.random.default_rng(9))))


@pytest.fixture(scope="module")
def found(case, tmp_path_factory, run_checks_in):
    """Return what the reference sends in the three checks of the network."""
    names = ("lenet_forward_pass", "lenet_backward_pass", "lenet_step")
    run = run_checks_in(tmp_path_factory.mktemp("network"))
    outcomes = run(REFERENCE, [(name, case) for name in names], lab=LAB)
    assert [outcome.error for outcome in outcomes] == [None] * 3
    return {name: outcome.arrays for name, outcome in zip(names, outcomes, strict=True)}


def torch_parameters(case):
    """Return the parameters as PyTorch's tensors in its own layout, by name."""
    import torch

    found = {}
    for name in LAYERS:
        weight = torch.from_numpy(case.arrays[f"{name}.W"].copy()).double()
        weight = weight.permute(3, 2, 0, 1) if weight.ndim == 4 else weight.T
        found[f"{name} W"] = weight.contiguous().requires_grad_()
        found[f"{name} b"] = torch.from_numpy(case.arrays[f"{name}.b"].reshape(-1).copy()).double().requires_grad_()
    return found


def torch_logits(x, p):
    """Return the logits of LeNet; the features are flattened in the order rows, columns, channels."""
    import torch
    from torch.nn import functional

    for name in ("Conv1", "Conv2"):
        x = functional.max_pool2d(torch.sigmoid(functional.conv2d(x, p[f"{name} W"], p[f"{name} b"])), 2)
    x = x.permute(0, 2, 3, 1).flatten(1)
    for name in ("FC3", "FC4"):
        x = torch.sigmoid(functional.linear(x, p[f"{name} W"], p[f"{name} b"]))
    return functional.linear(x, p["FC5 W"], p["FC5 b"])


def in_our_layout(name, tensor):
    """Return a parameter or its gradient as the lab keeps it."""
    array = tensor.detach().numpy()
    if name.endswith("b"):
        return array.reshape((1, 1, 1, -1) if name.startswith("Conv") else (1, -1))
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def assert_sampled(found, key, label, array, tolerance):
    """Compare a recorded sample with that of an array."""
    for part, wanted in Sampled(array, label).parts().items():
        np.testing.assert_allclose(found[f"{key}/{part}"], wanted, rtol=tolerance, atol=tolerance, err_msg=key)


@pytest.mark.oracle
def test_gradients_of_the_network_are_torchs(case, found):
    """Logits and every parameter's gradient are PyTorch's for the same parameters."""
    torch = pytest.importorskip("torch")
    parameters = torch_parameters(case)
    x = torch.from_numpy(case.x.copy()).double().permute(0, 3, 1, 2)
    logits = torch_logits(x, parameters)
    np.testing.assert_allclose(found["lenet_forward_pass"]["logits"], logits.detach().numpy(), rtol=1e-5, atol=1e-5)
    logits.backward(torch.from_numpy(case.out_grad.copy()).double())
    for name, tensor in parameters.items():
        layer, part = name.split()
        key = f"{layer} d{part}"
        gradient = in_our_layout(name, tensor.grad)
        assert_sampled(
            found["lenet_backward_pass"], key, key, gradient, 1e-5 * float(np.abs(gradient).max()) + 1e-6
        )


@pytest.mark.oracle
def test_two_steps_are_torchs(case, found):
    """The loss before two steps of Adam and every parameter after them are PyTorch's."""
    torch = pytest.importorskip("torch")
    parameters = torch_parameters(case)
    x = torch.from_numpy(case.x.copy()).double().permute(0, 3, 1, 2)
    labels = torch.from_numpy(case.labels.copy())
    optimiser = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE)
    losses = []
    for _ in range(2):
        loss = torch.nn.functional.cross_entropy(torch_logits(x, parameters), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    np.testing.assert_allclose(found["lenet_step"]["losses"], losses, rtol=1e-5)
    for name, tensor in parameters.items():
        assert_sampled(found["lenet_step"], name, name, in_our_layout(name, tensor), 1e-5)


@pytest.mark.oracle
def test_exercises_agree_with_torch(run_checks):
    """Grouped and depthwise separable convolution and L^p pooling are PyTorch's."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    checks = load_lab(ROOT / "labs" / LAB).checks
    names = ("exercise_grouped", "exercise_separable", "exercise_lp_pooling")
    jobs = [(name, case) for name in names for case in checks[name].cases(np.random.default_rng(4))]
    for (name, case), outcome in zip(jobs, run_checks(REFERENCE, jobs, lab=LAB), strict=True):
        a = {key: torch.from_numpy(value.copy()).double() for key, value in case.arrays.items()}
        x = a["x"].permute(0, 3, 1, 2)
        if name == "exercise_grouped":
            weight = a["weight"].permute(3, 2, 0, 1)
            y = functional.conv2d(x, weight, None, case.stride, case.pad, case.dilation, case.groups)
        elif name == "exercise_separable":
            between = functional.conv2d(
                x, a["depth_weight"].permute(3, 2, 0, 1), None, case.stride, case.pad, groups=3
            )
            y = functional.conv2d(between, a["point_weight"].permute(3, 2, 0, 1))
        else:
            padded = functional.pad(x.abs(), (case.pad,) * 4)
            y = functional.lp_pool2d(padded, case.p, tuple(case.kernel_shape), case.stride)
        assert outcome.error is None, outcome.error
        np.testing.assert_allclose(outcome.arrays["outputs"], y.permute(0, 2, 3, 1).numpy(), rtol=1e-5, atol=1e-5)


def test_the_number_of_weights_is_the_handouts(run_checks):
    """73728 weights plain, 18432 in four groups, 8768 depthwise separable, as the table of the handout says."""
    check = load_lab(ROOT / "labs" / LAB).checks["exercise_counts"]
    first = next(iter(check.cases(np.random.default_rng(0))))
    (outcome,) = run_checks(REFERENCE, [("exercise_counts", first)], lab=LAB)
    assert outcome.arrays["counts"].tolist() == [73728, 18432, 8768]
    handout = (ROOT / "labs" / LAB / "README.md").read_text(encoding="utf-8")
    assert all(text in handout for text in ("73 728", "18 432", "8 768"))
