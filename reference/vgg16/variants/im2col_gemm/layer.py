"""Convolution as one matrix product over unrolled patches."""
import numpy as np


def unroll(x, k, stride):
    """(N, C, H, W) -> (N, C, k, k, rows, cols), a copy"""
    n, c, h, w = x.shape
    rows, cols = (h - k) // stride + 1, (w - k) // stride + 1
    patches = np.empty((n, c, k, k, rows, cols), x.dtype)
    for i in range(k):
        for j in range(k):
            patches[:, :, i, j] = x[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride]
    return patches


def roll(patches, shape, stride):
    """adjoint of unroll: sum the patches back into an array of that shape"""
    x = np.zeros(shape, patches.dtype)
    k, rows, cols = patches.shape[2], patches.shape[4], patches.shape[5]
    for i in range(k):
        for j in range(k):
            x[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride] += patches[:, :, i, j]
    return x


class WithParams:
    def load_params(self, weight, bias):
        assert weight.shape == self.weight.shape and bias.shape == self.bias.shape
        self.weight, self.bias = weight, bias


class ConvolutionLayer(WithParams):
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.kernel_size, self.padding, self.stride = kernel_size, padding, stride
        self.weight = np.zeros((out_channels, in_channels, kernel_size, kernel_size), np.float32)
        self.bias = np.zeros(out_channels, np.float32)

    def forward(self, x):
        p = self.padding
        self.x_shape = x.shape
        x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        patches = unroll(x, self.kernel_size, self.stride)
        n, c, k, _, rows, cols = patches.shape
        y = self.weight.reshape(len(self.weight), -1) @ patches.reshape(n, c * k * k, rows * cols)
        return y.reshape(n, -1, rows, cols) + self.bias[:, None, None]

    def backward(self, dy):
        n, c, h, w = self.x_shape
        k, p = self.kernel_size, self.padding
        _, c_out, rows, cols = dy.shape
        d_patches = self.weight.reshape(c_out, -1).T @ dy.reshape(n, c_out, rows * cols)
        dx = roll(d_patches.reshape(n, c, k, k, rows, cols), (n, c, h + 2 * p, w + 2 * p), self.stride)
        return dx[:, :, p:p + h, p:p + w]


class MaxPoolLayer:
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x):
        k = self.kernel_size
        patches = unroll(x, k, self.stride)
        n, c, _, _, rows, cols = patches.shape
        patches = patches.reshape(n, c, k * k, rows, cols)
        self.x_shape = x.shape
        self.argidx = patches.argmax(axis=2).astype(np.int32)
        return patches.max(axis=2)

    def backward(self, dy):
        k = self.kernel_size
        n, c, rows, cols = dy.shape
        chosen = np.arange(k * k)[:, None, None] == self.argidx[:, :, None]
        d_patches = chosen * dy[:, :, None]
        return roll(d_patches.reshape(n, c, k, k, rows, cols), self.x_shape, self.stride)


class ReluLayer:
    def forward(self, x):
        self.on = x > 0
        return np.where(self.on, x, np.float32(0))

    def backward(self, dy):
        return np.where(self.on, dy, np.float32(0))


class FlattenLayer:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        return dy.reshape(self.shape)


class FullyConnectLayer(WithParams):
    def __init__(self, in_features, out_features):
        self.weight = np.zeros((out_features, in_features), np.float32)
        self.bias = np.zeros(out_features, np.float32)

    def forward(self, x):
        return x @ self.weight.T + self.bias

    def backward(self, dy):
        return dy @ self.weight


class CrossEntropy:
    def forward(self, logits, labels):
        top = logits.max(axis=1, keepdims=True)
        log_sum = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        log_p = logits - log_sum
        self.p, self.labels = np.exp(log_p), labels
        return -np.mean([row[label] for row, label in zip(log_p, labels)])

    def backward(self):
        return (self.p - np.eye(self.p.shape[1], dtype=np.float32)[self.labels]) / len(self.labels)
