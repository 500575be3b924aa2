"""Convolution and max pooling on the engine, to compare the solution with and to time; see `exactness`.

What the lab asks for twice, with loops and faster, is the same here; the gradients of the parameters belong to the
loops. The network, its pictures and the optimiser are the solution's, ``exp_3_3_style_transfer.py``.
"""

import numpy as np
from engine.plain import PlainConvolution, PlainMaxPool
from exactness import EXACT


class ConvolutionalLayer:
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride, type=0):
        self.kernel_size, self.channel_in, self.channel_out = kernel_size, channel_in, channel_out
        self.padding, self.stride = padding, stride
        self.with_parameters = type == 0

    def init_param(self, std=0.01):
        self.weight = np.zeros((self.channel_in, self.kernel_size, self.kernel_size, self.channel_out), np.float32)
        self.bias = np.zeros(self.channel_out, np.float32)

    def load_param(self, weight, bias):
        assert self.weight.shape == weight.shape, f"weight: expected {self.weight.shape}, got {weight.shape}"
        assert self.bias.shape == bias.shape, f"bias: expected {self.bias.shape}, got {bias.shape}"
        self.weight, self.bias = weight, bias
        outputs_first = weight.transpose(3, 0, 1, 2)
        self.operator = PlainConvolution(outputs_first, bias, stride=self.stride, padding=self.padding, exact=EXACT)

    def get_gradient(self):
        return self.d_weight, self.d_bias

    def forward(self, input):
        return self.operator.forward(input)

    def backward(self, top_diff):
        bottom_diff, d_weight, self.d_bias = self.operator.backward(top_diff, self.with_parameters)
        self.d_weight = None if d_weight is None else np.moveaxis(d_weight, 0, 3)
        return bottom_diff


class MaxPoolingLayer(PlainMaxPool):
    def __init__(self, kernel_size, stride, type=0):
        super().__init__(kernel_size, stride, exact=EXACT)
        self.kernel_size = kernel_size
