"""Convolution and pooling as loops compiled by Numba, with sums in float64; float32 outside."""

import numba
import numpy as np
from model import Model
from tape import Layer


def two(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def output_and_zeros(size, kernel, stride, padding):
    if padding == "valid":
        return (size - kernel) // stride + 1, 0, 0
    out = (size + stride - 1) // stride
    total = max((out - 1) * stride + kernel - size, 0)
    return out, total // 2, total - total // 2


@numba.njit
def correlate(x, kernel, sr, sc, out):
    n, h, w, f = out.shape
    kr, kc, c, _ = kernel.shape
    total = np.empty(f, np.float64)
    for m in range(n):
        for i in range(h):
            for j in range(w):
                total[:] = 0
                for a in range(kr):
                    for b in range(kc):
                        for d in range(c):
                            value = x[m, i * sr + a, j * sc + b, d]
                            if value != 0:
                                for q in range(f):
                                    total[q] += value * kernel[a, b, d, q]
                for q in range(f):
                    out[m, i, j, q] = total[q]


@numba.njit
def correlate_backward(x, kernel, sr, sc, dy, dx, dkernel):
    n, h, w, f = dy.shape
    kr, kc, c, _ = kernel.shape
    for m in range(n):
        for i in range(h):
            for j in range(w):
                for a in range(kr):
                    for b in range(kc):
                        for d in range(c):
                            value = x[m, i * sr + a, j * sc + b, d]
                            total = 0.0
                            for q in range(f):
                                total += dy[m, i, j, q] * kernel[a, b, d, q]
                                dkernel[a, b, d, q] += value * dy[m, i, j, q]
                            dx[m, i * sr + a, j * sc + b, d] += total


@numba.njit
def largest(x, kr, kc, sr, sc, out, where):
    n, h, w, c = out.shape
    for m in range(n):
        for i in range(h):
            for j in range(w):
                for d in range(c):
                    best = -np.inf
                    for a in range(kr):
                        for b in range(kc):
                            if x[m, i * sr + a, j * sc + b, d] > best:
                                best = x[m, i * sr + a, j * sc + b, d]
                                where[m, i, j, d] = a * kc + b
                    out[m, i, j, d] = best


@numba.njit
def largest_backward(dy, where, kc, sr, sc, dx):
    n, h, w, c = dy.shape
    for m in range(n):
        for i in range(h):
            for j in range(w):
                for d in range(c):
                    a, b = where[m, i, j, d] // kc, where[m, i, j, d] % kc
                    dx[m, i * sr + a, j * sc + b, d] += dy[m, i, j, d]


def bordered(x, kernel, strides, padding, value):
    (h, top, bottom), (w, left, right) = (
        output_and_zeros(x.shape[1 + axis], kernel[axis], strides[axis], padding) for axis in (0, 1)
    )
    xp = np.full((len(x), x.shape[1] + top + bottom, x.shape[2] + left + right, x.shape[3]), value, x.dtype)
    xp[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    return xp, h, w, top, left


class Conv2D(Layer):
    def __init__(
        self, filters, kernel_size, strides=1, padding="valid", use_bias=True, activation=None, **options
    ):
        super().__init__(activation=Activation(activation) if activation else None, **options)
        self.filters = filters
        self.kernel_size = two(kernel_size)
        self.strides = two(strides)
        self.padding = padding
        self.use_bias = use_bias

    def build(self, shape):
        kr, kc = self.kernel_size
        self.kernel = self.add_weight("kernel", (kr, kc, shape[3], self.filters), "glorot_uniform")
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.filters,), "zeros")

    def forward(self, x, training=False):
        self.xp, h, w, self.top, self.left = bordered(x, self.kernel_size, self.strides, self.padding, 0)
        self.shape = x.shape
        y = np.empty((len(x), h, w, self.filters), x.dtype)
        correlate(self.xp, np.ascontiguousarray(self.kernel.value), *self.strides, y)
        return y + self.bias.value if self.use_bias else y

    def backward(self, dy):
        dx, dkernel = np.zeros(self.xp.shape), np.zeros(self.kernel.shape)
        kernel = np.ascontiguousarray(self.kernel.value)
        correlate_backward(self.xp, kernel, *self.strides, np.ascontiguousarray(dy), dx, dkernel)
        self.kernel.gradient = dkernel.astype(dy.dtype)
        if self.use_bias:
            self.bias.gradient = dy.sum(axis=(0, 1, 2))
        return dx[:, self.top :, self.left :][:, : self.shape[1], : self.shape[2]].astype(dy.dtype)


class BatchNormalization(Layer):
    def __init__(self, momentum=0.99, epsilon=1e-3, **options):
        super().__init__(**options)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, shape):
        for name, first in (("gamma", "ones"), ("beta", "zeros"), ("moving_mean", "zeros"), ("moving_variance", "ones")):
            setattr(self, name, self.add_weight(name, (shape[-1],), first, trainable=not name.startswith("moving")))

    def forward(self, x, training=False):
        axes = tuple(range(x.ndim))[:-1]
        self.training = training
        if training:
            self.n = x.size // x.shape[-1]
            mean, var = np.mean(x, axis=axes), np.var(x, axis=axes)
            unbiased = var * (self.n / (self.n - 1))
            self.moving_mean.value = self.momentum * self.moving_mean.value + (1 - self.momentum) * mean
            self.moving_variance.value = self.momentum * self.moving_variance.value + (1 - self.momentum) * unbiased
        else:
            mean, var = self.moving_mean.value, self.moving_variance.value
        self.std = np.sqrt(var + self.epsilon)
        self.centred = x - mean
        return self.gamma.value * self.centred / self.std + self.beta.value

    def backward(self, dy):
        axes = tuple(range(dy.ndim))[:-1]
        self.gamma.gradient = np.sum(dy * self.centred / self.std, axis=axes)
        self.beta.gradient = np.sum(dy, axis=axes)
        dh = dy * self.gamma.value
        if not self.training:
            return dh / self.std
        # Through the variance, then through the mean.
        dvar = np.sum(dh * self.centred, axis=axes) * -0.5 / self.std**3
        dmean = -np.sum(dh, axis=axes) / self.std - 2 * dvar * np.sum(self.centred, axis=axes) / self.n
        return dh / self.std + 2 * dvar * self.centred / self.n + dmean / self.n


class Activation(Layer):
    def __init__(self, activation, **options):
        super().__init__(**options)
        self.activation_name = activation

    def forward(self, x, training=False):
        name = self.activation_name
        if name == "relu":
            self.out = x * (x > 0)
        elif name == "sigmoid":
            self.out = 0.5 * (1 + np.tanh(0.5 * x))
        elif name == "tanh":
            self.out = np.tanh(x)
        elif name == "softmax":
            powers = np.exp(x - np.max(x, axis=-1)[..., None])
            self.out = powers / np.sum(powers, axis=-1)[..., None]
        return self.out

    def backward(self, dy):
        y = self.out
        if self.activation_name == "softmax":
            # One row after the other by the whole matrix of derivatives.
            rows, grads = y.reshape(-1, y.shape[-1]), dy.reshape(-1, y.shape[-1])
            found = [(np.diag(p) - np.outer(p, p)) @ g for p, g in zip(rows, grads)]
            return np.array(found).reshape(y.shape)
        slopes = {"relu": lambda: y > 0, "sigmoid": lambda: y - y * y, "tanh": lambda: 1 - y * y}
        return dy * slopes[self.activation_name]()


class MaxPool2D(Layer):
    def __init__(self, pool_size=2, strides=None, padding="valid", **options):
        super().__init__(**options)
        self.pool_size = two(pool_size)
        self.strides = self.pool_size if strides is None else two(strides)
        self.padding = padding

    def forward(self, x, training=False):
        xp, h, w, self.top, self.left = bordered(x, self.pool_size, self.strides, self.padding, -np.inf)
        self.shape, self.shape_pad = x.shape, xp.shape
        y = np.empty((len(x), h, w, x.shape[3]), x.dtype)
        self.where = np.zeros(y.shape, np.int64)
        largest(xp, *self.pool_size, *self.strides, y, self.where)
        return y

    def backward(self, dy):
        dx = np.zeros(self.shape_pad, dy.dtype)
        largest_backward(np.ascontiguousarray(dy), self.where, self.pool_size[1], *self.strides, dx)
        return dx[:, self.top :, self.left :][:, : self.shape[1], : self.shape[2]]


class GlobalAveragePooling2D(Layer):
    def forward(self, x, training=False):
        self.shape = x.shape
        return np.sum(x, axis=(1, 2)) / (x.shape[1] * x.shape[2])

    def backward(self, dy):
        n, h, w, c = self.shape
        return np.ones(self.shape, dy.dtype) * dy.reshape(n, 1, 1, c) / (h * w)


class Dropout(Layer):
    def __init__(self, rate, **options):
        super().__init__(**options)
        self.rate = rate

    def forward(self, x, training=False):
        if not training or self.rate == 0:
            self.mask = None
            return x
        self.mask = np.random.uniform(size=x.shape).astype(np.float32) > self.rate
        return x * self.mask / np.float32(1 - self.rate)

    def backward(self, dy):
        return dy if self.mask is None else dy * self.mask / np.float32(1 - self.rate)


class Flatten(Layer):
    def forward(self, x, training=False):
        self.shape = x.shape
        return np.stack([sample.ravel() for sample in x])

    def backward(self, dy):
        return np.reshape(dy, self.shape)


class Dense(Layer):
    def __init__(self, units, activation=None, use_bias=True, **options):
        super().__init__(activation=Activation(activation) if activation else None, **options)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight("kernel", (shape[1], self.units), "glorot_uniform")
        self.bias = self.add_weight("bias", (self.units,), "zeros")

    def forward(self, x, training=False):
        self.x = x
        return np.dot(x, self.kernel.value) + self.bias.value

    def backward(self, dy):
        self.kernel.gradient = np.dot(self.x.T, dy)
        self.bias.gradient = np.sum(dy, axis=0)
        return np.dot(dy, self.kernel.value.T)


class Concatenate(Layer):
    def __init__(self, axis=-1, **options):
        super().__init__(**options)
        self.axis = axis

    def forward(self, parts, training=False):
        self.widths = [part.shape[-1] for part in parts]
        out = np.empty((*parts[0].shape[:-1], sum(self.widths)), parts[0].dtype)
        start = 0
        for part, width in zip(parts, self.widths):
            out[..., start : start + width] = part
            start += width
        return out

    def backward(self, dy):
        pieces, start = [], 0
        for width in self.widths:
            pieces.append(dy[..., start : start + width])
            start += width
        return pieces


def concat(values, axis):
    return Concatenate(axis=axis)(values)


class Sequential(Model):
    def __init__(self, layers=()):
        super().__init__()
        self.members = list(layers)

    def add(self, member):
        self.members.append(member)

    def call(self, x):
        for member in self.members:
            x = member(x)
        return x


class SparseCategoricalCrossentropy:
    def __init__(self, from_logits=False):
        self.from_logits = from_logits

    def __call__(self, y_true, y_pred):
        self.y, self.out = np.array(y_true).flatten(), y_pred
        total = 0.0
        self.grad = np.zeros(y_pred.shape, y_pred.dtype)
        for row, (label, out) in enumerate(zip(self.y, y_pred)):
            if self.from_logits:
                out = np.exp(out - out.max())
                out = out / out.sum()
                self.grad[row] = out
                self.grad[row, label] -= 1
                total -= np.log(out[label])
            else:
                p = min(max(out[label], np.float32(1e-7)), np.float32(1) - np.float32(1e-7))
                if p == out[label]:
                    self.grad[row, label] = -1 / p
                total -= np.log(p)
        return total / len(self.y)

    def backward(self):
        return self.grad / len(self.y)


class Adam:
    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.learning_rate, self.beta_1, self.beta_2, self.epsilon = learning_rate, beta_1, beta_2, epsilon
        self.step = 0
        self.m, self.v = {}, {}

    def apply_gradients(self, grads_and_vars):
        self.step += 1
        correction = np.sqrt(1 - self.beta_2**self.step) / (1 - self.beta_1**self.step)
        for grad, var in grads_and_vars:
            key = id(var)
            if key not in self.m:
                self.m[key] = np.zeros_like(grad)
                self.v[key] = np.zeros_like(grad)
            self.m[key] = self.beta_1 * self.m[key] + (1 - self.beta_1) * grad
            self.v[key] = self.beta_2 * self.v[key] + (1 - self.beta_2) * np.square(grad)
            change = np.float32(self.learning_rate * correction) * self.m[key] / (np.sqrt(self.v[key]) + np.float32(self.epsilon))
            var.assign(var.value - change)
