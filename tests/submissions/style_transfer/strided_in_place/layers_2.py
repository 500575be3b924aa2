import numpy as np
from numpy.lib.stride_tricks import as_strided

class Windows:
    """Views of all windows of a padded array."""
    def __init__(self, k, s, p):
        self.k, self.s, self.p = k, s, p

    def pad(self, x):
        self.inner = x.shape
        n, c, h, w = x.shape
        big = np.zeros((n, c, h + 2*self.p, w + 2*self.p), dtype=x.dtype)
        big[:, :, self.p:self.p+h, self.p:self.p+w] = x
        return big

    def crop(self, big):
        n, c, h, w = self.inner
        return big[:, :, self.p:self.p+h, self.p:self.p+w]

    def view(self, big):
        n, c, h, w = big.shape
        a, b, y, x = big.strides
        ho, wo = (h - self.k) // self.s + 1, (w - self.k) // self.s + 1
        return as_strided(big, (n, ho, wo, c, self.k, self.k), (a, y*self.s, x*self.s, b, y, x))

class ConvolutionalLayer:
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride, type=0):
        self.kernel_size, self.channel_in, self.channel_out = kernel_size, channel_in, channel_out
        self.padding, self.stride = padding, stride
        self.w = Windows(kernel_size, stride, padding)
        self.forward = [self.forward_raw, self.forward_speedup][type]
        self.backward = [self.backward_raw, self.backward_speedup][type]

    def init_param(self, std=0.01):
        self.weight = np.random.normal(0.0, std, (self.channel_in, self.kernel_size, self.kernel_size, self.channel_out))
        self.bias = np.zeros([self.channel_out])

    def load_param(self, weight, bias):
        self.weight[...] = weight
        self.bias[...] = bias

    def get_gradient(self):
        return self.d_weight, self.d_bias

    def forward_raw(self, input):
        self.big = self.w.pad(input)
        k, s = self.kernel_size, self.stride
        n, _, h, w = self.big.shape
        out = np.zeros((n, self.channel_out, (h - k) // s + 1, (w - k) // s + 1))
        for n, c, h, w in np.ndindex(*out.shape):
            out[n, c, h, w] = (self.weight[..., c] * self.big[n, :, h*s:h*s+k, w*s:w*s+k]).sum() + self.bias[c]
        return out

    def backward_raw(self, top_diff):
        k, s = self.kernel_size, self.stride
        self.d_weight, self.d_bias = self.weight * 0, self.bias * 0
        grad = np.zeros(self.big.shape)
        for n, c, h, w in np.ndindex(*top_diff.shape):
            d = top_diff[n, c, h, w]
            self.d_weight[..., c] += d * self.big[n, :, h*s:h*s+k, w*s:w*s+k]
            self.d_bias[c] += d
            grad[n, :, h*s:h*s+k, w*s:w*s+k] += d * self.weight[..., c]
        return self.w.crop(grad)

    def forward_speedup(self, input):
        self.big = self.w.pad(input)
        out = np.tensordot(self.w.view(self.big), self.weight, axes=([3, 4, 5], [0, 1, 2]))
        out += self.bias
        return out.transpose(0, 3, 1, 2)

    def backward_speedup(self, top_diff):
        # (n, h, w, c_in, k, k), added up window place by window place
        parts = np.tensordot(top_diff, self.weight, axes=([1], [3]))
        grad = np.zeros(self.big.shape)
        view = self.w.view(grad)
        for i in range(self.kernel_size):
            for j in range(self.kernel_size):
                view[..., i, j] += parts[..., i, j]
        return self.w.crop(grad)

class MaxPoolingLayer:
    def __init__(self, kernel_size, stride, type=0):
        self.kernel_size, self.stride, self.type = kernel_size, stride, type
        self.w = Windows(kernel_size, stride, 0)

    def forward(self, input):
        self.input = np.ascontiguousarray(input)
        if self.type == 0:
            return self.forward_raw(self.input)
        self.blocks = self.w.view(self.input)
        return self.blocks.max(axis=(4, 5)).transpose(0, 3, 1, 2)

    def forward_raw(self, input):
        k, s = self.kernel_size, self.stride
        n, c, h, w = input.shape
        out = np.zeros((n, c, (h - k) // s + 1, (w - k) // s + 1))
        for n, c, h, w in np.ndindex(*out.shape):
            out[n, c, h, w] = input[n, c, h*s:h*s+k, w*s:w*s+k].max()
        return out

    def backward(self, top_diff):
        grad = np.zeros(self.input.shape)
        k, s = self.kernel_size, self.stride
        if self.type == 0:
            for n, c, h, w in np.ndindex(*top_diff.shape):
                i, j = divmod(self.input[n, c, h*s:h*s+k, w*s:w*s+k].argmax(), k)
                grad[n, c, h*s+i, w*s+j] += top_diff[n, c, h, w]
            return grad
        # the first of equal maxima: what has got its gradient is crossed out
        left = top_diff.transpose(0, 2, 3, 1).copy()
        best = self.blocks.max(axis=(4, 5))
        view = self.w.view(grad)
        for i in range(k):
            for j in range(k):
                hit = self.blocks[..., i, j] == best
                view[..., i, j] += np.where(hit, left, 0)
                left[hit] = 0
        return grad
