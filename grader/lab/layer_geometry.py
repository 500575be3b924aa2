"""More makers of cases, (N, rows, columns, channels): any kernel, dilation and padding, `same` among them.

Like `grader.lab.layer_cases`, this module runs on both sides of the trust boundary and needs nothing but NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from grader.lab.checks import CHANNELS_LAST, Case
from grader.lab.layer_cases import distinct, normal

MORE_CONVOLUTIONS = (
    # name, N, C_in, C_out, kernel, pad, stride, dilation
    ("5x5 kernel, no padding, as in LeNet", 2, 1, 6, (5, 5), 0, 1, 1),
    ("`valid`, stride 2", 2, 2, 3, (3, 3), "valid", 2, 1),
    ("kernel of 3 rows and 2 columns", 2, 3, 4, (3, 2), 0, 1, 1),
    ("`same`, 3x3 kernel", 1, 2, 3, (3, 3), "same", 1, 1),
    ("`same`, even kernel: one zero more at the end", 2, 2, 3, (2, 4), "same", 1, 1),
    ("padding of four different widths", 1, 2, 2, (3, 3), (1, 2, 0, 3), 1, 1),
    ("dilation 2", 2, 2, 3, (3, 3), 1, 1, 2),
    ("dilation 3, stride 2", 1, 3, 2, (2, 3), (2, 1, 0, 2), 2, 3),
    ("dilation 2, `same`", 1, 2, 2, (3, 2), "same", 1, 2),
)
MORE_POOLINGS = (
    # name, N, C, window, pad, stride, lowest and largest value
    ("3x3 window, padding 1, stride 2", 2, 3, (3, 3), 1, 2, -3.0, 3.1),
    ("window of 3 rows and 2 columns", 2, 2, (3, 2), 0, 2, -3.0, 3.1),
    ("`same`, even window: one zero more at the end", 1, 3, (2, 2), "same", 1, -3.0, 3.1),
    ("padding above and on the right only", 2, 2, (2, 3), (1, 0, 0, 2), 2, -3.0, 3.1),
    ("zeros around negative values", 1, 2, (3, 3), 1, 2, -3.0, -0.5),
)


def sides(rng: np.random.Generator) -> tuple[int, int]:
    """Return rows and columns of a picture, never as many rows as columns."""
    rows = int(rng.integers(8, 11))
    return rows, rows + int(rng.choice((-1, 1, 2)))


def output_shape(
    shape: tuple[int, int], kernel: tuple[int, int], pad: Any, stride: int, dilation: int
) -> tuple[int, ...]:
    """Return rows and columns of an output; `same` is used with stride 1 only."""
    if pad == "same":
        return shape
    around = (0,) * 4 if pad == "valid" else (pad,) * 4 if isinstance(pad, int) else pad
    return tuple(
        (size + around[2 * axis] + around[2 * axis + 1] - dilation * (width - 1) - 1) // stride + 1
        for axis, (size, width) in enumerate(zip(shape, kernel, strict=True))
    )


def any_convolution_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make cases with ``x``, ``weight`` (rows, columns, inputs, outputs), ``bias`` and ``out_grad``.

    The settings ``pad`` (a number, four numbers, a word) and ``kernel_shape`` stand in the place of ``padding`` and
    ``k``.
    """
    for name, batch, c_in, c_out, kernel, pad, stride, dilation in MORE_CONVOLUTIONS:
        shape = sides(rng)
        weight = normal(rng, *kernel, c_in, c_out) / np.float32(np.sqrt(c_in * np.prod(kernel)))
        out_shape = output_shape(shape, kernel, pad, stride, dilation)
        yield Case.of(
            name,
            c_in=c_in,
            c_out=c_out,
            kernel_shape=list(kernel),
            pad=list(pad) if isinstance(pad, tuple) else pad,
            stride=stride,
            dilation=dilation,
            layout=CHANNELS_LAST,
            x=normal(rng, batch, *shape, c_in),
            weight=weight,
            bias=normal(rng, c_out),
            out_grad=normal(rng, batch, *out_shape, c_out),
        )


def any_pooling_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make cases with ``x`` and ``out_grad``; windows need not be square, and some reach over the border."""
    for name, batch, channels, window, pad, stride, low, high in MORE_POOLINGS:
        shape = sides(rng)
        out_shape = output_shape(shape, window, pad, stride, 1)
        yield Case.of(
            name,
            kernel_shape=list(window),
            pad=list(pad) if isinstance(pad, tuple) else pad,
            stride=stride,
            layout=CHANNELS_LAST,
            x=distinct(rng, (batch, *shape, channels), low, high),
            out_grad=normal(rng, batch, *out_shape, channels),
        )
