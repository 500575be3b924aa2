"""The steps of LeNet's training that one thread does on its share of the batch or of the parameters.

Arrays are flat workspaces that hold many tensors: ``s``, ``t``, ``a``, ``b``, ``c`` and the like are offsets.
"""

from __future__ import annotations

from ..compilation import kernel
from ..matrix import biased_rows, outer_rows
from ..vector import (
    lanes,
    vadd,
    vdiv,
    vfma,
    vload,
    vmax,
    vmul,
    vset,
    vsqrt,
    vstore,
    vsub,
    vwhere_equal,
    vwhere_greater,
    vzero,
)

NO_STEP, ADAM_STEP, GRADIENT_STEP = 0, 1, 2


@kernel
def pool(source, s, target, t, pooled, step, row):
    """2 x 2 maximum of 16-channel maps; pooled pixels are ``step`` apart, so later ones overwrite filler."""
    line = lanes(source)
    for h in range(pooled):
        for w in range(pooled):
            at = s + 2 * h * row + 2 * w * line
            upper = vmax(vload(source, at), vload(source, at + line))
            lower = vmax(vload(source, at + row), vload(source, at + row + line))
            vstore(target, t + (h * pooled + w) * step, vmax(upper, lower))


@kernel
def unpool(w, source, pooled_grad, target, pooled, step, row, total):
    """Gradient of ReLU and 2 x 2 maximum; returns ``total`` plus the sum over pixels: the bias's gradient.

    ``row`` is a row of the maps; where their side is odd, the last row and column take no part.
    """
    line = lanes(w)
    zero = vzero(w)
    for h in range(pooled):
        for v in range(pooled):
            at, to = source + 2 * h * row + 2 * v * line, target + 2 * h * row + 2 * v * line
            a, b = vload(w, at), vload(w, at + line)
            c, d = vload(w, at + row), vload(w, at + row + line)
            best = vmax(vmax(a, b), vmax(c, d))
            rest = vwhere_greater(best, zero, vload(w, pooled_grad + (h * pooled + v) * step), zero)
            total = vadd(total, rest)
            vstore(w, to, vwhere_equal(a, best, rest, zero))
            rest = vwhere_equal(a, best, zero, rest)
            vstore(w, to + line, vwhere_equal(b, best, rest, zero))
            rest = vwhere_equal(b, best, zero, rest)
            vstore(w, to + row, vwhere_equal(c, best, rest, zero))
            rest = vwhere_equal(c, best, zero, rest)
            vstore(w, to + row + line, vwhere_equal(d, best, rest, zero))
    return total


@kernel
def average(source, s, target, t, pooled, step, row):
    """2 x 2 mean of 16-channel maps, placed as by :func:`pool`."""
    line = lanes(source)
    quarter = vset(source.dtype.type(0.25))
    for h in range(pooled):
        for w in range(pooled):
            at = s + 2 * h * row + 2 * w * line
            upper = vadd(vload(source, at), vload(source, at + line))
            lower = vadd(vload(source, at + row), vload(source, at + row + line))
            vstore(target, t + (h * pooled + w) * step, vmul(quarter, vadd(upper, lower)))


@kernel
def unaverage(w, source, pooled_grad, target, pooled, step, row, total):
    """Gradient of ReLU and 2 x 2 mean; arguments and result as those of :func:`unpool`."""
    line = lanes(w)
    zero, quarter = vzero(w), vset(w.dtype.type(0.25))
    for h in range(pooled):
        for v in range(pooled):
            share = vmul(quarter, vload(w, pooled_grad + (h * pooled + v) * step))
            for place in range(4):
                offset = (2 * h + place // 2) * row + (2 * v + place % 2) * line
                grad = vwhere_greater(vload(w, source + offset), zero, share, zero)
                vstore(w, target + offset, grad)
                total = vadd(total, grad)
    return total


@kernel
def dense(A, a, inputs, count, P, weight, bias, outputs, C, c, low, no_tap):
    """C[n, :outputs] = max(low, A[n, :inputs] @ P[weight] + P[bias]) for a share of the batch."""
    biased_rows(outputs // lanes(A), A, a, inputs, count, no_tap, 0, 1, inputs, P, weight, outputs, C, c, outputs,
                P, bias, low)  # fmt: skip


@kernel
def dense_weight(A, a, inputs, B, b, outputs, count, G, weight, bias):
    """Gradients of a dense layer's weight (inputs, outputs) and bias from a share of the batch."""
    line = lanes(A)
    outer_rows(False, outputs // line, inputs, A, a, 0, inputs, B, b, 0, outputs, 1, count, G, weight, outputs)
    for column in range(0, outputs, line):
        total = vzero(A)
        for n in range(count):
            total = vadd(total, vload(B, b + n * outputs + column))
        vstore(G, bias + column, total)


@kernel
def dense_input(A, a, outputs, count, T, weight, inputs, C, c, zeros, low, no_tap):
    """C[n, :inputs] = A[n, :outputs] @ transposed weight (outputs, inputs)."""
    biased_rows(inputs // lanes(A), A, a, outputs, count, no_tap, 0, 1, outputs, T, weight, inputs, C, c, inputs,
                zeros, 0, low)  # fmt: skip


@kernel
def mask(w, active, grad, size):
    """Gradient of a ReLU, in place."""
    zero = vzero(w)
    for i in range(0, size, lanes(w)):
        vstore(w, grad + i, vwhere_greater(vload(w, active + i), zero, vload(w, grad + i), zero))


@kernel
def transpose_rows(p, start, rows, columns, T, target, first, last):
    """Columns ``first`` to ``last`` of a matrix in p become rows in T."""
    # In strips whose lines stay in the first-level cache until all their columns have been read.
    for strip in range(0, rows, 64):
        for c in range(first, last):
            for r in range(strip, min(rows, strip + 64)):
                T[target + c * rows + r] = p[start + r * columns + c]


@kernel
def update_share(p, moment1, moment2, g, total, first, last, beta1, beta2, rate, epsilon, update, threads):
    """Sum the threads' gradients into the first one's and take the step that ``update`` names."""
    line = lanes(p)
    one = p.dtype.type(1)
    keep1, new1, keep2, new2 = vset(beta1), vset(one - beta1), vset(beta2), vset(one - beta2)
    scale, floor = vset(rate), vset(epsilon)
    for i in range(first, last, line):
        grad = vload(g, i)
        for other in range(1, threads):
            grad = vadd(grad, vload(g, other * total + i))
        vstore(g, i, grad)
        if update == GRADIENT_STEP:
            vstore(p, i, vsub(vload(p, i), vmul(scale, grad)))
        elif update == ADAM_STEP:
            mean = vfma(keep1, vload(moment1, i), vmul(new1, grad))
            square = vfma(keep2, vload(moment2, i), vmul(vmul(new2, grad), grad))
            vstore(moment1, i, mean)
            vstore(moment2, i, square)
            vstore(p, i, vsub(vload(p, i), vdiv(vmul(scale, mean), vadd(vsqrt(square), floor))))
