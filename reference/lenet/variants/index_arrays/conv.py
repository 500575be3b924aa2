"""In the manner of the chapter: arrays of indices, np.add.at, channels first inside, float32."""

import numpy as np


def calc_pad_dims_sameconv_2D(X_shape, out_dim, kernel_shape, stride, dilation=1):
    pads = ()
    for axis in (0, 1):
        wide = kernel_shape[axis] + (kernel_shape[axis] - 1) * (dilation - 1)
        one = int((stride * (out_dim[axis] - 1) + wide - X_shape[axis + 1]) / 2)
        reached = int(1 + (X_shape[axis + 1] + 2 * one - wide) / stride)
        pads += (one, one) if reached == out_dim[axis] else (one, one + 1)
    return pads


def pad2D(X, pad, kernel_shape=None, stride=None, dilation=1):
    X = np.asarray(X, dtype=np.float32)
    if isinstance(pad, int):
        pad = (pad, pad, pad, pad)
    if pad == "same":
        return pad2D(X, calc_pad_dims_sameconv_2D(X.shape, X.shape[1:3], kernel_shape, stride, dilation))
    if pad == "valid":
        return pad2D(X, (0, 0, 0, 0))
    return np.pad(X, ((0, 0), (pad[0], pad[1]), (pad[2], pad[3]), (0, 0))), pad


def conv2D(X, W, stride, pad, dilation=1):
    X_pad, _ = pad2D(X, pad, W.shape[:2], stride, dilation)
    fr, fc, _, out_ch = W.shape
    high, wide = fr + (fr - 1) * (dilation - 1), fc + (fc - 1) * (dilation - 1)
    rows = (X_pad.shape[1] - high) // stride + 1
    columns = (X_pad.shape[2] - wide) // stride + 1
    Z = np.zeros((len(X), rows, columns, out_ch), dtype=np.float32)
    for i in range(rows):
        for j in range(columns):
            window = X_pad[:, i * stride : i * stride + high : dilation, j * stride : j * stride + wide : dilation]
            Z[:, i, j] = np.tensordot(window, W.astype(np.float32), 3)
    return Z


def _im2col_indices(X_shape, fr, fc, p, s, d=1):
    _, in_ch, in_rows, in_cols = X_shape
    rows = (in_rows + p[0] + p[1] - (fr - 1) * d - 1) // s + 1
    columns = (in_cols + p[2] + p[3] - (fc - 1) * d - 1) // s + 1
    k, i, j = (part.reshape(-1, 1) for part in np.indices((in_ch, fr, fc)))
    down, right = (part.reshape(1, -1) for part in np.indices((rows, columns)))
    return k, i * d + down * s, j * d + right * s


def im2col(X, W_shape, pad, stride, dilation=1):
    fr, fc, in_ch, _ = W_shape
    n, in_rows, in_cols, _ = X.shape
    X_pad, p = pad2D(X, pad, W_shape[:2], stride, dilation)
    k, i, j = _im2col_indices((n, in_ch, in_rows, in_cols), fr, fc, p, stride, dilation)
    return X_pad.transpose(0, 3, 1, 2)[:, k, i, j].transpose(1, 2, 0).reshape(fr * fc * in_ch, -1), p


def col2im(X_col, X_shape, W_shape, pad, stride, dilation=1):
    """Return the channels first, as the chapter does; whoever calls it turns the result round."""
    pr1, pr2, pc1, pc2 = pad
    fr, fc, in_ch, _ = W_shape
    n, in_rows, in_cols, _ = X_shape
    X_pad = np.zeros((n, in_ch, in_rows + pr1 + pr2, in_cols + pc1 + pc2), dtype=np.float32)
    k, i, j = _im2col_indices((n, in_ch, in_rows, in_cols), fr, fc, pad, stride, dilation)
    np.add.at(X_pad, (slice(None), k, i, j), X_col.reshape(in_ch * fr * fc, -1, n).transpose(2, 0, 1))
    return X_pad[:, :, pr1 : pr1 + in_rows, pc1 : pc1 + in_cols]


def conv2D_gemm(X, W, stride=1, pad="same", dilation=1):
    n, in_rows, in_cols, _ = X.shape
    fr, fc, _, out_ch = W.shape
    X_col, p = im2col(X, W.shape, pad, stride, dilation)
    rows = (in_rows + p[0] + p[1] - (fr - 1) * dilation - 1) // stride + 1
    columns = (in_cols + p[2] + p[3] - (fc - 1) * dilation - 1) // stride + 1
    W_col = W.astype(np.float32).transpose(3, 2, 0, 1).reshape(out_ch, -1)
    return (W_col @ X_col).reshape(out_ch, rows, columns, n).transpose(3, 1, 2, 0)
