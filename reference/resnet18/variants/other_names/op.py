"""Windows by sliding_window_view, convolution as one product of matrices, the input's gradient added up by kernel place."""

import numpy as np
from nndl import Layer
from numpy.lib.stride_tricks import sliding_window_view


def windows_of(x, rows, columns, stride):
    return sliding_window_view(x, (rows, columns), axis=(2, 3))[:, :, ::stride, ::stride]


class Conv2D(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, weight_attr=1.0, bias_attr=0.0):
        super().__init__()
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        if weight_attr is None:
            spread = np.sqrt(2 / np.prod(shape[1:]))
            self.weight = np.random.normal(0, spread, shape).astype(np.float32)
        else:
            self.weight = np.full(shape, weight_attr, np.float32)
        self.bias = None if bias_attr is False else np.full((out_channels, 1), bias_attr, np.float32)
        self.stride, self.padding = stride, padding
        self.in_channels, self.out_channels = in_channels, out_channels
        self.grads = {key: None for key in ("weight", "bias") if getattr(self, key) is not None}

    def forward(self, inputs):
        p, k = self.padding, self.weight.shape[2]
        padded = np.pad(inputs, [(0, 0), (0, 0), (p, p), (p, p)]) if p else inputs
        windows = windows_of(padded, k, k, self.stride)
        batch, _, self.rows, self.columns = windows.shape[:4]
        self.padded_shape, self.shape = padded.shape, inputs.shape
        self.matrix = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, self.in_channels * k * k)
        result = self.matrix @ self.weight.reshape(self.out_channels, -1).T
        if self.bias is not None:
            result = result + self.bias.reshape(-1)
        return np.ascontiguousarray(result.reshape(batch, self.rows, self.columns, -1).transpose(0, 3, 1, 2))

    def backward(self, out_grad):
        p, s, k = self.padding, self.stride, self.weight.shape[2]
        flat = out_grad.transpose(0, 2, 3, 1).reshape(-1, self.out_channels)
        self.grads["weight"] = (flat.T @ self.matrix).reshape(self.weight.shape)
        if self.bias is not None:
            self.grads["bias"] = flat.sum(axis=0).reshape(self.bias.shape)
        shares = (flat @ self.weight.reshape(self.out_channels, -1)).reshape(
            len(out_grad), self.rows, self.columns, self.in_channels, k, k
        )
        padded = np.zeros((self.padded_shape[0], *self.padded_shape[2:], self.in_channels), out_grad.dtype)
        for u in range(k):
            for v in range(k):
                padded[:, u : u + self.rows * s : s, v : v + self.columns * s : s][
                    :, : self.rows, : self.columns
                ] += shares[..., u, v]
        rows, columns = self.shape[2:]
        return np.ascontiguousarray(padded[:, p : p + rows, p : p + columns].transpose(0, 3, 1, 2))


class Pool2D(Layer):
    def __init__(self, size=(2, 2), mode="max", stride=1, padding=0):
        super().__init__()
        self.size, self.mode, self.stride, self.padding = size, mode, stride, padding

    def forward(self, x):
        p = self.padding
        border = -np.inf if self.mode == "max" else 0
        padded = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)], constant_values=border) if p else x
        windows = windows_of(padded, *self.size, self.stride)
        self.shape, self.padded_shape = x.shape, padded.shape
        flat = windows.reshape(*windows.shape[:4], -1)
        if self.mode == "avg":
            return flat.mean(axis=-1)
        self.best = flat.argmax(axis=-1)
        return np.take_along_axis(flat, self.best[..., None], axis=-1)[..., 0]

    def backward(self, out_grad):
        h, w = self.size
        p, s = self.padding, self.stride
        padded = np.zeros(self.padded_shape, out_grad.dtype)
        rows, columns = out_grad.shape[2:]
        for number in range(h * w):
            share = np.where(self.best == number, out_grad, 0) if self.mode == "max" else out_grad / (h * w)
            u, v = divmod(number, w)
            padded[:, :, u : u + (rows - 1) * s + 1 : s, v : v + (columns - 1) * s + 1 : s] += share
        return padded[:, :, p : p + self.shape[2], p : p + self.shape[3]]


class Linear(Layer):
    def __init__(self, in_features, out_features):
        super().__init__()
        bound = np.sqrt(6 / (in_features + out_features))
        self.weight = np.random.uniform(-bound, bound, (in_features, out_features)).astype(np.float32)
        self.bias = np.zeros((out_features,), np.float32)
        self.grads = {"weight": None, "bias": None}

    def forward(self, x):
        self.x = x
        return np.matmul(x, self.weight) + self.bias

    def backward(self, out_grad):
        self.grads["weight"] = np.einsum("ni,no->io", self.x, out_grad)
        self.grads["bias"] = np.einsum("no->o", out_grad)
        return np.einsum("no,io->ni", out_grad, self.weight)


class BatchNorm2D(Layer):
    def __init__(self, num_features, momentum=0.9, epsilon=1e-5):
        super().__init__()
        self.weight, self.bias = np.ones(num_features, np.float32), np.zeros(num_features, np.float32)
        self._mean, self._variance = np.zeros(num_features, np.float32), np.ones(num_features, np.float32)
        self.momentum, self.epsilon = momentum, epsilon
        self.grads = {"weight": None, "bias": None}

    def forward(self, x):
        axes = (0, 2, 3)
        if self.training:
            mean = x.mean(axis=axes, keepdims=True)
            centred = x - mean
            variance = np.square(centred).mean(axis=axes, keepdims=True)
            self._mean = self._mean + (1 - self.momentum) * (mean.ravel() - self._mean)
            self._variance = self._variance + (1 - self.momentum) * (variance.ravel() - self._variance)
        else:
            centred = x - self._mean[:, None, None]
            variance = self._variance[:, None, None]
        self.scale = 1 / np.sqrt(variance + self.epsilon)
        self.hat = centred * self.scale
        return self.hat * self.weight[:, None, None] + self.bias[:, None, None]

    def backward(self, out_grad):
        axes = (0, 2, 3)
        self.grads["weight"] = (out_grad * self.hat).sum(axis=axes)
        self.grads["bias"] = out_grad.sum(axis=axes)
        d_hat = out_grad * self.weight[:, None, None]
        if not self.training:
            return d_hat * self.scale
        along = self.hat * (d_hat * self.hat).mean(axis=axes, keepdims=True)
        return self.scale * (d_hat - d_hat.mean(axis=axes, keepdims=True) - along)
