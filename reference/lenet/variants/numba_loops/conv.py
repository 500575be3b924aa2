"""Loops compiled by Numba; the columns of im2col count the sample first, its rows kernel row, column, channel."""

import numba
import numpy as np


def calc_pad_dims_sameconv_2D(X_shape, out_dim, kernel_shape, stride, dilation=1):
    found = []
    for axis in range(2):
        reach = kernel_shape[axis] + (kernel_shape[axis] - 1) * (dilation - 1)
        missing = stride * (out_dim[axis] - 1) + reach - X_shape[1 + axis]
        before = missing // 2
        found.append(before)
        found.append(missing - before)
    return tuple(found)


def pad2D(X, pad, kernel_shape=None, stride=None, dilation=1):
    if pad == "same":
        pad = calc_pad_dims_sameconv_2D(X.shape, X.shape[1:3], kernel_shape, stride, dilation)
    if pad == "valid":
        pad = 0
    if isinstance(pad, int):
        pad = (pad,) * 4
    top, bottom, left, right = pad
    n, rows, columns, channels = X.shape
    X_pad = np.zeros((n, rows + top + bottom, columns + left + right, channels))
    X_pad[:, top : top + rows, left : left + columns] = X
    return X_pad, tuple(pad)


def size(length, before, after, kernel, stride, dilation):
    return (length + before + after - (kernel - 1) * dilation - 1) // stride + 1


@numba.njit(cache=False)
def convolve(X_pad, W, Z, stride, dilation):
    for n in range(Z.shape[0]):
        for r in range(Z.shape[1]):
            for c in range(Z.shape[2]):
                for o in range(Z.shape[3]):
                    total = 0.0
                    for i in range(W.shape[0]):
                        for j in range(W.shape[1]):
                            for k in range(W.shape[2]):
                                total += X_pad[n, r * stride + i * dilation, c * stride + j * dilation, k] * W[i, j, k, o]
                    Z[n, r, c, o] = total


def conv2D(X, W, stride, pad, dilation=1):
    X_pad, p = pad2D(X, pad, W.shape[:2], stride, dilation)
    rows = size(X.shape[1], p[0], p[1], W.shape[0], stride, dilation)
    columns = size(X.shape[2], p[2], p[3], W.shape[1], stride, dilation)
    Z = np.zeros((X.shape[0], rows, columns, W.shape[3]))
    convolve(X_pad, W.astype(np.float64), Z, stride, dilation)
    return Z


@numba.njit(cache=False)
def gather(X_pad, X_col, fr, fc, rows, columns, stride, dilation):
    channels = X_pad.shape[3]
    for n in range(X_pad.shape[0]):
        for r in range(rows):
            for c in range(columns):
                place = (n * rows + r) * columns + c
                for i in range(fr):
                    for j in range(fc):
                        for k in range(channels):
                            entry = (i * fc + j) * channels + k
                            X_col[entry, place] = X_pad[n, r * stride + i * dilation, c * stride + j * dilation, k]


@numba.njit(cache=False)
def scatter(X_col, X_pad, fr, fc, rows, columns, stride, dilation):
    channels = X_pad.shape[3]
    for n in range(X_pad.shape[0]):
        for r in range(rows):
            for c in range(columns):
                place = (n * rows + r) * columns + c
                for i in range(fr):
                    for j in range(fc):
                        for k in range(channels):
                            entry = (i * fc + j) * channels + k
                            X_pad[n, r * stride + i * dilation, c * stride + j * dilation, k] += X_col[entry, place]


def im2col(X, W_shape, pad, stride, dilation=1):
    fr, fc, channels, _ = W_shape
    X_pad, p = pad2D(X, pad, (fr, fc), stride, dilation)
    rows = size(X.shape[1], p[0], p[1], fr, stride, dilation)
    columns = size(X.shape[2], p[2], p[3], fc, stride, dilation)
    X_col = np.empty((fr * fc * channels, X.shape[0] * rows * columns))
    gather(X_pad, X_col, fr, fc, rows, columns, stride, dilation)
    return X_col, p


def col2im(X_col, X_shape, W_shape, pad, stride, dilation=1):
    fr, fc, channels, _ = W_shape
    top, bottom, left, right = pad
    n, height, width, _ = X_shape
    X_pad = np.zeros((n, height + top + bottom, width + left + right, channels))
    rows = size(height, top, bottom, fr, stride, dilation)
    columns = size(width, left, right, fc, stride, dilation)
    scatter(np.ascontiguousarray(X_col, dtype=np.float64), X_pad, fr, fc, rows, columns, stride, dilation)
    return X_pad[:, top : top + height, left : left + width]


def conv2D_gemm(X, W, stride=1, pad="same", dilation=1):
    X_col, p = im2col(X, W.shape, pad, stride, dilation)
    rows = size(X.shape[1], p[0], p[1], W.shape[0], stride, dilation)
    columns = size(X.shape[2], p[2], p[3], W.shape[1], stride, dilation)
    product = np.ascontiguousarray(W.astype(np.float64).reshape(-1, W.shape[3]).T) @ X_col
    return product.reshape(W.shape[3], X.shape[0], rows, columns).transpose(1, 2, 3, 0)
