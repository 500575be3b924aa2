"""The operators on the engine, to compare the solution with and to time; see `exactness`.

The networks and the edges are the solution's.
"""

import numpy as np
from engine import (
    avg_pool2d,
    avg_pool2d_backward,
    batch_norm,
    batch_norm_backward,
    conv2d,
    conv2d_backward,
    linear_backward,
    linear_forward,
    max_pool2d,
    max_pool2d_backward,
)
from engine.plain import working_type
from exactness import EXACT
from nndl import Layer, he_normal, xavier_uniform

DTYPE = working_type(EXACT)


def working(array):
    """Return an array in the type that is worked with."""
    return np.ascontiguousarray(array, DTYPE)


class Conv2D(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, weight_attr=1.0, bias_attr=0.0):
        super().__init__()
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        drawn = weight_attr is None
        self.weight = (
            he_normal(shape, int(np.prod(shape[1:]))) if drawn else np.full(shape, weight_attr, np.float32)
        )
        self.bias = None if bias_attr is False else np.full((out_channels, 1), float(bias_attr), np.float32)
        self.settings = {"stride": stride, "padding": padding, "exact": EXACT}
        self.grads = {key: None for key in ("weight", "bias") if getattr(self, key) is not None}

    def forward(self, inputs):
        self.inputs = working(inputs)
        bias = None if self.bias is None else working(self.bias).reshape(-1)
        return conv2d(self.inputs, working(self.weight), bias, **self.settings)

    def backward(self, out_grad):
        found = conv2d_backward(working(out_grad), self.inputs, working(self.weight), **self.settings)
        self.grads["weight"] = found.weight
        if self.bias is not None:
            self.grads["bias"] = found.bias.reshape(self.bias.shape)
        return found.inputs


class Pool2D(Layer):
    def __init__(self, size=(2, 2), mode="max", stride=1, padding=0):
        super().__init__()
        self.window = size, stride, padding
        self.functions = {"max": (max_pool2d, max_pool2d_backward), "avg": (avg_pool2d, avg_pool2d_backward)}[mode]

    def forward(self, x):
        self.x = working(x)
        return self.functions[0](self.x, *self.window)

    def backward(self, out_grad):
        return self.functions[1](working(out_grad), self.x, *self.window)


class Linear(Layer):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = xavier_uniform((in_features, out_features))
        self.bias = np.zeros(out_features, np.float32)
        self.grads = {"weight": None, "bias": None}

    def forward(self, x):
        self.x = working(x)
        return linear_forward(self.x, working(self.weight.T), working(self.bias))

    def backward(self, out_grad):
        found = linear_backward(working(out_grad), self.x, working(self.weight.T))
        self.grads = {"weight": found.weight.T, "bias": found.bias}
        return found.inputs


class BatchNorm2D(Layer):
    def __init__(self, num_features, momentum=0.9, epsilon=1e-5):
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.weight, self.bias = np.ones(num_features, np.float32), np.zeros(num_features, np.float32)
        self._mean, self._variance = np.zeros(num_features, np.float32), np.ones(num_features, np.float32)
        self.grads = {"weight": None, "bias": None}

    def forward(self, x):
        self.x = working(x)
        if not self.training:
            self.scale = working(self.weight) / np.sqrt(working(self._variance) + DTYPE.type(self.epsilon))
            shift = working(self.bias) - working(self._mean) * self.scale
            return self.x * self.scale[:, None, None] + shift[:, None, None]
        outputs, self.state = batch_norm(self.x, working(self.weight), working(self.bias), epsilon=self.epsilon)
        channels = len(self.weight)
        # The engine's running statistics began at 0 and 1 and took a tenth of the batch's, the variance unbiased.
        n = self.x[:, 0].size
        mean = self.state.running_mean[:channels] / DTYPE.type(0.1)
        variance = (self.state.running_variance[:channels] - DTYPE.type(0.9)) / DTYPE.type(0.1) * (n - 1) / n
        self._mean = self.momentum * self._mean + (1 - self.momentum) * mean
        self._variance = self.momentum * self._variance + (1 - self.momentum) * variance
        return outputs

    def backward(self, out_grad):
        grad = working(out_grad)
        if not self.training:
            root = np.sqrt(working(self._variance) + DTYPE.type(self.epsilon))[:, None, None]
            normalized = (self.x - working(self._mean)[:, None, None]) / root
            self.grads = {"weight": (grad * normalized).sum(axis=(0, 2, 3)), "bias": grad.sum(axis=(0, 2, 3))}
            return grad * self.scale[:, None, None]
        in_grad, d_weight, d_bias = batch_norm_backward(grad, self.x, self.state)
        self.grads = {"weight": d_weight, "bias": d_bias}
        return in_grad
