import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class ConvolutionalLayer:
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride):
        self.kernel_size, self.channel_in, self.channel_out = kernel_size, channel_in, channel_out
        self.padding, self.stride = padding, stride

    def init_param(self, std=0.01):
        self.weight = np.zeros((self.channel_in, self.kernel_size, self.kernel_size, self.channel_out))
        self.bias = np.zeros(self.channel_out)

    def forward(self, input):
        pad = [(0, 0), (0, 0), (self.padding, self.padding), (self.padding, self.padding)]
        view = sliding_window_view(np.pad(input, pad), (self.kernel_size, self.kernel_size), axis=(2, 3))
        view = view[:, :, ::self.stride, ::self.stride]
        out = np.einsum('nchwij,cijo->nohw', view, self.weight.astype(view.dtype), optimize=True)
        out += self.bias.astype(out.dtype)[None, :, None, None]
        return out

    def load_param(self, weight, bias):
        self.weight, self.bias = weight, bias


class MaxPoolingLayer:
    def __init__(self, kernel_size, stride):
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, input):
        view = sliding_window_view(input, (self.kernel_size, self.kernel_size), axis=(2, 3))
        return view[:, :, ::self.stride, ::self.stride].max(axis=(4, 5))


class FlattenLayer:
    def __init__(self, input_shape, output_shape):
        self.output_shape = output_shape

    def forward(self, input):
        return np.einsum('nchw->nhwc', input).reshape(len(input), *self.output_shape)
