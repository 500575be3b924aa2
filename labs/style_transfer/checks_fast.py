"""Checks of the faster convolution and pooling: right, and how many times as fast as loops."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from grader.lab import Case, Sampled, Speed, check
from grader.lab.calls import backward_outputs, forward_outputs
from grader.lab.layer_cases import few_values, normal

from .checks_layers import (
    LAYER_FILES,
    RAW,
    SPEEDUP,
    backward_pooling_cases,
    conv_cases,
    convolution,
    layer_check,
    pool_cases,
)

TIMED_CHANNELS, TIMED_ROWS, TIMED_COLUMNS = 256, 24, 40
# Each repeat is one of these; the first call in a process does not count.
TIMED_CASES = 5
# The reference's loops are timed on so many of the rows: what one output takes does not depend on their number.
BASELINE_ROWS = 2
TIMES_AS_FAST = 5.0
# Four loops take 10 to 40 s for the timed layer, forward and backward, and 2 minutes for the whole step.
LOOPS_LIMIT_S = 240.0


def timed_layer(rng: np.random.Generator, rows: int, weight: np.ndarray, turn: int = 0) -> Case:
    """Make the layer that the course times, or some rows of it.

    The weight is stored once for all repeats; each turns its input channels by another number, `turned`.
    """
    channels = TIMED_CHANNELS
    return Case.of(
        f"{channels} to {channels} channels on {rows} x {TIMED_COLUMNS}, as the course times it",
        c_in=channels,
        c_out=channels,
        k=3,
        padding=1,
        stride=1,
        turn=turn,
        x=few_values(rng, 1, channels, rows, TIMED_COLUMNS),
        weight=weight,
        bias=normal(rng, channels),
        out_grad=few_values(rng, 1, channels, rows, TIMED_COLUMNS),
    )


def timed_weight(rng: np.random.Generator) -> np.ndarray:
    """Make a weight that leads to outputs near 1."""
    return few_values(rng, TIMED_CHANNELS, 3, 3, TIMED_CHANNELS) / np.float32(np.sqrt(9 * TIMED_CHANNELS))


def speedup_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make repeats of the timed layer, no two with the same numbers."""
    weight = timed_weight(rng)
    turns = rng.permutation(TIMED_CHANNELS)[:TIMED_CASES]
    return [timed_layer(rng, TIMED_ROWS, weight, int(turn)) for turn in turns]


def loops_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the timed layer once: with loops it takes long enough."""
    yield timed_layer(rng, TIMED_ROWS, timed_weight(rng))


def baseline_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the few rows on which the reference's loops are timed again and again."""
    yield timed_layer(rng, BASELINE_ROWS, timed_weight(rng))


@layer_check(tier=100, cases=conv_cases, holes=("conv_forward_speedup",))
def conv_forward_speedup(student, case):
    """Faster convolution, forward pass."""
    return forward_outputs(convolution(student, case, SPEEDUP), case)


@layer_check(tier=100, cases=conv_cases, needs=("conv_forward_speedup",), holes=("conv_backward_speedup",))
def conv_backward_speedup(student, case):
    """Faster convolution, backward pass."""
    return backward_outputs(convolution(student, case, SPEEDUP), case)


@layer_check(tier=100, cases=pool_cases, holes=("pool_forward_speedup",))
def max_pool_forward_speedup(student, case):
    """Faster max pooling, forward pass."""
    return forward_outputs(student.layers_2.MaxPoolingLayer(case.k, case.stride, SPEEDUP), case)


@layer_check(
    tier=100,
    cases=backward_pooling_cases,
    needs=("max_pool_forward_speedup",),
    holes=("pool_backward_speedup",),
)
def max_pool_backward_speedup(student, case):
    """Faster max pooling, backward pass."""
    return backward_outputs(student.layers_2.MaxPoolingLayer(case.k, case.stride, SPEEDUP), case)


def timed_passes(student: Any, case: Case, type: int) -> dict[str, Any]:
    """Run both passes; the forward one is sent as soon as it is there, so that each has its time."""
    layer = convolution(student, case, type)
    student.emit("forward", Sampled(layer.forward(case.x.copy()), "forward"))
    return {"backward": Sampled(layer.backward(case.out_grad.copy()), "backward")}


timing_check = partial(check, files=LAYER_FILES, slow=True, group="timing", limit_s=LOOPS_LIMIT_S)


@timing_check(tier=None, cases=loops_cases, needs=("conv_backward",))
def loops_timing(student, case):
    """Convolution with loops, 256 to 256 channels on 24 x 40: right, and how long it takes."""
    return timed_passes(student, case, RAW)


@timing_check(
    tier=100,
    cases=speedup_cases,
    needs=("conv_backward_speedup",),
    speed=Speed(
        "loops_timing",
        at_least=TIMES_AS_FAST,
        cases=baseline_cases,
        scale=TIMED_ROWS / BASELINE_ROWS,
        multiply_adds=2 * 9 * TIMED_CHANNELS**2 * TIMED_ROWS * TIMED_COLUMNS,
        hint="Multiply matrices instead of looping over the outputs: all windows as rows of one array (im2col), or one "
        "product for each of the nine places of the kernel. See section 2 of the README.",
    ),
)
def speedup_timing(student, case):
    """Faster convolution, 256 to 256 channels on 24 x 40: right, and fast enough."""
    return timed_passes(student, case, SPEEDUP)
