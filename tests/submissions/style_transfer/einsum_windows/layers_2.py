import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def out_size(size, kernel, stride):
    return int((size - kernel) / stride) + 1


def windows(x, kernel, stride):
    # (N, C, Ho, Wo, K, K)
    return sliding_window_view(x, (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride]


class ConvolutionalLayer:
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride, type=0):
        self.k, self.ci, self.co, self.p, self.s = kernel_size, channel_in, channel_out, padding, stride
        if type == 0:
            self.forward, self.backward = self.forward_raw, self.backward_raw
        else:
            self.forward, self.backward = self.forward_speedup, self.backward_speedup

    def init_param(self, std=0.01):
        self.weight = np.random.normal(0, std, (self.ci, self.k, self.k, self.co))
        self.bias = np.zeros(self.co)

    def load_param(self, weight, bias):
        self.weight = np.asarray(weight, dtype=np.float64)
        self.bias = np.asarray(bias, dtype=np.float64)

    def get_gradient(self):
        return self.d_weight, self.d_bias

    def _pad(self, x):
        return np.pad(np.asarray(x, np.float64), [(0, 0), (0, 0), (self.p, self.p), (self.p, self.p)])

    def forward_raw(self, x):
        self.x = self._pad(x)
        n, _, h, w = self.x.shape
        out = np.empty((n, self.co, out_size(h, self.k, self.s), out_size(w, self.k, self.s)))
        view = windows(self.x, self.k, self.s)
        for c in range(self.co):
            out[:, c] = np.einsum('nkhwij,kij->nhw', view, self.weight[..., c]) + self.bias[c]
        return out

    def backward_raw(self, top_diff):
        view = windows(self.x, self.k, self.s)
        self.d_bias = top_diff.sum(axis=(0, 2, 3))
        self.d_weight = np.stack([np.einsum('nkhwij,nhw->kij', view, top_diff[:, c]) for c in range(self.co)], axis=-1)
        return self._input_gradient(top_diff)

    def forward_speedup(self, x):
        self.x = self._pad(x)
        view = windows(self.x, self.k, self.s)
        out = np.einsum('nkhwij,kijc->nchw', view, self.weight, optimize=True)
        return out + self.bias[None, :, None, None]

    def backward_speedup(self, top_diff):
        return self._input_gradient(top_diff)

    def _input_gradient(self, top_diff):
        grad = np.zeros_like(self.x)
        shares = np.einsum('nchw,kijc->nkijhw', top_diff, self.weight, optimize=True)
        ho, wo = top_diff.shape[2:]
        for i in range(self.k):
            for j in range(self.k):
                grad[:, :, i:i + self.s * (ho - 1) + 1:self.s, j:j + self.s * (wo - 1) + 1:self.s] += shares[:, :, i, j]
        h, w = grad.shape[2:]
        return grad[:, :, self.p:h - self.p, self.p:w - self.p]


class MaxPoolingLayer:
    def __init__(self, kernel_size, stride, type=0):
        self.k, self.s = kernel_size, stride

    def forward(self, x):
        self.shape = x.shape
        view = windows(np.asarray(x, np.float64), self.k, self.s)
        flat = view.reshape(*view.shape[:4], -1)
        self.best = flat.argmax(axis=-1)
        return np.take_along_axis(flat, self.best[..., None], axis=-1)[..., 0]

    def backward(self, top_diff):
        grad = np.zeros(self.shape)
        n, c, h, w = np.indices(top_diff.shape)
        np.add.at(grad, (n, c, h * self.s + self.best // self.k, w * self.s + self.best % self.k), top_diff)
        return grad
