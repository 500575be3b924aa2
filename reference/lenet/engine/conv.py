"""Padding and convolution on the engine, to compare the solution with and to time; see `exactness`.

The engine never builds the matrix of im2col. Here it is the output of a convolution each of whose kernels is 1 at
one place and 0 elsewhere, and col2im is the input gradient of that convolution.
"""

import numpy as np
from engine import conv2d, conv2d_backward
from engine.plain import working_type
from exactness import EXACT

DTYPE = working_type(EXACT)


def calc_pad_dims_sameconv_2D(X_shape, out_dim, kernel_shape, stride, dilation=1):
    sides = ()
    for axis in (0, 1):
        last = (out_dim[axis] - 1) * stride + dilation * (kernel_shape[axis] - 1)
        missing = max(last + 1 - X_shape[1 + axis], 0)
        sides += (missing // 2, (missing + 1) // 2)
    return sides


def pad2D(X, pad, kernel_shape=None, stride=None, dilation=1):
    if isinstance(pad, str):
        same = pad == "same"
        p = calc_pad_dims_sameconv_2D(X.shape, X.shape[1:3], kernel_shape, stride, dilation) if same else (0,) * 4
    else:
        p = pad if isinstance(pad, tuple) else (pad,) * 4
    n_samp, rows, cols, channels = X.shape
    padded = np.zeros((n_samp, rows + p[0] + p[1], cols + p[2] + p[3], channels), X.dtype)
    padded[:, p[0] : p[0] + rows, p[2] : p[2] + cols] = X
    return padded, p


def settings(stride, dilation):
    """Return the engine's keywords; padding has been done before."""
    return {"stride": stride, "dilation": dilation, "layout": "NHWC", "exact": EXACT}


def outputs_first(W):
    """Return a weight (rows, columns, in, out) as the engine takes it: (out, in, rows, columns)."""
    return np.ascontiguousarray(np.transpose(W, (3, 2, 0, 1)), DTYPE)


def conv2D(X, W, stride, pad, dilation=1):
    X_pad, _ = pad2D(np.asarray(X, DTYPE), pad, W.shape[:2], stride, dilation)
    return conv2d(X_pad, outputs_first(W), **settings(stride, dilation))


def conv2D_gradients(X, W, grad, stride, pad, dilation=1):
    """Return the gradients of X and of W for that of the output."""
    X_pad, p = pad2D(np.asarray(X, DTYPE), pad, W.shape[:2], stride, dilation)
    found = conv2d_backward(np.asarray(grad, DTYPE), X_pad, outputs_first(W), **settings(stride, dilation))
    return cropped(found.inputs, p, X.shape), np.transpose(found.weight, (2, 3, 1, 0))


def cropped(padded, p, shape):
    """Return an array without the padding."""
    return padded[:, p[0] : p[0] + shape[1], p[2] : p[2] + shape[2]]


def one_hot_kernels(W_shape):
    """Return a kernel for each row of X_col, counted by kernel row, kernel column, channel."""
    rows, cols, channels, _ = W_shape
    kernels = np.eye(rows * cols * channels, dtype=DTYPE).reshape(-1, rows, cols, channels)
    return np.ascontiguousarray(kernels.transpose(0, 3, 1, 2))


def im2col(X, W_shape, pad, stride, dilation=1):
    X_pad, p = pad2D(np.asarray(X, DTYPE), pad, W_shape[:2], stride, dilation)
    windows = conv2d(X_pad, one_hot_kernels(W_shape), **settings(stride, dilation))
    return windows.reshape(-1, windows.shape[3]).T, p


def col2im(X_col, X_shape, W_shape, pad, stride, dilation=1):
    X_pad, p = pad2D(np.zeros(X_shape, DTYPE), tuple(pad))
    kernels = one_hot_kernels(W_shape)
    n_samp, rows, cols, _ = conv2d(X_pad, kernels, **settings(stride, dilation)).shape
    grad = np.ascontiguousarray(X_col.T, DTYPE).reshape(n_samp, rows, cols, -1)
    found = conv2d_backward(grad, X_pad, kernels, need_weight=False, need_bias=False, **settings(stride, dilation))
    return cropped(found.inputs, p, X_shape)


def conv2D_gemm(X, W, stride=1, pad="same", dilation=1):
    return conv2D(X, W, stride, pad, dilation)
