"""The networks of the lab resnet18: against PyTorch with the same weights, and against published counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader.inside.runner import load_checks
from grader.lab.checks import Sampled
from grader.project.contract import load_lab
from tests.labs import resnet18_oracle as oracle

ROOT = Path(__file__).resolve().parents[2]
LAB = "resnet18"
REFERENCE = ROOT / "reference" / LAB
LENET = [156, 2416, 48_120, 10_164, 850]
RESNET = {1: (11_175_434, 9_600), 3: (11_181_706, 9_600)}


@pytest.fixture(scope="module")
def checks():
    """Return the lab's checks."""
    return load_lab(ROOT / "labs" / LAB).checks


@pytest.fixture(scope="module")
def values_module():
    """Return the lab's maker of parameters."""
    import sys

    load_checks(ROOT / "labs" / LAB / "checks.py")
    return sys.modules["_lab_checks.checks_values"]


@pytest.fixture(scope="module")
def found(tmp_path_factory, run_checks_in, checks):
    """Return what the reference gives in every check of a network, as (case, outputs) by the check's name."""
    names = ["lenet_build", "lenet_output", "lenet_backward", "residual_block", "residual_block_backward",
             "resnet_build", "resnet_output", "resnet_training_pass",
             "resnet_backward"]  # fmt: skip
    jobs = [(name, case) for name in names for case in checks[name].cases(np.random.default_rng(5))]
    outcomes = run_checks_in(tmp_path_factory.mktemp("networks"))(REFERENCE, jobs, lab=LAB)
    by_check: dict = {}
    for (name, case), outcome in zip(jobs, outcomes, strict=True):
        assert outcome.error is None, (name, case.name, outcome.error)
        by_check.setdefault(name, []).append((case, outcome.arrays))
    return by_check


def sampled(array, name, size=None):
    """Return a sample of an array as a check sends it."""
    return Sampled(array, name, *([] if size is None else [size])).parts()["values"]


def near(actual, expected, error):
    """Require a small Euclidean distance relative to the norm of what is expected."""
    assert actual.shape == expected.shape
    assert np.linalg.norm(actual - expected) <= error * np.linalg.norm(expected) + 1e-12


def test_lenet_has_the_handouts_parameters(found):
    """156, 2416, 48120, 10164 and 850 parameters: 61706 together."""
    case, arrays = found["lenet_build"][0]
    assert (case.in_channels, case.classes) == (1, 10)
    assert arrays["parameters"].tolist() == LENET and sum(LENET) == 61_706


def test_resnet18_has_the_parameters_that_the_course_counts(found):
    """11185034 with one channel, 11191306 with three, 9600 of them running statistics."""
    for case, arrays in found["resnet_build"]:
        if case.in_channels in RESNET:
            counted = int(arrays["parameters"]), int(arrays["running_statistics"])
            assert counted == RESNET[case.in_channels]
            assert arrays["layers"].tolist() == [20, 20, 1]
    assert sum(RESNET[1]) == 11_185_034 and sum(RESNET[3]) == 11_191_306


@pytest.mark.oracle
def test_lenet_agrees_with_torch(found, values_module):
    """Logits and all gradients with the same weights."""
    torch = pytest.importorskip("torch")
    for (case, outputs), (_, gradients) in zip(found["lenet_output"], found["lenet_backward"], strict=True):
        module = oracle.lenet(case.in_channels, case.classes)
        shapes = values_module.lenet_shapes(case.in_channels, case.classes)
        oracle.load(module, values_module.values_of(shapes, case.seed, biased={"conv1", "conv3", "conv5"}))
        x = oracle.tensor(case.x)
        logits = module(x)
        near(outputs["logits"], oracle.numbers(logits), 1e-5)
        logits.backward(torch.from_numpy(case.out_grad).double())
        near(gradients["in_grad/values"], sampled(x.grad.numpy(), "in_grad"), 1e-4)
        wanted = oracle.gradients(module)
        assert len(wanted) == 10
        for name, gradient in wanted.items():
            near(gradients[f"d_{name}/values"], sampled(gradient, name), 1e-4)


@pytest.mark.oracle
def test_residual_blocks_agree_with_torch(found, values_module):
    """Outputs and all gradients in every setting; the input stays as it is."""
    torch = pytest.importorskip("torch")
    settings = set()
    for (case, outputs), (_, gradients) in zip(
        found["residual_block"], found["residual_block_backward"], strict=True
    ):
        geometry = case.c_in, case.c_out, case.stride
        module = oracle.block(*geometry, case.use_residual)
        shapes = values_module.block_shapes("", *geometry, case.use_residual)
        oracle.load(module, values_module.values_of(shapes, case.seed, biased=set()))
        x = oracle.tensor(case.x)
        y = module(x)
        near(outputs["outputs"], oracle.numbers(y), 1e-5)
        np.testing.assert_array_equal(outputs["inputs_afterwards"], case.x)
        y.backward(torch.from_numpy(case.out_grad).double())
        near(gradients["in_grad/values"], sampled(x.grad.numpy(), "in_grad"), 1e-4)
        wanted = oracle.gradients(module)
        assert {f"d_{name}/values" for name in wanted} | {"in_grad/values"} == {
            key for key in gradients if key.endswith("/values")
        }
        for name, gradient in wanted.items():
            near(gradients[f"d_{name}/values"], sampled(gradient, name, 512), 1e-4)
        settings.add((*geometry, case.use_residual))
    assert {(64, 64, 1, True), (64, 128, 2, True), (64, 64, 1, False), (64, 128, 2, False)} < settings


@pytest.mark.oracle
def test_whole_resnet18_agrees_with_torch(found, values_module):
    """Same weights: logits in use and in training, running statistics, and all gradients."""
    torch = pytest.importorskip("torch")
    for case, in_use in found["resnet_output"]:
        module, _ = loaded_resnet(values_module, case)
        near(in_use["logits"], oracle.numbers(module.eval()(oracle.tensor(case.x))), 1e-5)
    assert [case.width for case, _ in found["resnet_output"]] == [64, 16, 16]
    for (case, outputs), (_, gradients) in zip(
        found["resnet_training_pass"], found["resnet_backward"], strict=True
    ):
        module, values = loaded_resnet(values_module, case)
        x = oracle.tensor(case.x)
        before = {name: tensor.clone() for name, tensor in module.named_buffers()}
        logits = module.train()(x)
        near(outputs["logits"], oracle.numbers(logits), 1e-4)
        norms = [name for name, part in values.items() if "mean" in part]
        after = dict(module.named_buffers())
        mean = np.concatenate([after[f"{name}.running_mean"].numpy() for name in norms])
        near(outputs["running_mean/values"], sampled(mean, "running_mean"), 1e-5)
        variances = []
        for name in norms:
            # PyTorch's running variance took n / (n - 1) times the batch's.
            n = len(case.x) * places_of(name)
            old = before[f"{name}.running_var"]
            share = (after[f"{name}.running_var"] - 0.9 * old) * (n - 1) / n
            variances.append((0.9 * old + share).numpy())
        near(outputs["running_variance/values"], sampled(np.concatenate(variances), "running_variance"), 1e-5)
        logits.backward(torch.from_numpy(case.out_grad).double())
        near(gradients["in_grad/values"], sampled(x.grad.numpy(), "in_grad"), 2e-3)
        wanted = oracle.gradients(module)
        # Of the bias before the first batch norm, nothing but rounding would be compared.
        assert np.abs(wanted.pop("net.0.0.bias")).max() < 1e-12
        assert len(wanted) == (62 if case.use_residual else 53)
        for name, gradient in wanted.items():
            near(gradients[f"d_{name}/values"], sampled(gradient, name, 256), 2e-2)


def loaded_resnet(values_module, case):
    """Return PyTorch's ResNet18 with the parameters of a case, and these."""
    module = oracle.resnet(case.in_channels, case.classes, case.width, case.use_residual)
    shapes = values_module.resnet_shapes(case.in_channels, case.classes, case.width, case.use_residual)
    values = values_module.values_of(shapes, case.seed, biased={"net.0.0"})
    oracle.load(module, values)
    return module, values


def places_of(name: str) -> int:
    """Return the places of a batch norm's map on 32 x 32 pixels: 16 x 16, then 8, 4, 2, 1 squared."""
    return {"0": 256, "1": 64, "2": 16, "3": 4, "4": 1}[name.split(".")[1]]
