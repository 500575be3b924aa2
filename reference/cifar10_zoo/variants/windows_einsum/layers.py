"""Convolution by windows and tensordot, pooling by arg-max of windows, batch normalisation in one pass; float64 inside."""

import numpy as np
from model import Model
from numpy.lib.stride_tricks import sliding_window_view
from tape import Layer, generator


def two(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def zeros_around(size, k, s, padding):
    if padding == "valid":
        return 0, 0
    p = max(0, (int(np.ceil(size / s)) - 1) * s + k - size)
    return p // 2, p - p // 2


class Windowed(Layer):
    """What convolution and pooling share."""

    def windows(self, x, k, fill):
        self.pads = [zeros_around(x.shape[a + 1], k[a], self.strides[a], self.padding) for a in (0, 1)]
        self.size = x.shape
        xp = np.pad(x, ((0, 0), *self.pads, (0, 0)), constant_values=fill)
        self.padded = xp.shape
        return sliding_window_view(xp, k, axis=(1, 2))[:, :: self.strides[0], :: self.strides[1]]

    def spread(self, shares):
        """Add up shares (N, rows, columns, C, kernel rows, kernel columns)."""
        dx = np.zeros(self.padded, shares.dtype)
        sr, sc = self.strides
        rows, cols = shares.shape[1:3]
        for i in range(shares.shape[4]):
            for j in range(shares.shape[5]):
                dx[:, i : i + sr * rows : sr, j : j + sc * cols : sc][:, :rows, :cols] += shares[..., i, j]
        (t, _), (l, _) = self.pads
        return dx[:, t : t + self.size[1], l : l + self.size[2]]


class Conv2D(Windowed):
    def __init__(self, filters, kernel_size, strides=1, padding="valid", use_bias=True, activation=None, **kw):
        super().__init__(activation=activation and Activation(activation), **kw)
        self.filters, self.k, self.strides, self.padding = filters, two(kernel_size), two(strides), padding.lower()
        self.use_bias = use_bias

    def build(self, shape):
        self.kernel = self.add_weight("kernel", (*self.k, shape[3], self.filters), "glorot_uniform")
        if self.use_bias:
            self.bias = self.add_weight("bias", [self.filters])

    def forward(self, x, training=False):
        self.w = self.windows(x, self.k, 0)
        y = np.tensordot(self.w, self.kernel.value, axes=([3, 4, 5], [2, 0, 1]))
        if self.use_bias:
            y = y + self.bias.value
        return y

    def backward(self, dy):
        self.kernel.gradient = np.tensordot(self.w, dy, axes=([0, 1, 2], [0, 1, 2])).transpose(1, 2, 0, 3)
        if self.use_bias:
            self.bias.gradient = np.einsum("nijf->f", dy)
        return self.spread(np.tensordot(dy, self.kernel.value, axes=([3], [3])).transpose(0, 1, 2, 5, 3, 4))


class MaxPool2D(Windowed):
    def __init__(self, pool_size=2, strides=None, padding="valid", **kw):
        super().__init__(**kw)
        self.k = two(pool_size)
        self.strides, self.padding = two(strides or pool_size), padding.lower()

    def forward(self, x, training=False):
        w = self.windows(x, self.k, np.finfo(x.dtype).min)
        flat = w.reshape(*w.shape[:4], -1)
        self.where = flat.argmax(-1)
        return flat.max(-1)

    def backward(self, dy):
        one = np.arange(self.k[0] * self.k[1]) == self.where[..., None]
        return self.spread((one * dy[..., None]).reshape(*dy.shape, *self.k))


class BatchNormalization(Layer):
    def build(self, shape):
        c = (shape[-1],)
        self.gamma = self.add_weight("gamma", c, "ones")
        self.beta = self.add_weight("beta", c)
        self.moving_mean = self.add_weight("moving_mean", c, "zeros", trainable=False)
        self.moving_variance = self.add_weight("moving_variance", c, "ones", trainable=False)

    def forward(self, x, training=False):
        self.training, self.shape = training, x.shape
        flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
        if training:
            mean = flat.mean(0)
            var = (flat * flat).mean(0) - mean * mean
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, var)):
                moving.value = (moving.value + (new - moving.value) * 0.01).astype(x.dtype)
        else:
            mean, var = self.moving_mean.value, self.moving_variance.value
        self.inv = (var + 0.001) ** -0.5
        self.h = (flat - mean) * self.inv
        return (self.gamma.value * self.h + self.beta.value).reshape(x.shape).astype(x.dtype)

    def backward(self, dy):
        g = dy.reshape(-1, dy.shape[-1]).astype(np.float64)
        self.gamma.gradient, self.beta.gradient = (g * self.h).sum(0), g.sum(0)
        dx = self.gamma.value * self.inv * g
        if self.training:
            n = len(g)
            dx = self.gamma.value * self.inv / n * (n * g - self.beta.gradient - self.h * self.gamma.gradient)
        return dx.reshape(self.shape).astype(dy.dtype)


class Activation(Layer):
    def __init__(self, activation, **kw):
        super().__init__(**kw)
        self.f = activation

    def forward(self, x, training=False):
        self.x = x
        if self.f == "relu":
            return np.where(x > 0, x, 0)
        if self.f == "sigmoid":
            self.y = 1 / (1 + np.exp(-x))
        elif self.f == "tanh":
            self.y = np.tanh(x)
        else:
            e = np.exp(x - np.max(x, -1, keepdims=True))
            self.y = e / np.sum(e, -1, keepdims=True)
        return self.y

    def backward(self, dy):
        if self.f == "relu":
            return np.where(self.x > 0, dy, 0)
        if self.f == "softmax":
            return self.y * dy - self.y * np.sum(self.y * dy, -1, keepdims=True)
        return dy * (1 - self.y * self.y) if self.f == "tanh" else dy * self.y * (1 - self.y)


class GlobalAveragePooling2D(Layer):
    def forward(self, x, training=False):
        self.s = x.shape
        return x.reshape(len(x), -1, x.shape[3]).mean(1)

    def backward(self, dy):
        n = self.s[1] * self.s[2]
        return np.repeat(dy[:, None] / n, n, axis=1).reshape(self.s)


GlobalAvgPool2D = GlobalAveragePooling2D


class Dropout(Layer):
    def __init__(self, rate, **kw):
        super().__init__(**kw)
        self.rate = rate

    def forward(self, x, training=False):
        self.keep = None
        if training:
            self.keep = generator().binomial(1, 1 - self.rate, x.shape).astype(bool)
            return np.where(self.keep, x / (1 - self.rate), 0)
        return x

    def backward(self, dy):
        return dy if self.keep is None else np.where(self.keep, dy / (1 - self.rate), 0)


class Flatten(Layer):
    def forward(self, x, training=False):
        self.s = x.shape
        return x.reshape(x.shape[0], int(np.prod(x.shape[1:])))

    def backward(self, dy):
        return dy.reshape(self.s)


class Dense(Layer):
    def __init__(self, units, activation=None, **kw):
        super().__init__(activation=activation and Activation(activation), **kw)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight("kernel", (shape[-1], self.units), "glorot_uniform")
        self.bias = self.add_weight("bias", (self.units,))

    def forward(self, x, training=False):
        self.x = x
        return np.einsum("ni,io->no", x, self.kernel.value, optimize=True) + self.bias.value

    def backward(self, dy):
        self.kernel.gradient = np.einsum("ni,no->io", self.x, dy, optimize=True)
        self.bias.gradient = dy.sum(0)
        return np.einsum("no,io->ni", dy, self.kernel.value, optimize=True)


class Concatenate(Layer):
    def __init__(self, axis=-1, **kw):
        super().__init__(**kw)
        self.axis = axis

    def forward(self, parts, training=False):
        self.ends = np.cumsum([p.shape[self.axis] for p in parts])
        return np.concatenate(list(parts), self.axis)

    def backward(self, dy):
        return list(np.array_split(dy, self.ends[:-1], self.axis))


def concat(values, axis):
    return Concatenate(axis)(values)


class Sequential(Model):
    def __init__(self, layers=None):
        super().__init__()
        self.all = list(layers or [])

    def add(self, layer):
        self.all.append(layer)

    def call(self, x):
        for layer in self.all:
            x = layer(x)
        return x


class SparseCategoricalCrossentropy:
    def __init__(self, from_logits=False):
        self.from_logits = from_logits

    def __call__(self, y_true, y_pred):
        y = np.ravel(y_true)
        self.one = np.eye(y_pred.shape[1])[y]
        self.p = y_pred
        if self.from_logits:
            e = np.exp(y_pred - y_pred.max(1, keepdims=True))
            self.p = e / e.sum(1, keepdims=True)
            return float(-(self.one * np.log(self.p)).sum(1).mean())
        self.c = np.clip(y_pred, np.float32(1e-7), np.float32(1 - 1e-7))
        return float(-(self.one * np.log(self.c)).sum(1).mean())

    def backward(self):
        n = len(self.one)
        if self.from_logits:
            return (self.p - self.one) / n
        return -self.one / self.c / n * (self.c == self.p)


class Adam:
    def __init__(self, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.lr, self.b1, self.b2, self.eps = learning_rate, beta_1, beta_2, epsilon
        self.t, self.state = 0, {}

    def apply_gradients(self, pairs):
        self.t += 1
        for g, v in pairs:
            s = self.state.setdefault(id(v), [np.zeros(v.shape), np.zeros(v.shape)])
            s[0] += (1 - self.b1) * (g - s[0])
            s[1] += (1 - self.b2) * (g * g - s[1])
            step = self.lr * (1 - self.b2**self.t) ** 0.5 / (1 - self.b1**self.t)
            v.value = (v.value - step * s[0] / (s[1] ** 0.5 + self.eps)).astype(v.value.dtype)
