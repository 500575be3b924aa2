"""The layers on the engine, to compare the solution with and to time; see `exactness`.

Convolution, pooling, the global average, normalisation in training, fully connected layers, ReLU, sigmoid, dropout
and the loss of logits are the engine's; tanh, softmax, normalisation with moving statistics, the loss of
probabilities and Adam, whose epsilon stands elsewhere in Keras, are written here. The networks are the solution's.
"""

import numpy as np
from engine import (
    batch_norm,
    batch_norm_backward,
    conv2d,
    conv2d_backward,
    dropout,
    flatten,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    linear_backward,
    linear_forward,
    max_pool2d,
    max_pool2d_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax_cross_entropy,
)
from engine.plain import working_type
from exactness import EXACT
from model import Model
from tape import Layer, generator

DTYPE = working_type(EXACT)


def plain(array):
    """Return an array of the working type as the engine takes it."""
    return np.ascontiguousarray(array, DTYPE)


def pair(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def border(shape, kernel, strides, padding):
    """Return rows above, below, columns left and right of `same` or `valid`."""
    if padding == "valid":
        return (0, 0, 0, 0)
    totals = [
        max((-(-size // step) - 1) * step + length - size, 0)
        for size, length, step in zip(shape[1:3], kernel, strides, strict=True)
    ]
    return tuple(half for total in totals for half in (total // 2, total - total // 2))


def following(activation):
    return None if activation in (None, "linear") else Activation(activation)


class Conv2D(Layer):
    def __init__(self, filters, kernel_size, strides=1, padding="valid", use_bias=True, activation=None, **options):
        super().__init__(activation=following(activation), **options)
        self.filters, self.kernel_size, self.strides = filters, pair(kernel_size), pair(strides)
        self.padding, self.use_bias, self.bias = padding, use_bias, None

    def build(self, shape):
        self.kernel = self.add_weight("kernel", (*self.kernel_size, shape[-1], self.filters), "glorot_uniform")
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.filters,))

    def settings(self):
        return {"stride": self.strides, "padding": self.border, "layout": "NHWC", "exact": EXACT}

    def weight(self):
        return plain(self.kernel.value.transpose(3, 2, 0, 1))

    def forward(self, x, training=False):
        self.x = plain(x)
        self.border = border(x.shape, self.kernel_size, self.strides, self.padding)
        return conv2d(self.x, self.weight(), plain(self.bias.value) if self.use_bias else None, **self.settings())

    def backward(self, dy):
        found = conv2d_backward(plain(dy), self.x, self.weight(), **self.settings(), need_bias=self.use_bias)
        self.kernel.gradient = found.weight.transpose(2, 3, 1, 0)
        if self.use_bias:
            self.bias.gradient = found.bias
        return found.inputs


class MaxPool2D(Layer):
    def __init__(self, pool_size=2, strides=None, padding="valid", **options):
        super().__init__(**options)
        self.size, self.padding = pair(pool_size), padding
        self.strides = self.size if strides is None else pair(strides)

    def forward(self, x, training=False):
        # The engine's own border is of zeros, which may win.
        top, bottom, left, right = border(x.shape, self.size, self.strides, self.padding)
        edges = ((0, 0), (top, bottom), (left, right), (0, 0))
        self.x = np.pad(plain(x), edges, constant_values=np.finfo(DTYPE).min)
        self.inside = slice(None), slice(top, top + x.shape[1]), slice(left, left + x.shape[2])
        return max_pool2d(self.x, self.size, self.strides, layout="NHWC")

    def backward(self, dy):
        return max_pool2d_backward(plain(dy), self.x, self.size, self.strides, layout="NHWC")[self.inside]


class BatchNormalization(Layer):
    momentum, epsilon = 0.99, 1e-3

    def build(self, shape):
        for name, first in (("gamma", "ones"), ("beta", "zeros")):
            setattr(self, name, self.add_weight(name, shape[-1:], first))
        for name, first in (("moving_mean", "zeros"), ("moving_variance", "ones")):
            setattr(self, name, self.add_weight(name, shape[-1:], first, trainable=False))

    def forward(self, x, training=False):
        # Features without pixels are pictures of one pixel.
        self.shape = x.shape
        self.x = plain(x).reshape(len(x), -1, 1, x.shape[-1])
        gamma, beta = plain(self.gamma.value), plain(self.beta.value)
        if not training:
            self.state = None
            self.slope = (plain(self.moving_variance.value) + DTYPE.type(self.epsilon)) ** DTYPE.type(-0.5)
            self.normal = (plain(x) - plain(self.moving_mean.value)) * self.slope
            return gamma * self.normal + beta
        flat = self.x.reshape(-1, x.shape[-1])
        for moving, new in ((self.moving_mean, flat.mean(0)), (self.moving_variance, flat.var(0))):
            moving.value = DTYPE.type(self.momentum) * moving.value + DTYPE.type(1 - self.momentum) * new
        outputs, self.state = batch_norm(self.x, gamma, beta, layout="NHWC", epsilon=self.epsilon)
        return outputs.reshape(self.shape)

    def backward(self, dy):
        dy = plain(dy)
        if self.state is None:
            axes = tuple(range(dy.ndim - 1))
            self.gamma.gradient, self.beta.gradient = (dy * self.normal).sum(axes), dy.sum(axes)
            return dy * self.slope * plain(self.gamma.value)
        dx, self.gamma.gradient, self.beta.gradient = batch_norm_backward(
            dy.reshape(self.x.shape), self.x, self.state, layout="NHWC"
        )
        return dx.reshape(self.shape)


class Activation(Layer):
    def __init__(self, activation, **options):
        super().__init__(**options)
        self.function = activation

    def forward(self, x, training=False):
        x = plain(x)
        if self.function == "relu":
            self.y = relu(x)
        elif self.function == "sigmoid":
            self.y = sigmoid(x)
        elif self.function == "tanh":
            self.y = np.tanh(x)
        else:
            powers = np.exp(x - x.max(axis=-1, keepdims=True))
            self.y = powers / powers.sum(axis=-1, keepdims=True)
        return self.y

    def backward(self, dy):
        dy, y = plain(dy), self.y
        if self.function == "relu":
            return relu_backward(y, dy)
        if self.function == "sigmoid":
            return sigmoid_backward(y, dy)
        return dy * (1 - y * y) if self.function == "tanh" else y * (dy - (dy * y).sum(-1, keepdims=True))


class GlobalAveragePooling2D(Layer):
    def forward(self, x, training=False):
        self.sides = x.shape[1:3]
        return global_avg_pool2d(plain(x), layout="NHWC")

    def backward(self, dy):
        return global_avg_pool2d_backward(plain(dy), *self.sides, layout="NHWC")


class Dropout(Layer):
    def __init__(self, rate, **options):
        super().__init__(**options)
        self.rate = rate

    def forward(self, x, training=False):
        outputs, self.factors = dropout(plain(x), self.rate, generator(), training)
        return outputs

    def backward(self, dy):
        return plain(dy) * self.factors


class Flatten(Layer):
    def forward(self, x, training=False):
        self.shape = x.shape
        return flatten(plain(x))

    def backward(self, dy):
        return dy.reshape(self.shape)


class Dense(Layer):
    def __init__(self, units, activation=None, **options):
        super().__init__(activation=following(activation), **options)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight("kernel", (shape[-1], self.units), "glorot_uniform")
        self.bias = self.add_weight("bias", (self.units,))

    def forward(self, x, training=False):
        self.x, self.weight = plain(x), plain(self.kernel.value.T)
        return linear_forward(self.x, self.weight, plain(self.bias.value))

    def backward(self, dy):
        found = linear_backward(plain(dy), self.x, self.weight)
        self.kernel.gradient, self.bias.gradient = found.weight.T, found.bias
        return found.inputs


class Concatenate(Layer):
    def __init__(self, axis=-1, **options):
        super().__init__(**options)
        self.axis = axis

    def forward(self, parts, training=False):
        self.ends = np.cumsum([part.shape[self.axis] for part in parts])[:-1]
        return np.concatenate([plain(part) for part in parts], axis=self.axis)

    def backward(self, dy):
        return np.split(plain(dy), self.ends, axis=self.axis)


def concat(values, axis):
    return Concatenate(axis, name="concat")(values)


class Sequential(Model):
    def __init__(self, layers=()):
        super().__init__()
        self.stack = list(layers)

    def add(self, layer):
        self.stack.append(layer)

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return x


class SparseCategoricalCrossentropy:
    def __init__(self, from_logits=False):
        self.from_logits = from_logits

    def __call__(self, y_true, y_pred):
        labels, outputs = np.reshape(y_true, -1).astype(np.int64), plain(y_pred)
        if self.from_logits:
            loss, self.gradient = softmax_cross_entropy(outputs, labels)
            return loss
        places = np.arange(len(labels)), labels
        # The bounds as float32 holds them.
        low, high = DTYPE.type(np.float32(1e-7)), DTYPE.type(np.float32(1 - 1e-7))
        right = np.clip(outputs[places], low, high)
        self.gradient = np.zeros_like(outputs)
        self.gradient[places] = np.where(right == outputs[places], -1 / right / len(labels), 0)
        return -np.log(right).mean()

    def backward(self):
        return self.gradient


class Adam:
    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.learning_rate, self.betas, self.epsilon = learning_rate, (beta_1, beta_2), epsilon
        self.iterations, self.moments = 0, {}

    def apply_gradients(self, grads_and_vars):
        self.iterations += 1
        b1, b2 = self.betas
        rate = self.learning_rate * (1 - b2**self.iterations) ** 0.5 / (1 - b1**self.iterations)
        for gradient, variable in grads_and_vars:
            gradient = plain(gradient)
            m, v = self.moments.setdefault(id(variable), (np.zeros_like(gradient), np.zeros_like(gradient)))
            m += (gradient - m) * DTYPE.type(1 - b1)
            v += (gradient * gradient - v) * DTYPE.type(1 - b2)
            variable.value = plain(variable.value) - DTYPE.type(rate) * m / (np.sqrt(v) + DTYPE.type(self.epsilon))
