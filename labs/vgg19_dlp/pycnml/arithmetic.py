"""The device's layers, bit for bit, with NumPy. All activations are float16, (N, C, H, W).

Products of bytes are added by float32 matrix products. These are exact as long as no sum leaves the whole numbers that
float32 holds, up to 2^24: a product is at most 2^14, so up to 1024 of them may be added before the sum goes into int32.
"""

from __future__ import annotations

import numpy as np

EXACT_TERMS = 1024
COLUMNS = 4096
"""Output pixels that are computed at a time; what lies between then stays small."""


class Overflow(ValueError):
    """A number is larger than float16 can hold, 65504."""


def as_halves(values: np.ndarray) -> np.ndarray:
    """Return finite float32 numbers as float16.

    Raises
    ------
    Overflow : one is too large.
    """
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
    if not np.isfinite(halves).all():
        raise Overflow("a number is larger than float16 can hold, 65504")
    return halves


def convolution(
    inputs: np.ndarray, weight: np.ndarray, bias: np.ndarray, unit: np.float32, stride: int, pad: int
) -> np.ndarray:
    """Return the convolution of int8 inputs with an int8 weight (outputs, C, K, K), float16.

    The sums, int32, are worth ``unit`` each; ``bias`` is float16.
    """
    samples, channels, height, width = inputs.shape
    outputs, _, size, _ = weight.shape
    rows, columns = ((length + 2 * pad - size) // stride + 1 for length in (height, width))
    places = [(row, column) for row in range(size) for column in range(size)]
    # One matrix product for as many places of the kernel as may be added in float32.
    together = max(1, EXACT_TERMS // channels)
    matrix = weight.transpose(0, 2, 3, 1).reshape(outputs, -1).astype(np.float32)
    result = np.empty((samples, outputs, rows, columns), np.float16)
    step = max(1, COLUMNS // columns)
    for sample in range(samples):
        padded = np.zeros((channels, height + 2 * pad, width + 2 * pad), np.float32)
        padded[:, pad : pad + height, pad : pad + width] = inputs[sample]
        for top in range(0, rows, step):
            count = min(step, rows - top)
            sums: np.ndarray | None = None
            for first in range(0, len(places), together):
                some = places[first : first + together]
                windows = np.empty((len(some), channels, count, columns), np.float32)
                for number, (row, column) in enumerate(some):
                    begin = top * stride + row
                    windows[number] = padded[
                        :,
                        begin : begin + (count - 1) * stride + 1 : stride,
                        column : column + (columns - 1) * stride + 1 : stride,
                    ]
                own = matrix[:, first * channels : (first + len(some)) * channels]
                sums = _added(sums, own, windows.reshape(len(some) * channels, -1))
            assert sums is not None
            scaled = scale_back(sums, unit, bias)
            result[sample, :, top : top + count] = scaled.reshape(outputs, count, columns)
    return result


def _added(sums: np.ndarray | None, matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return int32 sums with the product of two matrices of whole numbers added."""
    length = matrix.shape[1]
    sums = np.zeros((matrix.shape[0], columns.shape[1]), np.int32) if sums is None else sums
    for start in range(0, length, EXACT_TERMS):
        part = slice(start, start + EXACT_TERMS)
        sums += (matrix[:, part].astype(np.float32, copy=False) @ columns[part]).astype(np.int32)
    return sums


def fully_connected(inputs: np.ndarray, weight: np.ndarray, bias: np.ndarray, unit: np.float32) -> np.ndarray:
    """Return int8 inputs (N, features) times an int8 weight (outputs, features), float16 (N, outputs, 1, 1)."""
    sums = _added(None, weight, inputs.T.astype(np.float32))
    return scale_back(sums, unit, bias).T.reshape(len(inputs), -1, 1, 1)


def scale_back(sums: np.ndarray, unit: np.float32, bias: np.ndarray) -> np.ndarray:
    """Return int32 sums (outputs, ...) as float16: times the unit, plus the bias, both in float32."""
    values = sums.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        values *= unit
        values += bias.astype(np.float32)[:, None]
    return as_halves(values)


def relu(inputs: np.ndarray) -> np.ndarray:
    """Return max(x, 0), float16; minus zero becomes zero."""
    # As whole numbers, the bits of negative floats are negative, and those of the others grow with them.
    return np.maximum(np.ascontiguousarray(inputs).view(np.int16), 0).view(np.float16)


def max_pooling(inputs: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Return the maxima of square windows, float16; what does not fill a window at the edge is left out."""
    keys = _ordered(np.ascontiguousarray(inputs).view(np.int16))
    rows, columns = ((length - size) // stride + 1 for length in inputs.shape[2:])
    result: np.ndarray | None = None
    for row in range(size):
        for column in range(size):
            part = keys[
                :,
                :,
                row : row + (rows - 1) * stride + 1 : stride,
                column : column + (columns - 1) * stride + 1 : stride,
            ]
            result = part.copy() if result is None else np.maximum(result, part, out=result)
    assert result is not None
    return _ordered(result).view(np.float16)


def _ordered(bits: np.ndarray) -> np.ndarray:
    """Turn the bits of float16 into whole numbers of the same order, and back: minus zero is below zero."""
    return bits ^ ((bits >> 15) & np.int16(0x7FFF))


def flatten(inputs: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the numbers in the order (N, H, W, C) in another shape."""
    return inputs.transpose(0, 2, 3, 1).reshape(shape)


def softmax(inputs: np.ndarray, axis: int) -> np.ndarray:
    """Return the softmax along an axis, float16.

    The difference from the largest number, its exponential and the quotient are each rounded to float16; the sum of
    the exponentials is exact.
    """
    with np.errstate(over="ignore"):
        differences = inputs - inputs.max(axis=axis, keepdims=True)
    # In double precision, so that the last bit of a library's exponential does not decide how a half is rounded.
    exponentials = np.exp(differences.astype(np.float64)).astype(np.float16).astype(np.float64)
    return (exponentials / exponentials.sum(axis=axis, keepdims=True)).astype(np.float16)
