"""Convolution and max pooling, forward and backward, each as plain loops and as a faster version.

Arrays are laid out as (N, C, H, W): sample, channel, row, column. Formulas carry the numbers of the README.
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
    type : int
        0 for the plain loops, 1 for the faster versions.

    Attributes
    ----------
    weight : array of shape (C_in, K, K, C_out)
    bias : array of shape (C_out,)
    d_weight, d_bias : arrays
        Gradients of the two, set by the plain backward pass.
    """

    def __init__(self, kernel_size, channel_in, channel_out, padding, stride, type=0):
        self.kernel_size = kernel_size
        self.channel_in = channel_in
        self.channel_out = channel_out
        self.padding = padding
        self.stride = stride
        self.forward = self.forward_speedup if type == 1 else self.forward_raw
        self.backward = self.backward_speedup if type == 1 else self.backward_raw

    def init_param(self, std=0.01):
        """Start with small random weights and with biases of zero."""
        shape = (self.channel_in, self.kernel_size, self.kernel_size, self.channel_out)
        self.weight = np.random.normal(loc=0.0, scale=std, size=shape)
        self.bias = np.zeros([self.channel_out])

    def load_param(self, weight, bias):
        """Take over the parameters of a file; their shapes must be those of this layer."""
        assert self.weight.shape == weight.shape, f"weight: expected {self.weight.shape}, got {weight.shape}"
        assert self.bias.shape == bias.shape, f"bias: expected {self.bias.shape}, got {bias.shape}"
        self.weight = weight
        self.bias = bias

    def get_gradient(self):
        """Return the gradients of weight and bias."""
        return self.d_weight, self.d_bias

    def pad(self, input):
        """Keep the input and its padded copy, and return rows and columns of the output: formulas (1) and (2)."""
        self.input = input
        height = self.input.shape[2] + self.padding * 2
        width = self.input.shape[3] + self.padding * 2
        self.input_pad = np.zeros([self.input.shape[0], self.input.shape[1], height, width])
        inner_rows = slice(self.padding, self.padding + self.input.shape[2])
        inner_columns = slice(self.padding, self.padding + self.input.shape[3])
        self.input_pad[:, :, inner_rows, inner_columns] = self.input
        return (height - self.kernel_size) // self.stride + 1, (width - self.kernel_size) // self.stride + 1

    def crop(self, diff_pad):
        """Return a gradient of the padded input without the padding."""
        rows = slice(self.padding, self.padding + self.input.shape[2])
        columns = slice(self.padding, self.padding + self.input.shape[3])
        return diff_pad[:, :, rows, columns]

    def forward_raw(self, input):
        """Return the output (N, C_out, H_out, W_out) for an input (N, C_in, H, W): formula (3), four loops."""
        height_out, width_out = self.pad(input)
        self.output = np.zeros([self.input.shape[0], self.channel_out, height_out, width_out])
        for idxn in range(self.input.shape[0]):
            for idxc in range(self.channel_out):
                for idxh in range(height_out):
                    for idxw in range(width_out):
                        top = idxh * self.stride
                        left = idxw * self.stride
                        rows = slice(top, top + self.kernel_size)
                        columns = slice(left, left + self.kernel_size)
                        window = self.input_pad[idxn, :, rows, columns]
                        products = self.weight[:, :, :, idxc] * window
                        self.output[idxn, idxc, idxh, idxw] = np.sum(products) + self.bias[idxc]
        return self.output

    def backward_raw(self, top_diff):
        """Return the gradient of the input for top_diff (N, C_out, H_out, W_out): formula (4), four loops."""
        self.d_weight = np.zeros(self.weight.shape)
        self.d_bias = np.zeros(self.bias.shape)
        diff_pad = np.zeros(self.input_pad.shape)
        for idxn in range(top_diff.shape[0]):
            for idxc in range(top_diff.shape[1]):
                for idxh in range(top_diff.shape[2]):
                    for idxw in range(top_diff.shape[3]):
                        top = idxh * self.stride
                        left = idxw * self.stride
                        rows = slice(top, top + self.kernel_size)
                        columns = slice(left, left + self.kernel_size)
                        diff = top_diff[idxn, idxc, idxh, idxw]
                        self.d_weight[:, :, :, idxc] += diff * self.input_pad[idxn, :, rows, columns]
                        self.d_bias[idxc] += diff
                        diff_pad[idxn, :, rows, columns] += diff * self.weight[:, :, :, idxc]
        return self.crop(diff_pad)

    def forward_speedup(self, input):
        """Return the same as `forward_raw`, faster."""
        height_out, width_out = self.pad(input)
        self.output = np.zeros([self.input.shape[0], self.channel_out, height_out, width_out])
        # TODO(conv_forward_speedup): fill self.output by matrix products
        raise NotImplementedError("TODO conv_forward_speedup: fill self.output by matrix products")
        return self.output

    def backward_speedup(self, top_diff):
        """Return the same as `backward_raw`, faster; the gradients of the parameters are not needed."""
        diff_pad = np.zeros(self.input_pad.shape)
        # TODO(conv_backward_speedup): fill diff_pad by matrix products
        raise NotImplementedError("TODO conv_backward_speedup: fill diff_pad by matrix products")
        return self.crop(diff_pad)


class MaxPoolingLayer:
    """Maximum over square windows, channel by channel, without padding.

    Parameters
    ----------
    kernel_size : int
        K, rows and columns of the window.
    stride : int
        S, step of the window.
    type : int
        0 for the plain loops, 1 for the faster versions.
    """

    def __init__(self, kernel_size, stride, type=0):
        self.kernel_size = kernel_size
        self.stride = stride
        self.forward = self.forward_speedup if type == 1 else self.forward_raw
        self.backward = self.backward_speedup if type == 1 else self.backward_raw

    def sizes(self, input):
        """Keep the input, and return rows and columns of the output."""
        self.input = input
        height_out = (self.input.shape[2] - self.kernel_size) // self.stride + 1
        width_out = (self.input.shape[3] - self.kernel_size) // self.stride + 1
        return height_out, width_out

    def forward_raw(self, input):
        """Return the maxima (N, C, H_out, W_out) of an input (N, C, H, W): formula (5), four loops."""
        height_out, width_out = self.sizes(input)
        self.output = np.zeros([self.input.shape[0], self.input.shape[1], height_out, width_out])
        for idxn in range(self.input.shape[0]):
            for idxc in range(self.input.shape[1]):
                for idxh in range(height_out):
                    for idxw in range(width_out):
                        rows = slice(idxh * self.stride, idxh * self.stride + self.kernel_size)
                        columns = slice(idxw * self.stride, idxw * self.stride + self.kernel_size)
                        self.output[idxn, idxc, idxh, idxw] = np.max(self.input[idxn, idxc, rows, columns])
        return self.output

    def backward_raw(self, top_diff):
        """Return the gradient of the input for top_diff (N, C, H_out, W_out): formula (5), four loops."""
        bottom_diff = np.zeros(self.input.shape)
        for idxn in range(top_diff.shape[0]):
            for idxc in range(top_diff.shape[1]):
                for idxh in range(top_diff.shape[2]):
                    for idxw in range(top_diff.shape[3]):
                        top = idxh * self.stride
                        left = idxw * self.stride
                        rows = slice(top, top + self.kernel_size)
                        columns = slice(left, left + self.kernel_size)
                        place = np.argmax(self.input[idxn, idxc, rows, columns])
                        row, column = np.unravel_index(place, (self.kernel_size, self.kernel_size))
                        bottom_diff[idxn, idxc, top + row, left + column] += top_diff[idxn, idxc, idxh, idxw]
        return bottom_diff

    def windows(self, height_out, width_out):
        """Return the pixels of all windows, (K * K, N, C, H_out, W_out), the window's rows first."""
        size, step = self.kernel_size, self.stride
        parts = []
        for row in range(size):
            for column in range(size):
                down = slice(row, row + step * (height_out - 1) + 1, step)
                across = slice(column, column + step * (width_out - 1) + 1, step)
                parts.append(self.input[:, :, down, across])
        return np.stack(parts)

    def forward_speedup(self, input):
        """Return the same as `forward_raw`, faster."""
        height_out, width_out = self.sizes(input)
        # TODO(pool_forward_speedup): set self.output without a loop over its entries
        raise NotImplementedError("TODO pool_forward_speedup: set self.output without a loop over its entries")
        return self.output

    def backward_speedup(self, top_diff):
        """Return the same as `backward_raw`, faster."""
        bottom_diff = np.zeros(self.input.shape)
        height_out, width_out = top_diff.shape[2:]
        # TODO(pool_backward_speedup): fill bottom_diff without a loop over the entries of top_diff
        raise NotImplementedError("TODO pool_backward_speedup: fill bottom_diff without a loop over the entries of top_diff")
        return bottom_diff
