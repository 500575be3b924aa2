"""Checks of batch normalisation: in training, otherwise, its moving statistics, its gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from grader.lab import CHANNELS_LAST, Case
from grader.lab.layer_cases import normal

from .checks_layers import layer_check

TRAINABLE, MOVING = ("gamma", "beta"), ("moving_mean", "moving_variance")
MOMENTUM = 0.99


def course_statistics(rng: np.random.Generator) -> Iterable[Case]:
    """Make feature maps as the networks normalise them: a batch behind a convolution."""
    yield statistics_case(rng, "feature maps of a batch", (4, 6, 6, 5))
    yield statistics_case(rng, "few pixels, as in the last stage of VGG16", (8, 2, 2, 4))


def more_statistics(rng: np.random.Generator) -> Iterable[Case]:
    """Make values far from 0, small variances for which epsilon matters, and features without pixels."""
    yield statistics_case(rng, "not square, far from 0", (3, 5, 7, 4), offset=4.0)
    yield statistics_case(rng, "variances near epsilon", (4, 5, 4, 3), scale=0.05)
    yield statistics_case(rng, "features without pixels", (12, 7))


def statistics_case(
    rng: np.random.Generator, name: str, shape: tuple[int, ...], offset: float = 0.0, scale: float = 1.0
) -> Case:
    """Make two batches and the four variables."""
    channels = shape[-1]
    spread = rng.uniform(0.5, 2.0, channels).astype(np.float32) * np.float32(scale)
    middle = normal(rng, channels) * np.float32(scale) + np.float32(offset)
    layout = {"layout": CHANNELS_LAST} if len(shape) == 4 else {}
    return Case.of(
        name,
        **layout,
        x=normal(rng, *shape) * spread + middle,
        second=normal(rng, *shape) * spread - middle,
        gamma=rng.uniform(0.5, 1.5, channels).astype(np.float32),
        beta=normal(rng, channels),
        moving_mean=normal(rng, channels) * np.float32(scale),
        moving_variance=rng.uniform(0.5, 2.0, channels).astype(np.float32) * np.float32(scale**2),
        out_grad=normal(rng, *shape),
    )


def bn_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    yield from course_statistics(rng)
    yield from (case.beyond() for case in more_statistics(rng))


def bn_layer(student: Any, case: Case) -> Any:
    """Return a layer with the variables of the case."""
    layer = student.layers.BatchNormalization()
    layer(case.x.copy(), training=False)
    for name in (*TRAINABLE, *MOVING):
        getattr(layer, name).assign(case.arrays[name].copy())
    return layer


def divides_by_one_less(student: Any) -> bool:
    """Whether the submission's moving variance divides by n - 1 and not by n; both are right.

    TensorFlow's fused kernel does the one, Keras 3 the other.
    """

    def ask() -> bool:
        layer = student.layers.BatchNormalization()
        # Four values with the variance 4: one hundredth of it, or of 16 / 3, is new.
        layer(np.array([[-2.0], [2.0], [-2.0], [2.0]], np.float32), training=True)
        return abs(float(layer.moving_variance.value[0]) - (MOMENTUM + 0.01 * 16 / 3)) < 1e-3

    return bool(student.once("divides by one less", ask))


def with_n(student: Any, before: np.ndarray, after: np.ndarray, count: int) -> np.ndarray:
    """Return a moving variance after one step as it is where the variance of ``count`` values is divided by n."""
    if not divides_by_one_less(student):
        return np.asarray(after)
    new = (np.asarray(after, np.float64) - MOMENTUM * np.asarray(before, np.float64)) * ((count - 1) / count)
    return (MOMENTUM * np.asarray(before, np.float64) + new).astype(np.float32)


@layer_check(tier=60, cases=bn_cases, holes=("bn_variables",))
def bn_variables(student, case):
    """BatchNormalization: its four variables, two of them trainable, and their first values."""
    layer = student.layers.BatchNormalization()
    layer.build(case.x.shape)
    for name in (*TRAINABLE, *MOVING):
        variable = getattr(layer, name, None)
        held = any(variable is one for one in layer.variables)
        student.require(
            held, "`{name}` is not among the variables of the layer: make it with `add_weight`", name=name
        )
        student.require(variable.trainable or name not in TRAINABLE, "`{name}` must be trainable", name=name)
        student.require(not variable.trainable or name in TRAINABLE, "`{name}` must not be trainable", name=name)
    student.require(
        len(layer.variables) == 4, "the layer has {count} variables, expected 4", count=len(layer.variables)
    )
    return {name: getattr(layer, name).value for name in (*TRAINABLE, *MOVING)}


@layer_check(tier=60, cases=bn_cases, needs=("bn_variables",), holes=("bn_forward",))
def bn_training(student, case):
    """BatchNormalization in training: two batches, and the moving statistics after each."""
    layer = bn_layer(student, case)
    variance = case.moving_variance
    for number, batch in enumerate((case.x, case.second), start=1):
        before = np.array(layer.moving_variance.value)
        student.emit(f"outputs {number}", layer(batch.copy(), training=True))
        student.emit(f"moving_mean {number}", layer.moving_mean.value)
        count = batch.size // batch.shape[-1]
        step = with_n(student, before, layer.moving_variance.value, count) - np.float32(MOMENTUM) * before
        variance = np.float32(MOMENTUM) * variance + step
        student.emit(f"moving_variance {number}", variance)


@layer_check(tier=60, cases=bn_cases, needs=("bn_variables",), holes=("bn_forward",))
def bn_inference(student, case):
    """BatchNormalization when it is not training: by the moving statistics, which stay as they are."""
    layer = bn_layer(student, case)
    student.emit("outputs", layer(case.x.copy(), training=False))
    return {name: getattr(layer, name).value for name in MOVING}


@layer_check(tier=80, cases=bn_cases, needs=("bn_training",), holes=("bn_backward",))
def bn_backward(student, case):
    """BatchNormalization, backward pass in training: the gradients of input, gamma and beta."""
    layer = bn_layer(student, case)
    layer(case.x.copy(), training=True)
    student.emit("in_grad", layer.backward(case.out_grad.copy()))
    return {f"d_{name}": getattr(layer, name).gradient for name in TRAINABLE}
