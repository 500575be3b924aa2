"""Convolution and max pooling on the engine, to compare the solution with and to time; see `exactness`.

Flattening moves numbers only. The network, its pictures and the loading of parameters are the solution's,
``vgg_cpu.py``.
"""

import numpy as np
from engine.plain import PlainConvolution, PlainMaxPool
from exactness import EXACT


class ConvolutionalLayer:
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride):
        self.kernel_size, self.channel_in, self.channel_out = kernel_size, channel_in, channel_out
        self.padding, self.stride = padding, stride

    def init_param(self, std=0.01):
        self.weight = np.zeros((self.channel_in, self.kernel_size, self.kernel_size, self.channel_out), np.float32)
        self.bias = np.zeros(self.channel_out, np.float32)

    def load_param(self, weight, bias):
        assert self.weight.shape == weight.shape, f"weight: expected {self.weight.shape}, got {weight.shape}"
        assert self.bias.shape == bias.shape, f"bias: expected {self.bias.shape}, got {bias.shape}"
        self.weight, self.bias = weight, bias
        outputs_first = weight.transpose(3, 0, 1, 2)
        self.operator = PlainConvolution(outputs_first, bias, stride=self.stride, padding=self.padding, exact=EXACT)

    def forward(self, input):
        return self.operator.forward(input)


class MaxPoolingLayer(PlainMaxPool):
    def __init__(self, kernel_size, stride):
        super().__init__(kernel_size, stride, exact=EXACT)
        self.kernel_size = kernel_size


class FlattenLayer:
    def __init__(self, input_shape, output_shape):
        self.input_shape, self.output_shape = input_shape, output_shape

    def forward(self, input):
        return np.moveaxis(input, 1, 3).reshape(len(input), *self.output_shape)
