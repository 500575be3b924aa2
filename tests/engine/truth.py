"""Independent float64 oracles in plain numpy, written from the definitions and sharing no code with the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Array = np.ndarray[Any, Any]


def convolve(
    x: Array, w: Array, b: Array | None, stride: Any, padding: Any, dilation: Any, groups: int = 1
) -> Array:
    """Convolution of NCHW by windows and einsum, in float64."""
    top, bottom, left, right = padding
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    rows, columns = (d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True))
    windows = sliding_window_view(padded, (rows, columns), axis=(2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    inputs, outputs = w.shape[1], w.shape[0] // groups
    parts = [
        np.einsum(
            "nchwij,kcij->nkhw",
            windows[:, g * inputs : (g + 1) * inputs],
            w[g * outputs : (g + 1) * outputs].astype(np.float64),
            optimize=True,
        )
        for g in range(groups)
    ]
    result = np.concatenate(parts, axis=1)
    return result if b is None else result + b.astype(np.float64)[:, None, None]


def convolve_input_gradient(
    g: Array, w: Array, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int = 1
) -> Array:
    """The transpose of :func:`convolve` in its input: scatter every output's gradient over its window."""
    top, bottom, left, right = padding
    padded = np.zeros((*shape[:2], shape[2] + top + bottom, shape[3] + left + right))
    inputs, outputs = w.shape[1], w.shape[0] // groups
    for group in range(groups):
        part = g[:, group * outputs : (group + 1) * outputs].astype(np.float64)
        for i in range(w.shape[2]):
            for j in range(w.shape[3]):
                share = np.einsum(
                    "nkhw,kc->nchw", part, w[group * outputs : (group + 1) * outputs, :, i, j].astype(np.float64)
                )
                rows = slice(i * dilation[0], i * dilation[0] + stride[0] * (g.shape[2] - 1) + 1, stride[0])
                columns = slice(j * dilation[1], j * dilation[1] + stride[1] * (g.shape[3] - 1) + 1, stride[1])
                padded[:, group * inputs : (group + 1) * inputs, rows, columns] += share
    return padded[:, :, top : top + shape[2], left : left + shape[3]]


def convolve_weight_gradient(
    g: Array, x: Array, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int = 1
) -> Array:
    """The transpose of :func:`convolve` in its weight."""
    top, bottom, left, right = padding
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    result = np.zeros(shape)
    inputs, outputs = shape[1], shape[0] // groups
    for group in range(groups):
        part = g[:, group * outputs : (group + 1) * outputs].astype(np.float64)
        for i in range(shape[2]):
            for j in range(shape[3]):
                rows = slice(i * dilation[0], i * dilation[0] + stride[0] * (g.shape[2] - 1) + 1, stride[0])
                columns = slice(j * dilation[1], j * dilation[1] + stride[1] * (g.shape[3] - 1) + 1, stride[1])
                values = padded[:, group * inputs : (group + 1) * inputs, rows, columns]
                result[group * outputs : (group + 1) * outputs, :, i, j] = np.einsum("nkhw,nchw->kc", part, values)
    return result


def relative_error(actual: Array, expected: Array) -> float:
    """Largest absolute difference over the largest expected magnitude."""
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    scale = float(np.abs(expected).max()) or 1.0
    return float(np.abs(actual.astype(np.float64) - expected).max()) / scale


def central_difference(function: Any, x: Array, direction: Array, step: float = 1e-6) -> float:
    """Slope of a scalar function of a float64 array along ``direction``."""
    return float((function(x + step * direction) - function(x - step * direction)) / (2 * step))
