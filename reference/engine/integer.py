"""Exact convolution and linear layers of 8-bit integers, summed in 32 bits.

Three methods, the first that the processor has: its matrix unit (``integer_amx``), AVX-512 VNNI
(``integer_vnni``), or float32, as exactly: a product is at most 128 * 128 = 2^14, so sums of up to 2^10
products stay below 2^24, where float32 still holds every integer; longer sums are cut into such blocks and
added as int32.
"""

from __future__ import annotations

import itertools
from typing import Any, Literal, get_args

import numpy as np
from numba import prange

from .buffers import Array, aligned_zeros, new_activation
from .compilation import kernel
from .convolution import Convolution
from .geometry import Padding, Pair, Window, window_of
from .integer_amx import MatrixUnitConvolution, granted
from .integer_vnni import HAS_VNNI, VectorConvolution
from .processor import thread_count

Method = Literal["amx", "vnni", "float32"]
METHODS: tuple[Method, ...] = get_args(Method)

EXACT_FLOAT32_TERMS = 1 << 10
"""Products of two 8-bit integers that float32 sums exactly, in any order."""

MAX_TERMS = (2**31 - 1) // (255 * 128)
"""Longest sum that cannot overflow 32 bits, offset included."""


@kernel(parallel=True)
def _add_integers(values, at, y, images, rows, columns, outputs, first, threads):
    """y (+)= the integers that ``values`` holds as float32."""
    for thread in prange(threads):
        for r in range(images * rows * thread // threads, images * rows * (thread + 1) // threads):
            n = r // rows
            for w in range(columns):
                source = at.origin + n * at.image + (r - n * rows) * at.row + w * at.pixel
                target = (r * columns + w) * outputs
                for k in range(outputs):
                    if first:
                        y[target + k] = np.int32(values[source + k])
                    else:
                        y[target + k] += np.int32(values[source + k])


def _check_bytes(*arrays: Array) -> None:
    for array in arrays:
        if array.dtype != np.int8:
            raise TypeError(f"inputs and weight must be int8, got {array.dtype}")


def available_methods() -> tuple[Method, ...]:
    """The methods that this process may use, fastest first."""
    usable = {"amx": granted(), "vnni": HAS_VNNI, "float32": True}
    return tuple(method for method in METHODS if usable[method])


class _FloatConvolution:
    """Sums of at most 2^10 products in float32, one block of channels after the other."""

    def __init__(self, window: Window, weight: Array) -> None:
        positions = window.kernel[0] * window.kernel[1]
        if positions > EXACT_FLOAT32_TERMS:
            raise ValueError(
                f"kernels of more than {EXACT_FLOAT32_TERMS} positions are not supported, got {window.kernel}"
            )
        count = -(-window.channels // (EXACT_FLOAT32_TERMS // positions))
        edges = [window.channels * i // count for i in range(count + 1)]
        self._parts = []
        for first, last in itertools.pairwise(edges):
            part = Window(window.batch, last - first, window.height, window.width, window.kernel, window.stride,
                          window.padding, window.dilation)  # fmt: skip
            convolution = Convolution(part, len(weight), np.float32, exact=True, filled=False)
            convolution.set_weight(weight[:, first:last].astype(np.float32))
            self._parts.append((first, last, convolution, convolution.new_source()))
        sizes = (window.batch, window.out_height, window.out_width)
        self._floats = new_activation(*sizes, len(weight), border=(0, 0, 0, 0))
        self._result = aligned_zeros((*sizes, self._floats.pixel), np.int32)

    def load(self, inputs: Array) -> None:
        for first, last, _, source in self._parts:
            source.interior[...] = inputs[..., first:last]

    def run(self) -> Array:
        for number, (_, _, convolution, source) in enumerate(self._parts):
            convolution.forward(source, self._floats)
            _add_integers(self._floats.flat, self._floats.strides(), self._result.reshape(-1),
                          *self._result.shape, number == 0, thread_count())  # fmt: skip
        return self._result


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
        plans = {"amx": MatrixUnitConvolution, "vnni": VectorConvolution, "float32": _FloatConvolution}
        self._plan: Any = plans[self.method](window, weight)

    def load(self, inputs: Array) -> None:
        """Take the inputs (N, H, W, C), int8."""
        _check_bytes(inputs)
        self._plan.load(inputs)

    def run(self) -> Array:
        """The result (N, H', W', filled outputs), int32; valid until the next run."""
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
    return np.ascontiguousarray(result if layout == "NHWC" else result.transpose(0, 3, 1, 2))


def linear_int8(inputs: Array, weight: Array, method: Method | None = None) -> Array:
    """Exact ``inputs @ weight.T`` of int8 (N, inputs) and (outputs, inputs); a fresh int32 (N, outputs)."""
    _check_bytes(inputs, weight)
    if inputs.shape[1] != weight.shape[1]:
        raise ValueError(f"weight must be (outputs, {inputs.shape[1]}), got {weight.shape}")
    # A linear layer is a 1 x 1 convolution of one row of samples.
    return conv2d_int8(inputs[None, None], weight[:, :, None, None], layout="NHWC", method=method)[0, 0]
