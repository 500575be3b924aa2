"""LeNet's training step as one parallel kernel; ``lenet`` prepares it.

The network is so small that starting threads and passing arrays between layers would dominate. So each
thread takes a share of the batch through *all* layers, forward and backward, in a workspace that fits its
second-level cache, and then all threads update a share of the parameters.

Maps are channel-last. The first convolution's maps are stored with 16 channels, but after pooling with
their true number, so that a 5 x 5 window's row is one contiguous run for the second convolution.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from ..compilation import kernel
from ..matrix import biased_rows, outer_rows
from ..vector import lanes, vadd, vload, vstore, vzero
from .lenet_steps import (
    average,
    dense,
    dense_input,
    dense_weight,
    mask,
    pool,
    transpose_rows,
    unaverage,
    unpool,
    update_share,
)
from .sliding_tiles import KERNEL, LANES, OUTPUTS, SUITED, sliding_gradient, sliding_outputs

LAYERS = 5


@kernel
def _forward_layer(layer, x, first, count, p, z, o, w, at, taps1, taps2):
    """One layer, with its pooling, for pictures ``first`` to ``first + count``."""
    line = lanes(x)
    low = x.dtype.type(0)
    k = z.kernel
    if layer == 0:
        for n in range(count):
            picture = (first + n) * z.side * z.side
            maps1 = at.maps1 + n * z.side1 * z.side1 * line
            for h in range(z.side1):
                source, target = picture + h * z.side, maps1 + h * z.side1 * line
                if SUITED and k == KERNEL and z.channels1 <= LANES and z.side1 >= OUTPUTS:
                    for v in range(0, z.side1, OUTPUTS):
                        # The last tile of a row overlaps the one before it.
                        m = min(v, z.side1 - OUTPUTS)
                        sliding_outputs(x, source + m, z.side, p, o.weight1, p, o.bias1, low, w, target + m * line)
                else:
                    biased_rows(1, x, source, 1, z.side1, taps1, 0, k, k, p, o.weight1, line, w, target, line,
                                p, o.bias1, low)  # fmt: skip
            pooled1 = at.pooled1 + n * z.pooled1 * z.pooled1 * z.channels1
            pool(w, maps1, w, pooled1, z.pooled1, z.channels1, z.side1 * line)
    elif layer == 1:
        row = z.pooled1 * z.channels1
        for n in range(count):
            pooled1 = at.pooled1 + n * z.pooled1 * row
            maps2 = at.maps2 + n * z.side2 * z.side2 * line
            for h in range(z.side2):
                biased_rows(1, w, pooled1 + h * row, z.channels1, z.side2, taps2, 0, k, k * z.channels1, p,
                            o.weight2, line, w, maps2 + h * z.side2 * line, line, p, o.bias2, low)  # fmt: skip
            if z.average:
                average(w, maps2, w, at.pooled2 + n * z.flat, z.pooled2, line, z.side2 * line)
            else:
                pool(w, maps2, w, at.pooled2 + n * z.flat, z.pooled2, line, z.side2 * line)
    elif layer == 2:
        dense(w, at.pooled2, z.flat, count, p, o.weight3, o.bias3, z.dense1, w, at.dense1, low, taps1)
    elif layer == 3:
        dense(w, at.dense1, z.dense1, count, p, o.weight4, o.bias4, z.dense2, w, at.dense2, low, taps1)
    else:
        none = x.dtype.type(-np.inf)
        dense(w, at.dense2, z.dense2, count, p, o.weight5, o.bias5, z.classes_filled, w, at.logits, none, taps1)


@kernel
def _loss_share(labels, first, count, batch, z, w, at):
    """Softmax cross-entropy of a share, and its gradient divided by the batch."""
    loss = 0.0
    for n in range(count):
        row, grad = at.logits + n * z.classes_filled, at.grad_logits + n * z.classes_filled
        top = w[row]
        for k in range(1, z.classes):
            top = max(top, w[row + k])
        total = w.dtype.type(0)
        for k in range(z.classes):
            w[grad + k] = np.exp(w[row + k] - top)
            total += w[grad + k]
        label = labels[first + n]
        loss -= w[row + label] - top - np.log(total)
        for k in range(z.classes):
            w[grad + k] = w[grad + k] / (total * batch)
        w[grad + label] -= w.dtype.type(1) / batch
    return loss


@kernel
def _backward_share(x, first, count, T, z, o, t, w, at, g, zeros, no_tap):
    """All layers backward for a share of the batch; writes the share's gradient to ``g``."""
    line = lanes(x)
    none = x.dtype.type(-np.inf)
    k = z.kernel
    zero = vzero(x)
    for i in range(0, o.weight3, line):
        vstore(g, i, zero)
    dense_weight(w, at.dense2, z.dense2, w, at.grad_logits, z.classes_filled, count, g, o.weight5, o.bias5)
    dense_input(
        w, at.grad_logits, z.classes_filled, count, T, t.weight5, z.dense2, w, at.grad_dense2, zeros, none, no_tap
    )
    mask(w, at.dense2, at.grad_dense2, count * z.dense2)
    dense_weight(w, at.dense1, z.dense1, w, at.grad_dense2, z.dense2, count, g, o.weight4, o.bias4)
    dense_input(w, at.grad_dense2, z.dense2, count, T, t.weight4, z.dense1, w, at.grad_dense1, zeros, none, no_tap)
    mask(w, at.dense1, at.grad_dense1, count * z.dense1)
    dense_weight(w, at.pooled2, z.flat, w, at.grad_dense1, z.dense1, count, g, o.weight3, o.bias3)
    dense_input(w, at.grad_dense1, z.dense1, count, T, t.weight3, z.flat, w, at.grad_pooled2, zeros, none, no_tap)
    bias1, bias2 = zero, zero
    row1, row2 = z.side1 * line, z.side2 * line
    pooled_row = z.pooled1 * z.channels1
    run = k * z.channels1
    filled = (run + line - 1) // line * line
    wide = k * filled
    for n in range(count):
        maps1, grad1 = at.maps1 + n * z.side1 * row1, at.grad_maps1
        pooled1, grad_pooled1 = at.pooled1 + n * z.pooled1 * pooled_row, at.grad_pooled1
        maps2, grad2 = at.maps2 + n * z.side2 * row2, at.grad_maps2
        if 2 * z.pooled2 < z.side2:
            for i in range(0, z.side2 * row2, line):
                vstore(w, grad2 + i, zero)
        if z.average:
            bias2 = unaverage(w, maps2, at.grad_pooled2 + n * z.flat, grad2, z.pooled2, line, row2, bias2)
        else:
            bias2 = unpool(w, maps2, at.grad_pooled2 + n * z.flat, grad2, z.pooled2, line, row2, bias2)
        for i in range(k):
            outer_rows(
                True,
                1,
                run,
                w,
                pooled1 + i * pooled_row,
                pooled_row,
                z.channels1,
                w,
                grad2,
                row2,
                line,
                z.side2,
                z.side2,
                g,
                o.weight2 + i * run * line,
                line,
            )
        for i in range(0, z.pooled1 * pooled_row + line, line):
            vstore(w, grad_pooled1 + i, zero)
        biased_rows(wide // line, w, grad2, line, z.side2 * z.side2, no_tap, 0, 1, line, T, t.weight2, wide,
                    w, at.strip, wide, zeros, 0, none)  # fmt: skip
        # Neighbours in a row overlap; going down the columns, no sum waits for the store of the one before.
        for i in range(k):
            for v in range(z.side2):
                for h in range(z.side2):
                    to = grad_pooled1 + (h + i) * pooled_row + v * z.channels1
                    source = at.strip + (h * z.side2 + v) * wide + i * filled
                    for j in range(0, filled, line):
                        vstore(w, to + j, vadd(vload(w, to + j), vload(w, source + j)))
        bias1 = unpool(w, maps1, grad_pooled1, grad1, z.pooled1, z.channels1, row1, bias1)
        picture = (first + n) * z.side * z.side
        if SUITED and k == KERNEL and z.channels1 <= LANES:
            sliding_gradient(x, picture, z.side, w, grad1, z.side1, z.side1, g, o.weight1)
        else:
            for i in range(k):
                outer_rows(True, 1, k, x, picture + i * z.side, z.side, 1, w, grad1, row1, line, z.side1, z.side1,
                           g, o.weight1 + i * k * line, line)  # fmt: skip
    vstore(g, o.bias1, bias1)
    vstore(g, o.bias2, bias2)


@kernel(parallel=True)
def train_step(
    x,
    labels,
    batch,
    p,
    moment1,
    moment2,
    T,
    w,
    g,
    zeros,
    losses,
    z,
    o,
    t,
    at,
    taps1,
    taps2,
    beta1,
    beta2,
    rate,
    epsilon,
    update,
    threads,
):
    """Forward, loss, backward and the step that ``update`` names, for one batch; returns the mean loss.

    Phases are separated by the end of a parallel region: transpose the weights, take shares of the batch
    through the network, update shares of the parameters.
    """
    line = lanes(x)
    for phase in range(3):
        for thread in prange(threads):
            if phase == 0:
                run = z.kernel * z.channels1
                filled = (run + line - 1) // line * line
                for i in range(z.kernel * thread // threads, z.kernel * (thread + 1) // threads):
                    for r in range(run):
                        for k in range(line):
                            T[t.weight2 + (k * z.kernel + i) * filled + r] = p[o.weight2 + (i * run + r) * line + k]
                first, last = z.dense1 * thread // threads, z.dense1 * (thread + 1) // threads
                transpose_rows(p, o.weight3, z.flat, z.dense1, T, t.weight3, first, last)
                first, last = z.dense2 * thread // threads, z.dense2 * (thread + 1) // threads
                transpose_rows(p, o.weight4, z.dense1, z.dense2, T, t.weight4, first, last)
                if thread == 0:
                    transpose_rows(p, o.weight5, z.dense2, z.classes_filled, T, t.weight5, 0, z.classes_filled)
            elif phase == 1:
                first, last = batch * thread // threads, batch * (thread + 1) // threads
                mine, gradient = w[thread * at.total :], g[thread * o.total :]
                for layer in range(LAYERS):
                    _forward_layer(layer, x, first, last - first, p, z, o, mine, at, taps1, taps2)
                losses[thread * 8] = _loss_share(labels, first, last - first, x.dtype.type(batch), z, mine, at)
                _backward_share(x, first, last - first, T, z, o, t, mine, at, gradient, zeros, taps1)
            else:
                groups = o.total // line
                first, last = groups * thread // threads * line, groups * (thread + 1) // threads * line
                update_share(
                    p, moment1, moment2, g, o.total, first, last, beta1, beta2, rate, epsilon, update, threads
                )
    loss = 0.0
    for thread in range(threads):
        loss += losses[thread * 8]
    return loss / batch


@kernel(parallel=True)
def forward_pass(x, batch, p, w, z, o, at, taps1, taps2, first_layer, last_layer, logits, threads):
    """Layers ``first_layer`` up to ``last_layer`` for all pictures, and the logits (batch, filled classes)."""
    for thread in prange(threads):
        first, last = batch * thread // threads, batch * (thread + 1) // threads
        mine = w[thread * at.total :]
        for layer in range(first_layer, last_layer):
            _forward_layer(layer, x, first, last - first, p, z, o, mine, at, taps1, taps2)
        for i in range((last - first) * z.classes_filled):
            logits[first * z.classes_filled + i] = mine[at.logits + i]
