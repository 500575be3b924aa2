"""The layers of a convolutional network: convolution as loops and as a product of matrices, pooling, flatten.

Formulas carry the numbers of the README. What all layers have in common is in `LayerBase` of ``chapter6.py``.
"""

import numpy as np
from chapter6 import LayerBase
from conv import col2im, conv2D, conv2D_gemm, im2col, out_dims, pad2D
from method.activation import ActivationInitializer
from method.weight import WeightInitializer


class Conv2D(LayerBase):
    """Convolution with bias and activation function, a = f(X * W + b), as loops.

    Parameters
    ----------
    out_ch : int
        Number of output channels.
    kernel_shape : tuple
        Rows and columns of the kernel.
    pad : int, 4-tuple, "same" or "valid"
        As for `conv.pad2D`.
    stride, dilation : int
    acti_fn : str or None
        Name of the activation function.
    optimizer : str or None
        Name of the optimiser.
    init_w : str
        Name of the way to make the first weights.

    Attributes
    ----------
    params, gradients : dict
        ``W`` of shape (kernel_rows, kernel_cols, in_ch, out_ch) and ``b`` of shape (1, 1, 1, out_ch).
    """

    def __init__(
        self,
        out_ch,
        kernel_shape,
        pad=0,
        stride=1,
        dilation=1,
        acti_fn=None,
        optimizer=None,
        init_w="glorot_uniform",
    ):
        super().__init__(optimizer)
        self.pad = pad
        self.in_ch = None
        self.out_ch = out_ch
        self.stride = stride
        self.dilation = dilation
        self.kernel_shape = kernel_shape
        self.init_w = init_w
        self.init_weights = WeightInitializer(mode=init_w)
        self.acti_fn = ActivationInitializer(acti_fn)()
        self.is_initialized = False

    def _init_params(self):
        W = self.init_weights((*self.kernel_shape, self.in_ch, self.out_ch))
        b = np.zeros((1, 1, 1, self.out_ch), dtype=W.dtype)
        self.params = {"W": W, "b": b}
        self.gradients = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
        self.derived_variables = {"Y": []}
        self.is_initialized = True

    def forward(self, X, retain_derived=True):
        """Return the output (n_samples, out_rows, out_cols, out_ch) for X (n_samples, in_rows, in_cols, in_ch).

        With ``retain_derived``, X is kept in the list ``self.X``, and Y, the value before the activation function,
        in the list ``self.derived_variables["Y"]``.
        """
        if not self.is_initialized:
            self.in_ch = X.shape[3]
            self._init_params()
        W, b = self.params["W"], self.params["b"]
        # TODO(conv_forward): set Y to conv2D of X plus the bias
        raise NotImplementedError("TODO conv_forward: set Y to conv2D of X plus the bias")
        if retain_derived:
            self.X.append(X)
            self.derived_variables["Y"].append(Y)
        return self.acti_fn(Y)

    def backward(self, dLda, retain_grads=True):
        """Return the gradient of the input for the gradient of the output: formula (5), loops.

        With ``retain_grads``, the gradients of the parameters are added to ``self.gradients``.
        """
        W = self.params["W"]
        X, Y = self.X[-1], self.derived_variables["Y"][-1]
        s, d = self.stride, self.dilation
        X_pad, p = pad2D(X, self.pad, self.kernel_shape, s, d)
        n_samp, out_rows, out_cols, out_ch = dLda.shape
        dX_pad, dW, db = np.zeros_like(X_pad), np.zeros_like(W), np.zeros_like(self.params["b"])
        # TODO(conv_backward): fill dX_pad, dW and db by formula (5); mind the activation function
        raise NotImplementedError("TODO conv_backward: fill dX_pad, dW and db by formula (5); mind the activation function")
        if retain_grads:
            self.gradients["W"] += dW
            self.gradients["b"] += db
        return dX_pad[:, p[0] : p[0] + X.shape[1], p[2] : p[2] + X.shape[2], :]

    @property
    def hyperparams(self):
        """Settings of the layer."""
        return {
            "layer": type(self).__name__,
            "pad": self.pad,
            "init_w": self.init_w,
            "in_ch": self.in_ch,
            "out_ch": self.out_ch,
            "stride": self.stride,
            "dilation": self.dilation,
            "acti_fn": str(self.acti_fn),
            "kernel_shape": self.kernel_shape,
            "optimizer": {"cache": self.optimizer.cache, "hyperparams": self.optimizer.hyperparams},
        }


class Conv2D_gemm(Conv2D):
    """The same as `Conv2D`, with products of matrices instead of loops."""

    def forward(self, X, retain_derived=True):
        """Return the output (n_samples, out_rows, out_cols, out_ch) for X (n_samples, in_rows, in_cols, in_ch)."""
        if not self.is_initialized:
            self.in_ch = X.shape[3]
            self._init_params()
        W, b = self.params["W"], self.params["b"]
        # TODO(gemm_forward): set Y to conv2D_gemm of X plus the bias
        raise NotImplementedError("TODO gemm_forward: set Y to conv2D_gemm of X plus the bias")
        if retain_derived:
            self.X.append(X)
            self.derived_variables["Y"].append(Y)
        return self.acti_fn(Y)

    def backward(self, dLda, retain_grads=True):
        """Return the gradient of the input for the gradient of the output: formula (6), products of matrices."""
        W = self.params["W"]
        X, Y = self.X[-1], self.derived_variables["Y"][-1]
        # TODO(gemm_backward): set dX, dW and db by formula (6), with im2col and col2im
        raise NotImplementedError("TODO gemm_backward: set dX, dW and db by formula (6), with im2col and col2im")
        if retain_grads:
            self.gradients["W"] += dW
            self.gradients["b"] += db
        return dX


class Pool2D(LayerBase):
    """The largest or the mean value of every window, channel by channel: formulas (7) and (8).

    The zeros of the padding take part like any other value.

    Parameters
    ----------
    kernel_shape : tuple
        Rows and columns of the window.
    stride : int
    pad : int, 4-tuple, "same" or "valid"
        As for `conv.pad2D`.
    mode : str
        "max" or "average".
    """

    def __init__(self, kernel_shape, stride=1, pad=0, mode="max", optimizer=None):
        super().__init__(optimizer)
        self.pad = pad
        self.mode = mode
        self.in_ch = None
        self.out_ch = None
        self.stride = stride
        self.kernel_shape = kernel_shape
        self.is_initialized = False

    def _init_params(self):
        self.is_initialized = True

    def _places(self, out_rows, out_cols):
        """Return, for every place in the window, row by row, the rows and columns of the padded input there."""
        s = self.stride
        return [
            (slice(i, i + (out_rows - 1) * s + 1, s), slice(j, j + (out_cols - 1) * s + 1, s))
            for i in range(self.kernel_shape[0])
            for j in range(self.kernel_shape[1])
        ]

    def forward(self, X, retain_derived=True):
        """Return the output (n_samples, out_rows, out_cols, in_ch) for X (n_samples, in_rows, in_cols, in_ch)."""
        if not self.is_initialized:
            self.in_ch = self.out_ch = X.shape[3]
            self._init_params()
        X_pad, p = pad2D(X, self.pad, self.kernel_shape, self.stride)
        out_rows, out_cols = out_dims(X.shape, self.kernel_shape, p, self.stride)
        # TODO(pool_forward): set Y to the largest or the mean value of every window of X_pad
        raise NotImplementedError("TODO pool_forward: set Y to the largest or the mean value of every window of X_pad")
        if retain_derived:
            self.X.append(X)
        return Y

    def backward(self, dLdy, retain_grads=True):
        """Return the gradient of the input for the gradient of the output."""
        X = self.X[-1]
        X_pad, p = pad2D(X, self.pad, self.kernel_shape, self.stride)
        out_rows, out_cols = dLdy.shape[1:3]
        dX_pad = np.zeros(X_pad.shape, dtype=dLdy.dtype)
        # TODO(pool_backward): fill dX_pad; of equal largest values the first one gets the gradient
        raise NotImplementedError("TODO pool_backward: fill dX_pad; of equal largest values the first one gets the gradient")
        return dX_pad[:, p[0] : p[0] + X.shape[1], p[2] : p[2] + X.shape[2], :]

    @property
    def hyperparams(self):
        """Settings of the layer."""
        return {
            "layer": "Pool2D",
            "acti_fn": None,
            "pad": self.pad,
            "mode": self.mode,
            "in_ch": self.in_ch,
            "out_ch": self.out_ch,
            "stride": self.stride,
            "kernel_shape": self.kernel_shape,
            "optimizer": {"cache": self.optimizer.cache, "hyperparams": self.optimizer.hyperparams},
        }


class Flatten(LayerBase):
    """Gives an input of many axes another shape, without moving a number.

    Parameters
    ----------
    keep_dim : str
        "first" makes (n_samples, everything else), "last" (everything else, channels), "none" (1, everything).
    """

    def __init__(self, keep_dim="first", optimizer=None):
        super().__init__(optimizer)
        self.keep_dim = keep_dim
        self._init_params()

    def _init_params(self):
        self.derived_variables = {"in_dims": []}

    def forward(self, X, retain_derived=True):
        """Return X in its new shape."""
        if retain_derived:
            self.derived_variables["in_dims"].append(X.shape)
        # TODO(flatten_forward): return X with the shape that self.keep_dim asks for
        raise NotImplementedError("TODO flatten_forward: return X with the shape that self.keep_dim asks for")

    def backward(self, dLdy, retain_grads=True):
        """Return the gradient in the shape of the input."""
        # TODO(flatten_backward): return dLdy with the shape of the last input
        raise NotImplementedError("TODO flatten_backward: return dLdy with the shape of the last input")

    @property
    def hyperparams(self):
        """Settings of the layer."""
        return {
            "layer": "Flatten",
            "keep_dim": self.keep_dim,
            "optimizer": {"cache": self.optimizer.cache, "hyperparams": self.optimizer.hyperparams},
        }
