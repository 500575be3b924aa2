"""Convolution of one channel with four loops."""

import numpy as np


class Conv2D:
    def __init__(self, kernel_size, stride=1, padding=0, weight_attr=[[0.0, 1.0], [2.0, 3.0]]):
        weight = np.array(weight_attr)
        self.weight = weight if len(weight) == kernel_size else np.zeros((kernel_size, kernel_size))
        self.stride, self.padding = stride, padding

    def forward(self, X):
        p, s = self.padding, self.stride
        u, v = self.weight.shape
        self.new_X = np.zeros([X.shape[0], X.shape[1] + 2 * p, X.shape[2] + 2 * p])
        self.new_X[:, p : X.shape[1] + p, p : X.shape[2] + p] = X
        out = np.zeros([len(X), (self.new_X.shape[1] - u) // s + 1, (self.new_X.shape[2] - v) // s + 1])
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                for a in range(u):
                    for b in range(v):
                        out[:, i, j] += self.weight[a, b] * self.new_X[:, s * i + a, s * j + b]
        return out

    def backward(self, out_grad):
        p, s = self.padding, self.stride
        self.dW = np.zeros(self.weight.shape)
        spread = np.zeros(self.new_X.shape)
        for i in range(out_grad.shape[1]):
            for j in range(out_grad.shape[2]):
                for a in range(self.weight.shape[0]):
                    for b in range(self.weight.shape[1]):
                        self.dW[a, b] += np.dot(out_grad[:, i, j], self.new_X[:, s * i + a, s * j + b])
                        spread[:, s * i + a, s * j + b] += out_grad[:, i, j] * self.weight[a, b]
        return spread[:, p : spread.shape[1] - p, p : spread.shape[2] - p]


def laplacian(neighbours=8):
    if neighbours == 4:
        return [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]
    return [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]


def edges(picture, neighbours=8):
    x = picture.astype(float)
    middle, result = x[1:-1, 1:-1], 0
    for a in (0, 1, 2):
        for b in (0, 1, 2):
            if (a, b) != (1, 1) and (neighbours == 8 or 1 in (a, b)):
                result = result + middle - x[a : a + len(middle), b : b + middle.shape[1]]
    return result
