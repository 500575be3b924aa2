"""Which part of a batch norm is off is told exactly; PyTorch makes the right one, a text of its own wrong ones."""

import time

import numpy as np
import pytest
import torch

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.norm_rules import by_norms
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

EPSILON, MOMENTUM = 1e-5, 0.9
SHAPES = ((2, 4, 3, 6, 5), (1, 3, 4, 5, 7), (3, 2, 3, 4, 6))
FORWARD = ("outputs", "running_mean", "running_variance")
BACKWARD = ("in_grad", "d_weight", "d_bias")
TEXT = """
for x in calls:
    if training:
        mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
        running_mean = m * running_mean + (1 - m) * mean
        running_variance = m * running_variance + (1 - m) * variance
    else:
        mean, variance = running_mean, running_variance
root = np.sqrt(variance + eps)
xhat = (x - mean) / root
outputs = gamma * xhat + beta
d_weight = (g * xhat).sum((0, 2, 3))
d_bias = g.sum((0, 2, 3))
n = g.size // g.shape[1]
mean_grad = d_bias.reshape(1, -1, 1, 1) / n
mean_product = d_weight.reshape(1, -1, 1, 1) / n
in_grad = gamma / root * (g - mean_grad - xhat * mean_product)
"""


def inputs(number):
    """Inputs of a case; those of the second have hardly more variance than epsilon."""
    rng, shape = np.random.default_rng(number), SHAPES[number]
    size = 0.003 if number == 1 else 1.0
    return {
        "x": size * (rng.standard_normal(shape) + rng.standard_normal((1, 1, shape[2], 1, 1))),
        "weight": rng.uniform(0.5, 1.5, shape[2]),
        "bias": rng.standard_normal(shape[2]),
        "mean": rng.standard_normal(shape[2]),
        "variance": rng.uniform(0.5, 2.0, shape[2]),
        "out_grad": rng.standard_normal(shape[1:]),
    }


def by_torch(number, training):
    """What PyTorch's layer gives; its running variance divides by n - 1."""
    given = {name: torch.from_numpy(array.copy()) for name, array in inputs(number).items()}
    layer = torch.nn.BatchNorm2d(SHAPES[number][2], eps=EPSILON, momentum=1 - MOMENTUM, dtype=torch.float64)
    layer.train(training)
    with torch.no_grad():
        for own, name in ((layer.weight, "weight"), (layer.bias, "bias"), (layer.running_mean, "mean"),
                          (layer.running_var, "variance")):  # fmt: skip
            own.copy_(given[name])
    for x in given["x"]:
        x = x.clone().requires_grad_()
        y = layer(x)
    y.backward(given["out_grad"])
    variance, calls = layer.running_var.numpy().copy(), given["x"].numpy()
    if training:
        n = calls[0, :, 0].size
        for age, one in enumerate(reversed(calls)):
            variance -= (1 - MOMENTUM) * MOMENTUM**age * one.var(axis=(0, 2, 3)) / (n - 1)
    return {
        "outputs": y.detach().numpy(), "running_mean": layer.running_mean.numpy().copy(),
        "running_variance": variance, "in_grad": x.grad.numpy(), "d_weight": layer.weight.grad.numpy(),
        "d_bias": layer.bias.grad.numpy(),
    }  # fmt: skip


def written(number, training, *changes):
    """What a text gives in which parts are changed."""
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    given = inputs(number)
    names = {
        "np": np, "training": training, "eps": EPSILON, "m": MOMENTUM, "calls": given["x"], "g": given["out_grad"],
        "gamma": given["weight"].reshape(1, -1, 1, 1), "beta": given["bias"].reshape(1, -1, 1, 1),
        "running_mean": given["mean"].reshape(1, -1, 1, 1),
        "running_variance": given["variance"].reshape(1, -1, 1, 1),
    }  # fmt: skip
    exec(text, names)
    return {name: names[name].reshape(-1) if "running" in name else names[name] for name in (*FORWARD, *BACKWARD)}


def told(training, names, *changes, made=written):
    """What is said of all cases."""
    runs = []
    for number in range(len(SHAPES)):
        expected = {name: by_torch(number, training)[name] for name in names}
        actual = {name: made(number, training, *changes)[name] for name in names}
        bounds = {name: Tolerance(1e-9, 1e-7) for name in names}
        case = RecordedCase(Case("case", {}, inputs(number)), expected, bounds)
        runs.append(CaseRun(case, Outcome(None, outputs=actual), compare(expected, actual, bounds)))
    assert changes == () or any(run.findings for run in runs)
    return by_norms(runs)


IN_TRAINING = {
    "divided by n - 1": [("x.var((0, 2, 3), keepdims=True)", "x.var((0, 2, 3), keepdims=True, ddof=1)"),
                         ("+ (1 - m) * variance", "+ (1 - m) * x.var((0, 2, 3), keepdims=True)")],
    "Epsilon is missing": [(" + eps", "")],
    "added to the root": [("np.sqrt(variance + eps)", "np.sqrt(variance) + eps")],
    "the root is not taken": [("/ root\noutputs", "/ root**2\noutputs")],
    "Epsilon is 0.001, not 1e-05": [("eps)", "1e-3)")],
    "Gamma is missing": [("gamma * xhat", "xhat")],
    "Gamma and beta are exchanged": [("gamma * xhat + beta", "beta * xhat + gamma")],
    "Beta is missing": [("xhat + beta", "xhat")],
    "The mean is not subtracted": [("(x - mean)", "x")],
    "momentum and 1 - momentum are exchanged": [("m * running", "k * running"), ("(1 - m) * mean", "m * mean"),
                                                ("(1 - m) * variance", "m * variance"), ("k *", "(1 - m) *")],
    "In the running mean momentum": [("m * running_mean", "(1 - m) * running_mean"),
                                     ("(1 - m) * mean", "m * mean")],
    "In the running variance momentum": [("m * running_variance", "(1 - m) * running_variance"),
                                         ("(1 - m) * variance", "m * variance")],
    "mean of the squares": [("x.var((0, 2, 3), keepdims=True)", "(x**2).mean((0, 2, 3), keepdims=True)")],
    "momentum of the running statistics is 0.99, not 0.9": [("m *", "0.99 *"), ("(1 - m)", "0.01")],
    "made of standard deviations": [("(1 - m) * variance", "(1 - m) * np.sqrt(variance)")],
    "The running statistics are not updated": [("running_mean = m", "a = m"), ("running_variance = m", "b = m")],
    "in use the running ones": [("root = ", "mean, variance = running_mean, running_variance\nroot = ")],
    "Beta is missing. The running statistics are not updated":
        [("xhat + beta", "xhat"), ("running_mean = m", "a = m"), ("running_variance = m", "b = m")],
}  # fmt: skip
OF_THE_GRADIENT = {
    "are taken as constants": [("(g - mean_grad - xhat * mean_product)", "g")],
    "the way through the mean is missing": [("g - mean_grad -", "g -")],
    "the way through the variance is missing": [(" - xhat * mean_product", "")],
    "the way through the variance is added": [("- xhat * mean_product", "+ xhat * mean_product")],
    "divide by n": [(" / n", "")],
    "by the number of samples alone": [("n = g.size // g.shape[1]", "n = len(g)")],
    "In the gradient of x gamma is missing": [("gamma / root *", "1 / root *")],
    "is divided by the variance": [("gamma / root *", "gamma / root**2 *")],
    "made with x: take": [("d_weight = (g * xhat)", "d_weight = (g * x)"),
                          ("d_weight.reshape", "(g * xhat).sum((0, 2, 3)).reshape")],
    "not divided by the root": [("d_weight = (g * xhat)", "d_weight = (g * (x - mean))"),
                                ("d_weight.reshape", "(g * xhat).sum((0, 2, 3)).reshape")],
    "The gradient of beta is a mean": [("d_bias = g.sum((0, 2, 3))", "d_bias = g.mean((0, 2, 3))"),
                                       ("d_bias.reshape", "g.sum((0, 2, 3)).reshape")],
    "The gradient of gamma is a mean, and that of x": [("d_weight = (g * xhat).sum", "d_weight = (g * xhat).mean")],
    "The gradient of beta is a mean, and that of x": [("d_bias = g.sum", "d_bias = g.mean")],
}  # fmt: skip


@pytest.mark.parametrize("text", IN_TRAINING)
def test_a_part_of_the_forward_pass_is_told(text):
    """In training, from outputs and running statistics."""
    began = time.process_time()
    assert text in told(True, FORWARD, *IN_TRAINING[text])
    assert time.process_time() - began < 2


@pytest.mark.parametrize("text", OF_THE_GRADIENT)
def test_a_part_of_the_backward_pass_is_told(text):
    """From the three gradients."""
    assert text in told(True, BACKWARD, *OF_THE_GRADIENT[text])


def test_in_use_the_running_statistics_are_right():
    """Those of the batch are named there."""
    of_batch = "mean, variance = (getattr(x, name)((0, 2, 3), keepdims=True) for name in ('mean', 'var'))"
    changes = [("mean, variance = running_mean, running_variance", of_batch)]
    assert "in training they are the batch's" in told(False, ("outputs", "running_mean"), *changes)
    assert told(False, ("outputs", "running_mean")) == "" == told(True, FORWARD)


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_other_mode_is_told_beside_either_divisor(ddof):
    """Labs accept a running variance of n or of n - 1: a mistake of the mode is told in both programs."""
    update = f"running_variance = m * running_variance + (1 - m) * x.var((0, 2, 3), keepdims=True, ddof={ddof})"
    mean = "running_mean = m * running_mean + (1 - m) * mean"
    batch = "mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)"
    changes = [("mean, variance = running_mean, running_variance", f"{batch}; {mean}; {update}")]
    text = told(False, FORWARD, *changes)
    assert "of the other mode" in text and "change in use, too" in text


def test_other_numbers_get_no_cause():
    """One output that does not follow is enough."""

    def other(number, training):
        right = written(number, training)
        return right | {"outputs": right["outputs"] * (1 + number), "running_mean": right["running_mean"] + number}

    assert told(True, FORWARD, made=other) == ""


def test_statistics_that_change_in_use_are_told():
    """Whatever their momentum is: in use it cannot be seen from what is required."""
    update = "running_mean = 0.99 * running_mean + 0.01 * x.mean((0, 2, 3), keepdims=True)"
    changes = [("    else:\n        mean", f"    else:\n        {update}\n        mean")]
    changes += [("mean, variance = running_mean", "mean, variance = old")]
    changes += [("\nfor x", "\nold = running_mean\nfor x")]
    assert (
        told(False, ("running_mean",), *changes)
        == "The running statistics change in use, too: they stay as they are."
    )
