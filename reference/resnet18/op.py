"""The operators of convolutional networks on (N, C, rows, columns): sections 3 to 5 of the README."""

import numpy as np
from nndl import Layer, he_normal, xavier_uniform


class Conv2D(Layer):
    """Convolution (strictly: cross-correlation) of many channels.

    Parameters
    ----------
    in_channels, out_channels : int
        D and P of the handout.
    kernel_size, stride, padding : int
        Rows and columns of the kernels, step from window to window, zeros around the picture.
    weight_attr : float or None
        Every weight begins with this number; None draws them, see `nndl.he_normal`.
    bias_attr : float or bool
        Every bias begins with this number; False leaves the bias out.

    Attributes
    ----------
    weight : array (P, D, U, V)
    bias : array (P, 1), or None
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, weight_attr=1.0, bias_attr=0.0):
        super().__init__()
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        if weight_attr is None:
            self.weight = he_normal(shape, in_channels * kernel_size**2)
        else:
            self.weight = np.full(shape, weight_attr, np.float32)
        self.bias = None if bias_attr is False else np.full((out_channels, 1), float(bias_attr), np.float32)
        self.stride = stride
        self.padding = padding
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.grads = {"weight": np.zeros_like(self.weight)}
        if self.bias is not None:
            self.grads["bias"] = np.zeros_like(self.bias)

    def forward(self, inputs):
        """Return the outputs (N, P, M', N') for inputs (N, D, M, N)."""
        self.inputs = inputs
        ### BEGIN SOLUTION conv_forward: set outputs by formula (5)
        p, s = self.padding, self.stride
        u, v = self.weight.shape[2:]
        padded = np.pad(inputs, ((0, 0), (0, 0), (p, p), (p, p)))
        rows = (padded.shape[2] - u) // s + 1
        columns = (padded.shape[3] - v) // s + 1
        outputs = np.zeros((len(inputs), self.out_channels, rows, columns), inputs.dtype)
        for i in range(rows):
            for j in range(columns):
                window = padded[:, :, i * s : i * s + u, j * s : j * s + v]
                outputs[:, :, i, j] = np.tensordot(window, self.weight, axes=([1, 2, 3], [1, 2, 3]))
        if self.bias is not None:
            outputs += self.bias.reshape(1, -1, 1, 1)
        ### END SOLUTION
        return outputs

    def backward(self, out_grad):
        """Set ``grads`` and return the gradient of the inputs, for out_grad (N, P, M', N')."""
        inputs = self.inputs
        ### BEGIN SOLUTION conv_backward: set d_weight, d_bias and in_grad by formula (6)
        p, s = self.padding, self.stride
        u, v = self.weight.shape[2:]
        padded = np.pad(inputs, ((0, 0), (0, 0), (p, p), (p, p)))
        grad_padded = np.zeros(padded.shape, out_grad.dtype)
        d_weight = np.zeros(self.weight.shape, out_grad.dtype)
        d_bias = out_grad.sum(axis=(0, 2, 3))[:, None]
        for i in range(out_grad.shape[2]):
            for j in range(out_grad.shape[3]):
                place = slice(None), slice(None), slice(i * s, i * s + u), slice(j * s, j * s + v)
                share = out_grad[:, :, i, j]
                d_weight += np.tensordot(share, padded[place], axes=(0, 0))
                grad_padded[place] += np.tensordot(share, self.weight, axes=(1, 0))
        in_grad = grad_padded[:, :, p : p + inputs.shape[2], p : p + inputs.shape[3]]
        ### END SOLUTION
        self.grads["weight"] = d_weight
        if self.bias is not None:
            self.grads["bias"] = d_bias
        return in_grad


class Pool2D(Layer):
    """Max pooling or average pooling.

    Parameters
    ----------
    size : tuple of int
        Rows and columns of the window.
    mode : str
        ``"max"`` or ``"avg"``.
    stride, padding : int
        Step from window to window; places around the picture, which never hold a maximum: they count as minus
        infinity (``"max"`` only).
    """

    def __init__(self, size=(2, 2), mode="max", stride=1, padding=0):
        super().__init__()
        self.h, self.w = size
        self.mode = mode
        self.stride = stride
        self.padding = padding

    def forward(self, x):
        """Return the outputs (N, C, M', N') for x (N, C, M, N)."""
        self.x = x
        ### BEGIN SOLUTION pool_forward: set outputs by formula (7), for both modes
        p, s = self.padding, self.stride
        border = -np.inf if self.mode == "max" else 0.0
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=border)
        rows = (padded.shape[2] - self.h) // s + 1
        columns = (padded.shape[3] - self.w) // s + 1
        outputs = np.zeros((*x.shape[:2], rows, columns), x.dtype)
        for i in range(rows):
            for j in range(columns):
                window = padded[:, :, i * s : i * s + self.h, j * s : j * s + self.w]
                if self.mode == "max":
                    outputs[:, :, i, j] = window.max(axis=(2, 3))
                else:
                    outputs[:, :, i, j] = window.sum(axis=(2, 3)) / (self.h * self.w)
        ### END SOLUTION
        return outputs

    def backward(self, out_grad):
        """Return the gradient of x, for out_grad (N, C, M', N')."""
        x = self.x
        ### BEGIN SOLUTION pool_backward: set in_grad by formula (7); windows may overlap
        p, s = self.padding, self.stride
        border = -np.inf if self.mode == "max" else 0.0
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=border)
        grad_padded = np.zeros(padded.shape, out_grad.dtype)
        batch, channels = np.indices(x.shape[:2])
        for i in range(out_grad.shape[2]):
            for j in range(out_grad.shape[3]):
                share = out_grad[:, :, i, j]
                place = slice(None), slice(None), slice(i * s, i * s + self.h), slice(j * s, j * s + self.w)
                if self.mode == "max":
                    first = padded[place].reshape(*x.shape[:2], -1).argmax(axis=2)
                    grad_padded[batch, channels, i * s + first // self.w, j * s + first % self.w] += share
                else:
                    grad_padded[place] += share[:, :, None, None] / (self.h * self.w)
        in_grad = grad_padded[:, :, p : p + x.shape[2], p : p + x.shape[3]]
        ### END SOLUTION
        return in_grad


class Linear(Layer):
    """Fully connected layer with a weight (in_features, out_features) and a bias (out_features,)."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = xavier_uniform((in_features, out_features))
        self.bias = np.zeros(out_features, np.float32)
        self.grads = {"weight": np.zeros_like(self.weight), "bias": np.zeros_like(self.bias)}

    def forward(self, x):
        """Return the outputs (N, out_features) for x (N, in_features)."""
        self.x = x
        ### BEGIN SOLUTION linear_forward: set outputs by formula (8)
        outputs = x @ self.weight + self.bias
        ### END SOLUTION
        return outputs

    def backward(self, out_grad):
        """Set ``grads`` and return the gradient of x, for out_grad (N, out_features)."""
        x = self.x
        ### BEGIN SOLUTION linear_backward: set d_weight, d_bias and in_grad by formula (8)
        d_weight = x.T @ out_grad
        d_bias = out_grad.sum(axis=0)
        in_grad = out_grad @ self.weight.T
        ### END SOLUTION
        self.grads = {"weight": d_weight, "bias": d_bias}
        return in_grad


class BatchNorm2D(Layer):
    """Batch normalization of every channel over samples, rows and columns (Ioffe and Szegedy, 2015).

    Parameters
    ----------
    num_features : int
        Number of channels C.
    momentum : float
        Share of the old value in the running statistics.
    epsilon : float
        Added to the variance, inside the root.

    Attributes
    ----------
    weight, bias : arrays (C,)
        gamma and beta of the handout.
    _mean, _variance : arrays (C,)
        Running statistics, changed by every forward pass in training, used by the others.
    """

    def __init__(self, num_features, momentum=0.9, epsilon=1e-5):
        super().__init__()
        self.momentum = momentum
        self.epsilon = epsilon
        self.weight = np.ones(num_features, np.float32)
        self.bias = np.zeros(num_features, np.float32)
        self._mean = np.zeros(num_features, np.float32)
        self._variance = np.ones(num_features, np.float32)
        self.grads = {"weight": np.zeros_like(self.weight), "bias": np.zeros_like(self.bias)}

    def forward(self, x):
        """Return the normalized x (N, C, M, N); in training, update the running statistics as well."""
        gamma, beta = self.weight.reshape(1, -1, 1, 1), self.bias.reshape(1, -1, 1, 1)
        ### BEGIN SOLUTION bn_forward: set outputs by formulas (9) and (10)
        if self.training:
            mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
            self._mean = self.momentum * self._mean + (1 - self.momentum) * mean
            self._variance = self.momentum * self._variance + (1 - self.momentum) * variance
        else:
            mean, variance = self._mean, self._variance
        self.root = np.sqrt(variance + self.epsilon).reshape(1, -1, 1, 1)
        self.normalized = (x - mean.reshape(1, -1, 1, 1)) / self.root
        outputs = gamma * self.normalized + beta
        ### END SOLUTION
        return outputs

    def backward(self, out_grad):
        """Set ``grads`` and return the gradient of x, for out_grad (N, C, M, N); statistics depend on x as well."""
        gamma = self.weight.reshape(1, -1, 1, 1)
        ### BEGIN SOLUTION bn_backward: set d_weight, d_bias and in_grad by formula (11)
        d_weight = (out_grad * self.normalized).sum(axis=(0, 2, 3))
        d_bias = out_grad.sum(axis=(0, 2, 3))
        in_grad = gamma / self.root * out_grad
        if self.training:
            count = out_grad.size // out_grad.shape[1]
            mean_grad = d_bias.reshape(1, -1, 1, 1) / count
            mean_product = d_weight.reshape(1, -1, 1, 1) / count
            in_grad = gamma / self.root * (out_grad - mean_grad - self.normalized * mean_product)
        ### END SOLUTION
        self.grads = {"weight": d_weight, "bias": d_bias}
        return in_grad
