"""Convolution as einsum over sliding windows; its gradient as a convolution with the flipped kernel."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows_of(x, k, s):
    return sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::s, ::s]


class ConvolutionLayer:
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.padding, self.stride = kernel_size, padding, stride
        self.weight = np.empty((out_channels, in_channels, kernel_size, kernel_size), dtype=np.float32)
        self.bias = np.empty(out_channels, dtype=np.float32)
        self.input_shape = None

    def load_params(self, weight, bias):
        if weight.shape != self.weight.shape or bias.shape != self.bias.shape:
            raise ValueError('wrong shape')
        self.weight = weight
        self.bias = bias

    def forward(self, inputs):
        self.input_shape = inputs.shape
        pad = [(0, 0)] * 2 + [(self.padding, self.padding)] * 2
        view = windows_of(np.pad(inputs, pad), self.kernel_size, self.stride)
        out = np.einsum('nkhwij,ckij->nchw', view, self.weight, optimize=True)
        return out + self.bias.reshape(1, -1, 1, 1)

    def backward(self, out_grad):
        n, c, h, w = self.input_shape
        k, p, s = self.kernel_size, self.padding, self.stride
        # put the gradient back on the grid of stride 1, with a rim of k - 1 zeros around the padded input
        spread = np.zeros((n, self.out_channels, h + 2 * p + k - 1, w + 2 * p + k - 1), dtype=out_grad.dtype)
        rows, cols = out_grad.shape[2:]
        spread[:, :, k - 1:k - 1 + s * rows:s, k - 1:k - 1 + s * cols:s] = out_grad
        flipped = self.weight[:, :, ::-1, ::-1]
        full = np.einsum('nchwij,ckij->nkhw', windows_of(spread, k, 1), flipped, optimize=True)
        return full[:, :, p:p + h, p:p + w]


class MaxPoolLayer:
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size, self.stride = kernel_size, stride
        self.argidx = None
        self.input_shape = None

    def forward(self, inputs):
        self.input_shape = inputs.shape
        view = windows_of(inputs, self.kernel_size, self.stride)
        flat = view.reshape(view.shape[:4] + (-1,))
        self.argidx = flat.argmax(-1).astype(np.int32)
        return np.take_along_axis(flat, self.argidx[..., None].astype(np.intp), -1)[..., 0]

    def backward(self, out_grad):
        n, c, rows, cols = np.indices(out_grad.shape)
        i, j = np.divmod(self.argidx, self.kernel_size)
        in_grad = np.zeros(self.input_shape, dtype=out_grad.dtype)
        np.add.at(in_grad, (n, c, rows * self.stride + i, cols * self.stride + j), out_grad)
        return in_grad


class ReluLayer:
    def forward(self, inputs):
        self.inputs = inputs
        return inputs.clip(min=0)

    def backward(self, grad):
        return grad * (self.inputs > 0)


class FlattenLayer:
    def forward(self, inputs):
        self.input_shape = inputs.shape
        return inputs.reshape(self.input_shape[0], int(np.prod(self.input_shape[1:])))

    def backward(self, grad):
        return grad.reshape(self.input_shape)


class FullyConnectLayer:
    def __init__(self, in_features, out_features):
        self.weight = np.empty((out_features, in_features), dtype=np.float32)
        self.bias = np.empty((out_features,), dtype=np.float32)

    load_params = ConvolutionLayer.load_params

    def forward(self, inputs):
        return np.einsum('ni,oi->no', inputs, self.weight, optimize=True) + self.bias

    def backward(self, grad):
        return np.einsum('no,oi->ni', grad, self.weight, optimize=True)


class CrossEntropy:
    def forward(self, logits, labels):
        e = np.exp(logits - logits.max(1)[:, None])
        self.softmax = e / e.sum(1)[:, None]
        self.labels = labels
        picked = np.take_along_axis(self.softmax, labels[:, None], 1)
        return float(-np.log(picked).mean())

    def backward(self):
        target = np.zeros_like(self.softmax)
        np.put_along_axis(target, self.labels[:, None], 1, 1)
        return (self.softmax - target) / self.labels.size
