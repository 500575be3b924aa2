import numpy as np


def im2col(x, k, stride, rows, cols):
    n, c = x.shape[:2]
    patches = np.empty((c, k, k, n, rows, cols), x.dtype)
    for i in range(k):
        for j in range(k):
            patches[:, i, j] = x[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride].transpose(1, 0, 2, 3)
    return patches.reshape(c * k * k, n * rows * cols)


class ConvolutionalLayer:
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride):
        self.k, self.c_in, self.c_out, self.p, self.s = kernel_size, channel_in, channel_out, padding, stride

    def init_param(self, std=0.01):
        self.matrix = np.random.randn(self.c_out, self.c_in * self.k * self.k).astype(np.float32) * std
        self.b = np.zeros((self.c_out, 1), np.float32)

    def load_param(self, weight, bias):
        # kept as a matrix, one row for each output channel
        self.matrix = np.ascontiguousarray(weight.reshape(-1, self.c_out).T, dtype=np.float32)
        self.b = np.asarray(bias, np.float32).reshape(-1, 1)

    def forward(self, input):
        x = np.pad(input.astype(np.float32), ((0, 0), (0, 0), (self.p, self.p), (self.p, self.p)))
        n, _, h, w = x.shape
        rows, cols = (h - self.k) // self.s + 1, (w - self.k) // self.s + 1
        # the slices of im2col must not run past the last window
        x = x[:, :, :(rows - 1) * self.s + self.k, :(cols - 1) * self.s + self.k]
        y = self.matrix @ im2col(x, self.k, self.s, rows, cols) + self.b
        return np.ascontiguousarray(y.reshape(self.c_out, n, rows, cols).transpose(1, 0, 2, 3))


class MaxPoolingLayer:
    def __init__(self, kernel_size, stride):
        self.k, self.s = kernel_size, stride

    def forward(self, input):
        n, c, h, w = input.shape
        rows, cols = (h - self.k) // self.s + 1, (w - self.k) // self.s + 1
        x = input[:, :, :(rows - 1) * self.s + self.k, :(cols - 1) * self.s + self.k]
        columns = im2col(x.reshape(n * c, 1, *x.shape[2:]), self.k, self.s, rows, cols)
        return columns.max(axis=0).reshape(n, c, rows, cols)


class FlattenLayer:
    def __init__(self, input_shape, output_shape):
        self.size = output_shape[0]

    def forward(self, input):
        return np.moveaxis(input, 1, 3).reshape(-1, self.size)
