"""Checks of the operators' forward passes: both convolutions, edges, pooling, the fully connected layer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab import Case, check
from grader.lab.calls import forward_outputs
from grader.lab.layer_cases import (
    convolution_cases,
    distinct,
    fully_connected_cases,
    normal,
    pooling_cases,
    repeated_convolution_cases,
    repeated_pooling_cases,
)

from .checks_access import Part

PICTURE = Path(__file__).with_name("pictures") / "china.jpg"
PICTURE_SIDE = 256
# name, B, rows, columns, k, padding, stride
COURSE_SINGLE = (
    ("8 x 8, 3x3 kernel, padding 1", 2, 8, 8, 3, 1, 1),
    ("8 x 8, 3x3 kernel, padding 1, stride 2", 2, 8, 8, 3, 1, 2),
)
MORE_SINGLE = (
    ("7 x 7, stride 2, padding 1", 2, 7, 7, 3, 1, 2),
    ("more columns than rows, stride 3 that leaves a rest", 3, 8, 11, 2, 0, 3),
    ("5x5 kernel, padding 2", 1, 6, 9, 5, 2, 1),
)
# name, N, C_in, C_out, k, padding, stride, rows, columns
COURSE_CONVOLUTIONS = (
    ("LeNet's first convolution", 2, 1, 6, 5, 0, 1, 12, 12),
    ("LeNet's second convolution", 2, 6, 16, 5, 0, 1, 8, 8),
    ("3x3 kernel, padding 1, as in a block", 2, 8, 8, 3, 1, 1, 6, 6),
    ("3x3 kernel, padding 1, stride 2, as in a block", 2, 6, 10, 3, 1, 2, 8, 8),
    ("1x1 kernel, stride 2, as in a shortcut", 2, 6, 10, 1, 0, 2, 8, 8),
    ("7x7 kernel, padding 3, stride 2, as at the start of ResNet18", 1, 3, 8, 7, 3, 2, 16, 16),
)
MORE_CONVOLUTIONS = (
    ("7 x 7, stride 2, padding 1", 2, 3, 4, 3, 1, 2, 7, 7),
    ("7 x 10, stride 2, padding 1", 1, 2, 5, 3, 1, 2, 7, 10),
)
# name, N, C, window, padding, stride, rows, columns, lowest and largest value
COURSE_POOLINGS = (
    ("2x2 window, stride 2, as in LeNet", 2, 6, 2, 0, 2, 10, 10, -3.0, 3.0),
    ("3x3 window, stride 2, padding 1, as in ResNet18, after a ReLU", 2, 4, 3, 1, 2, 8, 8, 0.5, 3.0),
)
MORE_POOLINGS = (("3x3 window, stride 2, padding 1, only negative values", 2, 3, 3, 1, 2, 7, 9, -3.0, -0.5),)


def printed_single() -> Case:
    """Return the handout's first example: 1 to 9 under the kernel 0 1, 2 3."""
    return Case.of(
        "1 to 9 under the kernel 0 1, 2 3",
        k=2,
        padding=0,
        stride=1,
        x=np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3),
        weight=np.arange(4, dtype=np.float32).reshape(2, 2),
        out_grad=np.array([[[1.0, -2.0], [0.5, 3.0]]], np.float32),
    )


def single(rng: np.random.Generator, name: str, batch: int, rows: int, columns: int, k: int, padding: int, stride: int
           ) -> Case:  # fmt: skip
    """Make one convolution of one channel."""
    out = [(size + 2 * padding - k) // stride + 1 for size in (rows, columns)]
    return Case.of(
        name,
        k=k,
        padding=padding,
        stride=stride,
        x=normal(rng, batch, rows, columns),
        weight=normal(rng, k, k) / np.float32(k),
        out_grad=normal(rng, batch, *out),
    )


def course_single_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make what the handout runs: the printed example, and 8 x 8 with padding and stride."""
    return [printed_single(), *(single(rng, *row) for row in COURSE_SINGLE)]


def more_single_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make odd shapes and other strides."""
    return [single(rng, *row) for row in MORE_SINGLE]


def single_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    return [*course_single_cases(rng), *(case.beyond() for case in more_single_cases(rng))]


def picture_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Cut a piece out of the grey photograph, for both kernels."""
    import cv2

    grey = cv2.resize(cv2.imread(str(PICTURE), cv2.IMREAD_GRAYSCALE), (PICTURE_SIDE, PICTURE_SIDE))
    for neighbours in (4, 8):
        # Not from the sky above.
        top, left = int(rng.integers(100, PICTURE_SIDE - 60)), int(rng.integers(PICTURE_SIDE - 68))
        piece = np.ascontiguousarray(grey[top : top + 60, left : left + 68])
        yield Case.of(f"a photograph, {neighbours} neighbours", neighbours=neighbours, picture=piece)


def printed_conv() -> Case:
    """Return the handout's example of many channels: 0 to 8 and 1 to 9, three kernels of ones."""
    first = np.arange(9, dtype=np.float32).reshape(3, 3)
    return Case.of(
        "0 to 8 and 1 to 9, three 2x2 kernels of ones",
        c_in=2,
        c_out=3,
        k=2,
        padding=0,
        stride=1,
        x=np.stack([first, first + 1])[None],
        weight=np.ones((3, 2, 2, 2), np.float32),
        bias=np.zeros(3, np.float32),
        out_grad=np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2) - 4,
    )


def conv(rng: np.random.Generator, name: str, batch: int, c_in: int, c_out: int, k: int, padding: int, stride: int,
         rows: int, columns: int) -> Case:  # fmt: skip
    """Make one convolution."""
    out = [(size + 2 * padding - k) // stride + 1 for size in (rows, columns)]
    return Case.of(
        name,
        c_in=c_in,
        c_out=c_out,
        k=k,
        padding=padding,
        stride=stride,
        x=normal(rng, batch, c_in, rows, columns),
        weight=normal(rng, c_out, c_in, k, k) / np.float32(np.sqrt(c_in) * k),
        bias=normal(rng, c_out),
        out_grad=normal(rng, batch, c_out, *out),
    )


def course_conv_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the convolutions of the handout's example, of LeNet and of ResNet18, with fewer channels."""
    return [printed_conv(), *(conv(rng, *row) for row in COURSE_CONVOLUTIONS)]


def more_conv_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make odd shapes, the convolutions that many labs have, and layers that are called again."""
    own = [conv(rng, *row) for row in MORE_CONVOLUTIONS]
    return [*own, *convolution_cases(rng), next(iter(repeated_convolution_cases(rng)))]


def conv_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    return [*course_conv_cases(rng), *(case.beyond() for case in more_conv_cases(rng))]


def printed_pool() -> Case:
    """Return the handout's example: 1 to 16, 2x2 windows with stride 2."""
    return Case.of(
        "1 to 16, 2x2 window, stride 2",
        k=2,
        padding=0,
        stride=2,
        x=np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4),
        out_grad=np.array([[[[1.0, -2.0], [0.5, 3.0]]]], np.float32),
    )


def pool(rng: np.random.Generator, name: str, batch: int, channels: int, k: int, padding: int, stride: int, rows: int,
         columns: int, low: float, high: float) -> Case:  # fmt: skip
    """Make one pooling."""
    out = [(size + 2 * padding - k) // stride + 1 for size in (rows, columns)]
    return Case.of(
        name,
        k=k,
        padding=padding,
        stride=stride,
        x=distinct(rng, (batch, channels, rows, columns), low, high),
        out_grad=normal(rng, batch, channels, *out),
    )


def course_pool_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the poolings of the handout's example, of LeNet and of ResNet18."""
    return [printed_pool(), *(pool(rng, *row) for row in COURSE_POOLINGS)]


def more_pool_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make negative values beside the border, and the poolings that many labs have, but for equal maxima."""
    others = [case for case in pooling_cases(rng) if "equal" not in case.name]
    return [*(pool(rng, *row) for row in MORE_POOLINGS), *others, *repeated_pooling_cases(rng)]


def max_pool_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    return [*course_pool_cases(rng), *(case.beyond() for case in more_pool_cases(rng))]


def average_pool_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both, without padding: the average over a border is not said."""
    return [case for case in max_pool_cases(rng) if not case.config.get("padding") and "negative" not in case.name]


def linear_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make fully connected layers with a weight (in, out), none of them square."""
    return [case for case in fully_connected_cases(rng, "IO") if case.in_features != case.out_features]


def single_convolution(student: Any, case: Case) -> Any:
    """Return a convolution of one channel with the kernel of the case."""
    layer = student.edge.Conv2D(kernel_size=case.k, stride=case.stride, padding=case.padding)
    own = Part("", layer)
    student.require(own.put("weight", case.weight), "`weight` of edge.Conv2D must be ({k}, {k})", k=case.k)
    return layer


def convolution(student: Any, case: Case) -> Any:
    """Return a convolution with the parameters of the case."""
    layer = student.op.Conv2D(
        in_channels=case.c_in, out_channels=case.c_out, kernel_size=case.k, stride=case.stride, padding=case.padding
    )
    own = Part("", layer)
    student.require(
        own.put("weight", case.weight), "`weight` of op.Conv2D must be {shape}", shape=case.weight.shape
    )
    student.require(own.put("bias", case.bias), "`bias` of op.Conv2D must be ({count}, 1)", count=case.c_out)
    return layer


def pooling(student: Any, case: Case, mode: str) -> Any:
    """Return a pooling; where there is no padding, none is named."""
    padding = {"padding": case.padding} if case.config.get("padding") else {}
    return student.op.Pool2D(size=(case.k, case.k), mode=mode, stride=case.stride, **padding)


def linear(student: Any, case: Case) -> Any:
    """Return a fully connected layer with the parameters of the case."""
    layer = student.op.Linear(case.in_features, case.out_features)
    own = Part("", layer)
    for name in ("weight", "bias"):
        student.require(
            own.put(name, case.arrays[name]),
            "{name} of op.Linear must be {shape}",
            name=name,
            shape=case.arrays[name].shape,
        )
    return layer


edge_check = partial(check, files=("edge.py",))
op_check = partial(check, files=("op.py",))


@edge_check(tier=60, cases=single_cases, holes=("conv_single",))
def conv_single_forward(student, case):
    """Convolution of one channel, forward pass."""
    return {"outputs": single_convolution(student, case).forward(case.x.copy())}


@edge_check(tier=60, cases=picture_cases, needs=("conv_single_forward",), holes=("laplacian", "edges"))
def edges(student, case):
    """Edges of a photograph: both Laplacian kernels and their responses."""
    return {
        "kernel": np.asarray(student.edge.laplacian(case.neighbours), np.float32),
        "response": np.asarray(student.edge.edges(case.picture.copy(), case.neighbours)),
    }


@op_check(tier=60, cases=conv_cases, holes=("conv_forward",))
def conv_forward(student, case):
    """Convolution of many channels, forward pass."""
    return forward_outputs(convolution(student, case), case)


@op_check(tier=60, cases=max_pool_cases, holes=("pool_forward",))
def max_pool_forward(student, case):
    """Max pooling, forward pass."""
    return forward_outputs(pooling(student, case, "max"), case)


@op_check(tier=60, cases=average_pool_cases, holes=("pool_forward",))
def average_pool_forward(student, case):
    """Average pooling, forward pass."""
    return forward_outputs(pooling(student, case, "avg"), case)
