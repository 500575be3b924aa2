"""Checks of the exercises beyond the tiers; leaving them out costs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from grader.lab import CHANNELS_LAST, Case, check
from grader.lab.layer_cases import normal
from grader.lab.layer_geometry import sides

exercise = partial(check, tier=None, files=("exercises.py",))


def dilated_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make kernels to spread."""
    for dilation, kernel in ((1, (3, 3)), (2, (3, 2)), (3, (2, 4))):
        yield Case.of(f"dilation {dilation}", dilation=dilation, weight=normal(rng, *kernel, 2, 3))


def grouped_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make grouped convolutions, from one group to one for each channel."""
    for groups, c_in, c_out, stride, pad, dilation in ((1, 4, 6, 1, 1, 1), (2, 4, 6, 2, 0, 1), (4, 4, 8, 1, 1, 2)):
        yield Case.of(
            f"{groups} groups" if groups > 1 else "one group",
            groups=groups,
            c_in=c_in,
            c_out=c_out,
            stride=stride,
            pad=pad,
            dilation=dilation,
            layout=CHANNELS_LAST,
            x=normal(rng, 2, *sides(rng), c_in),
            weight=normal(rng, 3, 3, c_in // groups, c_out),
        )


def separable_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make depthwise separable convolutions."""
    for name, stride, pad in (("padding 1", 1, 1), ("stride 2, no padding", 2, 0)):
        yield Case.of(
            name,
            stride=stride,
            pad=pad,
            layout=CHANNELS_LAST,
            x=normal(rng, 2, *sides(rng), 3),
            depth_weight=normal(rng, 3, 3, 1, 3),
            point_weight=normal(rng, 1, 1, 3, 5),
        )


def count_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make sizes of convolutions, the README's among them."""
    for kernel, c_in, c_out, groups in ((3, 64, 128, 4), (5, 6, 16, 2), (1, 12, 8, 1)):
        size = f"{kernel}x{kernel}, {c_in} to {c_out}, {groups} groups"
        yield Case.of(size, kernel_shape=[kernel, kernel], c_in=c_in, c_out=c_out, groups=groups)


def lp_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make poolings between the average and the maximum."""
    for p, window, stride, pad in ((1, (2, 2), 2, 0), (2, (3, 3), 2, 1), (3.5, (2, 3), 1, 0)):
        x = normal(rng, 2, *sides(rng), 3)
        yield Case.of(f"p = {p}", p=p, kernel_shape=list(window), stride=stride, pad=pad, layout=CHANNELS_LAST, x=x)


def mean_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make pictures."""
    yield Case.of("two samples", layout=CHANNELS_LAST, x=normal(rng, 2, *sides(rng), 4))


def shift_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make functions to shift, and how far: some are equivariant, some for even shifts only, some not at all."""
    for kind, rows, columns in (
        ("blur", 1, 2),
        ("blur every second", 2, 4),
        ("blur every second", 1, 0),
        ("brighter below", 1, 0),
        ("brighter below", 0, 3),
    ):
        yield Case.of(
            f"{kind}, {rows} down, {columns} right",
            kind=kind,
            rows=rows,
            columns=columns,
            margin=5,
            x=normal(rng, 1, 20, 22, 2),
        )


def shiftable(kind: str) -> Any:
    """Return a function of pictures that keeps their rows and columns."""

    def blur(x: np.ndarray) -> np.ndarray:
        return x + 0.5 * np.roll(x, 1, axis=1) + 0.25 * np.roll(x, -1, axis=2)

    def every_second(x: np.ndarray) -> np.ndarray:
        return blur(x)[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)

    def brighter_below(x: np.ndarray) -> np.ndarray:
        return x * np.linspace(0, 1, x.shape[1])[None, :, None, None]

    return {"blur": blur, "blur every second": every_second, "brighter below": brighter_below}[kind]


@exercise(cases=dilated_cases, holes=("dilated_kernel",))
def exercise_dilated(student, case):
    """Dilated convolution: the kernel with zeros between its entries."""
    return {"wide_weight": student.exercises.dilated_kernel(case.weight.copy(), case.dilation)}


@exercise(cases=grouped_cases, needs=("conv2d_gemm",), holes=("grouped_convolution",))
def exercise_grouped(student, case):
    """Grouped convolution."""
    arguments = case.x.copy(), case.weight.copy(), case.groups, case.stride, case.pad, case.dilation
    return {"outputs": student.exercises.grouped_conv2D(*arguments)}


@exercise(cases=separable_cases, needs=("conv2d_gemm",), holes=("depthwise_separable",))
def exercise_separable(student, case):
    """Depthwise separable convolution."""
    arguments = case.x.copy(), case.depth_weight.copy(), case.point_weight.copy(), case.stride, case.pad
    return {"outputs": student.exercises.depthwise_separable_conv2D(*arguments)}


@exercise(cases=count_cases, holes=("parameter_counts",))
def exercise_counts(student, case):
    """Numbers of weights of a plain, a grouped and a depthwise separable convolution."""
    counts = student.exercises.parameter_counts(tuple(case.kernel_shape), case.c_in, case.c_out, case.groups)
    student.require(np.shape(counts) == (3,), "`parameter_counts` must return three numbers")
    return {"counts": np.array([int(count) for count in counts])}


@exercise(cases=lp_cases, needs=("padding",), holes=("lp_pooling",))
def exercise_lp_pooling(student, case):
    """L^p pooling."""
    window = tuple(case.kernel_shape)
    return {"outputs": student.exercises.lp_pool2D(case.x.copy(), window, case.stride, case.p, case.pad)}


@exercise(cases=mean_cases, holes=("global_average_pool",))
def exercise_global_average(student, case):
    """Global average pooling."""
    return {"outputs": student.exercises.global_average_pool(case.x.copy())}


@exercise(cases=shift_cases, holes=("equivariance",))
def exercise_equivariance(student, case):
    """How far functions are from being equivariant to shifts."""
    arguments = shiftable(case.kind), case.x.copy(), case.rows, case.columns, case.margin
    return {"error": student.exercises.equivariance_error(*arguments)}
