"""Convolution, max pooling and flatten, written by hand with NumPy.

Arrays are laid out as (N, C, H, W): sample, channel, row, column. The formulas carry the numbers of the README.
"""

import numpy as np


class ConvolutionalLayer:
    """Convolution with a square kernel and the same zero padding on all four sides.

    Parameters
    ----------
    kernel_size : int
        K, rows and columns of the kernel.
    channel_in, channel_out : int
        C_in and C_out.
    padding : int
        P, rows and columns of zeros added on every side.
    stride : int
        S, step of the window.

    Attributes
    ----------
    weight : array of shape (C_in, K, K, C_out)
    bias : array of shape (C_out,)
    """

    def __init__(self, kernel_size, channel_in, channel_out, padding, stride):
        self.kernel_size = kernel_size
        self.channel_in = channel_in
        self.channel_out = channel_out
        self.padding = padding
        self.stride = stride

    def init_param(self, std=0.01):
        """Start with small random weights and with biases of zero."""
        shape = (self.channel_in, self.kernel_size, self.kernel_size, self.channel_out)
        self.weight = np.random.normal(loc=0.0, scale=std, size=shape)
        self.bias = np.zeros([self.channel_out])

    def forward(self, input):
        """Return the output (N, C_out, H_out, W_out) for an input (N, C_in, H, W): formulas (1) to (3)."""
        self.input = input
        height = self.input.shape[2] + self.padding * 2
        width = self.input.shape[3] + self.padding * 2
        self.input_pad = np.zeros([self.input.shape[0], self.input.shape[1], height, width])
        inner_rows = slice(self.padding, self.padding + self.input.shape[2])
        inner_columns = slice(self.padding, self.padding + self.input.shape[3])
        self.input_pad[:, :, inner_rows, inner_columns] = self.input

        height_out = (height - self.kernel_size) // self.stride + 1
        width_out = (width - self.kernel_size) // self.stride + 1
        self.output = np.zeros([self.input.shape[0], self.channel_out, height_out, width_out])
        ### BEGIN SOLUTION conv_forward: fill self.output by formula (3), looping over n, c, h and w
        # One step for each place of the kernel instead of one for each output entry: K * K matrix products.
        for idxi in range(self.kernel_size):
            for idxj in range(self.kernel_size):
                rows = slice(idxi, idxi + (height_out - 1) * self.stride + 1, self.stride)
                columns = slice(idxj, idxj + (width_out - 1) * self.stride + 1, self.stride)
                pixels = self.input_pad[:, :, rows, columns]
                products = np.tensordot(self.weight[:, idxi, idxj, :], pixels, axes=(0, 1))
                self.output += products.transpose(1, 0, 2, 3)
        self.output += self.bias.reshape(1, -1, 1, 1)
        ### END SOLUTION
        return self.output

    def load_param(self, weight, bias):
        """Take over the parameters of a file; their shapes must be those of this layer."""
        assert self.weight.shape == weight.shape, f"weight: expected {self.weight.shape}, got {weight.shape}"
        assert self.bias.shape == bias.shape, f"bias: expected {self.bias.shape}, got {bias.shape}"
        self.weight = weight
        self.bias = bias


class MaxPoolingLayer:
    """Maximum over square windows, channel by channel, without padding.

    Parameters
    ----------
    kernel_size : int
        K, rows and columns of the window.
    stride : int
        S, step of the window. Windows overlap where S < K.
    """

    def __init__(self, kernel_size, stride):
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, input):
        """Return the maxima (N, C, H_out, W_out) of an input (N, C, H, W): formula (4)."""
        self.input = input
        height_out = (self.input.shape[2] - self.kernel_size) // self.stride + 1
        width_out = (self.input.shape[3] - self.kernel_size) // self.stride + 1
        self.output = np.zeros([self.input.shape[0], self.input.shape[1], height_out, width_out])
        ### BEGIN SOLUTION max_pool_forward: fill self.output by formula (4), looping over n, c, h and w
        for idxh in range(height_out):
            for idxw in range(width_out):
                top = idxh * self.stride
                left = idxw * self.stride
                window = self.input[:, :, top : top + self.kernel_size, left : left + self.kernel_size]
                self.output[:, :, idxh, idxw] = np.max(window, axis=(2, 3))
        ### END SOLUTION
        return self.output


class FlattenLayer:
    """Turns (N, C, H, W) into one row for each sample, in the order in which MatConvNet keeps it: (H, W, C).

    Parameters
    ----------
    input_shape : list
        [C, H, W] of one sample.
    output_shape : list
        [C * H * W].
    """

    def __init__(self, input_shape, output_shape):
        self.input_shape = input_shape
        self.output_shape = output_shape

    def forward(self, input):
        """Return the input (N, C, H, W) as (N, H * W * C)."""
        assert list(input.shape[1:]) == list(self.input_shape)
        assert np.prod(self.input_shape) == np.prod(self.output_shape)
        ### BEGIN SOLUTION flatten_forward: set self.output; the channels of a pixel must stand side by side
        self.input = np.transpose(input, [0, 2, 3, 1])
        self.output = self.input.reshape((self.input.shape[0], *self.output_shape))
        ### END SOLUTION
        return self.output
