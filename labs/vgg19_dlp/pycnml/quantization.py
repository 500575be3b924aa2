"""How numbers become bytes: position and scale, and the rounding between them.

A number x is kept as the byte q with x = q * 2^position / scale, nearly: ``position`` puts the binary point, ``scale``
stretches what is left to the whole range of a byte.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .vectors import flat_numbers, whole

LARGEST, SMALLEST = 127, -128
FURTHEST_POSITION = 32
BLOCK = 1 << 20
"""Entries that are quantised at a time, so that what lies between takes little memory."""


class QuantParam:
    """Position and scale of one array.

    Parameters
    ----------
    position : int
        Power of two of a unit of the bytes, without the scale.
    scale : float
        What a number is multiplied by besides.
    """

    def __init__(self, position: int = 1, scale: float = 1.0) -> None:
        try:
            self.position = whole(position, "position")
        except TypeError as error:
            raise TypeError(f"{error}; QuantParam takes the position first, then the scale") from None
        if isinstance(scale, bool) or not isinstance(scale, int | float | np.floating):
            raise TypeError(f"scale is {scale!r}, expected a number")
        self.scale = float(scale)

    def __repr__(self) -> str:
        return f"QuantParam({self.position}, {self.scale:g})"


class QuantTool:
    """Finds the position and scale of arrays from the largest magnitude that it has seen under each name."""

    def __init__(self) -> None:
        self._largest: dict[str, float] = {}

    def getQuantParam(self, data: Any, layer_name: str) -> QuantParam:
        """Take in one more array of that name and return the parameters for all of them so far."""
        numbers = flat_numbers(data, "data")
        own = float(np.abs(numbers).max()) if numbers.size else 0.0
        self._largest[layer_name] = max(own, self._largest.get(layer_name, 0.0))
        return parameters_for(self._largest[layer_name])


def parameters_for(largest: float) -> QuantParam:
    """Return position and scale for numbers of magnitude up to ``largest``, so that it becomes 127.

    The position is log2(largest / 127), one more if that is positive, then cut off towards zero, between -32 and 32.
    """
    if largest == 0:
        return QuantParam(0, 1.0)
    if not math.isfinite(largest):
        raise ValueError("the largest magnitude is not finite; no position and scale fit")
    exponent = math.log2(largest / LARGEST)
    if exponent > 0:
        exponent += 1
    position = max(-FURTHEST_POSITION, min(FURTHEST_POSITION, math.trunc(exponent)))
    return QuantParam(position, LARGEST * 2.0**position / largest)


def require_usable(parameters: Any, where: str) -> QuantParam:
    """Return parameters that can be computed with.

    Raises
    ------
    TypeError : it is no `QuantParam`.
    ValueError : its position is too far away, or its scale is not positive and finite.
    """
    if not isinstance(parameters, QuantParam):
        raise TypeError(f"{where}: quant_param is {type(parameters).__name__}, expected a QuantParam")
    if not -FURTHEST_POSITION <= parameters.position <= FURTHEST_POSITION:
        raise ValueError(
            f"{where}: position {parameters.position} is not between -{FURTHEST_POSITION} and {FURTHEST_POSITION}; "
            "QuantParam takes the position first, then the scale"
        )
    if not (math.isfinite(parameters.scale) and parameters.scale > 0):
        raise ValueError(f"{where}: scale {parameters.scale} is not a positive number")
    return parameters


def quantized(values: np.ndarray, parameters: QuantParam) -> np.ndarray:
    """Return bytes for float16 or float32 numbers, int8, of the same shape.

    ``round(clip(x * scale / 2^position, -128, 127))`` in float32; halves are rounded away from zero.
    """
    result = np.empty(values.shape, np.int8)
    source, target = values.reshape(-1), result.reshape(-1)
    for start in range(0, source.size, BLOCK):
        part = slice(start, start + BLOCK)
        target[part] = _rounded(source[part].astype(np.float32), parameters)
    return result


def _rounded(values: np.ndarray, parameters: QuantParam) -> np.ndarray:
    # A power of two only moves the exponent, so it does not matter when it is multiplied.
    values *= np.float32(parameters.scale)
    values *= np.float32(2.0**-parameters.position)
    np.clip(values, SMALLEST, LARGEST, out=values)
    whole_part = np.trunc(values)
    values -= whole_part
    # Adding a half before cutting off would round 0.49999997 up: the sum does not fit into float32.
    whole_part += values >= 0.5
    whole_part -= values <= -0.5
    return whole_part


def unit(inputs: QuantParam, weight: QuantParam) -> np.float32:
    """Return what one unit of the sums stands for: 2^(p_i + p_w) / (s_i * s_w), float32."""
    power = np.float32(2.0 ** (inputs.position + weight.position))
    return np.float32(power / (np.float32(inputs.scale) * np.float32(weight.scale)))
