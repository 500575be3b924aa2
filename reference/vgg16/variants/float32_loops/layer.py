"""Loops that add up in float32, one product after the other: the largest rounding that a right program has."""

import numpy as np
from numba import njit

F4 = np.float32


@njit
def correlate(x, weight, bias, stride, result):
    for n in range(result.shape[0]):
        for m in range(result.shape[1]):
            for r in range(result.shape[2]):
                for s in range(result.shape[3]):
                    acc = bias[m]
                    for q in range(x.shape[1]):
                        for a in range(weight.shape[2]):
                            for b in range(weight.shape[3]):
                                acc = F4(acc + F4(x[n, q, r * stride + a, s * stride + b] * weight[m, q, a, b]))
                    result[n, m, r, s] = acc


@njit
def spread(grad, weight, stride, result):
    for n in range(grad.shape[0]):
        for q in range(result.shape[1]):
            for r in range(grad.shape[2]):
                for s in range(grad.shape[3]):
                    for a in range(weight.shape[2]):
                        for b in range(weight.shape[3]):
                            acc = F4(0)
                            for m in range(grad.shape[1]):
                                acc = F4(acc + F4(grad[n, m, r, s] * weight[m, q, a, b]))
                            result[n, q, r * stride + a, s * stride + b] += acc


@njit
def maxima(x, size, stride, result, rows, columns):
    for n in range(result.shape[0]):
        for m in range(result.shape[1]):
            for r in range(result.shape[2]):
                for s in range(result.shape[3]):
                    best_row, best_column = r * stride, s * stride
                    for a in range(r * stride, r * stride + size):
                        for b in range(s * stride, s * stride + size):
                            if x[n, m, a, b] > x[n, m, best_row, best_column]:
                                best_row, best_column = a, b
                    rows[n, m, r, s], columns[n, m, r, s] = best_row, best_column
                    result[n, m, r, s] = x[n, m, best_row, best_column]


@njit
def scatter(grad, rows, columns, result):
    for n in range(grad.shape[0]):
        for m in range(grad.shape[1]):
            for r in range(grad.shape[2]):
                for s in range(grad.shape[3]):
                    result[n, m, rows[n, m, r, s], columns[n, m, r, s]] += grad[n, m, r, s]


@njit
def product(x, weight, result):
    for n in range(x.shape[0]):
        for m in range(weight.shape[0]):
            acc = F4(0)
            for q in range(x.shape[1]):
                acc = F4(acc + F4(x[n, q] * weight[m, q]))
            result[n, m] = acc


class Parameters:
    def load_params(self, weight, bias):
        assert weight.shape == self.weight.shape
        assert bias.shape == self.bias.shape
        self.weight = np.ascontiguousarray(weight)
        self.bias = np.ascontiguousarray(bias)


class ConvolutionLayer(Parameters):
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.weight = np.zeros((out_channels, in_channels, kernel_size, kernel_size), F4)
        self.bias = np.zeros(out_channels, F4)
        self.size, self.padding, self.stride = kernel_size, padding, stride

    def forward(self, x):
        pad = self.padding
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        self.padded_shape = x.shape
        rows = 1 + (x.shape[2] - self.size) // self.stride
        columns = 1 + (x.shape[3] - self.size) // self.stride
        result = np.zeros((len(x), len(self.weight), rows, columns), F4)
        correlate(x, self.weight, self.bias, self.stride, result)
        return result

    def backward(self, grad):
        result = np.zeros(self.padded_shape, F4)
        spread(np.ascontiguousarray(grad), self.weight, self.stride, result)
        pad = self.padding
        return result[:, :, pad : result.shape[2] - pad, pad : result.shape[3] - pad]


class MaxPoolLayer:
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x):
        size, stride = self.kernel_size, self.stride
        shape = (*x.shape[:2], 1 + (x.shape[2] - size) // stride, 1 + (x.shape[3] - size) // stride)
        result = np.zeros(shape, F4)
        self.rows, self.columns = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.input_shape = x.shape
        maxima(np.ascontiguousarray(x), size, stride, result, self.rows, self.columns)
        return result

    def backward(self, grad):
        result = np.zeros(self.input_shape, F4)
        scatter(np.ascontiguousarray(grad), self.rows, self.columns, result)
        return result


class ReluLayer:
    def forward(self, x):
        self.off = ~(x > 0)
        x = x.copy()
        x[self.off] = 0
        return x

    def backward(self, grad):
        grad = grad.copy()
        grad[self.off] = 0
        return grad


class FlattenLayer:
    def forward(self, x):
        self.shape = x.shape
        return np.ascontiguousarray(x).reshape(len(x), -1)

    def backward(self, grad):
        return grad.reshape(self.shape)


class FullyConnectLayer(Parameters):
    def __init__(self, in_features, out_features):
        self.weight = np.zeros((out_features, in_features), F4)
        self.bias = np.zeros(out_features, F4)

    def forward(self, x):
        result = np.zeros((len(x), len(self.weight)), F4)
        product(x, self.weight, result)
        return result + self.bias

    def backward(self, grad):
        result = np.zeros((len(grad), self.weight.shape[1]), F4)
        product(grad.astype(F4), np.ascontiguousarray(self.weight.T), result)
        return result


class CrossEntropy:
    def forward(self, logits, labels):
        shifted = logits - logits.max(axis=1, keepdims=True)
        sums = np.exp(shifted).sum(axis=1, keepdims=True)
        self.soft = np.exp(shifted) / sums
        self.labels = labels
        chosen = shifted[np.arange(len(labels)), labels] - np.log(sums[:, 0])
        return -chosen.sum() / len(labels)

    def backward(self):
        target = np.zeros_like(self.soft)
        target[np.arange(len(self.labels)), self.labels] = 1
        return (self.soft - target) / F4(len(self.labels))
