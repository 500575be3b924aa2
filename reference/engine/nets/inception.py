"""GoogLeNet's block: four ways through the same picture, side by side in its result.

    1 x 1  |  1 x 1, 3 x 3  |  1 x 1, 5 x 5  |  maximum of 3 x 3, 1 x 1

Every convolution has a ReLU (Szegedy et al., "Going Deeper with Convolutions", 2015, figure 2b).
"""

from __future__ import annotations

from typing import Any

from numba import prange

from ..buffers import Activation, Array, add_into, new_activation, vector_lanes
from ..compilation import kernel
from ..processor import thread_count
from ..vector import lanes, vload, vstore, vwhere_greater, vzero
from .layers import ConvolutionLayer, Feature, MaxPoolLayer


@kernel(parallel=True)
def _join(part, part_at, whole, whole_at, first, images, height, width, channels, threads):
    """Copy a part's channels to the channels of the whole that start at ``first``."""
    line = lanes(whole)
    for thread in prange(threads):
        for r in range(images * height * thread // threads, images * height * (thread + 1) // threads):
            n = r // height
            h = r - n * height
            for w in range(width):
                a = part_at.origin + n * part_at.image + h * part_at.row + w * part_at.pixel
                b = whole_at.origin + n * whole_at.image + h * whole_at.row + w * whole_at.pixel + first
                for c in range(0, channels, line):
                    vstore(whole, b + c, vload(part, a + c))


@kernel(parallel=True)
def _split(whole, whole_at, first, active, grad, part_at, images, height, width, channels, threads):
    """Take a part's gradient out of the whole's, where the part is positive."""
    line = lanes(whole)
    for thread in prange(threads):
        zero = vzero(whole)
        for r in range(images * height * thread // threads, images * height * (thread + 1) // threads):
            n = r // height
            h = r - n * height
            for w in range(width):
                a = part_at.origin + n * part_at.image + h * part_at.row + w * part_at.pixel
                b = whole_at.origin + n * whole_at.image + h * whole_at.row + w * whole_at.pixel + first
                for c in range(0, channels, line):
                    vstore(grad, a + c, vwhere_greater(vload(active, a + c), zero, vload(whole, b + c), zero))


class InceptionBlock:
    """One block, forward and backward.

    Parameters
    ----------
    source : the picture; its gradient is written by :meth:`backward`.
    widths : outputs of the 1 x 1, the 3 x 3's reduction, the 3 x 3, the 5 x 5's reduction, the 5 x 5, and the
        convolution behind the pool. Those that end in the result must be multiples of the vector.

    Attributes
    ----------
    convolutions : in the order of ``widths``.
    target : the result, and its gradient.
    """

    def __init__(self, source: Feature, widths: tuple[int, int, int, int, int, int], **options: Any) -> None:
        line = vector_lanes(source.value.buffer.dtype)
        results = (widths[0], widths[2], widths[4], widths[5])
        if any(width % line for width in results):
            raise ValueError(f"outputs that end in the result must be multiples of {line}, got {results}")
        self.source = source
        # Each way has a gradient of its own for the picture that they share.
        ways = [Feature(source.value) for _ in range(4)]
        point = {"kernel": 1, "padding": 0, **options}
        one = ConvolutionLayer("1x1", ways[0], widths[0], **point)
        three = ConvolutionLayer("3x3 reduce", ways[1], widths[1], **point)
        three_out = ConvolutionLayer("3x3", three.target, widths[2], **options)
        five = ConvolutionLayer("5x5 reduce", ways[2], widths[3], border=2, **point)
        five_out = ConvolutionLayer("5x5", five.target, widths[4], kernel=5, padding=2, **options)
        self._pool = MaxPoolLayer("pool", ways[3], 3, 1, 1)
        pooled = ConvolutionLayer("pool 1x1", self._pool.target, widths[5], **point)
        self.convolutions = [one, three, three_out, five, five_out, pooled]
        self._ways, self._parts = ways, [one, three_out, five_out, pooled]
        value = source.value
        self.target = Feature(
            new_activation(value.batch, value.height, value.width, sum(results), value.buffer.dtype, rectified=True)
        )

    def forward(self) -> Activation:
        """The four results side by side."""
        self._pool.forward()
        for layer in self.convolutions:
            layer.forward()
        whole, first = self.target.value, 0
        for part in self._parts:
            value = part.target.value
            _join(value.flat, value.strides(), whole.flat, whole.strides(), first, value.batch, value.height,
                  value.width, value.channels, thread_count())  # fmt: skip
            first += value.channels
        return whole

    def backward(self) -> Activation:
        """From ``target.grad`` (not masked) to every weight's gradient and the source's, which is returned."""
        whole, first = self.target.grad, 0
        for part in self._parts:
            value = part.target.value
            _split(whole.flat, whole.strides(), first, value.flat, part.target.grad.flat, value.strides(),
                   value.batch, value.height, value.width, value.channels, thread_count())  # fmt: skip
            first += value.channels
        for layer in reversed(self.convolutions):
            layer.backward(parameters=True, inputs=True)
        self._pool.backward(False, True)
        total = self._ways[0].grad
        for way in self._ways[1:]:
            add_into(total.flat, way.grad.flat, total.flat.size, thread_count())
        return total

    def parameters(self) -> list[tuple[Array, Array]]:
        """Weight and bias of every convolution; copies."""
        return [(layer.convolution.weight(), layer.convolution.bias.copy()) for layer in self.convolutions]
