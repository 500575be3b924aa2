"""Global average pooling: one mean per map, from padded channel-last activations.

With ``source.rectified`` the gradient is also masked by the ReLU (see :class:`buffers.Activation`).
"""

from __future__ import annotations

from numba import prange

from .buffers import Activation, Array
from .compilation import kernel
from .direct import mask_gradient
from .processor import thread_count
from .vector import lanes, vadd, vload, vmul, vset, vstore, vzero


@kernel(parallel=True)
def _means(x, at, images, height, width, channels, means, threads):
    """means[n, c] = mean over the picture, channels filled."""
    line = lanes(x)
    groups = channels // line
    factor = x.dtype.type(1.0 / (height * width))
    for thread in prange(threads):
        scale = vset(factor)
        for unit in range(images * groups * thread // threads, images * groups * (thread + 1) // threads):
            n = unit // groups
            c = (unit - n * groups) * line
            total = vzero(x)
            for h in range(height):
                start = at.origin + n * at.image + h * at.row + c
                row = vzero(x)
                for w in range(width):
                    row = vadd(row, vload(x, start + w * at.pixel))
                total = vadd(total, row)
            vstore(means, n * channels + c, vmul(total, scale))


@kernel(parallel=True)
def _spread(g, d, at, images, height, width, channels, threads):
    """d[n, :, :, c] = g[n, c] / (height * width)."""
    line = lanes(g)
    factor = g.dtype.type(1.0 / (height * width))
    for thread in prange(threads):
        scale = vset(factor)
        for r in range(images * height * thread // threads, images * height * (thread + 1) // threads):
            n = r // height
            start = at.origin + n * at.image + (r - n * height) * at.row
            for c in range(0, channels, line):
                value = vmul(vload(g, n * channels + c), scale)
                for w in range(width):
                    vstore(d, start + w * at.pixel + c, value)


def global_average(source: Activation, means: Array) -> Array:
    """Write the mean of every map to ``means`` (N, filled channels)."""
    _means(
        source.flat,
        source.strides(),
        source.batch,
        source.height,
        source.width,
        source.pixel,
        means.reshape(-1),
        thread_count(),
    )
    return means


def global_average_backward(grad_means: Array, source: Activation, grad_input: Activation) -> Activation:
    """Gradient of :func:`global_average` from (N, filled channels)."""
    _spread(
        grad_means.reshape(-1),
        grad_input.flat,
        grad_input.strides(),
        source.batch,
        source.height,
        source.width,
        source.pixel,
        thread_count(),
    )
    if source.rectified:
        mask_gradient(source, grad_input)
    return grad_input
