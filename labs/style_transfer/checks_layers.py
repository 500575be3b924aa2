"""Checks of single layers: convolution and pooling with loops, ReLU, both losses, Adam and the first picture."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from grader.lab import Case, check, course_cases
from grader.lab.calls import backward_outputs, forward_outputs
from grader.lab.layer_cases import (
    as_vgg_convolves,
    as_vgg_pools,
    convolution_cases,
    normal,
    one_sample,
    pooling_cases,
    relu_cases,
    repeated_convolution_cases,
    repeated_pooling_cases,
)

NOISE_BOUND = 20.0
RAW, SPEEDUP = 0, 1
LAYER_FILES = ("layers_2.py",)


def all_convolutions(rng: np.random.Generator) -> Iterable[Case]:
    """Make every convolution, and some whose layer is called more than once."""
    yield from convolution_cases(rng, layout="IHWO")
    yield from repeated_convolution_cases(rng, layout="IHWO")


def all_poolings(rng: np.random.Generator) -> Iterable[Case]:
    """Make every pooling, and one whose layer is called more than once."""
    yield from pooling_cases(rng)
    yield from repeated_pooling_cases(rng)


def apart(rng: np.random.Generator) -> Iterable[Case]:
    """Make the pooling cases in which no pixel belongs to two windows.

    The handout assigns the gradient where windows overlap, which is right for its network only; neither way counts.
    """
    return [case for case in all_poolings(rng) if case.stride >= case.k]


# The course is what the handout's network does with one picture: 3x3 kernels with padding 1 and stride 1, windows of
# 2x2 that do not overlap and whose largest pixel is one; layers see other sizes only in another experiment.
conv_cases = course_cases(all_convolutions, lambda case: as_vgg_convolves(case) and "earlier_x" not in case.arrays)
pool_cases = course_cases(all_poolings, lambda case: as_vgg_pools(case) and "earlier_x" not in case.arrays)
backward_pooling_cases = course_cases(apart, lambda case: as_vgg_pools(case) and "earlier_x" not in case.arrays)


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


def style_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the same, and one in which the painting has another size than the picture."""
    yield from loss_cases(rng)
    x, target = normal(rng, 1, 4, 5, 6), normal(rng, 1, 4, 7, 3) + np.float32(0.3)
    yield Case.of("the painting has another size", x=x, target=target).beyond()


def noise_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make a picture of enough pixels that noise of another distribution is noticed."""
    yield Case.of("a picture", x=normal(rng, 1, 3, 24, 40) * np.float32(50))


def optimiser_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the gradients of several steps: large ones, as the course has them; small ones show where epsilon stands."""
    shape = (5, 1, 3, 4, 5)
    large = rng.uniform(0.5, 3, shape) * rng.choice((-1.0, 1.0), shape)
    yield Case.of("large gradients", rate=1.0, x=normal(rng, 1, 3, 4, 5), grads=large.astype(np.float32))
    for name, scale, rate in (("gradients near 0 as well", 1.0, 1.0), ("tiny gradients", 1e-7, 0.5)):
        grads = normal(rng, *shape) * np.float32(scale)
        yield Case.of(name, rate=rate, x=normal(rng, 1, 3, 4, 5), grads=grads).beyond()


def convolution(student: Any, case: Case, type: int) -> Any:
    """Return a convolution with the parameters of the case."""
    layer = student.layers_2.ConvolutionalLayer(case.k, case.c_in, case.c_out, case.padding, case.stride, type)
    layer.init_param()
    layer.load_param(turned(case.weight, case.config.get("turn", 0)), case.bias.copy())
    return layer


layer_check = partial(check, files=LAYER_FILES)
content_cases, painting_cases = (course_cases(cases, one_sample) for cases in (loss_cases, style_cases))


@layer_check(tier=60, cases=conv_cases, holes=("conv_forward_raw",))
def conv_forward(student, case):
    """Convolution with loops, forward pass."""
    return forward_outputs(convolution(student, case, RAW), case)


@layer_check(tier=60, cases=conv_cases, needs=("conv_forward",), holes=("conv_backward_raw",))
def conv_backward(student, case):
    """Convolution with loops, backward pass: the gradients of input, weight and bias."""
    layer = convolution(student, case, RAW)
    return backward_outputs(
        layer, case, lambda: {"d_weight": layer.d_weight, "d_bias": np.reshape(layer.d_bias, -1)}
    )


@layer_check(tier=60, cases=pool_cases, holes=("pool_forward_raw",))
def max_pool_forward(student, case):
    """Max pooling with loops, forward pass."""
    return forward_outputs(student.layers_2.MaxPoolingLayer(case.k, case.stride, RAW), case)


@layer_check(tier=60, cases=backward_pooling_cases, needs=("max_pool_forward",), holes=("pool_backward_raw",))
def max_pool_backward(student, case):
    """Max pooling with loops, backward pass."""
    return backward_outputs(student.layers_2.MaxPoolingLayer(case.k, case.stride, RAW), case)


@check(tier=80, cases=relu_cases, holes=("relu_forward",), files=("layers_1.py",))
def relu_forward(student, case):
    """ReLU, forward pass."""
    return {"outputs": student.layers_1.ReLULayer().forward(case.x.copy())}


@check(tier=80, cases=relu_cases, needs=("relu_forward",), holes=("relu_backward",), files=("layers_1.py",))
def relu_backward(student, case):
    """ReLU, backward pass."""
    return backward_outputs(student.layers_1.ReLULayer(), case)


@check(tier=80, cases=content_cases, holes=("content_loss_forward",), files=("layers_3.py",))
def content_loss_forward(student, case):
    """Content loss."""
    return {"loss": student.layers_3.ContentLossLayer().forward(case.x.copy(), case.target.copy())}


@check(
    tier=80,
    cases=content_cases,
    needs=("content_loss_forward",),
    holes=("content_loss_backward",),
    files=("layers_3.py",),
)
def content_loss_backward(student, case):
    """Gradient of the content loss."""
    layer = student.layers_3.ContentLossLayer()
    layer.forward(case.x.copy(), case.target.copy())
    return {"in_grad": layer.backward(case.x.copy(), case.target.copy())}


@check(tier=80, cases=painting_cases, holes=("style_loss_forward",), files=("layers_3.py",))
def style_loss_forward(student, case):
    """Style loss."""
    return {"loss": student.layers_3.StyleLossLayer().forward(case.x.copy(), case.target.copy())}


@check(
    tier=80,
    cases=painting_cases,
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


@check(tier=80, cases=noise_cases, files=("exp_3_3_style_transfer.py",))
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
    # Of so many numbers spread evenly, these shares are missed by ten of their standard deviations.
    outer, positive = np.mean(np.abs(mixed_in) > NOISE_BOUND / 2), np.mean(mixed_in > 0)
    student.require(
        bool(np.all(np.abs(mixed_in) <= NOISE_BOUND * 1.001) and 0.4 < outer < 0.6 and 0.4 < positive < 0.6),
        "it is not noise * n + content * (1 - noise) with numbers n spread evenly between -20 and 20",
    )
