"""Every output row of a channel is one task of a parallel loop."""
import numpy as np
from numba import njit, prange


@njit(parallel=True, fastmath=True)
def convolve(xp, weight, bias, stride, out):
    n_all, c_out, rows, cols = out.shape
    c_in, k = weight.shape[1], weight.shape[2]
    for task in prange(n_all * c_out):
        n, c = task // c_out, task % c_out
        for y in range(rows):
            line = np.full(cols, bias[c], dtype=out.dtype)
            for m in range(c_in):
                for i in range(k):
                    for j in range(k):
                        f = weight[c, m, i, j]
                        for x in range(cols):
                            line[x] += f * xp[n, m, y * stride + i, x * stride + j]
            out[n, c, y] = line


@njit(parallel=True, fastmath=True)
def convolve_back(dy, weight, stride, dxp):
    n_all, c_in = dxp.shape[0], dxp.shape[1]
    c_out, k = weight.shape[0], weight.shape[2]
    rows, cols = dy.shape[2], dy.shape[3]
    # one task owns one input plane, so no two tasks add to the same pixel
    for task in prange(n_all * c_in):
        n, m = task // c_in, task % c_in
        for c in range(c_out):
            for y in range(rows):
                for i in range(k):
                    for j in range(k):
                        f = weight[c, m, i, j]
                        for x in range(cols):
                            dxp[n, m, y * stride + i, x * stride + j] += f * dy[n, c, y, x]


@njit(parallel=True)
def pool(x, k, s, out, arg):
    n_all, c_all, rows, cols = out.shape
    for task in prange(n_all * c_all):
        n, c = task // c_all, task % c_all
        for y in range(rows):
            for z in range(cols):
                top = -np.inf
                for t in range(k * k):
                    v = x[n, c, y * s + t // k, z * s + t % k]
                    if v > top:
                        top = v
                        arg[n, c, y, z] = t
                out[n, c, y, z] = top


@njit(parallel=True)
def pool_back(dy, k, s, arg, dx):
    n_all, c_all, rows, cols = dy.shape
    for task in prange(n_all * c_all):
        n, c = task // c_all, task % c_all
        for y in range(rows):
            for z in range(cols):
                t = arg[n, c, y, z]
                dx[n, c, y * s + t // k, z * s + t % k] += dy[n, c, y, z]


class ConvolutionLayer:
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.kernel_size, self.padding, self.stride = kernel_size, padding, stride
        self.weight = np.zeros((out_channels, in_channels, kernel_size, kernel_size), 'f4')
        self.bias = np.zeros(out_channels, 'f4')

    def load_params(self, weight, bias):
        assert self.weight.shape == weight.shape and self.bias.shape == bias.shape
        self.weight, self.bias = np.ascontiguousarray(weight), np.ascontiguousarray(bias)

    def _padded(self, n, c, h, w, dtype):
        return np.zeros((n, c, h + 2 * self.padding, w + 2 * self.padding), dtype)

    def _inside(self, padded):
        _, _, h, w = self.shape
        return padded[:, :, self.padding:self.padding + h, self.padding:self.padding + w]

    def forward(self, inputs):
        self.shape = inputs.shape
        xp = self._padded(*inputs.shape, inputs.dtype)
        self._inside(xp)[...] = inputs
        rows, cols = [(side - self.kernel_size) // self.stride + 1 for side in xp.shape[2:]]
        out = np.empty((len(xp), len(self.weight), rows, cols), inputs.dtype)
        convolve(xp, self.weight, self.bias, self.stride, out)
        return out

    def backward(self, out_grad):
        dxp = self._padded(*self.shape, out_grad.dtype)
        convolve_back(np.ascontiguousarray(out_grad), self.weight, self.stride, dxp)
        return self._inside(dxp)


class MaxPoolLayer:
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, inputs):
        n, c, h, w = self.shape = inputs.shape
        k, s = self.kernel_size, self.stride
        out = np.empty((n, c, (h - k) // s + 1, (w - k) // s + 1), inputs.dtype)
        self.argidx = np.zeros(out.shape, np.int32)
        pool(inputs, k, s, out, self.argidx)
        return out

    def backward(self, out_grad):
        dx = np.zeros(self.shape, out_grad.dtype)
        pool_back(np.ascontiguousarray(out_grad), self.kernel_size, self.stride, self.argidx, dx)
        return dx


@njit
def relu_flat(x, y):
    for i in range(x.size):
        y[i] = x[i] if x[i] > 0 else 0


class ReluLayer:
    def forward(self, inputs):
        self.y = np.empty(inputs.shape, inputs.dtype)
        relu_flat(np.ascontiguousarray(inputs).reshape(-1), self.y.reshape(-1))
        return self.y

    def backward(self, out_grad):
        return np.where(self.y > 0, out_grad, out_grad.dtype.type(0))


class FlattenLayer:
    def forward(self, inputs):
        self.shape = inputs.shape
        return inputs.reshape(self.shape[0], -1)

    def backward(self, grad):
        return grad.reshape(self.shape)


class FullyConnectLayer:
    def __init__(self, in_features, out_features):
        self.weight = np.zeros((out_features, in_features), 'f4')
        self.bias = np.zeros(out_features, 'f4')

    load_params = ConvolutionLayer.load_params

    def forward(self, inputs):
        return (self.weight @ inputs.T).T + self.bias

    def backward(self, grad):
        return (self.weight.T @ grad.T).T


class CrossEntropy:
    def forward(self, logits, labels):
        logits = logits.astype('f8')
        self.p = np.exp(logits - logits.max(axis=-1, keepdims=True))
        self.p /= self.p.sum(axis=-1, keepdims=True)
        self.labels = np.asarray(labels)
        return sum(-np.log(row[label]) for row, label in zip(self.p, self.labels)) / len(self.p)

    def backward(self):
        grad = self.p.copy()
        for row, label in zip(grad, self.labels):
            row[label] -= 1
        return (grad / len(grad)).astype('f4')
