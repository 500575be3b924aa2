"""Loops compiled by Numba."""

import numba
import numpy as np
from chapter6 import LayerBase
from conv import col2im, conv2D, conv2D_gemm, im2col, pad2D, size
from method.activation import ActivationInitializer
from method.weight import WeightInitializer


@numba.njit(cache=False)
def spread(X_pad, W, dY, dX_pad, dW, db, stride, dilation):
    for n in range(dY.shape[0]):
        for r in range(dY.shape[1]):
            for c in range(dY.shape[2]):
                for o in range(dY.shape[3]):
                    share = dY[n, r, c, o]
                    db[o] += share
                    for i in range(W.shape[0]):
                        for j in range(W.shape[1]):
                            row, column = r * stride + i * dilation, c * stride + j * dilation
                            for k in range(W.shape[2]):
                                dW[i, j, k, o] += share * X_pad[n, row, column, k]
                                dX_pad[n, row, column, k] += share * W[i, j, k, o]


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
        self.pad, self.stride, self.dilation = pad, stride, dilation
        self.acti_fn = ActivationInitializer(acti_fn)()
        self.init_weights = WeightInitializer(init_w)
        self.in_ch = None

    def _init_params(self):
        W = self.init_weights((*self.kernel_shape, self.in_ch, self.out_ch)).astype(np.float64)
        self.params = {"W": W, "b": np.zeros((1, 1, 1, self.out_ch))}
        self.gradients = {"W": np.zeros(W.shape), "b": np.zeros((1, 1, 1, self.out_ch))}

    def linear(self, X):
        return conv2D(X, self.params["W"], self.stride, self.pad, self.dilation)

    def forward(self, X, retain_derived=True):
        if self.in_ch is None:
            self.in_ch = X.shape[3]
            self._init_params()
        Y = self.linear(X) + self.params["b"]
        if retain_derived:
            self.X = [X]
            self.derived_variables["Y"] = [Y]
        return self.acti_fn(Y)

    def backward(self, dLda, retain_grads=True):
        (X,), (Y,) = self.X, self.derived_variables["Y"]
        dX, dW, db = self.parts(X, dLda * self.acti_fn.grad(Y))
        if retain_grads:
            self.gradients["W"] = self.gradients["W"] + dW
            self.gradients["b"] = self.gradients["b"] + db
        return dX

    def parts(self, X, dY):
        W = self.params["W"].astype(np.float64)
        X_pad, p = pad2D(X, self.pad, self.kernel_shape, self.stride, self.dilation)
        dX_pad, dW, db = np.zeros(X_pad.shape), np.zeros(W.shape), np.zeros(self.out_ch)
        spread(X_pad, W, dY.astype(np.float64), dX_pad, dW, db, self.stride, self.dilation)
        return dX_pad[:, p[0] : dX_pad.shape[1] - p[1], p[2] : dX_pad.shape[2] - p[3]], dW, db.reshape(1, 1, 1, -1)


class Conv2D_gemm(Conv2D):
    def linear(self, X):
        return conv2D_gemm(X, self.params["W"], self.stride, self.pad, self.dilation)

    def parts(self, X, dY):
        W = self.params["W"]
        X_col, p = im2col(X, W.shape, self.pad, self.stride, self.dilation)
        dY_col = dY.transpose(3, 0, 1, 2).reshape(self.out_ch, -1)
        dX = col2im(W.reshape(-1, self.out_ch) @ dY_col, X.shape, W.shape, p, self.stride, self.dilation)
        return dX, (dY_col @ X_col.T).T.reshape(W.shape), dY.sum(axis=(0, 1, 2)).reshape(1, 1, 1, -1)


@numba.njit(cache=False)
def pool(X_pad, Y, fr, fc, stride, is_max):
    for n in range(Y.shape[0]):
        for r in range(Y.shape[1]):
            for c in range(Y.shape[2]):
                for k in range(Y.shape[3]):
                    window = X_pad[n, r * stride : r * stride + fr, c * stride : c * stride + fc, k]
                    Y[n, r, c, k] = window.max() if is_max else window.mean()


@numba.njit(cache=False)
def unpool(X_pad, dY, dX_pad, fr, fc, stride, is_max):
    for n in range(dY.shape[0]):
        for r in range(dY.shape[1]):
            for c in range(dY.shape[2]):
                for k in range(dY.shape[3]):
                    top, left = r * stride, c * stride
                    if is_max:
                        row, column = top, left
                        for i in range(top, top + fr):
                            for j in range(left, left + fc):
                                if X_pad[n, i, j, k] > X_pad[n, row, column, k]:
                                    row, column = i, j
                        dX_pad[n, row, column, k] += dY[n, r, c, k]
                    else:
                        dX_pad[n, top : top + fr, left : left + fc, k] += dY[n, r, c, k] / (fr * fc)


class Pool2D(LayerBase):
    def __init__(self, kernel_shape, stride=1, pad=0, mode="max", optimizer=None):
        super().__init__(optimizer)
        self.kernel_shape, self.stride, self.pad, self.mode = kernel_shape, stride, pad, mode

    def _init_params(self):
        pass

    def forward(self, X, retain_derived=True):
        (fr, fc), s = self.kernel_shape, self.stride
        X_pad, p = pad2D(X, self.pad, (fr, fc), s)
        rows, columns = size(X.shape[1], p[0], p[1], fr, s, 1), size(X.shape[2], p[2], p[3], fc, s, 1)
        Y = np.zeros((X.shape[0], rows, columns, X.shape[3]))
        pool(X_pad, Y, fr, fc, s, self.mode == "max")
        if retain_derived:
            self.X = [X]
        return Y

    def backward(self, dLdy, retain_grads=True):
        X_pad, p = pad2D(self.X[0], self.pad, self.kernel_shape, self.stride)
        dX_pad = np.zeros(X_pad.shape)
        unpool(X_pad, dLdy, dX_pad, *self.kernel_shape, self.stride, self.mode == "max")
        return dX_pad[:, p[0] : X_pad.shape[1] - p[1], p[2] : X_pad.shape[2] - p[3]]


class Flatten(LayerBase):
    def __init__(self, keep_dim="first", optimizer=None):
        super().__init__(optimizer)
        self.keep_dim = keep_dim

    def _init_params(self):
        pass

    def forward(self, X, retain_derived=True):
        if retain_derived:
            self.shape = X.shape
        shape = {"first": (len(X), -1), "last": (-1, X.shape[-1]), "none": (1, -1)}[self.keep_dim]
        return np.reshape(X, shape)

    def backward(self, dLdy, retain_grads=True):
        return np.reshape(dLdy, self.shape)
