"""Layers on plain NCHW arrays that prepare their weight once: the engine behind other people's interfaces.

``operators`` prepares everything anew in each call; a network of ``nets`` never leaves the engine's layout. These
stand between the two: arrays come and go in the caller's layout, and what depends only on shapes and parameters is
kept. The labs' versions on the engine, ``reference/<lab>/engine``, are made of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import linear, pooling
from .buffers import Activation, Array, load_activation, new_activation, store_activation
from .convolution import Convolution
from .geometry import Pair, Window, window_of

ROWS_AT_ONCE = 512
"""Rows of a large weight that are converted at a time, so that no second copy of all of it is needed."""

NO_BORDER = (0, 0, 0, 0)


def working_type(exact: bool) -> Any:
    """float64 where every digit counts, float32 where speed does."""
    return np.dtype(np.float64 if exact else np.float32)


class PlainConvolution:
    """A convolution whose parameters stay.

    Parameters
    ----------
    weight : (outputs, channels, rows, columns).
    bias : (outputs,).
    exact : float64 and never Winograd, instead of float32 and the fastest algorithm.
    """

    def __init__(
        self, weight: Array, bias: Array, *, stride: Pair = 1, padding: int = 0, exact: bool = False
    ) -> None:
        self.exact, self.dtype = exact, working_type(exact)
        self.stride, self.padding = stride, padding
        self.weight, self.bias = weight, np.asarray(bias, self.dtype)
        self._plan: Convolution | None = None
        self._source: Activation | None = None
        self._target: Activation | None = None

    def forward(self, inputs: Array) -> Array:
        """(N, C, H, W) to (N, outputs, H', W')."""
        plan = self._prepared(inputs.shape)
        assert self._source is not None and self._target is not None
        load_activation(np.asarray(inputs, self.dtype), "NCHW", self._source)
        return store_activation(plan.forward(self._source, self._target), "NCHW")

    def backward(self, grad_output: Array, parameters: bool = False) -> tuple[Array, Array | None, Array | None]:
        """Gradients of the last inputs and, if asked for, of weight and bias."""
        plan = self._plan
        if plan is None or self._source is None:
            raise RuntimeError("a backward pass builds on a forward pass: call forward first")
        grad = load_activation(np.asarray(grad_output, self.dtype), "NCHW", plan.new_target())
        grad_inputs = store_activation(plan.backward_input(grad, plan.new_gradient()), "NCHW")
        if not parameters:
            return grad_inputs, None, None
        plan.backward_weight(self._source, grad)
        return grad_inputs, plan.weight_gradient(), plan.bias_gradient[: plan.outputs].copy()

    def _prepared(self, shape: tuple[int, ...]) -> Convolution:
        batch, channels, height, width = shape
        window = window_of((batch, channels, height, width), self.weight.shape[2:], self.stride, self.padding)
        if self._plan is None or self._plan.window != window:
            self._plan = Convolution(window, len(self.weight), self.dtype, exact=self.exact)
            self._plan.set_weight(self.weight, self.bias)
            self._source, self._target = self._plan.new_source(), self._plan.new_target()
        return self._plan


class PlainMaxPool:
    """Max pooling without padding."""

    def __init__(self, kernel: Pair, stride: Pair, *, exact: bool = False) -> None:
        self.kernel, self.stride, self.dtype = kernel, stride, working_type(exact)
        self._last: tuple[Window, Activation, Activation] | None = None

    def forward(self, inputs: Array) -> Array:
        """(N, C, H, W) to (N, C, H', W')."""
        batch, channels, height, width = inputs.shape
        window = window_of((batch, channels, height, width), self.kernel, self.stride, 0)
        if self._last is None or self._last[0] != window:
            self._last = window, self._input_like(window), self._output_like(window)
        _, source, target = self._last
        load_activation(np.asarray(inputs, self.dtype), "NCHW", source)
        return store_activation(pooling.max_pool(window, source, target), "NCHW")

    def backward(self, grad_output: Array) -> Array:
        """Gradient of the last inputs; among equal maxima the first in reading order receives it."""
        if self._last is None:
            raise RuntimeError("a backward pass builds on a forward pass: call forward first")
        window, source, target = self._last
        grad = load_activation(np.asarray(grad_output, self.dtype), "NCHW", self._output_like(window))
        result = pooling.max_pool_backward(window, source, target, grad, self._input_like(window))
        return store_activation(result, "NCHW")

    def _input_like(self, window: Window) -> Activation:
        sizes = window.batch, window.height, window.width, window.channels
        return new_activation(*sizes, self.dtype, border=NO_BORDER)

    def _output_like(self, window: Window) -> Activation:
        sizes = window.batch, window.out_height, window.out_width, window.channels
        return new_activation(*sizes, self.dtype, border=NO_BORDER)


def times_transposed(inputs: Array, weight: Array, bias: Array | None = None, *, exact: bool = False) -> Array:
    """``inputs @ weight.T + bias`` for (N, inputs), (outputs, inputs), (outputs,)."""
    dtype = working_type(exact)
    inputs = np.ascontiguousarray(inputs, dtype)
    rows = ROWS_AT_ONCE if exact else len(weight)
    parts = [
        linear.forward(inputs, np.ascontiguousarray(weight[row : row + rows], dtype), None)
        for row in range(0, len(weight), rows)
    ]
    result = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    return result if bias is None else result + np.asarray(bias, dtype)


def times(inputs: Array, weight: Array, bias: Array | None = None, *, exact: bool = False) -> Array:
    """``inputs @ weight + bias`` for (N, inputs), (inputs, outputs), (outputs,)."""
    dtype = working_type(exact)
    inputs = np.ascontiguousarray(inputs, dtype)
    rows = ROWS_AT_ONCE if exact else len(weight)
    result = np.zeros((len(inputs), weight.shape[1]), dtype)
    for row in range(0, len(weight), rows):
        part = np.ascontiguousarray(weight[row : row + rows], dtype)
        result += linear.backward_input(np.ascontiguousarray(inputs[:, row : row + rows]), part)
    return result if bias is None else result + np.asarray(bias, dtype)
