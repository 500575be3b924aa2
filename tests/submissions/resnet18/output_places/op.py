"""Loops over output channels and places, as the handout's own listings; everything in float64; a bias (P,)."""

import numpy as np


class Conv2D:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, weight_attr=1.0, bias_attr=0.0):
        shape = [out_channels, in_channels, kernel_size, kernel_size]
        self.weight = np.full(shape, 1.0 if weight_attr is None else weight_attr, np.float32)
        if weight_attr is None:
            self.weight = np.random.normal(scale=np.sqrt(2.0 / (in_channels * kernel_size * kernel_size)), size=shape)
        self.bias = None if bias_attr is False else np.full(out_channels, bias_attr)
        self.stride, self.padding = stride, padding
        self.in_channels, self.out_channels = in_channels, out_channels

    def __call__(self, x):
        return self.forward(x)

    def forward(self, inputs):
        n, d, m, w = inputs.shape
        p, s, k = self.padding, self.stride, self.weight.shape[-1]
        self.shape = inputs.shape
        self.new_X = np.zeros([n, d, m + 2 * p, w + 2 * p])
        self.new_X[:, :, p : m + p, p : w + p] = inputs
        rows, columns = int((m + 2 * p - k) / s) + 1, int((w + 2 * p - k) / s) + 1
        maps = []
        for number, kernel in enumerate(self.weight):
            feature_map = np.zeros([n, rows, columns])
            for i in range(rows):
                for j in range(columns):
                    window = self.new_X[:, :, s * i : s * i + k, s * j : s * j + k]
                    feature_map[:, i, j] = (window * kernel).sum((1, 2, 3))
            maps.append(feature_map if self.bias is None else feature_map + self.bias[number])
        return np.stack(maps, 1)

    def backward(self, out_grad):
        n, d, m, w = self.shape
        p, s, k = self.padding, self.stride, self.weight.shape[-1]
        self.weight_grad = np.zeros(self.weight.shape)
        spread = np.zeros(self.new_X.shape)
        for number, kernel in enumerate(self.weight):
            for i in range(out_grad.shape[2]):
                for j in range(out_grad.shape[3]):
                    g = out_grad[:, number, i, j].reshape(-1, 1, 1, 1)
                    window = self.new_X[:, :, s * i : s * i + k, s * j : s * j + k]
                    self.weight_grad[number] += (g * window).sum(0)
                    spread[:, :, s * i : s * i + k, s * j : s * j + k] += g * kernel
        if self.bias is not None:
            self.bias_grad = out_grad.sum((0, 2, 3))
        return spread[:, :, p : p + m, p : p + w]


class Pool2D:
    def __init__(self, size=(2, 2), mode="max", stride=1, padding=0):
        self.mode, self.stride, self.padding = mode, stride, padding
        self.h, self.w = size

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        n, c, m, w = x.shape
        p, s, k = self.padding, self.stride, self.h
        self.shape = x.shape
        self.new_x = np.zeros((n, c, m + 2 * p, w + 2 * p))
        if self.mode == "max":
            self.new_x -= 1e30
        self.new_x[:, :, p : m + p, p : w + p] = x
        rows, columns = (m + 2 * p - k) // s + 1, (w + 2 * p - k) // s + 1
        out = np.zeros((n, c, rows, columns))
        for i in range(rows):
            for j in range(columns):
                window = self.new_x[:, :, s * i : s * i + k, s * j : s * j + k]
                out[:, :, i, j] = window.max((2, 3)) if self.mode == "max" else window.mean((2, 3))
        return out

    def backward(self, out_grad):
        p, s, k = self.padding, self.stride, self.h
        spread = np.zeros(self.new_x.shape)
        for i in range(out_grad.shape[2]):
            for j in range(out_grad.shape[3]):
                rows, columns = slice(s * i, s * i + k), slice(s * j, s * j + k)
                if self.mode == "avg":
                    spread[:, :, rows, columns] += out_grad[:, :, i : i + 1, j : j + 1] / k**2
                    continue
                window = self.new_x[:, :, rows, columns].reshape(*out_grad.shape[:2], k * k)
                # The last of equal maxima: any one is right.
                last = k * k - 1 - window[..., ::-1].argmax(-1)
                chosen = (np.arange(k * k) == last[..., None]).reshape(*last.shape, k, k)
                spread[:, :, rows, columns] += chosen * out_grad[:, :, i, j, None, None]
        return spread[:, :, p : p + self.shape[2], p : p + self.shape[3]]


class Linear:
    def __init__(self, in_features, out_features):
        self.weight = np.random.uniform(-0.1, 0.1, (in_features, out_features))
        self.bias = np.zeros((1, out_features))

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.x = np.asarray(x, np.float64)
        return self.x @ self.weight + self.bias

    def backward(self, out_grad):
        self.weight_grad = self.x.T @ out_grad
        self.bias_grad = out_grad.sum(0, keepdims=True)
        return out_grad @ self.weight.T


class BatchNorm2D:
    def __init__(self, num_features, momentum=0.9, epsilon=1e-05):
        self.weight, self.bias = np.ones((1, num_features, 1, 1)), np.zeros((1, num_features, 1, 1))
        self.running_mean, self.running_var = np.zeros((1, num_features, 1, 1)), np.ones((1, num_features, 1, 1))
        self.momentum, self.epsilon = momentum, epsilon
        self.training = True

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.x = np.asarray(x, np.float64)
        if self.training:
            self.mu = self.x.mean((0, 2, 3), keepdims=True)
            self.var = ((self.x - self.mu) ** 2).mean((0, 2, 3), keepdims=True)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * self.mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * self.var
        else:
            self.mu, self.var = self.running_mean, self.running_var
        self.xhat = (self.x - self.mu) / np.sqrt(self.var + self.epsilon)
        return self.weight * self.xhat + self.bias

    def backward(self, out_grad):
        """Step by step along the graph: through xhat, the variance and the mean."""
        axes, m = (0, 2, 3), self.x[:, 0].size
        self.weight_grad = (out_grad * self.xhat).sum(axes, keepdims=True)
        self.bias_grad = out_grad.sum(axes, keepdims=True)
        dxhat = out_grad * self.weight
        inverse = 1 / np.sqrt(self.var + self.epsilon)
        if not self.training:
            return dxhat * inverse
        dvar = (dxhat * (self.x - self.mu)).sum(axes, keepdims=True) * -0.5 * inverse**3
        dmu = (-dxhat * inverse).sum(axes, keepdims=True)
        return dxhat * inverse + dvar * 2 * (self.x - self.mu) / m + dmu / m
