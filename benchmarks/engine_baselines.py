"""What a student writes first: textbook numba loops, and im2col with numpy's matrix product."""

from __future__ import annotations

import numba
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from . import engine_cases as cases
from .engine_cases import Array, Case


@numba.njit(cache=False)
def textbook(x, w, b, y):  # type: ignore[no-untyped-def]
    """Seven loops on a padded NCHW picture, one thread."""
    for k in range(w.shape[0]):
        for h in range(y.shape[1]):
            for v in range(y.shape[2]):
                total = b[k]
                for c in range(w.shape[1]):
                    for i in range(w.shape[2]):
                        for j in range(w.shape[3]):
                            total += x[c, h + i, v + j] * w[k, c, i, j]
                y[k, h, v] = total


def make(case: str, method: str) -> Case:
    """Forward pass of a ``conv/...`` case by ``method`` "textbook" or "im2col"."""
    name = case.split("/")[1]
    inputs, weight, bias = cases.convolution_data(*cases.VGG16_LAYERS[name])
    padded = np.pad(inputs[0], ((0, 0), (1, 1), (1, 1)))
    outputs, size = weight.shape[0], inputs.shape[2]
    if method == "textbook":
        result = np.zeros((outputs, size, size), np.float32)
        textbook(padded[:1, :3, :3].copy(), weight[:1, :1].copy(), bias, np.zeros((1, 1, 1), np.float32))
        # The loops take half a minute: the run that is timed is the run that is compared.
        return Case(lambda: textbook(padded, weight, bias, result), lambda: {"output": result[None]})
    matrix = weight.reshape(outputs, -1)

    def im2col() -> Array:
        columns = (
            sliding_window_view(padded, (3, 3), axis=(1, 2)).transpose(0, 3, 4, 1, 2).reshape(matrix.shape[1], -1)
        )
        return matrix @ columns + bias[:, None]

    return Case(im2col, lambda: {"output": im2col().reshape(1, outputs, size, size)})
