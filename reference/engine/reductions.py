"""Sums over the pixels of an activation, per channel."""

from __future__ import annotations

from numba import prange

from .buffers import WORKSPACES, Activation, Array
from .compilation import kernel
from .processor import thread_count
from .vector import lanes, vadd, vload, vstore, vzero


@kernel(parallel=True)
def _channel_sums(x, at, images, height, width, channels, parts, sums, threads):
    line = lanes(x)
    rows = images * height
    for thread in prange(threads):
        mine = thread * channels
        zero = vzero(x)
        for c in range(0, channels, line):
            vstore(parts, mine + c, zero)
        for r in range(rows * thread // threads, rows * (thread + 1) // threads):
            n = r // height
            start = at.origin + n * at.image + (r - n * height) * at.row
            for c in range(0, channels, line):
                total = zero
                for w in range(width):
                    total = vadd(total, vload(x, start + w * at.pixel + c))
                vstore(parts, mine + c, vadd(vload(parts, mine + c), total))
    for c in range(channels):
        value = parts[c]
        for part in range(1, threads):
            value += parts[part * channels + c]
        sums[c] = value


def channel_sums(values: Activation, sums: Array) -> Array:
    """Write the sum over batch and pixels of every (filled) channel to ``sums``: a bias's gradient."""
    threads = thread_count()
    parts = WORKSPACES.get("channel sums", threads * values.pixel, values.buffer.dtype)
    _channel_sums(
        values.flat, values.strides(), values.batch, values.height, values.width, values.pixel, parts, sums, threads
    )
    return sums
