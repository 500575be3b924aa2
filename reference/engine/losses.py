"""Content, Gram and style losses of neural style transfer (Gatys et al., 2015), with their gradients.

    G = F F^T / (C H W),   style = mean((G - G_target)^2),   content = mean((F - F_target)^2)

where F is (C, H W). The gradients are ``4 E F / (C^2 C H W)`` with ``E = G - G_target`` (symmetric), and
``2 (F - F_target) / (C H W)``.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from . import direct
from .buffers import WORKSPACES, Activation, Array, aligned_zeros, load_activation, new_activation, store_activation
from .compilation import kernel
from .geometry import Window, check_dtype
from .processor import thread_count
from .vector import lanes, vadd, vfma, vload, vmul, vset, vstore, vsub, vsum, vwhere_greater, vzero


@kernel(parallel=True)
def _add_content(features, wanted, grad, at, images, height, width, channels, factor, mask, losses, threads):
    """Adds factor * (features - wanted), masked by a ReLU, to the gradient; sums the squares."""
    line = lanes(features)
    for thread in prange(threads):
        zero, scale = vzero(features), vset(factor)
        loss = 0.0
        for r in range(images * height * thread // threads, images * height * (thread + 1) // threads):
            n = r // height
            start = at.origin + n * at.image + (r - n * height) * at.row
            squares = zero
            for w in range(width):
                for c in range(0, channels, line):
                    p = start + w * at.pixel + c
                    value = vload(features, p)
                    difference = vsub(value, vload(wanted, p))
                    squares = vfma(difference, difference, squares)
                    part = vmul(difference, scale)
                    if mask:
                        part = vwhere_greater(value, zero, part, zero)
                    vstore(grad, p, vadd(vload(grad, p), part))
            loss += vsum(squares)
        losses[thread * 8] = loss


@kernel(parallel=True)
def _add_masked(features, values, grad, at, images, height, width, channels, mask, threads):
    line = lanes(features)
    for thread in prange(threads):
        zero = vzero(features)
        for r in range(images * height * thread // threads, images * height * (thread + 1) // threads):
            n = r // height
            start = at.origin + n * at.image + (r - n * height) * at.row
            for w in range(width):
                for c in range(0, channels, line):
                    p = start + w * at.pixel + c
                    value = vload(values, p)
                    if mask:
                        value = vwhere_greater(vload(features, p), zero, value, zero)
                    vstore(grad, p, vadd(vload(grad, p), value))


def _pixels(features: Activation) -> Window:
    return Window(features.batch, features.pixel, features.height, features.width, (1, 1), (1, 1), (0, 0, 0, 0))


def gram(features: Activation) -> Array:
    """The Gram matrix (filled channels, filled channels) of one picture's features."""
    taps = aligned_zeros((1, 1, features.pixel, features.pixel), features.buffer.dtype)
    direct.weight_gradient(_pixels(features), features, features, taps)
    size = features.channels * features.height * features.width
    return np.asarray(taps[0, 0] / taps.dtype.type(size))


def add_content_gradient(features: Activation, wanted: Activation, grad: Activation, weight: float) -> float:
    """Add the gradient of ``weight * content loss`` to ``grad`` (masked if rectified); returns the loss."""
    threads, size = thread_count(), features.channels * features.height * features.width * features.batch
    losses = np.zeros(8 * threads)
    factor = features.buffer.dtype.type(2 * weight / size)
    _add_content(
        features.flat,
        wanted.flat,
        grad.flat,
        features.strides(),
        features.batch,
        features.height,
        features.width,
        features.pixel,
        factor,
        features.rectified,
        losses,
        threads,
    )
    return weight * float(losses.sum()) / size


def add_style_gradient(features: Activation, wanted: Array, grad: Activation, weight: float) -> float:
    """Add the gradient of ``weight * style loss`` to ``grad`` (masked if rectified); returns the loss.

    ``wanted``: the Gram matrix of the style picture, from :func:`gram`.
    """
    dtype, channels = features.buffer.dtype, features.channels
    error = gram(features) - wanted
    size = channels * features.height * features.width
    taps = aligned_zeros((1, 1, *error.shape), dtype)
    taps[0, 0] = error * dtype.type(4 * weight / (channels * channels) / size)
    memory = WORKSPACES.get("style gradient", features.buffer.size, dtype)
    part = Activation(memory[: features.buffer.size].reshape(features.buffer.shape), features.top, features.left,
                      features.height, features.width, channels)  # fmt: skip
    direct.run_sum(direct.forward_sum(_pixels(features), taps, features), features, part)
    _add_masked(
        features.flat,
        part.flat,
        grad.flat,
        features.strides(),
        features.batch,
        features.height,
        features.width,
        features.pixel,
        features.rectified,
        thread_count(),
    )
    return weight * float(np.mean(np.square(error[:channels, :channels], dtype=np.float64)))


def _from_maps(features: Array) -> Activation:
    check_dtype(features)
    if features.ndim != 3:
        raise ValueError(f"features must be (C, H, W) of one picture, got shape {features.shape}")
    channels, height, width = features.shape
    return load_activation(features[None], "NCHW", new_activation(1, height, width, channels, features.dtype))


def gram_matrix(features: Array) -> Array:
    """``F F^T / (C H W)`` of features (C, H, W)."""
    channels = len(features)
    return np.ascontiguousarray(gram(_from_maps(features))[:channels, :channels])


def content_loss(features: Array, wanted: Array) -> tuple[float, Array]:
    """``mean((features - wanted)^2)`` and its gradient, for (C, H, W)."""
    source = _from_maps(features)
    grad = source.like()
    loss = add_content_gradient(source, _from_maps(wanted), grad, 1.0)
    return loss, store_activation(grad, "NCHW")[0]


def style_loss(features: Array, wanted: Array) -> tuple[float, Array]:
    """``mean((gram_matrix(features) - wanted)^2)`` and its gradient with respect to features (C, H, W)."""
    source = _from_maps(features)
    grad = source.like()
    filled = np.zeros((source.pixel, source.pixel), features.dtype)
    filled[: len(wanted), : len(wanted)] = wanted
    loss = add_style_gradient(source, filled, grad, 1.0)
    return loss, store_activation(grad, "NCHW")[0]
