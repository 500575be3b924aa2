import numpy as np
from numpy.lib.stride_tricks import as_strided


def windows(x, k, s):
    n, c, h, w = x.shape
    oh, ow = int((h - k) / s) + 1, int((w - k) / s) + 1
    sn, sc, sh, sw = x.strides
    return as_strided(x, (n, c, oh, ow, k, k), (sn, sc, sh * s, sw * s, sh, sw))


class ConvolutionalLayer(object):
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride):
        self.kernel_size = kernel_size
        self.channel_in = channel_in
        self.channel_out = channel_out
        self.padding = padding
        self.stride = stride

    def init_param(self, std=0.01):
        self.weight = np.random.normal(0, std, (self.channel_in, self.kernel_size, self.kernel_size, self.channel_out))
        self.bias = np.zeros(self.channel_out)

    def forward(self, input):
        p = self.padding
        padded = np.zeros((input.shape[0], input.shape[1], input.shape[2] + 2 * p, input.shape[3] + 2 * p), dtype=np.float32)
        padded[:, :, p:p + input.shape[2], p:p + input.shape[3]] = input
        view = windows(padded, self.kernel_size, self.stride)
        n, c, oh, ow, k, _ = view.shape
        out = np.empty((n, self.channel_out, oh, ow), dtype=np.float32)
        matrix = self.weight.reshape(c * k * k, self.channel_out).T.astype(np.float32)
        for i in range(n):
            columns = view[i].transpose(0, 3, 4, 1, 2).reshape(c * k * k, oh * ow)
            out[i] = (np.dot(matrix, columns) + self.bias[:, None]).reshape(self.channel_out, oh, ow)
        return out

    def load_param(self, weight, bias):
        assert weight.shape == self.weight.shape
        self.weight, self.bias = weight, bias


class MaxPoolingLayer(object):
    def __init__(self, kernel_size, stride):
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, input):
        view = windows(np.ascontiguousarray(input), self.kernel_size, self.stride)
        return view.max(axis=5).max(axis=4)


class FlattenLayer(object):
    def __init__(self, input_shape, output_shape):
        self.input_shape = input_shape
        self.output_shape = output_shape

    def forward(self, input):
        swapped = input.swapaxes(1, 2).swapaxes(2, 3)
        return swapped.reshape((len(input),) + tuple(self.output_shape))
