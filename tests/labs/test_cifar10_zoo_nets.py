"""The networks of the lab cifar10_zoo against PyTorch with the same parameters, and against published counts."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from grader.lab import Sampled
from grader.project.contract import load_lab

ROOT = Path(__file__).resolve().parents[2]
LAB = "cifar10_zoo"
REFERENCE = ROOT / "reference" / LAB
CHECKS = load_lab(ROOT / "labs" / LAB).checks
NETS = sys.modules["_lab_checks.checks_nets"]
EPSILON = 1e-3
# As Keras' summary() prints them, total and trainable; those of Inception10 follow from its formula.
PUBLISHED = {
    "baseline": (198506, 198494),
    "lenet5": (62006, 62006),
    "alexnet8": (9639178, 9638474),
    "vgg16": (15262026, 15253578),
    "inception10": (121418, 120234),
    "resnet18": (11183562, 11173962),
}


class Rival:
    """A network in PyTorch's functions, float64, whose parameters are those that the checks make from a seed.

    ``steps`` are the outputs in the lab's order: activations, the sum and the concatenation count as layers.
    """

    def __init__(self, case, training=False):
        import torch

        self.torch, self.functional = torch, torch.nn.functional
        self.net, self.seed, self.training = case.net, case.seed, training
        self.gain = NETS.GAIN.get(case.net, 1.0)
        self.number = -1
        self.steps = []
        self.parameters = {}
        self.statistics = []

    def take(self, role, shape):
        """Return a parameter of the layer that has the current number."""
        value = NETS.seeded(self.seed, self.number, role, shape, self.gain)
        found = self.torch.from_numpy(value).double().requires_grad_()
        self.parameters[self.number, role] = found
        return found

    def step(self, y):
        self.steps.append(y)
        return y

    def conv(self, x, filters, k, stride=1, padding="same", bias=True):
        self.number += 1
        weight = self.take("kernel", (k, k, x.shape[1], filters))
        offset = self.take("bias", (filters,)) if bias else None
        if padding == "same":
            total = max((-(-x.shape[2] // stride) - 1) * stride + k - x.shape[2], 0)
            x = self.functional.pad(x, (total // 2, total - total // 2) * 2)
        return self.step(self.functional.conv2d(x, weight.permute(3, 2, 0, 1), offset, stride))

    def norm(self, x):
        self.number += 1
        mean, variance, gamma, beta = (
            self.take(role, (x.shape[1],)) for role in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        if self.training:
            self.statistics.append((x.mean((0, 2, 3)).detach(), x.var((0, 2, 3), correction=0).detach()))
            mean = variance = None
        else:
            mean, variance = mean.detach(), variance.detach()
        return self.step(self.functional.batch_norm(x, mean, variance, gamma, beta, self.training, 0.0, EPSILON))

    def relu(self, x):
        return self.step(self.torch.relu(x))

    def pool(self, x, k, stride, padding="valid"):
        if padding == "same":
            total = max((-(-x.shape[2] // stride) - 1) * stride + k - x.shape[2], 0)
            x = self.functional.pad(x, (total // 2, total - total // 2) * 2, value=-np.inf)
        return self.step(self.functional.max_pool2d(x, k, stride))

    def flat(self, x):
        return self.step(x.permute(0, 2, 3, 1).flatten(1))

    def dense(self, x, units, activation):
        self.number += 1
        weight, bias = self.take("kernel", (x.shape[1], units)), self.take("bias", (units,))
        y = self.step(x @ weight + bias)
        return self.step(
            self.torch.softmax(y, 1) if activation == "softmax" else getattr(self.torch, activation)(y)
        )

    def cba(self, x, filters, k=3, stride=1, padding="same", bias=True):
        return self.relu(self.norm(self.conv(x, filters, k, stride, padding, bias)))

    def gap(self, x):
        return self.step(x.mean((2, 3)))

    def __call__(self, x):
        return getattr(self, self.net.lower())(x)

    def baseline(self, x):
        x = self.step(self.pool(self.cba(x, 6, 5), 2, 2))
        # The narrower of the two readings: what the wider one has more is zero.
        x = self.step(self.dense(self.flat(x), 120, "relu"))
        return self.dense(x, 10, "softmax")

    def lenet5(self, x):
        for filters in (6, 16):
            x = self.pool(self.step(self.torch.sigmoid(self.conv(x, filters, 5, padding="valid"))), 2, 2)
        x = self.dense(self.dense(self.flat(x), 120, "sigmoid"), 84, "sigmoid")
        return self.dense(x, 10, "softmax")

    def alexnet8(self, x):
        for filters in (96, 256):
            x = self.pool(self.cba(x, filters, padding="valid"), 3, 2)
        for filters in (384, 384, 256):
            x = self.relu(self.conv(x, filters, 3))
        x = self.flat(self.pool(x, 3, 2))
        for _ in range(2):
            x = self.step(self.dense(x, 2048, "relu"))
        return self.dense(x, 10, "softmax")

    def vgg16(self, x):
        for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(count):
                x = self.cba(x, filters)
            x = self.step(self.pool(x, 2, 2))
        x = self.flat(x)
        for _ in range(2):
            x = self.step(self.dense(x, 512, "relu"))
        return self.dense(x, 10, "softmax")

    def inceptionblk(self, x, ch, stride):
        branches = [
            self.cba(x, ch, 1, stride),
            self.cba(self.cba(x, ch, 1, stride), ch, 3),
            self.cba(self.cba(x, ch, 1, stride), ch, 5),
            self.cba(self.pool(x, 3, 1, "same"), ch, 1, stride),
        ]
        return self.step(self.torch.cat(branches, 1))

    def inception10(self, x, width=16):
        x = self.cba(x, width)
        for ch, stride in ((width, 2), (width, 1), (2 * width, 2), (2 * width, 1)):
            x = self.inceptionblk(x, ch, stride)
        return self.dense(self.gap(x), 10, "softmax")

    def resnetblock(self, x, filters, stride=1, path=False):
        y = self.norm(self.conv(self.cba(x, filters, 3, stride, bias=False), filters, 3, bias=False))
        if path:
            x = self.norm(self.conv(x, filters, 1, stride, bias=False))
        return self.relu(self.step(y + x))

    def resnet18(self, x, width=64):
        x = self.cba(x, width, bias=False)
        for stage in range(4):
            for number in range(2):
                down = stage > 0 and number == 0
                x = self.resnetblock(x, width * 2**stage, 2 if down else 1, down)
        return self.dense(self.gap(x), 10, "softmax")


def first_case(name, seed=12):
    """Return the first case of a check."""
    return next(iter(CHECKS[name].cases(np.random.default_rng(seed))))


def run_one(run_checks, name, case):
    """Return what the reference sends in one check."""
    (outcome,) = run_checks(REFERENCE, [(name, case)], lab=LAB)
    assert outcome.error is None, outcome.error
    return outcome.arrays


def as_torch(x):
    """Return pictures as PyTorch takes them, float64."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(x)).double().permute(0, 3, 1, 2)


def in_our_layout(tensor):
    """Return an output as the lab has it."""
    return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).detach().numpy()


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name, run_checks):
    """All and trainable parameters of the reference are those that Keras' summary() prints."""
    found = run_one(run_checks, f"{name}_build", first_case(f"{name}_build"))
    assert tuple(found["parameters"]) == PUBLISHED[name]


@pytest.mark.oracle
@pytest.mark.parametrize("name", PUBLISHED)
def test_every_layers_output_is_torchs(name, run_checks):
    """Every layer of every network, for converted parameters, when it is not training."""
    pytest.importorskip("torch")
    case = first_case(f"{name}_outputs")
    found = run_one(run_checks, f"{name}_outputs", case)
    rival = Rival(case)
    rival(as_torch(case.x))
    sent = {key.rpartition("/")[0]: None for key in found if key.endswith("/values")}
    assert len(sent) == len(rival.steps)
    for place, (key, step) in enumerate(zip(sent, rival.steps, strict=True), start=1):
        parts = Sampled(in_our_layout(step), f"{case.net} {place}", NETS.SAMPLE).parts()
        for part, wanted in parts.items():
            scale = float(np.abs(parts["values"]).max()) or 1.0
            np.testing.assert_allclose(found[f"{key}/{part}"], wanted, rtol=1e-4, atol=2e-5 * scale, err_msg=key)
    np.testing.assert_allclose(found["probabilities"], rival.steps[-1].detach().numpy(), atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["inception_block", "resnet_block"])
def test_blocks_are_torchs(name, run_checks):
    """Every case of both blocks."""
    pytest.importorskip("torch")
    for case in CHECKS[name].cases(np.random.default_rng(3)):
        rival = Rival(case)
        y = getattr(rival, case.net.lower())(as_torch(case.x), *case.arguments)
        found = run_one(run_checks, name, case)
        np.testing.assert_allclose(found["outputs"], in_our_layout(y), rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(found["input afterwards"], case.x)


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["inception10", "resnet18"])
def test_gradients_in_training_are_torchs(name, run_checks):
    """Gradients of pictures, first and last kernel and every gamma, through the batch's own statistics."""
    torch = pytest.importorskip("torch")
    case = first_case(f"{name}_gradients")
    found = run_one(run_checks, f"{name}_gradients", case)
    rival = Rival(case, training=True)
    x = as_torch(case.x).requires_grad_()
    getattr(rival, name)(x, case.arguments[-1]).backward(torch.from_numpy(case.out_grad.copy()).double())
    kernels = [p.grad.numpy() for (_, role), p in rival.parameters.items() if role == "kernel"]
    gammas = [p.grad.numpy() for (_, role), p in rival.parameters.items() if role == "gamma"]
    wanted = {"pictures": in_our_layout(x.grad), "first kernel": kernels[0], "last kernel": kernels[-1]}
    wanted |= {f"gamma {number}": gamma for number, gamma in enumerate(gammas, start=1)}
    for key, value in wanted.items():
        error = np.linalg.norm(found[key] - value) / np.linalg.norm(value)
        assert error < 2e-3, (key, error)


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["inception10", "resnet18"])
def test_moving_statistics_are_torchs(name, run_checks):
    """After two batches of training, with momentum 0.99 and the variance divided by n."""
    pytest.importorskip("torch")
    case = first_case(f"{name}_statistics")
    found = run_one(run_checks, f"{name}_statistics", case)
    rivals = []
    for batch in (case.x, case.second):
        rivals.append(Rival(case, training=True))
        getattr(rivals[-1], name)(as_torch(batch), case.arguments[-1])
    first = rivals[0].parameters
    for place, role in enumerate(("moving_mean", "moving_variance")):
        starts = [p.detach() for (_, known), p in first.items() if known == role]
        for number, start in enumerate(starts):
            value = start
            for rival in rivals:
                value = 0.99 * value + 0.01 * rival.statistics[number][place]
            np.testing.assert_allclose(found[f"{role} {number + 1}"], value.numpy(), rtol=2e-5, atol=2e-5)


@pytest.mark.oracle
def test_a_step_of_baseline_is_torchs(run_checks):
    """The loss with the masks of the case, and what Keras' Adam makes of PyTorch's gradients."""
    torch = pytest.importorskip("torch")
    case = first_case("baseline_step")
    found = run_one(run_checks, "baseline_step", case)
    rival = Rival(case, training=True)
    masks = [torch.from_numpy(case.arrays[f"mask{n}"]).double() / 0.8 for n in (1, 2)]
    x = rival.pool(rival.cba(as_torch(case.x), 6, 5), 2, 2) * masks[0].permute(0, 3, 1, 2)
    x = rival.dense(rival.flat(x), 120, "relu") * masks[1]
    p = rival.dense(x, 10, "softmax")
    loss = torch.nn.functional.nll_loss(p.log(), torch.from_numpy(case.labels.reshape(-1)))
    loss.backward()
    np.testing.assert_allclose(found["loss"], loss.item(), rtol=1e-5)
    kinds = {0: "Conv2D", 1: "BatchNormalization", 2: "Dense", 3: "Dense"}
    compared = 0
    for (number, role), parameter in rival.parameters.items():
        name = f"{kinds[number]} {number} {role}"
        if f"{name} afterwards/values" not in found:
            continue
        gradient = parameter.grad.numpy()
        if number < 2:
            np.testing.assert_allclose(found[f"{name} gradient's length"], np.linalg.norm(gradient), rtol=1e-5)
        else:
            wanted = Sampled(gradient, name, NETS.SAMPLE).parts()["values"]
            scale = float(np.abs(gradient).max())
            np.testing.assert_allclose(found[f"{name} gradient/values"], wanted, atol=2e-5 * scale, err_msg=name)
        step = 0.001 * np.sqrt(0.001) * gradient / (np.sqrt(0.001 * gradient**2) + 1e-7)
        wanted = Sampled(parameter.detach().numpy() - step, name, NETS.SAMPLE).parts()["values"]
        np.testing.assert_allclose(found[f"{name} afterwards/values"], wanted, atol=2e-6, err_msg=name)
        compared += 1
    assert compared == 7
