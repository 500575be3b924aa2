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
        # TODO(conv_forward): set outputs by formula (5)
        raise NotImplementedError("TODO conv_forward: set outputs by formula (5)")
        return outputs

    def backward(self, out_grad):
        """Set ``grads`` and return the gradient of the inputs, for out_grad (N, P, M', N')."""
        inputs = self.inputs
        # TODO(conv_backward): set d_weight, d_bias and in_grad by formula (6)
        raise NotImplementedError("TODO conv_backward: set d_weight, d_bias and in_grad by formula (6)")
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
        # TODO(pool_forward): set outputs by formula (7), for both modes
        raise NotImplementedError("TODO pool_forward: set outputs by formula (7), for both modes")
        return outputs

    def backward(self, out_grad):
        """Return the gradient of x, for out_grad (N, C, M', N')."""
        x = self.x
        # TODO(pool_backward): set in_grad by formula (7); windows may overlap
        raise NotImplementedError("TODO pool_backward: set in_grad by formula (7); windows may overlap")
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
        # TODO(linear_forward): set outputs by formula (8)
        raise NotImplementedError("TODO linear_forward: set outputs by formula (8)")
        return outputs

    def backward(self, out_grad):
        """Set ``grads`` and return the gradient of x, for out_grad (N, out_features)."""
        x = self.x
        # TODO(linear_backward): set d_weight, d_bias and in_grad by formula (8)
        raise NotImplementedError("TODO linear_backward: set d_weight, d_bias and in_grad by formula (8)")
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
        # TODO(bn_forward): set outputs by formulas (9) and (10)
        raise NotImplementedError("TODO bn_forward: set outputs by formulas (9) and (10)")
        return outputs

    def backward(self, out_grad):
        """Set ``grads`` and return the gradient of x, for out_grad (N, C, M, N); statistics depend on x as well."""
        gamma = self.weight.reshape(1, -1, 1, 1)
        # TODO(bn_backward): set d_weight, d_bias and in_grad by formula (11)
        raise NotImplementedError("TODO bn_backward: set d_weight, d_bias and in_grad by formula (11)")
        self.grads = {"weight": d_weight, "bias": d_bias}
        return in_grad
