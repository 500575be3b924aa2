"""The layers of VGG16, written by hand with NumPy and Numba.

Arrays are float32 and laid out as (N, C, H, W): sample, channel, row, column. Every layer has ``forward(inputs)``
and ``backward(out_grad)``; ``backward`` takes the gradient of the loss with respect to the layer's output and
returns the one with respect to its input. ``forward`` is always called first, so it may keep what ``backward``
needs. The formulas carry the numbers of the README.
"""

import numpy as np
from numba import njit


class ConvolutionLayer:
    """Convolution with a square kernel and the same zero padding on all four sides.

    Parameters
    ----------
    in_channels, out_channels : int
        C_in and C_out.
    kernel_size : int
        K, rows and columns of the kernel.
    padding : int
        P, rows and columns of zeros added on every side.
    stride : int
        S, step of the window.

    Attributes
    ----------
    weight : array of shape (C_out, C_in, K, K)
    bias : array of shape (C_out,)
    """

    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.padding = padding
        self.stride = stride
        self.weight = _small_random((out_channels, in_channels, kernel_size, kernel_size))
        self.bias = np.zeros(out_channels, dtype=np.float32)
        self.input_shape = None

    def load_params(self, weight, bias):
        """Take over the parameters of a checkpoint; their shapes must be those of this layer."""
        _require_same_shape("weight", self.weight, weight)
        _require_same_shape("bias", self.bias, bias)
        self.weight = weight
        self.bias = bias

    def forward(self, inputs):
        """Return the output (N, C_out, H_out, W_out) for inputs (N, C_in, H, W): formulas (1) to (3)."""
        self.input_shape = inputs.shape
        batch, channels, height, width = inputs.shape
        padding = self.padding
        padded_height = height + 2 * padding
        padded_width = width + 2 * padding
        inputs_pad = np.zeros((batch, channels, padded_height, padded_width), dtype=inputs.dtype)
        inputs_pad[:, :, padding : padding + height, padding : padding + width] = inputs

        out_height = (padded_height - self.kernel_size) // self.stride + 1
        out_width = (padded_width - self.kernel_size) // self.stride + 1
        outputs = np.zeros((batch, self.out_channels, out_height, out_width), dtype=inputs.dtype)
        return self._conv(inputs_pad, outputs, self.weight, self.bias, self.kernel_size, self.stride)

    def backward(self, out_grad):
        """Return the gradient of the input (N, C_in, H, W) for out_grad (N, C_out, H_out, W_out): formula (4)."""
        batch, channels, height, width = self.input_shape
        padding = self.padding
        # Every pixel is a sum of C_out * K * K terms: float64 while they are added, float32 again in the end.
        in_grad = np.zeros((batch, channels, height + 2 * padding, width + 2 * padding), dtype=np.float64)
        in_grad = self._conv_back(out_grad, in_grad, self.weight, self.kernel_size, self.stride)
        in_grad = in_grad[:, :, padding : padding + height, padding : padding + width]
        return np.ascontiguousarray(in_grad, dtype=out_grad.dtype)

    @staticmethod
    @njit
    def _conv(inputs_pad, outputs, weight, bias, kernel_size, stride):
        """Fill ``outputs`` (zeros at first) from the padded input, and return it."""
        in_channels = inputs_pad.shape[1]
        batch, out_channels, out_height, out_width = outputs.shape
        for n in range(batch):
            for co in range(out_channels):
                for y in range(out_height):
                    for x in range(out_width):
                        # start from the bias and slide the kernel over all input channels
                        s = bias[co]
                        for ci in range(in_channels):
                            for ky in range(kernel_size):
                                for kx in range(kernel_size):
                                    s += inputs_pad[n, ci, y * stride + ky, x * stride + kx] * weight[co, ci, ky, kx]
                        outputs[n, co, y, x] = s
        return outputs

    @staticmethod
    @njit
    def _conv_back(out_grad, in_grad, weight, kernel_size, stride):
        """Fill ``in_grad`` (zeros at first; padded like the input) from ``out_grad``, and return it."""
        in_channels = in_grad.shape[1]
        batch, out_channels, out_height, out_width = out_grad.shape
        for n in range(batch):
            for y in range(out_height):
                for x in range(out_width):
                    for ci in range(in_channels):
                        for ky in range(kernel_size):
                            for kx in range(kernel_size):
                                # sum over the output channels that used this pixel
                                s = 0.0
                                for co in range(out_channels):
                                    s += out_grad[n, co, y, x] * weight[co, ci, ky, kx]
                                in_grad[n, ci, y * stride + ky, x * stride + kx] = s
        return in_grad


class MaxPoolLayer:
    """Maximum over square windows, channel by channel, without padding.

    Parameters
    ----------
    kernel_size : int
        K, rows and columns of the window.
    stride : int
        S, step of the window. Windows overlap where S < K.

    Attributes
    ----------
    argidx : int32 array of shape (N, C, H_out, W_out)
        Where each window has its maximum, counted row by row: row * K + column. Of equal values the first counts.
    """

    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size = kernel_size
        self.stride = stride
        self.argidx = None
        self.input_shape = None
        self.output_shape = None

    def forward(self, inputs):
        """Return the maxima (N, C, H_out, W_out) of inputs (N, C, H, W): formulas (5) and (6)."""
        batch, channels, height, width = inputs.shape
        out_height = (height - self.kernel_size) // self.stride + 1
        out_width = (width - self.kernel_size) // self.stride + 1
        outputs = np.zeros((batch, channels, out_height, out_width), dtype=inputs.dtype)
        self.input_shape = inputs.shape
        self.output_shape = outputs.shape
        self.argidx = np.zeros(outputs.shape, dtype=np.int32)
        outputs, self.argidx = self._pool(outputs, inputs, self.argidx, self.kernel_size, self.stride)
        return outputs

    def backward(self, out_grad):
        """Return the gradient of the input (N, C, H, W) for out_grad (N, C, H_out, W_out): formula (7)."""
        in_grad = np.zeros(self.input_shape, dtype=out_grad.dtype)
        return self._pool_back(out_grad, in_grad, self.argidx, self.kernel_size, self.stride)

    @staticmethod
    @njit
    def _pool(outputs, inputs, argidx, kernel_size, stride):
        """Fill ``outputs`` with the maxima and ``argidx`` with their places, and return both."""
        batch, channels, out_height, out_width = outputs.shape
        for n in range(batch):
            for c in range(channels):
                for y in range(out_height):
                    for x in range(out_width):
                        # first value of the window, then look for something bigger
                        best = inputs[n, c, y * stride, x * stride]
                        best_at = 0
                        for ky in range(kernel_size):
                            for kx in range(kernel_size):
                                v = inputs[n, c, y * stride + ky, x * stride + kx]
                                if v > best:
                                    best = v
                                    best_at = ky * kernel_size + kx
                        outputs[n, c, y, x] = best
                        argidx[n, c, y, x] = best_at
        return outputs, argidx

    @staticmethod
    @njit
    def _pool_back(out_grad, in_grad, argidx, kernel_size, stride):
        """Add every entry of ``out_grad`` to ``in_grad`` (zeros at first) where its maximum was, and return it."""
        batch, channels, out_height, out_width = out_grad.shape
        for n in range(batch):
            for c in range(channels):
                for y in range(out_height):
                    for x in range(out_width):
                        # only the pixel that was the maximum gets the gradient
                        ky = argidx[n, c, y, x] // kernel_size
                        kx = argidx[n, c, y, x] % kernel_size
                        in_grad[n, c, y * stride + ky, x * stride + kx] += out_grad[n, c, y, x]
        return in_grad


class ReluLayer:
    """Rectified linear unit: max(0, x), entry by entry; the gradient at exactly 0 is taken as 0."""

    def __init__(self):
        self.positive = None

    def forward(self, inputs):
        """Return max(0, inputs), of any shape."""
        self.positive = inputs > 0
        return np.maximum(inputs, 0)

    def backward(self, out_grad):
        """Return out_grad where the input was positive, 0 elsewhere."""
        return out_grad * self.positive


class FlattenLayer:
    """Turns (N, C, H, W) into (N, C * H * W), row-major, and back."""

    def __init__(self):
        self.input_shape = None

    def forward(self, inputs):
        """Return inputs as (N, C * H * W)."""
        self.input_shape = inputs.shape
        return inputs.reshape(inputs.shape[0], -1)

    def backward(self, out_grad):
        """Return out_grad in the shape of the input."""
        return out_grad.reshape(self.input_shape)


class FullyConnectLayer:
    """Fully connected layer, y = x W^T + b, with weight (out_features, in_features) and bias (out_features,)."""

    def __init__(self, in_features, out_features):
        self.in_features = in_features
        self.out_features = out_features
        self.weight = _small_random((out_features, in_features))
        self.bias = np.zeros(out_features, dtype=np.float32)

    def load_params(self, weight, bias):
        """Take over the parameters of a checkpoint; their shapes must be those of this layer."""
        _require_same_shape("weight", self.weight, weight)
        _require_same_shape("bias", self.bias, bias)
        self.weight = weight
        self.bias = bias

    def forward(self, inputs):
        """Return (N, out_features) for inputs (N, in_features)."""
        return inputs @ self.weight.T + self.bias

    def backward(self, out_grad):
        """Return the gradient of the input (N, in_features) for out_grad (N, out_features)."""
        return out_grad @ self.weight


class CrossEntropy:
    """Softmax followed by the cross-entropy loss, averaged over the batch."""

    def __init__(self):
        self.probabilities = None
        self.labels = None

    def forward(self, logits, labels):
        """Return the mean loss for logits (N, classes) and integer labels (N,)."""
        # Without the maximum subtracted, exp overflows from logits of about 89 on in float32.
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        self.labels = labels
        return -np.log(self.probabilities[np.arange(len(labels)), labels]).mean()

    def backward(self):
        """Return the gradient of the logits: (probabilities - one_hot(labels)) / N."""
        gradient = self.probabilities.copy()
        gradient[np.arange(len(self.labels)), self.labels] -= 1
        return gradient / len(self.labels)


def _small_random(shape):
    """Return float32 numbers from a normal distribution of mean 0 and standard deviation 0.01."""
    values = np.random.default_rng().standard_normal(shape, dtype=np.float32)
    values *= 0.01
    return values


def _require_same_shape(name, own, given):
    assert own.shape == given.shape, f"{name}: expected shape {own.shape}, got {given.shape}"
