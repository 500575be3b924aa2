import numpy as np
from numpy.lib.stride_tricks import as_strided


def patches(x, k, step):
    sn, sc, sh, sw = x.strides
    oh = (x.shape[2] - k) // step + 1
    ow = (x.shape[3] - k) // step + 1
    return as_strided(x, (x.shape[0], x.shape[1], oh, ow, k, k), (sn, sc, sh * step, sw * step, sh, sw),
                      writeable=False)


class ConvolutionLayer:
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.k = self.kernel_size = kernel_size
        self.padding = padding
        self.stride = stride
        self.weight = np.ones((out_channels, in_channels, kernel_size, kernel_size))
        self.bias = np.ones(out_channels)

    def load_params(self, weight, bias):
        assert np.shape(weight) == self.weight.shape, 'weight'
        assert np.shape(bias) == self.bias.shape, 'bias'
        self.weight = np.asarray(weight)
        self.bias = np.asarray(bias)

    def forward(self, inputs):
        p = self.padding
        self.in_shape = n, c, h, w = inputs.shape
        big = np.zeros((n, c, h + p + p, w + p + p), inputs.dtype)
        big[:, :, p:p + h, p:p + w] = inputs
        out = np.tensordot(patches(big, self.k, self.stride), self.weight, axes=([1, 4, 5], [1, 2, 3]))
        out += self.bias
        return out.transpose(0, 3, 1, 2)

    def backward(self, out_grad):
        p, s = self.padding, self.stride
        n, c, h, w = self.in_shape
        grad = np.zeros((n, c, h + p + p, w + p + p), out_grad.dtype)
        _, _, oh, ow = out_grad.shape
        # share[n, h, w, c, i, j]: what output pixel (h, w) sends to each pixel of its window
        for i in range(self.k):
            for j in range(self.k):
                share = np.tensordot(out_grad, self.weight[:, :, i, j], axes=([1], [0]))
                grad[:, :, i:i + oh * s:s, j:j + ow * s:s] += share.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(grad[:, :, p:p + h, p:p + w])


class MaxPoolLayer:
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, inputs):
        k, s = self.kernel_size, self.stride
        n, c, h, w = self.in_shape = inputs.shape
        x = np.ascontiguousarray(inputs)
        view = patches(x, k, s)
        oh, ow = view.shape[2:4]
        best = view.reshape(n, c, oh, ow, k * k).argmax(axis=4)
        row = np.arange(oh)[:, None] * s + best // k
        col = np.arange(ow) * s + best % k
        # index into every channel's plane, flattened
        self.flat = row * w + col
        planes = x.reshape(n, c, h * w)
        return np.take_along_axis(planes, self.flat.reshape(n, c, -1), axis=2).reshape(n, c, oh, ow)

    def backward(self, out_grad):
        n, c, h, w = self.in_shape
        start = (np.arange(n * c) * h * w).reshape(n, c, 1, 1)
        total = np.bincount((self.flat + start).ravel(), weights=out_grad.ravel(), minlength=n * c * h * w)
        return total.reshape(self.in_shape).astype(out_grad.dtype)


class ReluLayer:
    def forward(self, inputs):
        self.outputs = np.maximum(0, inputs)
        return self.outputs

    def backward(self, out_grad):
        return np.sign(self.outputs) * out_grad


class FlattenLayer:
    def forward(self, inputs):
        self.in_shape = inputs.shape
        return np.ascontiguousarray(inputs).reshape(inputs.shape[0], -1)

    def backward(self, out_grad):
        return np.reshape(out_grad, self.in_shape)


class FullyConnectLayer:
    def __init__(self, in_features, out_features):
        self.weight = np.ones((out_features, in_features), np.float32)
        self.bias = np.ones(out_features, np.float32)

    def load_params(self, weight, bias):
        assert weight.shape == self.weight.shape
        assert bias.shape == self.bias.shape
        self.weight, self.bias = weight, bias

    def forward(self, inputs):
        return np.tensordot(inputs, self.weight, axes=([1], [1])) + self.bias

    def backward(self, out_grad):
        return np.tensordot(out_grad, self.weight, axes=([1], [0]))


class CrossEntropy:
    def forward(self, logits, labels):
        z = logits - logits.max(axis=1, keepdims=True)
        self.grad = np.exp(z)
        norm = self.grad.sum(axis=1, keepdims=True)
        self.grad = self.grad / norm
        rows = range(len(labels))
        loss = (np.log(norm[:, 0]) - z[rows, labels]).mean()
        self.grad[rows, labels] -= 1
        self.grad /= len(labels)
        return loss

    def backward(self):
        return self.grad
