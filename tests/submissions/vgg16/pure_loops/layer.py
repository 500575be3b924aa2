"""Plain loops, no compiler."""
import math

import numpy as np


def inside(x, p):
    return x if p == 0 else x[:, :, p:-p, p:-p]


class ConvolutionLayer:
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.c_in, self.c_out = in_channels, out_channels
        self.kernel_size, self.padding, self.stride = kernel_size, padding, stride
        self.weight = np.zeros((out_channels, in_channels, kernel_size, kernel_size), np.float32)
        self.bias = np.zeros(out_channels, np.float32)

    def load_params(self, weight, bias):
        for old, new in ((self.weight, weight), (self.bias, bias)):
            assert old.shape == new.shape
        self.weight, self.bias = weight, bias

    def forward(self, inputs):
        k, s, p = self.kernel_size, self.stride, self.padding
        n, c, h, w = inputs.shape
        self.padded = (n, c, h + 2 * p, w + 2 * p)
        x = np.zeros(self.padded, inputs.dtype)
        inside(x, p)[:] = inputs
        rows = math.floor((h + 2 * p - k) / s) + 1
        cols = math.floor((w + 2 * p - k) / s) + 1
        y = np.zeros((n, self.c_out, rows, cols), inputs.dtype)
        for b in range(n):
            for o in range(self.c_out):
                for r in range(rows):
                    for q in range(cols):
                        window = x[b, :, r * s:r * s + k, q * s:q * s + k]
                        y[b, o, r, q] = np.sum(window * self.weight[o]) + self.bias[o]
        return y

    def backward(self, out_grad):
        k, s = self.kernel_size, self.stride
        dx = np.zeros(self.padded, out_grad.dtype)
        n, _, rows, cols = out_grad.shape
        for b in range(n):
            for o in range(self.c_out):
                for r in range(rows):
                    for q in range(cols):
                        dx[b, :, r * s:r * s + k, q * s:q * s + k] += out_grad[b, o, r, q] * self.weight[o]
        return inside(dx, self.padding)


class MaxPoolLayer:
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, inputs):
        k, s = self.kernel_size, self.stride
        n, c, h, w = inputs.shape
        rows, cols = (h - k) // s + 1, (w - k) // s + 1
        y = np.zeros((n, c, rows, cols), inputs.dtype)
        self.shape, self.argidx = inputs.shape, np.zeros(y.shape, np.int32)
        for place in np.ndindex(*y.shape):
            b, m, r, q = place
            window = inputs[b, m, r * s:r * s + k, q * s:q * s + k]
            self.argidx[place] = np.argmax(window)
            y[place] = np.max(window)
        return y

    def backward(self, out_grad):
        dx = np.zeros(self.shape, out_grad.dtype)
        for place in np.ndindex(*out_grad.shape):
            b, m, r, q = place
            i, j = divmod(int(self.argidx[place]), self.kernel_size)
            dx[b, m, r * self.stride + i, q * self.stride + j] += out_grad[place]
        return dx


class ReluLayer:
    def forward(self, inputs):
        self.inputs = inputs.copy()
        return (np.abs(inputs) + inputs) / 2

    def backward(self, out_grad):
        dx = np.zeros_like(out_grad)
        dx[self.inputs > 0] = out_grad[self.inputs > 0]
        return dx


class FlattenLayer:
    def forward(self, inputs):
        self.shape = inputs.shape
        return np.stack([sample.flatten() for sample in inputs])

    def backward(self, out_grad):
        return np.stack([row.reshape(self.shape[1:]) for row in out_grad])


class FullyConnectLayer:
    def __init__(self, in_features, out_features):
        self.weight = np.zeros((out_features, in_features), np.float32)
        self.bias = np.zeros(out_features, np.float32)

    load_params = ConvolutionLayer.load_params

    def forward(self, inputs):
        return np.array([[np.dot(row, x) + b for row, b in zip(self.weight, self.bias)] for x in inputs])

    def backward(self, out_grad):
        return np.array([sum(g * row for g, row in zip(grads, self.weight)) for grads in out_grad])


class CrossEntropy:
    def forward(self, logits, labels):
        self.grads, losses = [], []
        for row, label in zip(logits.tolist(), labels.tolist()):
            top = max(row)
            exps = [math.exp(v - top) for v in row]
            probs = [e / sum(exps) for e in exps]
            losses.append(-math.log(probs[label]))
            self.grads.append([(q - (i == label)) / len(labels) for i, q in enumerate(probs)])
        return sum(losses) / len(losses)

    def backward(self):
        return np.array(self.grads)
