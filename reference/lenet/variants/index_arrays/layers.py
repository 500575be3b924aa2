"""In the manner of the chapter: lists of what forward passes kept, gradients of lists, float32."""

import numpy as np
from chapter6 import LayerBase
from conv import col2im, conv2D, conv2D_gemm, im2col, pad2D
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
        self.pad = pad
        self.in_ch = None
        self.out_ch = out_ch
        self.stride = stride
        self.dilation = dilation
        self.kernel_shape = kernel_shape
        self.init_weights = WeightInitializer(mode=init_w)
        self.acti_fn = ActivationInitializer(acti_fn)()
        self.is_initialized = False

    def _init_params(self):
        W = self.init_weights((*self.kernel_shape, self.in_ch, self.out_ch))
        b = np.zeros((1, 1, 1, self.out_ch), np.float32)
        self.params = {"W": W, "b": b}
        self.gradients = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
        self.derived_variables = {"Y": []}
        self.is_initialized = True

    def _convolve(self, X):
        return conv2D(X, self.params["W"], self.stride, self.pad, self.dilation)

    def forward(self, X, retain_derived=True):
        if not self.is_initialized:
            self.in_ch = X.shape[3]
            self._init_params()
        Y = self._convolve(X) + self.params["b"]
        if retain_derived:
            self.X.append(X)
            self.derived_variables["Y"].append(Y)
        return self.acti_fn(Y)

    def backward(self, dLda, retain_grads=True):
        if not isinstance(dLda, list):
            dLda = [dLda]
        dXs = []
        for X, Y, da in zip(self.X, self.derived_variables["Y"], dLda):
            dX, dW, db = self._bwd(np.float32(da * self.acti_fn.grad(Y)), X)
            dXs.append(dX)
            if retain_grads:
                self.gradients["W"] += dW
                self.gradients["b"] += db
        return dXs[0] if len(dXs) == 1 else dXs

    def _bwd(self, dY, X):
        W, s, d = np.float32(self.params["W"]), self.stride, self.dilation
        X_pad, p = pad2D(X, self.pad, self.kernel_shape, s, d)
        dX, dW = np.zeros_like(X_pad), np.zeros_like(W)
        high, wide = ((size - 1) * d + 1 for size in self.kernel_shape)
        for i in range(dY.shape[1]):
            for j in range(dY.shape[2]):
                place = (slice(None), slice(i * s, i * s + high, d), slice(j * s, j * s + wide, d))
                dW += np.einsum("nijk,no->ijko", X_pad[place], dY[:, i, j])
                dX[place] += np.einsum("ijko,no->nijk", W, dY[:, i, j])
        last = X.shape[1] + p[0], X.shape[2] + p[2]
        return dX[:, p[0] : last[0], p[2] : last[1]], dW, dY.sum((0, 1, 2)).reshape(1, 1, 1, -1)


class Conv2D_gemm(Conv2D):
    def _convolve(self, X):
        return conv2D_gemm(X, self.params["W"], self.stride, self.pad, self.dilation)

    def _bwd(self, dY, X):
        W = self.params["W"]
        fr, fc, in_ch, out_ch = W.shape
        dY_col = dY.transpose(3, 1, 2, 0).reshape(out_ch, -1)
        W_col = np.float32(W).transpose(3, 2, 0, 1).reshape(out_ch, -1).T
        X_col, p = im2col(X, W.shape, self.pad, self.stride, self.dilation)
        dW = (dY_col @ X_col.T).reshape(out_ch, in_ch, fr, fc).transpose(2, 3, 1, 0)
        dX = col2im(W_col @ dY_col, X.shape, W.shape, p, self.stride, self.dilation).transpose(0, 2, 3, 1)
        return dX, dW, dY_col.sum(axis=1).reshape(1, 1, 1, -1)


class Pool2D(LayerBase):
    def __init__(self, kernel_shape, stride=1, pad=0, mode="max", optimizer=None):
        super().__init__(optimizer)
        self.pad = pad
        self.mode = mode
        self.stride = stride
        self.kernel_shape = kernel_shape

    def _init_params(self):
        self.derived_variables = {}

    def forward(self, X, retain_derived=True):
        (fr, fc), s = self.kernel_shape, self.stride
        X_pad, _ = pad2D(X, self.pad, self.kernel_shape, s)
        rows, columns = (X_pad.shape[1] - fr) // s + 1, (X_pad.shape[2] - fc) // s + 1
        Y = np.zeros((len(X), rows, columns, X.shape[3]), np.float32)
        function = np.max if self.mode == "max" else np.mean
        for i in range(rows):
            for j in range(columns):
                Y[:, i, j] = function(X_pad[:, i * s : i * s + fr, j * s : j * s + fc], axis=(1, 2))
        if retain_derived:
            self.X.append(X)
        return Y

    def backward(self, dLdy, retain_grads=True):
        (fr, fc), s = self.kernel_shape, self.stride
        X = self.X[0]
        X_pad, p = pad2D(X, self.pad, self.kernel_shape, s)
        dX = np.zeros_like(X_pad)
        for i in range(dLdy.shape[1]):
            for j in range(dLdy.shape[2]):
                place = (slice(None), slice(i * s, i * s + fr), slice(j * s, j * s + fc))
                dy = dLdy[:, i, j]
                if self.mode == "average":
                    dX[place] += dy[:, None, None] / (fr * fc)
                    continue
                flat = X_pad[place].reshape(len(X), fr * fc, -1)
                mask = np.arange(fr * fc)[None, :, None] == flat.argmax(axis=1)[:, None]
                dX[place] += (mask * dy[:, None]).reshape(len(X), fr, fc, -1)
        return dX[:, p[0] : p[0] + X.shape[1], p[2] : p[2] + X.shape[2]]


class Flatten(LayerBase):
    def __init__(self, keep_dim="first", optimizer=None):
        super().__init__(optimizer)
        self.keep_dim = keep_dim
        self._init_params()

    def _init_params(self):
        self.derived_variables = {"in_dims": []}

    def forward(self, X, retain_derived=True):
        if retain_derived:
            self.derived_variables["in_dims"].append(X.shape)
        if self.keep_dim == "none":
            return X.flatten().reshape(1, -1)
        return X.reshape(X.shape[0], -1) if self.keep_dim == "first" else X.reshape(-1, X.shape[-1])

    def backward(self, dLdy, retain_grads=True):
        return dLdy.reshape(*self.derived_variables["in_dims"][-1])
