"""Loops over the places of the kernel, each an einsum over all windows at once; gradients as attributes dW, db."""

import numpy as np
from nndl import Layer

PLACES = "ndij,pd->npij"


class Conv2D(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, weight_attr=1.0, bias_attr=0.0):
        super().__init__()
        shape = out_channels, in_channels, kernel_size, kernel_size
        if weight_attr is None:
            weight = np.random.randn(*shape) * (2 / (in_channels * kernel_size**2)) ** 0.5
        else:
            weight = np.ones(shape) * weight_attr
        self.weight = weight.astype(np.float32)
        self.has_bias = bias_attr is not False
        if self.has_bias:
            self.bias = np.ones((out_channels, 1), np.float32) * np.float32(bias_attr)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.in_channels, self.out_channels = in_channels, out_channels

    def places(self, padded, rows, columns):
        for u in range(self.kernel_size):
            for v in range(self.kernel_size):
                s = self.stride
                yield u, v, padded[:, :, u : u + s * (rows - 1) + 1 : s, v : v + s * (columns - 1) + 1 : s]

    def forward(self, inputs):
        p, k, s = self.padding, self.kernel_size, self.stride
        n, d, m, width = inputs.shape
        self.padded = np.zeros((n, d, m + 2 * p, width + 2 * p), inputs.dtype)
        self.padded[:, :, p : p + m, p : p + width] = inputs
        rows, columns = (m + 2 * p - k) // s + 1, (width + 2 * p - k) // s + 1
        outputs = 0
        for u, v, pixels in self.places(self.padded, rows, columns):
            outputs = outputs + np.einsum(PLACES, pixels, self.weight[:, :, u, v], optimize=True)
        return outputs + self.bias[:, :, None] if self.has_bias else outputs

    def backward(self, out_grad):
        self.dW = np.zeros_like(self.weight, dtype=out_grad.dtype)
        d_padded = np.zeros_like(self.padded, dtype=out_grad.dtype)
        targets = self.places(d_padded, *out_grad.shape[2:])
        for (u, v, pixels), (_, _, target) in zip(self.places(self.padded, *out_grad.shape[2:]), targets):
            self.dW[:, :, u, v] = np.einsum("npij,ndij->pd", out_grad, pixels, optimize=True)
            target += np.einsum("npij,pd->ndij", out_grad, self.weight[:, :, u, v], optimize=True)
        if self.has_bias:
            self.db = np.einsum("npij->p", out_grad)[:, None]
        p = self.padding
        return d_padded[:, :, p : d_padded.shape[2] - p, p : d_padded.shape[3] - p]


class Pool2D(Layer):
    def __init__(self, size=(2, 2), mode="max", stride=1, padding=0):
        super().__init__()
        self.h, self.w = size
        self.mode, self.stride, self.padding = mode, stride, padding

    def cut(self, padded, u, v, rows, columns):
        s = self.stride
        return padded[:, :, u : u + s * rows : s, v : v + s * columns : s][:, :, :rows, :columns]

    def forward(self, x):
        p, s = self.padding, self.stride
        fill = {"max": -np.inf, "avg": 0.0}[self.mode]
        self.shape = x.shape
        self.padded = np.full((*x.shape[:2], x.shape[2] + 2 * p, x.shape[3] + 2 * p), fill, x.dtype)
        self.padded[:, :, p : p + x.shape[2], p : p + x.shape[3]] = x
        rows, columns = (self.padded.shape[2] - self.h) // s + 1, (self.padded.shape[3] - self.w) // s + 1
        stack = [self.cut(self.padded, u, v, rows, columns) for u in range(self.h) for v in range(self.w)]
        if self.mode == "max":
            self.winner = np.argmax(stack, axis=0)
            return np.max(stack, axis=0)
        return sum(stack) / len(stack)

    def backward(self, out_grad):
        d_padded = np.zeros(self.padded.shape, out_grad.dtype)
        rows, columns = out_grad.shape[2:]
        for number in range(self.h * self.w):
            u, v = divmod(number, self.w)
            chosen = self.winner == number if self.mode == "max" else 1 / (self.h * self.w)
            self.cut(d_padded, u, v, rows, columns)[...] += (out_grad * chosen).astype(out_grad.dtype)
        p = self.padding
        return d_padded[:, :, p : p + self.shape[2], p : p + self.shape[3]]


class Linear(Layer):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = (np.random.randn(in_features, out_features) / np.sqrt(in_features)).astype(np.float32)
        self.bias = np.zeros(out_features, np.float32)

    def forward(self, x):
        self.x = x
        return np.einsum("ni,io->no", x, self.weight) + self.bias

    def backward(self, out_grad):
        self.dW = np.dot(self.x.T, out_grad)
        self.db = np.sum(out_grad, axis=0)
        return np.dot(out_grad, self.weight.T)


class BatchNorm2D(Layer):
    def __init__(self, num_features, momentum=0.9, epsilon=1e-5):
        super().__init__()
        self.num_features, self.momentum, self.epsilon = num_features, momentum, epsilon
        self.gamma, self.beta = np.ones(num_features, np.float32), np.zeros(num_features, np.float32)
        self.moving_mean, self.moving_var = np.zeros(num_features, np.float32), np.ones(num_features, np.float32)

    def forward(self, x):
        if self.training:
            pixels = x.transpose(1, 0, 2, 3).reshape(self.num_features, -1)
            mu, var = pixels.mean(axis=1), pixels.var(axis=1)
            n = pixels.shape[1]
            old, new = self.momentum, 1 - self.momentum
            self.moving_mean = old * self.moving_mean + new * mu
            self.moving_var = old * self.moving_var + new * var * n / (n - 1)
        else:
            mu, var = self.moving_mean, self.moving_var
        self.deviation = np.sqrt(var + self.epsilon)[None, :, None, None]
        self.x_hat = (x - mu[None, :, None, None]) / self.deviation
        return self.gamma[None, :, None, None] * self.x_hat + self.beta[None, :, None, None]

    def backward(self, out_grad):
        n = out_grad.size / self.num_features
        self.dgamma = np.einsum("ncij,ncij->c", out_grad, self.x_hat)
        self.dbeta = np.einsum("ncij->c", out_grad)
        if not self.training:
            return (self.gamma[:, None, None] / self.deviation * out_grad).astype(out_grad.dtype)
        whole = n * out_grad - self.dbeta[:, None, None] - self.x_hat * self.dgamma[:, None, None]
        return (self.gamma[:, None, None] / n * whole / self.deviation).astype(out_grad.dtype)
