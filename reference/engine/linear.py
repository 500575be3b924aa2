"""Fully connected layers: ``y = x W^T + b`` with W of (outputs, inputs).

With one sample every weight is used once, so the speed of memory is the limit: rows of W are read in
order, four at a time. With more samples it is a matrix product of register tiles. No copy of W is made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from .buffers import WORKSPACES, Array, aligned_zeros, round_up, vector_lanes
from .compilation import kernel
from .matrix import NO_TAP, WIDEST, panel_vectors, product_rows, product_transposed, row_block_size
from .processor import thread_count
from .vector import lanes, vadd, vfma, vload, vset, vstore, vsum, vzero


class LinearGradients(NamedTuple):
    """Gradients of a linear layer; None where not asked for."""

    inputs: Array | None
    weight: Array | None
    bias: Array | None


@kernel(parallel=True)
def _one_sample(weight, bias, x, y, outputs, inputs, low, threads):
    line = lanes(x)
    whole = inputs // (2 * line) * (2 * line)
    quads = (outputs + 3) // 4
    for thread in prange(threads):
        zero = vzero(x)
        for quad in range(quads * thread // threads, quads * (thread + 1) // threads):
            if quad * 4 + 4 <= outputs:
                row = quad * 4 * inputs
                a, b, c, d = zero, zero, zero, zero
                e, f, g, h = zero, zero, zero, zero
                for i in range(0, whole, 2 * line):
                    left, right = vload(x, i), vload(x, i + line)
                    at = row + i
                    a, e = vfma(left, vload(weight, at), a), vfma(right, vload(weight, at + line), e)
                    at += inputs
                    b, f = vfma(left, vload(weight, at), b), vfma(right, vload(weight, at + line), f)
                    at += inputs
                    c, g = vfma(left, vload(weight, at), c), vfma(right, vload(weight, at + line), g)
                    at += inputs
                    d, h = vfma(left, vload(weight, at), d), vfma(right, vload(weight, at + line), h)
                y[quad * 4] = vsum(vadd(a, e))
                y[quad * 4 + 1] = vsum(vadd(b, f))
                y[quad * 4 + 2] = vsum(vadd(c, g))
                y[quad * 4 + 3] = vsum(vadd(d, h))
                start = whole
            else:
                for o in range(quad * 4, outputs):
                    y[o] = 0
                start = 0
            for o in range(quad * 4, min(outputs, quad * 4 + 4)):
                total = y[o] + bias[o]
                for i in range(start, inputs):
                    total += x[i] * weight[o * inputs + i]
                y[o] = max(low, total)


@kernel(parallel=True)
def _one_sample_backward(weight, grad, index, used, d, inputs, strip, threads):
    """d = W^T g over the rows of W whose gradient is not zero (after a ReLU half of them are)."""
    line = lanes(d)
    strips = (inputs + strip - 1) // strip
    for thread in prange(threads):
        zero = vzero(d)
        for s in range(strips * thread // threads, strips * (thread + 1) // threads):
            first, last = s * strip, min(inputs, s * strip + strip)
            for i in range(first, last, line):
                vstore(d, i, zero)
            k = 0
            while k < used:
                if k + 4 <= used:
                    o, p, q, r = (
                        index[k] * inputs,
                        index[k + 1] * inputs,
                        index[k + 2] * inputs,
                        index[k + 3] * inputs,
                    )
                    a, b = vset(grad[index[k]]), vset(grad[index[k + 1]])
                    c, e = vset(grad[index[k + 2]]), vset(grad[index[k + 3]])
                    for i in range(first, last, line):
                        total = vfma(a, vload(weight, o + i), vload(d, i))
                        total = vfma(b, vload(weight, p + i), total)
                        total = vfma(c, vload(weight, q + i), total)
                        vstore(d, i, vfma(e, vload(weight, r + i), total))
                    k += 4
                else:
                    a, o = vset(grad[index[k]]), index[k] * inputs
                    for i in range(first, last, line):
                        vstore(d, i, vfma(a, vload(weight, o + i), vload(d, i)))
                    k += 1


@kernel(parallel=True)
def _transpose_panels(source, rows, columns, target, wide, threads):
    """The transposed (columns, rows) in panels of the widest tile, one after the other; rows beyond are zero."""
    line = lanes(target)
    panels = (wide // line + WIDEST - 1) // WIDEST
    for thread in prange(threads):
        for c in range(columns * thread // threads, columns * (thread + 1) // threads):
            for panel in range(panels):
                first, width = panel * WIDEST * line, panel_vectors(wide, panel, line) * line
                start = first * columns + c * width
                for r in range(first, min(rows, first + width)):
                    target[start + r - first] = source[r * columns + c]
                for r in range(max(rows, first), first + width):
                    target[start + r - first] = 0


def _transposed_panels(matrix: Array, purpose: str) -> tuple[Array, int]:
    """A flat transposed copy in a workspace, in panels, and its columns, filled up to whole vectors."""
    rows, columns = matrix.shape
    wide = round_up(rows, vector_lanes(matrix.dtype))
    target = WORKSPACES.get(purpose, columns * wide, matrix.dtype)
    _transpose_panels(np.ascontiguousarray(matrix).reshape(-1), rows, columns, target, wide, thread_count())
    return target, wide


def forward(inputs: Array, weight: Array, bias: Array | None = None, low: float = -np.inf) -> Array:
    """``max(low, inputs @ weight.T + bias)`` for inputs (N, I) and weight (O, I); a fresh (N, O)."""
    samples, size = inputs.shape
    outputs = weight.shape[0]
    if weight.shape[1] != size:
        raise ValueError(f"weight must be (outputs, inputs) = ({outputs}, {size}), got {weight.shape}")
    if samples < 1:
        raise ValueError("the batch is empty: at least one sample is needed")
    dtype, threads = inputs.dtype, thread_count()
    inputs, weight = np.ascontiguousarray(inputs), np.ascontiguousarray(weight)
    if samples == 1:
        start = np.zeros(outputs, dtype) if bias is None else np.ascontiguousarray(bias)
        result = aligned_zeros((1, outputs), dtype)
        _one_sample(
            weight.reshape(-1),
            start,
            inputs.reshape(-1),
            result.reshape(-1),
            outputs,
            size,
            dtype.type(low),
            threads,
        )
        return result
    columns, wide = _transposed_panels(inputs, "linear inputs")
    product = WORKSPACES.get("linear product", outputs * wide, dtype)
    zeros = WORKSPACES.get("no bias", wide, dtype)
    zeros[:wide] = 0
    product_rows(
        weight.reshape(-1),
        size,
        outputs,
        NO_TAP,
        size,
        columns,
        0,
        wide,
        product,
        wide,
        zeros,
        dtype.type(-np.inf),
        row_block_size(outputs, wide, threads, size * dtype.itemsize),
        threads,
    )
    result = np.ascontiguousarray(product[: outputs * wide].reshape(outputs, wide)[:, :samples].T)
    if bias is not None:
        result += bias
    if low > -np.inf:
        np.maximum(result, dtype.type(low), out=result)
    return result


def backward_input(grad_output: Array, weight: Array) -> Array:
    """``grad_output @ weight``: the gradient with respect to the inputs, (N, I)."""
    samples, outputs = grad_output.shape
    size = weight.shape[1]
    dtype, threads = grad_output.dtype, thread_count()
    line = vector_lanes(dtype)
    grad_output, weight = np.ascontiguousarray(grad_output), np.ascontiguousarray(weight)
    if size % line:
        wide = round_up(size, line)
        filled = WORKSPACES.get("linear weight", outputs * wide, dtype)[: outputs * wide].reshape(outputs, wide)
        filled[:, :size], filled[:, size:] = weight, 0
        return np.ascontiguousarray(backward_input(grad_output, filled)[:, :size])
    result = aligned_zeros((samples, size), dtype)
    if samples == 1:
        used = np.flatnonzero(grad_output[0])
        _one_sample_backward(weight.reshape(-1), grad_output.reshape(-1), used, len(used), result.reshape(-1), size,
                             128 * line, threads)  # fmt: skip
        return result
    zeros = WORKSPACES.get("no bias", size, dtype)
    zeros[:size] = 0
    product_rows(
        grad_output.reshape(-1),
        outputs,
        samples,
        NO_TAP,
        outputs,
        weight.reshape(-1),
        size,
        size,
        result.reshape(-1),
        size,
        zeros,
        dtype.type(-np.inf),
        row_block_size(samples, size, threads, outputs * dtype.itemsize),
        threads,
    )
    return result


def backward_weight(grad_output: Array, inputs: Array) -> Array:
    """``grad_output.T @ inputs``: the gradient of the weight, (O, I)."""
    samples, outputs = grad_output.shape
    size = inputs.shape[1]
    dtype, threads = grad_output.dtype, thread_count()
    line = vector_lanes(dtype)
    grad_output, inputs = np.ascontiguousarray(grad_output), np.ascontiguousarray(inputs)
    wide = round_up(size, line)
    if wide != size:
        filled = WORKSPACES.get("linear inputs filled", samples * wide, dtype)[: samples * wide].reshape(
            samples, wide
        )
        filled[:, :size], filled[:, size:] = inputs, 0
        inputs = filled
    result = aligned_zeros((outputs, wide), dtype)
    product_transposed(
        grad_output.reshape(-1),
        outputs,
        outputs,
        samples,
        inputs.reshape(-1),
        wide,
        wide,
        result.reshape(-1),
        wide,
        row_block_size(outputs, wide, threads),
        False,
        threads,
    )
    return result if wide == size else np.ascontiguousarray(result[:, :size])
