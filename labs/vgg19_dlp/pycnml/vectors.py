"""Flat sequences of numbers as the library takes them: what is accepted, and what it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

HOW = "hand over a flat sequence of Python floats or an array after .flatten().astype(np.float64)"


class _Vector(list):
    """A list whose entries have one type, with the methods of a C++ vector that submissions use."""

    convert: type = float

    def __init__(self, values: Sequence[Any] = ()) -> None:
        super().__init__(self.convert(value) for value in values)

    def push_back(self, value: Any) -> None:
        """Append a number."""
        self.append(self.convert(value))

    def size(self) -> int:
        """Return how many numbers there are."""
        return len(self)


class IntVector(_Vector):
    """Whole numbers."""

    convert = int


class FloatVector(_Vector):
    """Floats; the library keeps them in single precision."""

    def __init__(self, values: Sequence[Any] = ()) -> None:
        super().__init__([float(np.float32(value)) for value in values])


class DoubleVector(_Vector):
    """Floats in double precision."""


def flat_numbers(data: Any, what: str) -> np.ndarray:
    """Return the numbers as a one-dimensional float64 array; one that is such an array is not copied.

    The items must be Python numbers, as the library demands: NumPy's float64 is one of them (it is a kind of
    float), its float32 and int64 are not.

    Raises
    ------
    TypeError : an item is something else, such as a row of a matrix.
    """
    if isinstance(data, np.ndarray):
        if data.ndim == 1 and data.dtype == np.float64:
            return data
        if data.ndim != 1:
            raise TypeError(f"{what} has shape {data.shape}, expected one axis: {HOW}")
        raise TypeError(f"{what} holds {data.dtype} numbers, expected float64: {HOW}")
    if isinstance(data, str | bytes) or not hasattr(data, "__len__"):
        raise TypeError(f"{what} is {type(data).__name__}, expected a sequence of numbers: {HOW}")
    for kind in set(map(type, data)):
        if not issubclass(kind, float | int):
            place = next(place for place, item in enumerate(data) if type(item) is kind)
            raise TypeError(f"item {place} of {what} is {kind.__name__}, expected a Python float: {HOW}")
    return np.array(data, dtype=np.float64)


def whole(value: Any, what: str) -> int:
    """Return a whole number of any integer type.

    Raises
    ------
    TypeError : it is none; a float is none, not even 3.0.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{what} is {value!r}, expected a whole number")
    return int(value)


def shape_of_four(value: Any, what: str) -> tuple[int, ...]:
    """Return a shape of four positive whole numbers, given as a list or tuple.

    Raises
    ------
    TypeError, ValueError : it is none.
    """
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise TypeError(f"{what} is {value!r}, expected a list of four whole numbers [N, C, H, W]")
    shape = tuple(whole(length, what) for length in value)
    if min(shape) < 1:
        raise ValueError(f"{what} is {list(shape)}, expected four positive numbers")
    return shape
