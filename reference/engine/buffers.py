"""Aligned buffers, workspaces that are reused, and the padded channel-last layout of activations.

Inside the engine every activation is N, H, W, C ("channel-last") with a border of zeros around each
picture and channels filled up to whole vectors. A kernel then needs no bounds checks: the border is
zero by construction, and a vector of channels is one cache line.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from .compilation import kernel
from .processor import VECTOR_BYTES, thread_count
from .vector import lanes, vadd, vload, vstore

Array = np.ndarray[Any, Any]

SLACK_BYTES = 4 * VECTOR_BYTES
"""Readable bytes behind every buffer: a tile may load a whole vector at the last element."""


def aligned_zeros(shape: int | tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Zeros that start on a cache line, with ``SLACK_BYTES`` of readable memory behind them.

    numpy aligns to 16 bytes; vectors that straddle two cache lines cost up to a quarter of the speed.
    """
    dtype = np.dtype(dtype)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.zeros(size + VECTOR_BYTES + SLACK_BYTES, np.uint8)
    start = -memory.ctypes.data % VECTOR_BYTES
    return memory[start : start + size].view(dtype).reshape(shape)


def aligned_copy(values: Array, dtype: Any = None) -> Array:
    """A contiguous, aligned copy of ``values``."""
    result = aligned_zeros(values.shape, dtype or values.dtype)
    result[...] = values
    return result


def vector_lanes(dtype: Any) -> int:
    """Elements of ``dtype`` in one vector: 16 for float32, 8 for float64."""
    return VECTOR_BYTES // np.dtype(dtype).itemsize


def round_up(value: int, multiple: int) -> int:
    """Smallest multiple of ``multiple`` that is at least ``value``."""
    return -(-value // multiple) * multiple


class Workspaces(threading.local):
    """Scratch memory by purpose, grown when needed and kept; every Python thread has its own.

    The contents are whatever the last user left. Two purposes never share memory.
    """

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, np.dtype[Any]], Array] = {}

    def get(self, purpose: str, size: int, dtype: Any) -> Array:
        """A flat aligned buffer of at least ``size`` elements."""
        key = (purpose, np.dtype(dtype))
        buffer = self._buffers.get(key)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[key] = aligned_zeros(size, dtype)
        return buffer

    def shaped(self, purpose: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """The same with a shape; it may share its memory with the last one of this purpose."""
        size = math.prod(shape)
        return self.get(purpose, size, dtype)[:size].reshape(shape)

    def clear(self) -> None:
        """Give the memory back."""
        self._buffers.clear()


WORKSPACES = Workspaces()


class Strides(NamedTuple):
    """Where pixel (n, h, w) of a flat buffer starts: ``origin + n*image + h*row + w*pixel`` elements."""

    origin: int
    image: int
    row: int
    pixel: int


@dataclass(frozen=True)
class Activation:
    """A batch of feature maps inside a zero-padded channel-last buffer.

    Attributes
    ----------
    buffer : (N, top + H + bottom, left + W + right, C') array, C' >= channels; the border is zero.
    top, left : rows and columns of border before the picture.
    height, width, channels : of the picture itself.
    rectified : the values are a ReLU's output. Whoever computes the gradient with respect to this
        activation also applies the ReLU's mask: the gradient is zero where the value is not positive.
    """

    buffer: Array
    top: int
    left: int
    height: int
    width: int
    channels: int
    rectified: bool = False

    @property
    def batch(self) -> int:
        return int(self.buffer.shape[0])

    @property
    def flat(self) -> Array:
        """The whole buffer as one dimension."""
        return self.buffer.reshape(-1)

    @property
    def pixel(self) -> int:
        """Elements from one pixel to the next: the channels, filled up."""
        return int(self.buffer.shape[3])

    @property
    def interior(self) -> Array:
        """View (N, H, W, C) without the border."""
        rows = slice(self.top, self.top + self.height)
        return self.buffer[:, rows, self.left : self.left + self.width, : self.channels]

    def strides(self, up: int = 0, left: int = 0) -> Strides:
        """Strides whose origin is ``up`` rows and ``left`` columns outside the picture."""
        _, rows, columns, pixel = self.buffer.shape
        row = columns * pixel
        return Strides((self.top - up) * row + (self.left - left) * pixel, rows * row, row, pixel)

    def like(self, rectified: bool = False) -> Activation:
        """A zeroed activation of the same geometry, for a gradient."""
        empty = aligned_zeros(self.buffer.shape, self.buffer.dtype)
        return Activation(empty, self.top, self.left, self.height, self.width, self.channels, rectified)


def new_activation(
    batch: int,
    height: int,
    width: int,
    channels: int,
    dtype: Any = np.float32,
    *,
    border: tuple[int, int, int, int] = (1, 1, 1, 1),
    filled: bool = True,
    rectified: bool = False,
    workspace: str | None = None,
) -> Activation:
    """A zeroed activation; height and width are filled up to multiples of 4 for Winograd's tiles.

    Parameters
    ----------
    border : rows above, rows below, columns left, columns right.
    filled : fill the channels up to whole vectors. Only the input of a direct convolution may do
        without, and is smaller and faster for it when there are 1 or 3 channels.
    workspace : take the memory of this purpose from ``WORKSPACES``; its contents are then stale.
    """
    top, bottom, left, right = border
    rows, columns = top + round_up(height, 4) + bottom, left + round_up(width, 4) + right
    pixel = round_up(channels, vector_lanes(dtype)) if filled else channels
    shape = (batch, rows, columns, pixel)
    if workspace is None:
        buffer = aligned_zeros(shape, dtype)
    else:
        buffer = WORKSPACES.shaped(workspace, shape, dtype)
    return Activation(buffer, top, left, height, width, channels, rectified)


@kernel(parallel=True)
def _copy_pixels(source, source_at, source_step, target, target_at, target_step, images, height, width, channels,
                 fill, clear_rows, clear_columns, top, left, threads):  # fmt: skip
    """Copy N x H x W x C between any two layouts, zeroing border and filler channels if asked.

    ``*_at`` are Strides of the pixels, ``*_step`` the distance between channels. Loop order follows
    the source (channel-last) or goes plane by plane in strips that stay in cache (channel-first).
    """
    strip = 16
    groups = (channels + strip - 1) // strip
    for thread in prange(threads):
        work = images * clear_rows
        for item in range(work * thread // threads, work * (thread + 1) // threads):
            n = item // clear_rows
            h = item - n * clear_rows - top
            inside = h >= 0 and h < height
            to = target_at.origin + n * target_at.image + h * target_at.row
            if fill:
                first = to - left * target_at.pixel
                if not inside:
                    for i in range(clear_columns * target_at.pixel):
                        target[first + i] = 0
                else:
                    for i in range(left * target_at.pixel):
                        target[first + i] = 0
                    for i in range((left + width) * target_at.pixel, clear_columns * target_at.pixel):
                        target[first + i] = 0
                    if channels < target_at.pixel:
                        for w in range(width):
                            for c in range(channels, target_at.pixel):
                                target[to + w * target_at.pixel + c] = 0
            if inside:
                start = source_at.origin + n * source_at.image + h * source_at.row
                if source_step == 1 and target_step == 1:
                    for w in range(width):
                        for c in range(channels):
                            target[to + w * target_at.pixel + c] = source[start + w * source_at.pixel + c]
                elif source_step == 1:
                    for group in range(groups):
                        for c in range(group * strip, min(channels, (group + 1) * strip)):
                            for w in range(width):
                                target[to + w * target_at.pixel + c * target_step] = source[
                                    start + w * source_at.pixel + c
                                ]
                else:
                    for group in range(groups):
                        for w in range(width):
                            for c in range(group * strip, min(channels, (group + 1) * strip)):
                                target[to + w * target_at.pixel + c * target_step] = source[
                                    start + w * source_at.pixel + c * source_step
                                ]


def _layout_strides(array: Array, layout: str) -> tuple[Strides, int, tuple[int, int, int, int]]:
    """Strides, channel distance and (N, H, W, C) of a contiguous NCHW or NHWC array."""
    if layout == "NCHW":
        batch, channels, height, width = array.shape
        return Strides(0, channels * height * width, width, 1), height * width, (batch, height, width, channels)
    batch, height, width, channels = array.shape
    return Strides(0, height * width * channels, width * channels, channels), 1, (batch, height, width, channels)


def load_activation(values: Array, layout: str, target: Activation, *, clear: bool = True) -> Activation:
    """Copy an NCHW or NHWC array into ``target``.

    Parameters
    ----------
    clear : also zero the border and the filler channels (needed when the memory was used before).
    """
    values = np.ascontiguousarray(values, target.buffer.dtype)
    source, step, (batch, height, width, channels) = _layout_strides(values, layout)
    expected = (target.batch, target.height, target.width, target.channels)
    if (batch, height, width, channels) != expected:
        raise ValueError(
            f"the activation holds N, H, W, C = {expected}, the array has {(batch, height, width, channels)}"
        )
    _, rows, columns, _ = target.buffer.shape
    top, left = target.top, target.left
    if not clear:
        rows, columns, top, left = height, width, 0, 0
    _copy_pixels(values.reshape(-1), source, step, target.flat, target.strides(), 1, batch, height, width, channels,
                 clear, rows, columns, top, left, thread_count())  # fmt: skip
    return target


def store_activation(source: Activation, layout: str, out: Array | None = None) -> Array:
    """The picture of an activation as a fresh (or the given) contiguous NCHW or NHWC array."""
    sizes = (source.batch, source.height, source.width, source.channels)
    shape = sizes if layout == "NHWC" else (sizes[0], sizes[3], sizes[1], sizes[2])
    result = np.empty(shape, source.buffer.dtype) if out is None else out
    target, step, _ = _layout_strides(result, layout)
    _copy_pixels(source.flat, source.strides(), 1, result.reshape(-1), target, step, *sizes,
                 False, source.height, source.width, 0, 0, thread_count())  # fmt: skip
    return result


@kernel(parallel=True)
def add_into(target, values, size, threads):
    """``target[:size] += values[:size]``; ``size`` is a multiple of the vector."""
    line = lanes(target)
    for thread in prange(threads):
        for i in range(
            size // line * thread // threads * line, size // line * (thread + 1) // threads * line, line
        ):
            vstore(target, i, vadd(vload(target, i), vload(values, i)))
