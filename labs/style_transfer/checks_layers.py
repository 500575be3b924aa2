"""Checks of single layers: convolution and pooling with loops, ReLU, both losses, Adam and the first picture."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from grader.lab import Case, check
from grader.lab.layer_cases import convolution_cases, normal, pooling_cases, relu_cases

NOISE_BOUND = 20.0
RAW, SPEEDUP = 0, 1
LAYER_FILES = ("layers_2.py",)


def backward_pooling_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the pooling cases in which no pixel belongs to two windows.

    The handout assigns the gradient where windows overlap, which is right for its network only; neither way counts.
    """
    return [case for case in pooling_cases(rng) if case.stride >= case.k]


def turned(weight: np.ndarray, turn: int) -> np.ndarray:
    """Return a copy of a weight (C_in, K, K, C_out) whose input channels begin with another one."""
    return np.roll(weight, turn, axis=0)


def loss_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make features of two pictures, of one and of several samples, rows and columns never the same number."""
    for name, batch, channels in (
        ("one sample", 1, 5),
        ("two samples", 2, 3),
        ("more channels than pixels", 1, 40),
    ):
        rows = int(rng.integers(3, 6))
        shape = (batch, channels, rows, rows + int(rng.integers(1, 3)))
        yield Case.of(name, x=normal(rng, *shape), target=normal(rng, *shape) + np.float32(0.3))


def optimiser_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the gradients of several steps; tiny ones show where epsilon stands."""
    for name, scale, rate in (("usual gradients", 1.0, 1.0), ("tiny gradients", 1e-7, 0.5)):
        yield Case.of(
            name, rate=rate, x=normal(rng, 1, 3, 4, 5), grads=normal(rng, 5, 1, 3, 4, 5) * np.float32(scale)
        )


def convolution(student: Any, case: Case, type: int) -> Any:
    """Return a convolution with the parameters of the case."""
    layer = student.layers_2.ConvolutionalLayer(case.k, case.c_in, case.c_out, case.padding, case.stride, type)
    layer.init_param()
    layer.load_param(turned(case.weight, case.config.get("turn", 0)), case.bias.copy())
    return layer


def input_gradient(layer: Any, case: Case) -> np.ndarray:
    """Return the gradient of the input, after the forward pass that it builds on."""
    layer.forward(case.x.copy())
    return layer.backward(case.out_grad.copy())


layer_check = partial(check, files=LAYER_FILES)
conv_cases = partial(convolution_cases, layout="IHWO")


@layer_check(tier=60, cases=conv_cases, holes=("conv_forward_raw",))
def conv_forward(student, case):
    """Convolution with loops, forward pass."""
    return {"outputs": convolution(student, case, RAW).forward(case.x.copy())}


@layer_check(tier=60, cases=conv_cases, needs=("conv_forward",), holes=("conv_backward_raw",))
def conv_backward(student, case):
    """Convolution with loops, backward pass: the gradients of input, weight and bias."""
    layer = convolution(student, case, RAW)
    in_grad = input_gradient(layer, case)
    return {"in_grad": in_grad, "d_weight": layer.d_weight, "d_bias": np.reshape(layer.d_bias, -1)}


@layer_check(tier=60, cases=pooling_cases, holes=("pool_forward_raw",))
def max_pool_forward(student, case):
    """Max pooling with loops, forward pass."""
    return {"outputs": student.layers_2.MaxPoolingLayer(case.k, case.stride, RAW).forward(case.x.copy())}


@layer_check(tier=60, cases=backward_pooling_cases, needs=("max_pool_forward",), holes=("pool_backward_raw",))
def max_pool_backward(student, case):
    """Max pooling with loops, backward pass."""
    return {"in_grad": input_gradient(student.layers_2.MaxPoolingLayer(case.k, case.stride, RAW), case)}


@check(tier=80, cases=relu_cases, holes=("relu_forward",), files=("layers_1.py",))
def relu_forward(student, case):
    """ReLU, forward pass."""
    return {"outputs": student.layers_1.ReLULayer().forward(case.x.copy())}


@check(tier=80, cases=relu_cases, needs=("relu_forward",), holes=("relu_backward",), files=("layers_1.py",))
def relu_backward(student, case):
    """ReLU, backward pass."""
    return {"in_grad": input_gradient(student.layers_1.ReLULayer(), case)}


@check(tier=80, cases=loss_cases, holes=("content_loss_forward",), files=("layers_3.py",))
def content_loss_forward(student, case):
    """Content loss."""
    return {"loss": student.layers_3.ContentLossLayer().forward(case.x.copy(), case.target.copy())}


@check(
    tier=80,
    cases=loss_cases,
    needs=("content_loss_forward",),
    holes=("content_loss_backward",),
    files=("layers_3.py",),
)
def content_loss_backward(student, case):
    """Gradient of the content loss."""
    layer = student.layers_3.ContentLossLayer()
    layer.forward(case.x.copy(), case.target.copy())
    return {"in_grad": layer.backward(case.x.copy(), case.target.copy())}


@check(tier=80, cases=loss_cases, holes=("style_loss_forward",), files=("layers_3.py",))
def style_loss_forward(student, case):
    """Style loss."""
    return {"loss": student.layers_3.StyleLossLayer().forward(case.x.copy(), case.target.copy())}


@check(
    tier=80,
    cases=loss_cases,
    needs=("style_loss_forward",),
    holes=("style_loss_backward",),
    files=("layers_3.py",),
)
def style_loss_backward(student, case):
    """Gradient of the style loss."""
    layer = student.layers_3.StyleLossLayer()
    layer.forward(case.x.copy(), case.target.copy())
    return {"in_grad": layer.backward(case.x.copy(), case.target.copy())}


@check(tier=80, cases=optimiser_cases, holes=("adam_update",), files=("exp_3_3_style_transfer.py",))
def adam_update(student, case):
    """Adam: the picture after each of five steps."""
    optimiser = student.exp_3_3_style_transfer.AdamOptimizer(case.rate, case.x.shape)
    x = case.x.astype(np.float64)
    moves = []
    for grad in case.grads:
        before = x.copy()
        x = np.array(optimiser.update(x, grad.astype(np.float64)))
        moves.append(x - before)
    return {"moves": np.stack(moves)}


@check(tier=80, cases=loss_cases, files=("exp_3_3_style_transfer.py",))
def random_image(student, case):
    """The picture to start from: content mixed with noise between -20 and 20."""
    noise = 0.25
    image = student.exp_3_3_style_transfer.get_random_img(case.x.copy(), noise)
    student.require(
        np.shape(image) == case.x.shape,
        "its shape is {image}, expected {shape}",
        image=np.shape(image),
        shape=case.x.shape,
    )
    mixed_in = (np.asarray(image) - (1 - noise) * case.x) / noise
    student.require(
        bool(np.all(np.abs(mixed_in) <= NOISE_BOUND * 1.001)) and float(np.std(mixed_in)) > NOISE_BOUND / 4,
        "it is not noise * n + content * (1 - noise) with numbers n spread evenly between -20 and 20",
    )
