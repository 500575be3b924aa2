"""Exact convolution and linear layers of 8-bit integers, summed in 32 bits.

Three methods, the first that the processor has: its matrix unit (``integer_amx``), AVX-512 VNNI
(``integer_vnni``), or float32, as exactly (``integer_float``): it holds every integer up to 2^24, and before a sum
can exceed that it is added to one of 32 bits.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from .buffers import Array
from .geometry import Padding, Pair, Window, window_of
from .integer_amx import MatrixUnitConvolution, granted
from .integer_float import FloatConvolution
from .integer_vnni import HAS_VNNI, VectorConvolution

Method = Literal["amx", "vnni", "float32"]
METHODS: tuple[Method, ...] = get_args(Method)

MAX_TERMS = (2**31 - 1) // (255 * 128)
"""Longest sum that cannot overflow 32 bits, offset included."""


def _check_bytes(*arrays: Array) -> None:
    for array in arrays:
        if array.dtype != np.int8:
            raise TypeError(f"inputs and weight must be int8, got {array.dtype}")


def available_methods() -> tuple[Method, ...]:
    """The methods that this process may use, fastest first."""
    usable = {"amx": granted(), "vnni": HAS_VNNI, "float32": True}
    return tuple(method for method in METHODS if usable[method])


class IntegerConvolution:
    """An int8 convolution prepared for one geometry and weight.

    Parameters
    ----------
    window : geometry.
    weight : (outputs, channels, rows, columns), int8.
    method : one of :func:`available_methods`; None for the fastest.

    Attributes
    ----------
    method : the method in use.
    """

    def __init__(self, window: Window, weight: Array, method: Method | None = None) -> None:
        _check_bytes(weight)
        outputs, channels, rows, columns = weight.shape
        if (channels, (rows, columns)) != (window.channels, window.kernel):
            raise ValueError(f"weight must be (outputs, {window.channels}, *{window.kernel}), got {weight.shape}")
        if channels * rows * columns > MAX_TERMS:
            raise ValueError(
                f"sums of {channels * rows * columns} products may overflow 32 bits; at most {MAX_TERMS} fit"
            )
        usable = available_methods()
        if method is not None and method not in usable:
            raise ValueError(f"method must be one that this process may use, {', '.join(usable)}; got {method!r}")
        self.outputs = outputs
        self.method: Method = method or usable[0]
        plans = {"amx": MatrixUnitConvolution, "vnni": VectorConvolution, "float32": FloatConvolution}
        self._plan: Any = plans[self.method](window, weight)

    def load(self, inputs: Array) -> None:
        """Take the inputs (N, H, W, C), int8."""
        _check_bytes(inputs)
        self._plan.load(inputs)

    def run(self) -> Array:
        """The result (N, H', W', filled outputs), int32; valid until the next run of any.

        The sums are scratch: a network scales them back to bytes before its next layer, and memory that every layer
        uses stays in the cache.
        """
        result: Array = self._plan.run()
        return result


def conv2d_int8(
    inputs: Array,
    weight: Array,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    layout: str = "NCHW",
    method: Method | None = None,
) -> Array:
    """Exact convolution of int8 inputs with int8 weight (outputs, C, rows, columns); a fresh int32 array."""
    _check_bytes(inputs, weight)
    window = window_of(inputs.shape, weight.shape[2:], stride, padding, dilation, layout)
    plan = IntegerConvolution(window, weight, method)
    plan.load(np.ascontiguousarray(inputs if layout == "NHWC" else inputs.transpose(0, 2, 3, 1)))
    result: Any = plan.run()[..., : plan.outputs]
    return np.array(result if layout == "NHWC" else result.transpose(0, 3, 1, 2), order="C")


def linear_int8(inputs: Array, weight: Array, method: Method | None = None) -> Array:
    """Exact ``inputs @ weight.T`` of int8 (N, inputs) and (outputs, inputs); a fresh int32 (N, outputs)."""
    _check_bytes(inputs, weight)
    if inputs.shape[1] != weight.shape[1]:
        raise ValueError(f"weight must be (outputs, {inputs.shape[1]}), got {weight.shape}")
    # A linear layer is a 1 x 1 convolution of one row of samples.
    return conv2d_int8(inputs[None, None], weight[:, :, None, None], layout="NHWC", method=method)[0, 0]
