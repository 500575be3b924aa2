"""Convolution and pooling on the engine, to compare the solution with and to time; see `exactness`.

Both kinds of convolution are the same here. Activation functions are given; flattening moves no number. The network
and its training are the solution's, ``lenet.py``, and the exercises as well.
"""

import numpy as np
from chapter6 import LayerBase
from conv import DTYPE, conv2D, conv2D_gradients, cropped, pad2D
from engine import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward
from method.activation import ActivationInitializer
from method.weight import WeightInitializer


class Conv2D(LayerBase):
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
        self.out_ch, self.kernel_shape = out_ch, kernel_shape
        self.geometry = stride, pad, dilation
        self.acti_fn = ActivationInitializer(acti_fn)()
        self.init_weights = WeightInitializer(mode=init_w)
        self.derived_variables = {"Y": []}

    def _init_params(self):
        W = self.init_weights((*self.kernel_shape, self.in_ch, self.out_ch))
        self.params = {"W": W, "b": np.zeros((1, 1, 1, self.out_ch), W.dtype)}
        self.gradients = {name: np.zeros(value.shape, DTYPE) for name, value in self.params.items()}

    def forward(self, X, retain_derived=True):
        if not self.params:
            self.in_ch = X.shape[3]
            self._init_params()
        Y = conv2D(X, self.params["W"], *self.geometry) + np.asarray(self.params["b"], DTYPE)
        if retain_derived:
            self.X.append(X)
            self.derived_variables["Y"].append(Y)
        return self.acti_fn(Y)

    def backward(self, dLda, retain_grads=True):
        dY = np.asarray(dLda, DTYPE) * self.acti_fn.grad(self.derived_variables["Y"][-1])
        dX, dW = conv2D_gradients(self.X[-1], self.params["W"], dY, *self.geometry)
        if retain_grads:
            self.gradients["W"] += dW
            self.gradients["b"] += dY.sum(axis=(0, 1, 2), keepdims=True)
        return dX


class Conv2D_gemm(Conv2D):
    """The same."""


class Pool2D(LayerBase):
    def __init__(self, kernel_shape, stride=1, pad=0, mode="max", optimizer=None):
        super().__init__(optimizer)
        self.kernel_shape, self.stride, self.pad, self.mode = kernel_shape, stride, pad, mode
        pools = {"max": (max_pool2d, max_pool2d_backward), "average": (avg_pool2d, avg_pool2d_backward)}
        self.pool, self.pool_backward = pools[mode]

    def _init_params(self):
        pass

    def padded(self, X):
        """Return X with its zeros, which take part like any other value, and how many there are."""
        return pad2D(np.asarray(X, DTYPE), self.pad, self.kernel_shape, self.stride)

    def forward(self, X, retain_derived=True):
        if retain_derived:
            self.X.append(X)
        return self.pool(self.padded(X)[0], self.kernel_shape, self.stride, layout="NHWC")

    def backward(self, dLdy, retain_grads=True):
        X_pad, p = self.padded(self.X[-1])
        grad = np.asarray(dLdy, DTYPE)
        dX_pad = self.pool_backward(grad, X_pad, self.kernel_shape, self.stride, layout="NHWC")
        return cropped(dX_pad, p, self.X[-1].shape)


class Flatten(LayerBase):
    def __init__(self, keep_dim="first", optimizer=None):
        super().__init__(optimizer)
        self.keep_dim = keep_dim
        self.derived_variables = {"in_dims": []}

    def _init_params(self):
        pass

    def forward(self, X, retain_derived=True):
        if retain_derived:
            self.derived_variables["in_dims"].append(X.shape)
        rows = {"first": len(X), "last": X.size // X.shape[-1], "none": 1}[self.keep_dim]
        return X.reshape(rows, -1)

    def backward(self, dLdy, retain_grads=True):
        return dLdy.reshape(self.derived_variables["in_dims"][-1])
