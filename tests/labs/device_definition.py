"""The arithmetic of the emulated device as its definition has it: one number at a time, whole numbers exact.

Slow, and written without a look at how the emulator does it: an independent oracle for its tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np

Quant = tuple[int, float]


def half(value: float) -> np.float16:
    """Return a float32 number as float16."""
    return np.float32(value).astype(np.float16)


def byte(value: float, quant: Quant) -> int:
    """Return round(clip(x * scale / 2^position, -128, 127)), halves away from zero, in float32."""
    position, scale = quant
    scaled = np.float32(np.float32(value) * np.float32(scale)) * np.float32(2.0**-position)
    clipped = min(max(float(scaled), -128.0), 127.0)
    return int(math.copysign(math.floor(Fraction(abs(clipped)) + Fraction(1, 2)), clipped))


def scaled_back(total: int, inputs: Quant, weight: Quant, bias: np.float16) -> np.float16:
    """Return sum * 2^(p_i + p_w) / (s_i * s_w) + bias in float32, then as float16."""
    assert -(2**31) <= total < 2**31
    unit = np.float32(2.0 ** (inputs[0] + weight[0])) / (np.float32(inputs[1]) * np.float32(weight[1]))
    return half(np.float32(total) * unit + np.float32(bias))


def convolution(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, inputs: Quant, filters: Quant, stride: int, pad: int
) -> np.ndarray:
    """Convolution of float16 x (N, C, H, W) with a float32 weight (O, C, K, K) and a float32 bias."""
    samples, channels, height, width = x.shape
    outputs, _, size, _ = weight.shape
    rows, columns = (height + 2 * pad - size) // stride + 1, (width + 2 * pad - size) // stride + 1
    result = np.zeros((samples, outputs, rows, columns), np.float16)
    data = [[[[byte(v, inputs) for v in row] for row in plane] for plane in sample] for sample in x]
    kernel = [[[[byte(v, filters) for v in row] for row in plane] for plane in one] for one in weight]
    for n, o, i, j in product(range(samples), range(outputs), range(rows), range(columns)):
        total = 0
        for c, k, m in product(range(channels), range(size), range(size)):
            row, column = i * stride + k - pad, j * stride + m - pad
            if 0 <= row < height and 0 <= column < width:
                total += data[n][c][row][column] * kernel[o][c][k][m]
        result[n, o, i, j] = scaled_back(total, inputs, filters, half(bias[o]))
    return result


def fully_connected(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, inputs: Quant, filters: Quant
) -> np.ndarray:
    """Fully connected layer; its weight passes float16 before it becomes bytes."""
    rows = [[byte(v, inputs) for v in row.reshape(-1)] for row in x]
    kernel = [[byte(half(v), filters) for v in row] for row in weight]
    return np.array(
        [
            [
                scaled_back(sum(a * b for a, b in zip(row, one, strict=True)), inputs, filters, half(bias[o]))
                for o, one in enumerate(kernel)
            ]
            for row in rows
        ],
        np.float16,
    ).reshape(len(x), len(weight), 1, 1)


def max_pooling(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Largest number of each window; minus zero is below zero."""
    samples, channels, height, width = x.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    result = np.zeros((samples, channels, rows, columns), np.float16)
    for n, c, i, j in product(range(samples), range(channels), range(rows), range(columns)):
        window = [float(x[n, c, i * stride + k, j * stride + m]) for k, m in product(range(size), range(size))]
        result[n, c, i, j] = max(window, key=lambda value: (value, math.copysign(1.0, value)))
    return result


def relu(x: np.ndarray) -> np.ndarray:
    """Every number, or zero where it is not positive."""
    return np.array([v if v > 0 else 0.0 for v in x.reshape(-1).tolist()], np.float16).reshape(x.shape)


def flatten(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The numbers sample by sample, row by row, column by column, channel by channel."""
    samples, channels, height, width = x.shape
    places = product(range(samples), range(height), range(width), range(channels))
    return np.array([x[n, c, i, j] for n, i, j, c in places], np.float16).reshape(shape)


def softmax(x: Sequence[np.float16]) -> list[np.float16]:
    """Softmax of float16 numbers: difference, exponential and quotient as float16, the sum exact."""
    largest = max(x)
    exponentials = [np.float64(math.exp(float(value - largest))).astype(np.float16) for value in x]
    total = sum((Fraction(float(value)) for value in exponentials), Fraction(0))
    return [np.float64(float(Fraction(float(value)) / total)).astype(np.float16) for value in exponentials]
