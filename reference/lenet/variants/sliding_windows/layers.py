"""sliding_window_view, einsum and argmax; gradients spread by np.add.at."""

import numpy as np
from chapter6 import LayerBase
from conv import col2im, conv2D, conv2D_gemm, im2col, pad2D, windows
from method.activation import ActivationInitializer
from method.weight import WeightInitializer


class Convolution(LayerBase):
    function = None

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
        LayerBase.__init__(self, optimizer)
        self.out_ch = out_ch
        self.kernel_shape = kernel_shape
        self.geometry = stride, pad, dilation
        self.acti_fn = ActivationInitializer(acti_fn)()
        self.init_w = init_w

    def _init_params(self):
        W = WeightInitializer(self.init_w)((*self.kernel_shape, self.in_ch, self.out_ch))
        self.params = {"W": W, "b": np.zeros((1, 1, 1, self.out_ch), W.dtype)}
        self.gradients = {name: np.zeros_like(value) for name, value in self.params.items()}
        self.derived_variables = {"Y": []}

    def forward(self, X, retain_derived=True):
        if not self.params:
            self.in_ch = X.shape[-1]
            self._init_params()
        Y = type(self).function(X, self.params["W"], *self.geometry) + self.params["b"]
        if retain_derived:
            self.X += [X]
            self.derived_variables["Y"] += [Y]
        return self.acti_fn(Y)

    def backward(self, dLda, retain_grads=True):
        X, Y = self.X.pop(), self.derived_variables["Y"].pop()
        dY = dLda * self.acti_fn.grad(Y)
        dX, dW = self.both(X, self.params["W"], dY)
        if retain_grads:
            self.gradients["W"] = self.gradients["W"] + dW
            self.gradients["b"] = self.gradients["b"] + dY.sum((0, 1, 2), keepdims=True)
        return dX


class Conv2D(Convolution):
    function = conv2D

    def both(self, X, W, dY):
        s, pad, d = self.geometry
        X_pad, p = pad2D(X, pad, W.shape[:2], s, d)
        dW = np.einsum("nrckij,nrco->ijko", windows(X_pad, W.shape[:2], s, d), dY, optimize=True)
        # The gradient of the input is a convolution, too: of dY, spread out by the stride, with the kernel turned.
        reach = [(size - 1) * d for size in W.shape[:2]]
        n, rows, columns, out = dY.shape
        wide = np.zeros((n, X_pad.shape[1] + reach[0], X_pad.shape[2] + reach[1], out), dY.dtype)
        wide[:, reach[0] : reach[0] + (rows - 1) * s + 1 : s, reach[1] : reach[1] + (columns - 1) * s + 1 : s] = dY
        dX_pad = np.einsum("nrcoij,ijko->nrck", windows(wide, W.shape[:2], 1, d), W[::-1, ::-1], optimize=True)
        return dX_pad[:, p[0] : p[0] + X.shape[1], p[2] : p[2] + X.shape[2]], dW


class Conv2D_gemm(Convolution):
    function = conv2D_gemm

    def both(self, X, W, dY):
        s, pad, d = self.geometry
        X_col, p = im2col(X, W.shape, pad, s, d)
        W_col = W.transpose(2, 0, 1, 3).reshape(-1, self.out_ch)
        dY_col = dY.transpose(3, 1, 2, 0).reshape(self.out_ch, -1)
        fr, fc, in_ch, out_ch = W.shape
        dW = (X_col @ dY_col.T).reshape(in_ch, fr, fc, out_ch).transpose(1, 2, 0, 3)
        return col2im(W_col @ dY_col, X.shape, W.shape, p, s, d), dW


class Pool2D(LayerBase):
    def __init__(self, kernel_shape, stride=1, pad=0, mode="max", optimizer=None):
        LayerBase.__init__(self, optimizer)
        self.kernel_shape, self.stride, self.pad, self.mode = kernel_shape, stride, pad, mode

    def _init_params(self):
        return None

    def view(self, X):
        X_pad, p = pad2D(X, self.pad, self.kernel_shape, self.stride)
        view = windows(X_pad, self.kernel_shape, self.stride, 1)
        return view.reshape(*view.shape[:4], -1), X_pad.shape, p

    def forward(self, X, retain_derived=True):
        view, _, _ = self.view(X)
        if retain_derived:
            self.X.append(X)
        return view.max(-1) if self.mode == "max" else view.mean(-1)

    def backward(self, dLdy, retain_grads=True):
        X = self.X.pop()
        view, shape, p = self.view(X)
        numbers = np.arange(np.prod(shape)).reshape(shape)
        at = windows(numbers, self.kernel_shape, self.stride, 1).reshape(view.shape)
        total = np.zeros(np.prod(shape), dLdy.dtype)
        if self.mode == "max":
            chosen = np.take_along_axis(at, view.argmax(-1)[..., None], -1)
            np.add.at(total, chosen, dLdy[..., None])
        else:
            np.add.at(total, at, dLdy[..., None] / at.shape[-1])
        return total.reshape(shape)[:, p[0] : p[0] + X.shape[1], p[2] : p[2] + X.shape[2]]


class Flatten(LayerBase):
    def __init__(self, keep_dim="first", optimizer=None):
        LayerBase.__init__(self, optimizer)
        self.keep_dim = keep_dim
        self.shapes = []

    def _init_params(self):
        return None

    def forward(self, X, retain_derived=True):
        if retain_derived:
            self.shapes.append(X.shape)
        if self.keep_dim == "first":
            return X.reshape(len(X), -1)
        return X.reshape(-1, X.shape[-1]) if self.keep_dim == "last" else X.reshape(1, -1)

    def backward(self, dLdy, retain_grads=True):
        return dLdy.reshape(self.shapes.pop())
