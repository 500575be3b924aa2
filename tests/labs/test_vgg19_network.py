"""The whole network of the lab vgg19, with its own checkpoint, against PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader.lab.checks import Sampled
from grader.prepare.matconvnet import read_parameters
from grader.prepare.resources import prepare_resources
from grader.project.contract import load_lab
from grader.project.places import Project

ROOT = Path(__file__).resolve().parents[2]
CAT = 281


@pytest.fixture(scope="module")
def lab():
    """Return the lab."""
    return load_lab(ROOT / "labs" / "vgg19")


@pytest.fixture(scope="module")
def checkpoint(lab):
    """Return the folder of the lab's checkpoint, from the cache."""
    return prepare_resources(Project(ROOT), lab, list(lab.checks.values()), None, print)["checkpoint"]


def torch_vgg19(parameters, x):
    """Return the outputs of all layers but softmax's, in float64, by name; pool5 is repeated like tiles."""
    import torch
    from torch.nn import functional

    outputs = {}
    y = torch.from_numpy(x).double()
    for stage, count in enumerate((2, 2, 4, 4, 4), start=1):
        for number in range(1, count + 1):
            name = f"conv{stage}_{number}"
            weight, bias = (torch.from_numpy(parameters[f"{name}.{part}"]).double() for part in ("weight", "bias"))
            y = outputs[name] = functional.conv2d(y, weight, bias, padding=1)
            y = outputs[f"relu{stage}_{number}"] = functional.relu(y)
        y = outputs[f"pool{stage}"] = functional.max_pool2d(y, 2)
    y = y.repeat(1, 1, 7, 7)[:, :, :7, :7]
    y = outputs["flatten"] = y.permute(0, 2, 3, 1).reshape(1, -1)
    for number in (6, 7, 8):
        # Only one float64 copy of these large weights at a time.
        weight, bias = (parameters[f"fc{number}.{part}"].astype(np.float64) for part in ("weight", "bias"))
        y = outputs[f"fc{number}"] = y @ torch.from_numpy(weight).T + torch.from_numpy(bias)
        if number < 8:
            y = outputs[f"relu{number}"] = functional.relu(y)
    outputs["softmax"] = functional.softmax(y, dim=1)
    return {name: output.numpy() for name, output in outputs.items()}


@pytest.mark.oracle
def test_whole_network_agrees_with_torch(run_checks, lab, checkpoint):
    """Every layer's output, the probabilities and the class are PyTorch's; the cat is class 281."""
    pytest.importorskip("torch")
    (case,) = lab.checks["network_class"].cases(np.random.default_rng(3))
    (outcome,) = run_checks(
        ROOT / "reference" / "vgg19", [("network_class", case)], lab="vgg19", checkpoint=checkpoint
    )
    assert outcome.error is None, outcome.error
    x = (case.image.astype(np.float32) - np.float32((123.68, 116.779, 103.939))).transpose(2, 0, 1)[None]
    outputs = torch_vgg19(read_parameters(checkpoint), np.ascontiguousarray(x))
    assert len(outputs) == 44
    for name, output in outputs.items():
        expected = Sampled(output, name).parts()["values"]
        np.testing.assert_allclose(outcome.arrays[f"{name}/values"], expected, rtol=1e-4, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(outcome.arrays["probabilities"], outputs["softmax"], rtol=1e-4, atol=1e-8)
    assert outcome.arrays["class"] == outputs["softmax"].argmax(axis=1) == CAT
