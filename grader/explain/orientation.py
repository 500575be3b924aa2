"""Which axes of arrays are rows, columns and channels: explanations look at all pictures as (N, C, H, W)."""

from __future__ import annotations

import numpy as np

from grader.lab.checks import CHANNELS_FIRST, CHANNELS_LAST, LAYOUT, Case

SHOWN = {CHANNELS_FIRST: "(N, C, H, W)", CHANNELS_LAST: "(N, H, W, C)"}

WEIGHTS = ("weight", "kernel")


def layout_of(case: Case) -> str:
    """Return the layout of the pictures of a case."""
    return str(case.config.get(LAYOUT, CHANNELS_FIRST))


def grid_axes(case: Case) -> tuple[int, int]:
    """Return the axes of rows and columns."""
    return (1, 2) if layout_of(case) == CHANNELS_LAST else (2, 3)


def is_picture(name: str, axes: int) -> bool:
    """Whether an array of this name and number of axes holds pictures: all but weights and their gradients do."""
    return axes == 4 and not is_weight(name)


def is_weight(name: str) -> bool:
    """Whether an array of this name is a weight or the gradient of one, under any lab's name."""
    return any(word in name for word in WEIGHTS)


def channels_first(name: str, array: np.ndarray, case: Case) -> np.ndarray:
    """Return a view in which a picture's channels stand second; other arrays as they are."""
    if layout_of(case) == CHANNELS_LAST and is_picture(name, array.ndim):
        return np.moveaxis(array, 3, 1)
    return array


def shape_channels_first(name: str, shape: tuple[int, ...], case: Case) -> tuple[int, ...]:
    """Return the shape that the array would have with its channels second."""
    if layout_of(case) == CHANNELS_LAST and is_picture(name, len(shape)):
        return (shape[0], shape[3], shape[1], shape[2])
    return shape
