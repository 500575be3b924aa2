"""Batch normalization over N, H, W per channel (Ioffe and Szegedy, 2015), with residual and ReLU fused in.

    xhat = (x - mean) / sqrt(variance + epsilon),   y = gamma * xhat + beta

The statistics are taken of ``x - pivot`` with one pixel as the pivot, in one pass: sums of raw squares
would cancel where the mean is large against the deviation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .buffers import (
    WORKSPACES,
    Activation,
    Array,
    aligned_zeros,
    load_activation,
    new_activation,
    round_up,
    store_activation,
    vector_lanes,
)
from .compilation import kernel
from .geometry import check_dtype, window_of
from .processor import thread_count
from .vector import lanes, vadd, vfma, vload, vmax, vset, vstore, vsub, vwhere_greater, vzero

EPSILON = 1e-5


@kernel(parallel=True)
def _statistics(x, at, images, height, width, channels, parts, mean, variance, threads):
    line = lanes(x)
    rows = images * height
    for thread in prange(threads):
        mine = thread * 2 * channels
        zero = vzero(x)
        for c in range(0, 2 * channels, line):
            vstore(parts, mine + c, zero)
        for r in range(rows * thread // threads, rows * (thread + 1) // threads):
            n = r // height
            start = at.origin + n * at.image + (r - n * height) * at.row
            for c in range(0, channels, line):
                pivot = vload(x, at.origin + c)
                total, squares = zero, zero
                for w in range(width):
                    value = vsub(vload(x, start + w * at.pixel + c), pivot)
                    total = vadd(total, value)
                    squares = vfma(value, value, squares)
                vstore(parts, mine + c, vadd(vload(parts, mine + c), total))
                vstore(parts, mine + channels + c, vadd(vload(parts, mine + channels + c), squares))
    count = rows * width
    for c in range(channels):
        total, squares = 0.0, 0.0
        for part in range(threads):
            total += parts[part * 2 * channels + c]
            squares += parts[part * 2 * channels + channels + c]
        shift = total / count
        mean[c] = x[at.origin + c] + shift
        variance[c] = max(0.0, squares / count - shift * shift)


@kernel(parallel=True)
def _apply(x, at, images, height, width, channels, scale, shift, residual, has_residual, low, y, threads):
    """y = max(low, x * scale + shift + residual); all activations have one geometry."""
    line = lanes(x)
    rows = images * height
    for thread in prange(threads):
        bound = vset(low)
        for r in range(rows * thread // threads, rows * (thread + 1) // threads):
            n = r // height
            start = at.origin + n * at.image + (r - n * height) * at.row
            for w in range(width):
                p = start + w * at.pixel
                for c in range(0, channels, line):
                    value = vfma(vload(x, p + c), vload(scale, c), vload(shift, c))
                    if has_residual:
                        value = vadd(value, vload(residual, p + c))
                    vstore(y, p + c, vmax(value, bound))


@kernel(parallel=True)
def _backward(g, y, masked, x, at, images, height, width, channels, mean, rstd, gamma, parts, grad_gamma, grad_beta,
              a, b, e, d, kept, keep, training, threads):  # fmt: skip
    """d = gamma rstd (g - mean(g) - xhat mean(g xhat)); ``kept`` receives g after the ReLU's mask."""
    line = lanes(x)
    rows = images * height
    for phase in range(2):
        for thread in prange(threads):
            zero = vzero(x)
            mine = thread * 2 * channels
            if phase == 0:
                for c in range(0, 2 * channels, line):
                    vstore(parts, mine + c, zero)
            for r in range(rows * thread // threads, rows * (thread + 1) // threads):
                n = r // height
                start = at.origin + n * at.image + (r - n * height) * at.row
                for c in range(0, channels, line):
                    if phase == 0:
                        center = vload(mean, c)
                        total, products = zero, zero
                        for w in range(width):
                            p = start + w * at.pixel + c
                            grad = vload(g, p)
                            if masked:
                                grad = vwhere_greater(vload(y, p), zero, grad, zero)
                            if keep:
                                vstore(kept, p, grad)
                            total = vadd(total, grad)
                            products = vfma(grad, vsub(vload(x, p), center), products)
                        vstore(parts, mine + c, vadd(vload(parts, mine + c), total))
                        vstore(parts, mine + channels + c, vadd(vload(parts, mine + channels + c), products))
                    else:
                        to_grad, to_value, constant = vload(a, c), vload(b, c), vload(e, c)
                        for w in range(width):
                            p = start + w * at.pixel + c
                            grad = vload(kept if keep else g, p)
                            if masked and not keep:
                                grad = vwhere_greater(vload(y, p), zero, grad, zero)
                            vstore(d, p, vfma(grad, to_grad, vfma(vload(x, p), to_value, constant)))
        if phase == 0:
            count = rows * width
            for c in range(channels):
                total, products = 0.0, 0.0
                for part in range(threads):
                    total += parts[part * 2 * channels + c]
                    products += parts[part * 2 * channels + channels + c]
                products *= rstd[c]
                grad_beta[c], grad_gamma[c] = total, products
                factor = gamma[c] * rstd[c]
                a[c], b[c], e[c] = factor, 0, 0
                if training:
                    b[c] = -factor * products / count * rstd[c]
                    e[c] = -factor * total / count + factor * products / count * rstd[c] * mean[c]


class BatchNorm:
    """Batch normalization of one geometry of activations, with its parameters and running statistics.

    Attributes
    ----------
    gamma, beta : (filled channels,) parameters. gamma_gradient, beta_gradient : of the last backward pass.
    running_mean, running_variance : exponential averages, the variance unbiased; used outside training.
    """

    def __init__(
        self, channels: int, dtype: Any = np.float32, *, momentum: float = 0.1, epsilon: float = EPSILON
    ) -> None:
        self.channels, self.momentum, self.epsilon = channels, momentum, epsilon
        filled = round_up(channels, vector_lanes(dtype))
        self.gamma, self.beta = aligned_zeros(filled, dtype), aligned_zeros(filled, dtype)
        self.gamma[:channels] = 1
        self.gamma_gradient, self.beta_gradient = aligned_zeros(filled, dtype), aligned_zeros(filled, dtype)
        self.running_mean, self.running_variance = aligned_zeros(filled, dtype), aligned_zeros(filled, dtype)
        self.running_variance[:channels] = 1
        self._mean, self._rstd, self._variance = (aligned_zeros(filled, dtype) for _ in range(3))
        self._factors = [aligned_zeros(filled, dtype) for _ in range(3)]

    def forward(
        self,
        source: Activation,
        target: Activation,
        *,
        training: bool = True,
        residual: Activation | None = None,
        rectify: bool = False,
    ) -> Activation:
        """``target = batchnorm(source) (+ residual) (ReLU)``; all of one geometry, buffers included."""
        threads, filled = thread_count(), len(self.gamma)
        sizes = (source.batch, source.height, source.width, filled)
        if training:
            parts = WORKSPACES.get("batch norm", threads * 2 * filled, self.gamma.dtype)
            _statistics(source.flat, source.strides(), *sizes, parts, self._mean, self._variance, threads)
            count = source.batch * source.height * source.width
            self.running_mean += self.momentum * (self._mean - self.running_mean)
            unbiased = self._variance * (count / max(1, count - 1))
            self.running_variance += self.momentum * (unbiased - self.running_variance)
        else:
            self._mean[:], self._variance[:] = self.running_mean, self.running_variance
        self._rstd[:] = 1 / np.sqrt(self._variance + self.epsilon)
        scale, shift = self._factors[0], self._factors[1]
        scale[:] = self.gamma * self._rstd
        shift[:] = self.beta - self._mean * scale
        low = self.gamma.dtype.type(0.0 if rectify else -np.inf)
        extra = source if residual is None else residual
        _apply(
            source.flat,
            source.strides(),
            *sizes,
            scale,
            shift,
            extra.flat,
            residual is not None,
            low,
            target.flat,
            threads,
        )
        return target

    def backward(
        self,
        grad_output: Activation,
        source: Activation,
        grad_input: Activation,
        *,
        mask: Activation | None = None,
        masked_gradient: Activation | None = None,
        training: bool = True,
    ) -> Activation:
        """Write the gradients of gamma, beta and the source of the last forward pass.

        ``mask``: the forward pass's target if it had a ReLU, and ``grad_output`` is not masked yet.
        ``masked_gradient`` receives the masked gradient, which is also the residual's.
        """
        threads, filled = thread_count(), len(self.gamma)
        parts = WORKSPACES.get("batch norm", threads * 2 * filled, self.gamma.dtype)
        kept = grad_output if masked_gradient is None else masked_gradient
        _backward(
            grad_output.flat,
            (mask or grad_output).flat,
            mask is not None,
            source.flat,
            source.strides(),
            source.batch,
            source.height,
            source.width,
            filled,
            self._mean,
            self._rstd,
            self.gamma,
            parts,
            self.gamma_gradient,
            self.beta_gradient,
            *self._factors,
            grad_input.flat,
            kept.flat,
            masked_gradient is not None,
            training,
            threads,
        )
        return grad_input


def batch_norm(
    inputs: Array, gamma: Array, beta: Array, *, layout: str = "NCHW", epsilon: float = EPSILON
) -> tuple[Array, BatchNorm]:
    """Batch normalization of a plain array with the statistics of this batch.

    Returns
    -------
    outputs, state : ``state`` goes to :func:`batch_norm_backward` and has the running statistics.
    """
    dtype = check_dtype(inputs, gamma, beta)
    window = window_of(inputs.shape, 1, 1, 0, 1, layout)
    state = BatchNorm(window.channels, dtype, epsilon=epsilon)
    state.gamma[: window.channels], state.beta[: window.channels] = gamma, beta
    source = load_activation(inputs, layout, _plain(window, dtype, "operator source"))
    target = state.forward(source, _plain(window, dtype, "operator target"))
    return store_activation(target, layout), state


def batch_norm_backward(
    grad_output: Array, inputs: Array, state: BatchNorm, *, layout: str = "NCHW"
) -> tuple[Array, Array, Array]:
    """Gradients of :func:`batch_norm` with respect to inputs, gamma and beta."""
    dtype = check_dtype(inputs, grad_output)
    window = window_of(inputs.shape, 1, 1, 0, 1, layout)
    source = load_activation(inputs, layout, _plain(window, dtype, "operator source"))
    grad = load_activation(grad_output, layout, _plain(window, dtype, "operator target"))
    result = state.backward(grad, source, _plain(window, dtype, "operator gradient"))
    gradients = state.gamma_gradient[: window.channels].copy(), state.beta_gradient[: window.channels].copy()
    return store_activation(result, layout), *gradients


def _plain(window: Any, dtype: Any, workspace: str) -> Activation:
    return new_activation(window.batch, window.height, window.width, window.channels, dtype, border=(0, 0, 0, 0),
                          workspace=workspace)  # fmt: skip
