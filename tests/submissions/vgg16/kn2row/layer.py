"""A K x K convolution as the sum of K * K convolutions with 1 x 1 kernels, each a matrix product."""
import numpy as np


def crop(x, i, j, stride, rows, cols):
    return x[:, :, i:i + stride * (rows - 1) + 1:stride, j:j + stride * (cols - 1) + 1:stride]


def offsets(k):
    return [(i, j) for i in range(k) for j in range(k)]


class ConvolutionLayer:
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.shape = (out_channels, in_channels, kernel_size, kernel_size)
        self.weight = np.random.randn(*self.shape).astype(np.float32)
        self.bias = np.random.randn(out_channels).astype(np.float32)
        self.kernel_size = kernel_size
        self.padding = padding
        self.stride = stride

    def load_params(self, weight, bias):
        assert weight.shape == self.shape
        assert bias.shape == self.shape[:1]
        self.weight = weight
        self.bias = bias

    def forward(self, inputs):
        n, c_in, h, w = inputs.shape
        c_out, k, p, s = self.shape[0], self.kernel_size, self.padding, self.stride
        rows = (h + 2 * p - k) // s + 1
        cols = (w + 2 * p - k) // s + 1
        x = np.pad(inputs, ((0, 0), (0, 0), (p, p), (p, p)))
        acc = np.repeat(self.bias[None, :, None], n, axis=0).repeat(rows * cols, axis=2)
        for i, j in offsets(k):
            acc += self.weight[:, :, i, j] @ crop(x, i, j, s, rows, cols).reshape(n, c_in, rows * cols)
        self.padded_shape = x.shape
        return acc.reshape(n, c_out, rows, cols)

    def backward(self, out_grad):
        n, c_out, rows, cols = out_grad.shape
        _, c_in, hp, wp = self.padded_shape
        p = self.padding
        flat = out_grad.reshape(n, c_out, rows * cols)
        dx = np.zeros(self.padded_shape, dtype=np.float32)
        for i, j in offsets(self.kernel_size):
            part = self.weight[:, :, i, j].T @ flat
            target = crop(dx, i, j, self.stride, rows, cols)
            target += part.reshape(n, c_in, rows, cols)
        return dx[:, :, p:hp - p, p:wp - p]


class MaxPoolLayer:
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, inputs):
        n, c, h, w = inputs.shape
        k, s = self.kernel_size, self.stride
        rows, cols = (h - k) // s + 1, (w - k) // s + 1
        best = crop(inputs, 0, 0, s, rows, cols).copy()
        where = np.zeros(best.shape, dtype=np.int32)
        for t, (i, j) in enumerate(offsets(k)):
            candidate = crop(inputs, i, j, s, rows, cols)
            better = candidate > best
            best[better] = candidate[better]
            where[better] = t
        self.where, self.shape = where, inputs.shape
        return best

    def backward(self, out_grad):
        dx = np.zeros(self.shape, dtype=out_grad.dtype)
        rows, cols = out_grad.shape[2:]
        for t, (i, j) in enumerate(offsets(self.kernel_size)):
            target = crop(dx, i, j, self.stride, rows, cols)
            target += np.where(self.where == t, out_grad, 0)
        return dx


class ReluLayer:
    def forward(self, inputs):
        self.gate = (inputs > 0).astype(inputs.dtype)
        return inputs * self.gate

    def backward(self, out_grad):
        return out_grad * self.gate


class FlattenLayer:
    def forward(self, inputs):
        self.shape = inputs.shape
        return inputs.reshape((self.shape[0], -1))

    def backward(self, out_grad):
        return out_grad.reshape(self.shape)


class FullyConnectLayer:
    def __init__(self, in_features, out_features):
        self.shape = (out_features, in_features)
        self.weight = np.empty(self.shape, dtype=np.float32)
        self.bias = np.empty(out_features, dtype=np.float32)

    load_params = ConvolutionLayer.load_params

    def forward(self, inputs):
        return np.matmul(inputs, self.weight.transpose()) + self.bias

    def backward(self, out_grad):
        return np.matmul(out_grad, self.weight)


class CrossEntropy:
    def forward(self, logits, labels):
        p = np.exp(logits - logits.max(axis=1).reshape(-1, 1))
        p = p / p.sum(axis=1).reshape(-1, 1)
        hot = (np.arange(p.shape[1]) == labels.reshape(-1, 1)).astype(np.float32)
        self.diff = (p - hot) / p.shape[0]
        return -np.log((p * hot).sum(axis=1)).mean()

    def backward(self):
        return self.diff
