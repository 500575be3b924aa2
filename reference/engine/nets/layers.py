"""Layers with state: parameters, the activations that they read and write, and their gradients.

A :class:`Feature` joins an activation with its gradient. A layer reads ``source``, writes ``target`` and
keeps everything that its backward pass needs in place, so that a pass allocates nothing.

Convention: the gradient in ``target.grad`` is already masked by the target's ReLU; whoever writes
``source.grad`` masks it by the source's ReLU (see :class:`engine.buffers.Activation`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import linear, pooling
from ..buffers import Activation, Array, aligned_zeros, new_activation
from ..convolution import Algorithm, Convolution
from ..geometry import Padding, Pair, window_of

BORDER = (1, 1, 1, 1)


class Feature:
    """An activation and, when first asked for, the gradient with respect to it."""

    def __init__(self, value: Activation) -> None:
        self.value = value
        self._grad: Activation | None = None

    @property
    def grad(self) -> Activation:
        if self._grad is None:
            self._grad = self.value.like()
        return self._grad

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""
        value = self.value
        return value.batch, value.channels, value.height, value.width


class ConvolutionLayer:
    """Convolution, with ReLU if asked for.

    ``border`` : rows and columns of zeros around the target, as many as the next layer reads; 1 is enough for every
    3 x 3 convolution with padding 1 and every 1 x 1, forward and backward.
    """

    def __init__(
        self,
        name: str,
        source: Feature,
        outputs: int,
        *,
        kernel: Pair = 3,
        stride: Pair = 1,
        padding: Padding = 1,
        rectify: bool = True,
        has_bias: bool = True,
        border: int = 1,
        exact: bool = False,
        accurate: bool = False,
        algorithm: Algorithm | None = None,
    ) -> None:
        value = source.value
        window = window_of(source.shape, kernel, stride, padding)
        filled = value.pixel != value.channels or value.channels > 4
        self.name, self.source, self.rectify, self.has_bias = name, source, rectify, has_bias
        self.convolution = Convolution(window, outputs, value.buffer.dtype, exact=exact, accurate=accurate,
                                       algorithm=algorithm, filled=filled)  # fmt: skip
        own = self.convolution.gradient_border()
        wide = tuple(max(pair) for pair in zip((border,) * 4, own, strict=True))
        self.target = Feature(self.convolution.new_target(border=wide, rectified=rectify))

    @property
    def parameter_count(self) -> int:
        window, outputs = self.convolution.window, self.convolution.outputs
        return outputs * window.channels * window.kernel[0] * window.kernel[1] + (outputs if self.has_bias else 0)

    @property
    def multiply_adds(self) -> int:
        window, outputs = self.convolution.window, self.convolution.outputs
        return (
            window.out_height * window.out_width * outputs * window.channels * window.kernel[0] * window.kernel[1]
        )

    def forward(self) -> None:
        self.convolution.forward(self.source.value, self.target.value, self.rectify)

    def backward(self, parameters: bool, inputs: bool) -> None:
        if parameters:
            self.convolution.backward_weight(self.source.value, self.target.grad, self.has_bias)
        if inputs:
            mask = self.source.value if self.source.value.rectified else None
            self.convolution.backward_input(self.target.grad, self.source.grad, mask)


class MaxPoolLayer:
    """Max pooling."""

    parameter_count = 0
    multiply_adds = 0

    def __init__(
        self, name: str, source: Feature, kernel: Pair = 2, stride: Pair = 2, padding: Padding = 0
    ) -> None:
        self.name, self.source = name, source
        self.window = window_of(source.shape, kernel, stride, padding)
        value = source.value
        self.target = Feature(
            new_activation(
                value.batch,
                self.window.out_height,
                self.window.out_width,
                value.channels,
                value.buffer.dtype,
                border=BORDER,
            )
        )

    def forward(self) -> None:
        pooling.max_pool(self.window, self.source.value, self.target.value)

    def backward(self, parameters: bool, inputs: bool) -> None:
        if inputs:
            pooling.max_pool_backward(
                self.window, self.source.value, self.target.value, self.target.grad, self.source.grad
            )


class LinearLayer:
    """Fully connected layer on plain (N, inputs) arrays, with ReLU if asked for."""

    def __init__(self, name: str, inputs: int, outputs: int, dtype: Any, rectify: bool) -> None:
        self.name, self.rectify = name, rectify
        self.weight = aligned_zeros((outputs, inputs), dtype)
        self.bias = aligned_zeros(outputs, dtype)
        self.weight_gradient: Array | None = None
        self.bias_gradient: Array | None = None
        self._inputs = self._outputs = aligned_zeros((1, 1), dtype)

    @property
    def parameter_count(self) -> int:
        return int(self.weight.size + self.bias.size)

    @property
    def multiply_adds(self) -> int:
        return int(self.weight.size)

    def forward(self, inputs: Array) -> Array:
        """(N, inputs) to (N, outputs)."""
        self._inputs = inputs
        self._outputs = linear.forward(inputs, self.weight, self.bias, 0.0 if self.rectify else -np.inf)
        return self._outputs

    def backward(self, grad_output: Array, parameters: bool) -> Array:
        """(N, outputs) to (N, inputs); keeps the parameters' gradients if asked for."""
        if self.rectify:
            grad_output = np.where(self._outputs > 0, grad_output, 0).astype(grad_output.dtype)
        if parameters:
            self.weight_gradient = linear.backward_weight(grad_output, self._inputs)
            self.bias_gradient = grad_output.sum(0)
        return linear.backward_input(grad_output, self.weight)
