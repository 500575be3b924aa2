"""The same networks in float32, as a computer without the device runs them: to calibrate, and to see what bytes lose.

This is no part of the library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .program import Kind, Layer, Program

PIXELS = 4096
Floats = Mapping[int, tuple[np.ndarray, np.ndarray]]
"""By a layer's place its weight (outputs first) and bias, float32."""


def float_steps(program: Program, floats: Floats, picture: np.ndarray) -> Iterator[tuple[Layer, np.ndarray]]:
    """Run a network of one sample and yield each layer with its output, float32."""
    value = picture.reshape(program.input_shape).astype(np.float32)
    for place, layer in enumerate(program.layers):
        if layer.kind is Kind.CONVOLUTION:
            value = _convolution(value, *floats[place], stride=layer.numbers[2], pad=layer.numbers[4])
        elif layer.kind is Kind.MLP:
            weight, bias = floats[place]
            value = (value.reshape(len(value), -1) @ weight.T + bias).reshape(layer.shape)
        elif layer.kind is Kind.RELU:
            value = np.maximum(value, 0)
        elif layer.kind is Kind.POOL:
            size, stride = layer.numbers
            windows = sliding_window_view(value, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
            value = windows.max(axis=(4, 5))
        elif layer.kind is Kind.FLATTEN:
            value = value.transpose(0, 2, 3, 1).reshape(layer.numbers)
        else:
            exponentials = np.exp(value - value.max(axis=layer.numbers[0], keepdims=True))
            value = exponentials / exponentials.sum(axis=layer.numbers[0], keepdims=True)
        yield layer, value


def _convolution(value: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, stride: int, pad: int) -> np.ndarray:
    size, outputs = weight.shape[2], len(weight)
    padded = np.pad(value, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(padded, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    samples, _, rows, columns = windows.shape[:4]
    matrix = weight.transpose(0, 2, 3, 1).reshape(outputs, -1)
    result = np.empty((samples, outputs, rows, columns), np.float32)
    step = max(1, PIXELS // columns)
    for sample in range(samples):
        for top in range(0, rows, step):
            part = windows[sample, :, top : top + step].transpose(3, 4, 0, 1, 2)
            products = matrix @ part.reshape(matrix.shape[1], -1)
            result[sample, :, top : top + step] = products.reshape(outputs, -1, columns)
    return result + bias[:, None, None]
