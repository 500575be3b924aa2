# coding: utf-8
import numpy as np
from numba import njit, prange


@njit
def conv_loops(x, weight, bias, stride, out):
    N, C, H, W = out.shape
    K = weight.shape[1]
    for n in range(N):
        for c in range(C):
            for h in range(H):
                for w in range(W):
                    acc = bias[c]
                    for k in range(x.shape[1]):
                        for i in range(K):
                            for j in range(K):
                                acc += weight[k, i, j, c] * x[n, k, h * stride + i, w * stride + j]
                    out[n, c, h, w] = acc


@njit
def conv_loops_back(x, weight, stride, g, dx, dw, db):
    N, C, H, W = g.shape
    K = weight.shape[1]
    for n in range(N):
        for c in range(C):
            for h in range(H):
                for w in range(W):
                    d = g[n, c, h, w]
                    db[c] += d
                    for k in range(x.shape[1]):
                        for i in range(K):
                            for j in range(K):
                                dw[k, i, j, c] += d * x[n, k, h * stride + i, w * stride + j]
                                dx[n, k, h * stride + i, w * stride + j] += d * weight[k, i, j, c]


@njit(parallel=True, fastmath=True)
def conv_fast(x, weight, bias, stride, out):
    # weight (K, K, C_in, C_out); one output row of all channels at a time
    N, C, H, W = out.shape
    K, _, CI, _ = weight.shape
    for nh in prange(N * H):
        n, h = nh // H, nh % H
        row = np.empty((W, C), np.float32)
        for w in range(W):
            row[w] = bias
        for i in range(K):
            for j in range(K):
                for k in range(CI):
                    for w in range(W):
                        pixel = x[n, k, h * stride + i, w * stride + j]
                        for c in range(C):
                            row[w, c] += pixel * weight[i, j, k, c]
        for c in range(C):
            for w in range(W):
                out[n, c, h, w] = row[w, c]


@njit(parallel=True, fastmath=True)
def conv_fast_back(g, weight, stride, dx):
    # every row of the gradient gathers from the outputs that have used it
    N, CI, HP, WP = dx.shape
    _, C, H, W = g.shape
    K = weight.shape[0]
    for nr in prange(N * HP):
        n, r = nr // HP, nr % HP
        row = np.zeros((WP, CI), np.float32)
        for i in range(K):
            top = r - i
            if top < 0 or top % stride != 0 or top // stride >= H:
                continue
            h = top // stride
            for j in range(K):
                for c in range(C):
                    for w in range(W):
                        d = g[n, c, h, w]
                        for k in range(CI):
                            row[w * stride + j, k] += d * weight[i, j, c, k]
        for k in range(CI):
            for q in range(WP):
                dx[n, k, r, q] = row[q, k]


@njit(parallel=True)
def pool(x, K, stride, out, place):
    N, C, H, W = out.shape
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for h in range(H):
            for w in range(W):
                best = x[n, c, h * stride, w * stride]
                where = 0
                for q in range(1, K * K):
                    v = x[n, c, h * stride + q // K, w * stride + q % K]
                    if v > best:
                        best = v
                        where = q
                out[n, c, h, w] = best
                place[n, c, h, w] = where


@njit(parallel=True)
def pool_back(g, place, K, stride, dx):
    N, C, H, W = g.shape
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for h in range(H):
            for w in range(W):
                q = place[n, c, h, w]
                dx[n, c, h * stride + q // K, w * stride + q % K] += g[n, c, h, w]


class ConvolutionalLayer(object):
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride, type=0):
        self.kernel_size = kernel_size
        self.channel_in = channel_in
        self.channel_out = channel_out
        self.padding = padding
        self.stride = stride
        self.fast = type == 1

    def init_param(self, std=0.01):
        shape = (self.channel_in, self.kernel_size, self.kernel_size, self.channel_out)
        self.load_param(np.random.randn(*shape) * std, np.zeros(self.channel_out))

    def load_param(self, weight, bias):
        self.weight = np.ascontiguousarray(weight, np.float32)
        self.bias = np.ascontiguousarray(bias, np.float32)
        self.by_place = np.ascontiguousarray(self.weight.transpose(1, 2, 0, 3))
        self.by_place_back = np.ascontiguousarray(self.weight.transpose(1, 2, 3, 0))

    def get_gradient(self):
        return self.d_weight, self.d_bias

    def forward(self, input):
        p = self.padding
        n, c, h, w = input.shape
        self.x = np.zeros((n, c, h + 2 * p, w + 2 * p), np.float32)
        self.x[:, :, p:p + h, p:p + w] = input
        ho = (h + 2 * p - self.kernel_size) // self.stride + 1
        wo = (w + 2 * p - self.kernel_size) // self.stride + 1
        out = np.empty((n, self.channel_out, ho, wo), np.float32)
        if self.fast:
            conv_fast(self.x, self.by_place, self.bias, self.stride, out)
        else:
            conv_loops(self.x, self.weight, self.bias, self.stride, out)
        return out

    def backward(self, top_diff):
        g = np.ascontiguousarray(top_diff, np.float32)
        dx = np.zeros_like(self.x)
        if self.fast:
            conv_fast_back(g, self.by_place_back, self.stride, dx)
        else:
            self.d_weight, self.d_bias = np.zeros_like(self.weight), np.zeros_like(self.bias)
            conv_loops_back(self.x, self.weight, self.stride, g, dx, self.d_weight, self.d_bias)
        p = self.padding
        return dx[:, :, p:dx.shape[2] - p, p:dx.shape[3] - p]


class MaxPoolingLayer(object):
    def __init__(self, kernel_size, stride, type=0):
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, input):
        x = np.ascontiguousarray(input, np.float32)
        self.shape = x.shape
        ho = (x.shape[2] - self.kernel_size) // self.stride + 1
        wo = (x.shape[3] - self.kernel_size) // self.stride + 1
        out = np.empty(x.shape[:2] + (ho, wo), np.float32)
        self.place = np.empty(out.shape, np.int64)
        pool(x, self.kernel_size, self.stride, out, self.place)
        return out

    def backward(self, top_diff):
        dx = np.zeros(self.shape, np.float32)
        pool_back(np.ascontiguousarray(top_diff, np.float32), self.place, self.kernel_size, self.stride, dx)
        return dx
