"""ReLU, sigmoid, dropout and softmax cross-entropy on plain arrays of any shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .buffers import Array, aligned_zeros
from .compilation import kernel
from .geometry import check_dtype
from .processor import thread_count
from .vector import (
    lanes,
    vadd,
    vdiv,
    vexp,
    vload,
    vmax,
    vmul,
    vset,
    vstore,
    vsub,
    vwhere_greater,
    vzero,
)

RELU, SIGMOID = 0, 1

SERIAL_ELEMENTS = 1 << 14
"""Below this size starting the threads costs more than the work."""


@kernel(parallel=True)
def _activate(kind, x, y, size, threads):
    """Whole vectors of y = f(x); ``y`` has slack to the next whole vector, as has ``x``."""
    line = lanes(x)
    groups = (size + line - 1) // line
    for thread in prange(threads):
        zero, one = vzero(x), vset(x.dtype.type(1))
        for i in range(groups * thread // threads * line, groups * (thread + 1) // threads * line, line):
            value = vload(x, i)
            if kind == RELU:
                vstore(y, i, vmax(value, zero))
            else:
                vstore(y, i, vdiv(one, vadd(one, vexp(vsub(zero, value)))))


@kernel(parallel=True)
def _activate_backward(kind, y, g, d, size, threads):
    """d = g f'(x), written with the output y: [y > 0] for ReLU, y (1 - y) for the sigmoid."""
    line = lanes(y)
    groups = (size + line - 1) // line
    for thread in prange(threads):
        zero, one = vzero(y), vset(y.dtype.type(1))
        for i in range(groups * thread // threads * line, groups * (thread + 1) // threads * line, line):
            out, grad = vload(y, i), vload(g, i)
            if kind == RELU:
                vstore(d, i, vwhere_greater(out, zero, grad, zero))
            else:
                vstore(d, i, vmul(grad, vmul(out, vsub(one, out))))


def _whole_vectors(values: Array) -> Array:
    """``values`` flat, in memory that may be read to the end of the last vector."""
    line = 64 // values.dtype.itemsize
    if values.size % line == 0 and values.flags.c_contiguous and values.flags.writeable:
        return values.reshape(-1)
    padded = aligned_zeros(-(-values.size // line) * line, values.dtype)
    padded[: values.size] = np.ravel(values)
    return padded


def _apply(kind: int, values: Array) -> Array:
    check_dtype(values)
    source = _whole_vectors(values)
    result = aligned_zeros(source.size, values.dtype)
    _activate(kind, source, result, values.size, thread_count() if values.size > SERIAL_ELEMENTS else 1)
    return result[: values.size].reshape(values.shape)


def _apply_backward(kind: int, outputs: Array, grad_output: Array) -> Array:
    check_dtype(outputs, grad_output)
    if outputs.shape != grad_output.shape:
        raise ValueError(
            f"outputs and their gradient must have one shape, got {outputs.shape}, {grad_output.shape}"
        )
    y, g = _whole_vectors(outputs), _whole_vectors(grad_output)
    result = aligned_zeros(y.size, outputs.dtype)
    threads = thread_count() if outputs.size > SERIAL_ELEMENTS else 1
    _activate_backward(kind, y, g, result, outputs.size, threads)
    return result[: outputs.size].reshape(outputs.shape)


def relu(inputs: Array) -> Array:
    """``max(x, 0)``; NaN stays NaN."""
    return _apply(RELU, inputs)


def relu_backward(outputs: Array, grad_output: Array) -> Array:
    """Gradient of :func:`relu` from its outputs: zero where the output is not positive."""
    return _apply_backward(RELU, outputs, grad_output)


def sigmoid(inputs: Array) -> Array:
    """``1 / (1 + exp(-x))``."""
    return _apply(SIGMOID, inputs)


def sigmoid_backward(outputs: Array, grad_output: Array) -> Array:
    """Gradient of :func:`sigmoid` from its outputs: ``g y (1 - y)``."""
    return _apply_backward(SIGMOID, outputs, grad_output)


def dropout(
    inputs: Array, probability: float, generator: np.random.Generator, training: bool = True
) -> tuple[Array, Array]:
    """Zero each element with ``probability`` and scale the others by ``1 / (1 - probability)``.

    Returns
    -------
    outputs, factors : the gradient is ``grad_output * factors``. Both are of the inputs' type.
    """
    dtype: Any = check_dtype(inputs)
    if not 0 <= probability < 1:
        raise ValueError(f"probability must be at least 0 and below 1, got {probability}")
    if not training or probability == 0:
        return inputs.copy(), np.ones_like(inputs)
    kept = generator.random(inputs.shape, dtype=dtype) >= probability
    factors = kept * dtype.type(1 / (1 - probability))
    return inputs * factors, factors


def flatten(inputs: Array) -> Array:
    """(N, ...) to (N, features), in C order."""
    return np.ascontiguousarray(inputs).reshape(len(inputs), -1)


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """Mean of ``-log softmax(logits)[label]`` and its gradient with respect to the logits.

    Parameters
    ----------
    logits : (N, classes), float32 or float64.
    labels : (N,) integers.
    """
    dtype = check_dtype(logits)
    samples, classes = logits.shape
    if samples < 1:
        raise ValueError("the batch is empty: at least one sample is needed")
    if labels.shape != (samples,) or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must be ({samples},) integers from 0 to {classes - 1}")
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(samples)
    loss = float(np.mean(np.log(sums[:, 0].astype(np.float64)) - shifted[rows, labels]))
    grad = exponentials / sums
    grad[rows, labels] -= 1
    return loss, (grad / samples).astype(dtype)
