# lab 2: operators
import numpy as np
from numba import jit


class ReluLayer(object):
    def __init__(self):
        self.mask = None

    def forward(self, inputs):
        self.mask = inputs < 0
        inputs[inputs < 0] = 0
        return inputs

    def backward(self, grad):
        grad[self.mask] = 0
        return grad


class FullyConnectLayer(object):
    def __init__(self, in_features, out_features):
        self.in_features = in_features
        self.out_features = out_features
        self.weight = np.random.normal(loc=0.0, scale=0.01, size=(out_features, in_features))
        self.bias = np.zeros([out_features])
        self.inputs = None

    def forward(self, inputs):
        self.inputs = inputs
        return np.dot(inputs, self.weight.T) + self.bias

    def backward(self, grad):
        # parameters are not trained, so only the gradient of the input is needed
        return np.dot(grad, self.weight)

    def load_params(self, weight, bias):
        assert self.weight.shape == weight.shape
        assert self.bias.shape == bias.shape
        self.weight = weight
        self.bias = bias


class CrossEntropy(object):
    def __init__(self):
        self.prob = None
        self.one_hot = None

    def forward(self, logits, labels):
        shifted = logits - np.max(logits, axis=1, keepdims=True)
        exp = np.exp(shifted)
        self.prob = exp / np.sum(exp, axis=1, keepdims=True)
        self.one_hot = np.zeros(logits.shape)
        self.one_hot[np.arange(logits.shape[0]), labels] = 1.0
        return -np.sum(np.log(self.prob + 1e-12) * self.one_hot) / logits.shape[0]

    def backward(self):
        return (self.prob - self.one_hot) / self.prob.shape[0]


class FlattenLayer(object):
    def __init__(self):
        self.input_shape = None

    def forward(self, inputs):
        self.input_shape = inputs.shape
        batch, channel, height, width = inputs.shape
        return inputs.reshape((batch, channel * height * width))

    def backward(self, grad):
        return grad.reshape(self.input_shape)


class ConvolutionLayer(object):
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        size = (self.out_channels, self.in_channels, self.kernel_size, self.kernel_size)
        self.weight = np.random.normal(loc=0.0, scale=0.01, size=size)
        self.bias = np.zeros([self.out_channels])
        self.input_shape = None

    def forward(self, inputs):
        self.input_shape = inputs.shape
        batch, channel, height, width = inputs.shape
        p = self.padding
        ph = height + p * 2
        pw = width + p * 2
        inputs_pad = np.zeros((batch, channel, ph, pw), dtype=inputs.dtype)
        inputs_pad[:, :, p:height + p, p:width + p] = inputs
        oh = int((ph - self.kernel_size) / self.stride + 1)
        ow = int((pw - self.kernel_size) / self.stride + 1)
        outputs = np.zeros((batch, self.out_channels, oh, ow), dtype=inputs.dtype)
        return self._conv(inputs_pad, outputs, self.weight, self.bias, self.kernel_size, self.stride)

    def backward(self, out_grad):
        batch, channel, height, width = self.input_shape
        p = self.padding
        in_grad = np.zeros((batch, channel, height + p * 2, width + p * 2))
        in_grad = self._conv_back(out_grad, in_grad, self.weight, self.kernel_size, self.stride)
        return in_grad[:, :, p:height + p, p:width + p]

    def load_params(self, weight, bias):
        assert self.weight.shape == weight.shape
        assert self.bias.shape == bias.shape
        self.weight = weight
        self.bias = bias

    @staticmethod
    @jit(nopython=True)
    def _conv(inputs_pad, outputs, weight, bias, kernel_size, stride):
        in_channels = inputs_pad.shape[1]
        batch, out_channels, oh, ow = outputs.shape
        for b in range(batch):
            for co in range(out_channels):
                for y in range(oh):
                    for x in range(ow):
                        y0, x0 = y * stride, x * stride
                        val = 0
                        for ci in range(in_channels):
                            for ky in range(kernel_size):
                                for kx in range(kernel_size):
                                    val += weight[co, ci, ky, kx] * inputs_pad[b, ci, y0 + ky, x0 + kx]
                        val += bias[co]
                        outputs[b, co, y, x] = val
        return outputs

    @staticmethod
    @jit(nopython=True)
    def _conv_back(out_grad, in_grad, weight, kernel_size, stride):
        in_channels = in_grad.shape[1]
        batch, out_channels, oh, ow = out_grad.shape
        for b in range(batch):
            for y in range(oh):
                for x in range(ow):
                    y0, x0 = y * stride, x * stride
                    for ci in range(in_channels):
                        for ky in range(kernel_size):
                            for kx in range(kernel_size):
                                val = 0
                                for co in range(out_channels):
                                    val += out_grad[b, co, y, x] * weight[co, ci, ky, kx]
                                in_grad[b, ci, y0 + ky, x0 + kx] += val
        return in_grad


class MaxPoolLayer(object):
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size = kernel_size
        self.stride = stride
        self.argidx = None
        self.input_shape = None
        self.output_shape = None

    def forward(self, inputs):
        batch, channel, height, width = inputs.shape
        oh = int((height - self.kernel_size) / self.stride + 1)
        ow = int((width - self.kernel_size) / self.stride + 1)
        outputs = np.zeros((batch, channel, oh, ow), dtype=inputs.dtype)
        self.input_shape = inputs.shape
        self.output_shape = outputs.shape
        self.argidx = np.zeros_like(outputs, dtype=np.int32)
        outputs, self.argidx = self._pool(outputs, inputs, self.argidx, self.kernel_size, self.stride)
        return outputs

    def backward(self, out_grad):
        in_grad = np.zeros(self.input_shape)
        return self._pool_back(out_grad, in_grad, self.argidx, self.kernel_size, self.stride)

    @staticmethod
    @jit(nopython=True)
    def _pool(outputs, inputs, argidx, kernel_size, stride):
        batch, channel, oh, ow = outputs.shape
        for b in range(batch):
            for c in range(channel):
                for y in range(oh):
                    for x in range(ow):
                        y0, x0 = y * stride, x * stride
                        window = inputs[b, c, y0:y0 + kernel_size, x0:x0 + kernel_size]
                        best = window[0, 0]
                        for ky in range(kernel_size):
                            for kx in range(kernel_size):
                                if window[ky, kx] > best:
                                    best = window[ky, kx]
                                    argidx[b, c, y, x] = ky * kernel_size + kx
                        outputs[b, c, y, x] = best
        return outputs, argidx

    @staticmethod
    @jit(nopython=True)
    def _pool_back(out_grad, in_grad, argidx, kernel_size, stride):
        batch, channel, oh, ow = out_grad.shape
        for b in range(batch):
            for c in range(channel):
                for y in range(oh):
                    for x in range(ow):
                        ky = argidx[b, c, y, x] // kernel_size
                        kx = argidx[b, c, y, x] % kernel_size
                        in_grad[b, c, y * stride + ky, x * stride + kx] += out_grad[b, c, y, x]
        return in_grad
