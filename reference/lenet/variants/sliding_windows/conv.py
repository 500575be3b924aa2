"""sliding_window_view and einsum; the rows of im2col count the channel first, its columns the sample last."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def calc_pad_dims_sameconv_2D(X_shape, out_dim, kernel_shape, stride, dilation=1):
    sizes = []
    for have, want, kernel in zip(X_shape[1:3], out_dim, kernel_shape):
        need = (want - 1) * stride + (kernel - 1) * dilation + 1 - have
        sizes.append((math.floor(need / 2), math.ceil(need / 2)))
    return sizes[0] + sizes[1]


def pad2D(X, pad, kernel_shape=None, stride=None, dilation=1):
    kinds = {
        "same": lambda: calc_pad_dims_sameconv_2D(X.shape, X.shape[1:3], kernel_shape, stride, dilation),
        "valid": lambda: (0, 0, 0, 0),
    }
    p = kinds[pad]() if isinstance(pad, str) else pad if isinstance(pad, tuple) else (pad,) * 4
    return np.pad(X, [(0, 0), p[:2], p[2:], (0, 0)], mode="constant"), p


def windows(X_pad, kernel, stride, dilation):
    """Return a view (n, rows, columns, channels, kernel rows, kernel columns)."""
    reach = tuple((size - 1) * dilation + 1 for size in kernel)
    view = sliding_window_view(X_pad, reach, axis=(1, 2))
    return view[:, ::stride, ::stride, :, ::dilation, ::dilation]


def conv2D(X, W, stride, pad, dilation=1):
    X_pad, _ = pad2D(X, pad, W.shape[:2], stride, dilation)
    return np.einsum("nrckij,ijko->nrco", windows(X_pad, W.shape[:2], stride, dilation), W, optimize=True)


def im2col(X, W_shape, pad, stride, dilation=1):
    X_pad, p = pad2D(X, pad, W_shape[:2], stride, dilation)
    view = windows(X_pad, W_shape[:2], stride, dilation)
    return view.transpose(3, 4, 5, 1, 2, 0).reshape(W_shape[0] * W_shape[1] * W_shape[2], -1), p


def col2im(X_col, X_shape, W_shape, pad, stride, dilation=1):
    n, rows, columns, channels = X_shape
    total = np.zeros((n, rows + pad[0] + pad[1], columns + pad[2] + pad[3], channels))
    numbers = np.arange(total.size).reshape(total.shape)
    at = windows(numbers, W_shape[:2], stride, dilation).transpose(3, 4, 5, 1, 2, 0).ravel()
    total = np.bincount(at, weights=X_col.ravel(), minlength=total.size).reshape(total.shape)
    return total[:, pad[0] : pad[0] + rows, pad[2] : pad[2] + columns]


def conv2D_gemm(X, W, stride=1, pad="same", dilation=1):
    X_pad, _ = pad2D(X, pad, W.shape[:2], stride, dilation)
    view = windows(X_pad, W.shape[:2], stride, dilation)
    return np.tensordot(view, W, axes=((3, 4, 5), (2, 0, 1)))
