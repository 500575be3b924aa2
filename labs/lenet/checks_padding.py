"""The check of padding: how many zeros of every kind, and where."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from grader.lab import Case, check
from grader.lab.layer_cases import normal, output_sizes

PADDINGS = (
    # name, pad, kernel, stride, dilation
    ("one number for all sides", 2, None, None, 1),
    ("no padding", 0, (3, 3), 1, 1),
    ("four numbers: above, below, left, right", (1, 2, 3, 0), None, None, 1),
    ("`valid`", "valid", (3, 3), 1, 1),
    ("`same`, odd kernel", "same", (3, 5), 1, 1),
    ("`same`, even kernel: one zero more at the end", "same", (2, 4), 1, 1),
    ("`same`, odd rows and even columns", "same", (5, 2), 1, 1),
    ("`same`, dilation 2", "same", (3, 2), 1, 2),
    ("`same`, 1x1 kernel", "same", (1, 1), 1, 1),
)
# The chapter's own networks have `same` with stride 1; formula (3) says what it is with others.
MORE_PADDINGS = (
    ("`same`, stride 2", "same", (3, 3), 2, 1),
    ("`same`, stride 3, even rows and odd columns", "same", (2, 5), 3, 1),
)


def padding_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make every kind of padding."""
    yield from (padding_case(rng, *row) for row in PADDINGS)
    yield from (padding_case(rng, *row).beyond() for row in MORE_PADDINGS)
    case = padding_case(rng, "zeros for half the rows and columns, stride 2", "same", (3, 4), 2, 1)
    halves = [-(-size // 2) for size in case.x.shape[1:3]]
    yield Case.of(case.name, **case.config, out_dim=halves, **case.arrays).beyond()


def padding_case(
    rng: np.random.Generator, name: str, pad: Any, kernel: tuple[int, int] | None, stride: int | None, dilation: int
) -> Case:
    """Make one padding."""
    rows, columns = output_sizes(rng)
    return Case.of(
        name,
        pad=pad if not isinstance(pad, tuple) else list(pad),
        kernel_shape=None if kernel is None else list(kernel),
        stride=stride,
        dilation=dilation,
        x=normal(rng, 2, rows, columns, 3),
    )


def pad_of(case: Case) -> Any:
    """Return the padding of a case as the submission takes it."""
    pad = case.config.get("pad", case.config.get("padding"))
    return tuple(pad) if isinstance(pad, list) else pad


conv_check = partial(check, files=("conv.py",))


@conv_check(tier=60, cases=padding_cases, holes=("pad", "same_padding"))
def padding(student, case):
    """Padding: one number, four numbers, `same`, `valid`."""
    kernel = case.kernel_shape
    if "out_dim" in case.config:
        zeros = student.conv.calc_pad_dims_sameconv_2D
        return {"p": zeros(case.x.shape, tuple(case.out_dim), tuple(kernel), case.stride, case.dilation)}
    result = student.conv.pad2D(
        case.x.copy(), pad_of(case), None if kernel is None else tuple(kernel), case.stride, case.dilation
    )
    student.require(isinstance(result, tuple) and len(result) == 2, "`pad2D` must return two things, (X_pad, p)")
    return {"padded": result[0], "p": result[1]}
