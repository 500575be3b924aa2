"""Checks of the operators' backward passes, of the fully connected layer and of batch norm in both modes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from grader.lab import Case
from grader.lab.calls import backward_outputs
from grader.lab.layer_cases import normal

from .checks_access import Part, set_mode
from .checks_layers import (
    average_pool_cases,
    conv_cases,
    convolution,
    edge_check,
    linear,
    linear_cases,
    max_pool_cases,
    op_check,
    pooling,
    single_cases,
    single_convolution,
)
from .checks_values import biased_statistics

MOMENTUM = 0.9
STATISTICS = {"mean": "_mean", "variance": "_variance"}
# name, N, C, rows, columns, factor, calls
COURSE_NORMS = (
    ("a map of a block", 4, 6, 8, 8, 1.0, 1),
    ("one place only, as at the end of ResNet18", 8, 12, 1, 1, 1.0, 1),
)
MORE_NORMS = (
    ("more columns than rows, variance near epsilon", 3, 4, 5, 7, 0.003, 1),
    ("one sample", 1, 3, 6, 5, 2.0, 1),
    ("three passes", 2, 3, 4, 6, 1.0, 3),
)


def norm(rng: np.random.Generator, name: str, batch: int, channels: int, rows: int, columns: int, factor: float,
         calls: int) -> Case:  # fmt: skip
    """Make one batch norm: ``x`` is (calls, N, C, rows, columns)."""
    shift = normal(rng, 1, 1, channels, 1, 1)
    return Case.of(
        name,
        channels=channels,
        x=(normal(rng, calls, batch, channels, rows, columns) + shift) * np.float32(factor),
        weight=rng.uniform(0.5, 1.5, channels).astype(np.float32),
        bias=normal(rng, channels),
        mean=normal(rng, channels),
        variance=rng.uniform(0.5, 2.0, channels).astype(np.float32),
        out_grad=normal(rng, batch, channels, rows, columns),
    )


def course_norm_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make what ResNet18 has."""
    return [norm(rng, *row) for row in COURSE_NORMS]


def more_norm_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make other shapes, a variance that hardly exceeds epsilon, and several passes."""
    return [norm(rng, *row) for row in MORE_NORMS]


def norm_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    return [*course_norm_cases(rng), *(case.beyond() for case in more_norm_cases(rng))]


def norm_gradient_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the same for the backward pass, then one in use, where mean and variance are constants."""
    yield from norm_cases(rng)
    case = norm(rng, "after eval(): mean and variance are constants", 3, 4, 6, 5, 1.0, 1)
    yield Case.of(case.name, **case.config, training=False, **case.arrays).beyond()


def parameter_gradients(student: Any, layer: Any, case: Case, *names: str) -> dict[str, Any]:
    """Return the gradients of a layer's parameters after a backward pass."""
    found: dict[str, Any] = {}
    for name in names:
        found[f"d_{name}"] = Part("", layer).gradient(name, case.arrays[name].shape)
        student.require(found[f"d_{name}"] is not None, "the gradient of {name} is not in `grads`", name=name)
    return found


def all_gradients(student: Any, layer: Any, case: Case, *names: str) -> dict[str, Any]:
    """Return the gradients of the input and of the parameters, after the forward pass that they build on."""
    return backward_outputs(layer, case, lambda: parameter_gradients(student, layer, case, *names))


def batch_norm(student: Any, case: Case, training: bool) -> Any:
    """Return a batch norm with parameters and running statistics of the case, in the wanted mode."""
    layer = student.op.BatchNorm2D(case.channels)
    own = Part("", layer)
    for name in ("weight", "bias", "mean", "variance"):
        student.require(
            own.put(name, case.arrays[name]),
            "op.BatchNorm2D has no {name} of {channels} numbers",
            name=STATISTICS.get(name, name),
            channels=case.channels,
        )
    set_mode(layer, training)
    return layer


@edge_check(tier=80, cases=single_cases, needs=("conv_single_forward",), holes=("conv_single_backward",))
def conv_single_backward(student, case):
    """Convolution of one channel, backward pass: the gradients of input and kernel."""
    return all_gradients(student, single_convolution(student, case), case, "weight")


@op_check(tier=80, cases=conv_cases, needs=("conv_forward",), holes=("conv_backward",))
def conv_backward(student, case):
    """Convolution of many channels, backward pass: the gradients of input, weight and bias."""
    return all_gradients(student, convolution(student, case), case, "weight", "bias")


@op_check(tier=80, cases=max_pool_cases, needs=("max_pool_forward",), holes=("pool_backward",))
def max_pool_backward(student, case):
    """Max pooling, backward pass."""
    return backward_outputs(pooling(student, case, "max"), case)


def equal_maxima_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make windows in which the maximum stands more than once, none of which overlap."""
    x = rng.integers(0, 2, size=(2, 3, 8, 6)).astype(np.float32)
    yield Case.of("equal maxima", k=2, padding=0, stride=2, x=x, out_grad=normal(rng, 2, 3, 4, 3))


@op_check(tier=80, cases=equal_maxima_cases, needs=("max_pool_backward",), holes=("pool_backward",))
def equal_maxima(student, case):
    """Max pooling, equal maxima: one of them gets the gradient, whichever it is."""
    found = np.asarray(backward_outputs(pooling(student, case, "max"), case)["in_grad"])
    student.require(
        found.shape == case.x.shape,
        "`in_grad` has shape {shape}, expected {wanted}",
        shape=found.shape,
        wanted=case.x.shape,
    )
    windows = found.reshape(2, 3, 4, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 3, 4, 3, 4)
    largest = case.x.reshape(2, 3, 4, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 3, 4, 3, 4)
    at_maximum = np.where(largest == largest.max(axis=-1, keepdims=True), windows, 0)
    return {"places": (windows != 0).sum(axis=-1), "at_a_maximum": at_maximum.sum(axis=-1)}


@op_check(tier=80, cases=average_pool_cases, needs=("average_pool_forward",), holes=("pool_backward",))
def average_pool_backward(student, case):
    """Average pooling, backward pass."""
    return backward_outputs(pooling(student, case, "avg"), case)


@op_check(tier=80, cases=linear_cases, holes=("linear_forward",))
def linear_forward(student, case):
    """Fully connected layer, forward pass."""
    return {"outputs": linear(student, case).forward(case.x.copy())}


@op_check(tier=80, cases=linear_cases, needs=("linear_forward",), holes=("linear_backward",))
def linear_backward(student, case):
    """Fully connected layer, backward pass: the gradients of input, weight and bias."""
    return all_gradients(student, linear(student, case), case, "weight", "bias")


@op_check(tier=80, cases=norm_cases, holes=("bn_forward",))
def batch_norm_training(student, case):
    """Batch norm in training: outputs, and the running statistics after it."""
    layer = batch_norm(student, case, training=True)
    outputs = [np.array(layer.forward(x.copy())) for x in case.x]
    mean, variance = (np.reshape(Part("", layer).get(name), -1) for name in ("mean", "variance"))
    if not biased_statistics(student):
        # n / (n - 1) times the variance is as right: what it adds is taken off.
        for age, x in enumerate(reversed(case.x)):
            n = x[:, 0].size
            variance = variance - (1 - MOMENTUM) * MOMENTUM**age * x.var(axis=(0, 2, 3)) / (n - 1)
    return {"outputs": outputs[-1], "running_mean": np.array(mean), "running_variance": np.array(variance)}


@op_check(tier=80, cases=norm_cases, needs=("batch_norm_training",), holes=("bn_forward",))
def batch_norm_evaluation(student, case):
    """Batch norm in use: outputs by the running statistics, which stay as they are."""
    layer = batch_norm(student, case, training=False)
    outputs = [np.array(layer.forward(x.copy())) for x in case.x]
    return {"outputs": outputs[-1], "running_mean": np.reshape(Part("", layer).get("mean"), -1)}


@op_check(tier=80, cases=norm_gradient_cases, needs=("batch_norm_training",), holes=("bn_backward",))
def batch_norm_backward(student, case):
    """Batch norm, backward pass: the gradients of input, gamma and beta."""
    layer = batch_norm(student, case, training=case.config.get("training", True))
    for x in case.x:
        layer.forward(x.copy())
    in_grad = layer.backward(case.out_grad.copy())
    return {"in_grad": in_grad, **parameter_gradients(student, layer, case, "weight", "bias")}
