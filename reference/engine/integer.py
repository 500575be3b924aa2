"""Exact convolution and linear layers of 8-bit integers, summed in 32 bits.

Three methods, the first that the processor has: its matrix unit (``integer_amx``), AVX-512 VNNI
(``integer_vnni``), or float32, as exactly: float32 holds every integer up to 2^24, and no sum of products with
inputs of at most 128 exceeds 128 times the sum of the weights' magnitudes. Channels are cut into blocks for which
that stays below, and the blocks' sums added as int32.
"""

from __future__ import annotations

import itertools
from typing import Any, Literal, get_args

import numpy as np
from numba import prange

from .buffers import WORKSPACES, Array, new_activation
from .compilation import kernel
from .convolution import Convolution
from .geometry import Padding, Pair, Window, window_of
from .integer_amx import MatrixUnitConvolution, granted
from .integer_vnni import HAS_VNNI, VectorConvolution
from .processor import thread_count

Method = Literal["amx", "vnni", "float32"]
METHODS: tuple[Method, ...] = get_args(Method)

LARGEST_INPUT = 128
EXACT_FLOAT32 = 1 << 24
"""Up to here float32 holds every integer, so that sums are exact in any order."""

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


def exact_blocks(weight: Array) -> list[tuple[int, int]]:
    """Cut the channels of ``weight`` (outputs, channels, rows, columns) into few equal blocks that are exact.

    Raises
    ------
    ValueError : a single channel's sum may already exceed what float32 holds.
    """
    magnitudes = np.abs(weight.astype(np.int64)).sum((2, 3))
    channels = weight.shape[1]
    for count in range(1, channels + 1):
        edges = [channels * i // count for i in range(count + 1)]
        blocks = list(itertools.pairwise(edges))
        if max(int(magnitudes[:, a:b].sum(1).max()) for a, b in blocks) * LARGEST_INPUT <= EXACT_FLOAT32:
            return blocks
    raise ValueError(
        f"a kernel of {weight.shape[2:]} positions with such weights may give sums over {EXACT_FLOAT32}, "
        "which float32 does not hold exactly"
    )


class _FloatConvolution:
    """Exact sums in float32, one block of channels after the other."""

    def __init__(self, window: Window, weight: Array) -> None:
        self._parts = []
        for first, last in exact_blocks(weight):
            part = Window(window.batch, last - first, window.height, window.width, window.kernel, window.stride,
                          window.padding, window.dilation)  # fmt: skip
            convolution = Convolution(part, len(weight), np.float32, exact=True, filled=False)
            convolution.set_weight(weight[:, first:last].astype(np.float32))
            self._parts.append((first, last, convolution, convolution.new_source()))
        self._sizes = (window.batch, window.out_height, window.out_width)
        self._outputs = len(weight)

    def load(self, inputs: Array) -> None:
        for first, last, _, source in self._parts:
            source.interior[...] = inputs[..., first:last]

    def run(self) -> Array:
        floats = new_activation(*self._sizes, self._outputs, border=(0, 0, 0, 0), workspace="integer floats")
        result = WORKSPACES.shaped("integer sums", (*self._sizes, floats.pixel), np.int32)
        for number, (_, _, convolution, source) in enumerate(self._parts):
            convolution.forward(source, floats)
            _add_integers(floats.flat, floats.strides(), result.reshape(-1),
                          *result.shape, number == 0, thread_count())  # fmt: skip
        return result


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
