"""Padding and convolution: as loops, and as one product of matrices.

Pictures are laid out as (n_samples, rows, columns, channels), weights as (kernel rows, kernel columns, input
channels, output channels). Formulas carry the numbers of the README.
"""

import numpy as np


def calc_pad_dims_sameconv_2D(X_shape, out_dim, kernel_shape, stride, dilation=1):
    """Return how many zeros to add so that the output has the rows and columns ``out_dim``: formula (3).

    Parameters
    ----------
    X_shape : tuple
        Shape of the input, (n_samples, in_rows, in_cols, in_ch).
    out_dim : tuple
        Rows and columns that the output must have.
    kernel_shape : tuple
        Rows and columns of the kernel.
    stride, dilation : int
        Step of the window; distance of the pixels within it.

    Returns
    -------
    tuple
        (pr1, pr2, pc1, pc2): rows above, rows below, columns on the left, columns on the right.
    """
    ### BEGIN SOLUTION same_padding: return (pr1, pr2, pc1, pc2) by formula (3), an odd zero at the end
    padding = []
    for size, out, kernel in zip(X_shape[1:3], out_dim, kernel_shape, strict=True):
        reach = dilation * (kernel - 1) + 1
        total = max((out - 1) * stride + reach - size, 0)
        padding += [total // 2, total - total // 2]
    return tuple(padding)
    ### END SOLUTION


def pad2D(X, pad, kernel_shape=None, stride=None, dilation=1):
    """Return X with zeros around its rows and columns, and how many there are.

    Parameters
    ----------
    X : array of shape (n_samples, in_rows, in_cols, in_ch)
    pad : int, 4-tuple, "same" or "valid"
        The same number on all four sides; (above, below, left, right); as many as keep the rows and columns of X,
        for which the next two arguments are needed; none.
    kernel_shape : tuple
        Rows and columns of the kernel.
    stride, dilation : int

    Returns
    -------
    X_pad : array of shape (n_samples, in_rows + pr1 + pr2, in_cols + pc1 + pc2, in_ch)
    p : tuple
        (pr1, pr2, pc1, pc2).
    """
    ### BEGIN SOLUTION pad: return X_pad and (pr1, pr2, pc1, pc2) for each of the four kinds of `pad`
    if isinstance(pad, str) and pad == "same":
        p = calc_pad_dims_sameconv_2D(X.shape, X.shape[1:3], kernel_shape, stride, dilation)
    elif isinstance(pad, str) and pad == "valid":
        p = (0, 0, 0, 0)
    elif isinstance(pad, tuple):
        p = pad
    else:
        p = (pad, pad, pad, pad)
    if any(p):
        X = np.pad(X, ((0, 0), (p[0], p[1]), (p[2], p[3]), (0, 0)))
    return X, p
    ### END SOLUTION


def out_dims(X_shape, kernel_shape, p, stride, dilation=1):
    """Return rows and columns of the output of a convolution or pooling with padding ``p``: formula (2)."""
    rows = X_shape[1] + p[0] + p[1] - dilation * (kernel_shape[0] - 1) - 1
    cols = X_shape[2] + p[2] + p[3] - dilation * (kernel_shape[1] - 1) - 1
    return rows // stride + 1, cols // stride + 1


def conv2D(X, W, stride, pad, dilation=1):
    """Return the convolution (n_samples, out_rows, out_cols, out_ch) of X with W, without bias: formula (1), loops.

    Parameters
    ----------
    X : array of shape (n_samples, in_rows, in_cols, in_ch)
    W : array of shape (kernel_rows, kernel_cols, in_ch, out_ch)
    stride : int
    pad : int, 4-tuple, "same" or "valid"
    dilation : int
    """
    X_pad, p = pad2D(X, pad, W.shape[:2], stride, dilation)
    out_rows, out_cols = out_dims(X.shape, W.shape[:2], p, stride, dilation)
    n_samp, out_ch = X.shape[0], W.shape[3]
    Z = np.zeros((n_samp, out_rows, out_cols, out_ch))
    ### BEGIN SOLUTION conv2d: fill Z by formula (1), looping over samples, output channels, rows and columns
    row_reach = dilation * (W.shape[0] - 1) + 1
    col_reach = dilation * (W.shape[1] - 1) + 1
    for m in range(n_samp):
        for c in range(out_ch):
            for i in range(out_rows):
                for j in range(out_cols):
                    top, left = i * stride, j * stride
                    window = X_pad[m, top : top + row_reach : dilation, left : left + col_reach : dilation, :]
                    Z[m, i, j, c] = np.sum(window * W[:, :, :, c])
    ### END SOLUTION
    return Z


def im2col(X, W_shape, pad, stride, dilation=1):
    """Return the pixels of every window as the columns of a matrix: section 4 of the README.

    Parameters
    ----------
    X : array of shape (n_samples, in_rows, in_cols, in_ch)
        Not padded yet.
    W_shape : tuple
        (kernel_rows, kernel_cols, in_ch, out_ch).
    pad : int, 4-tuple, "same" or "valid"
    stride, dilation : int

    Returns
    -------
    X_col : array of shape (kernel_rows * kernel_cols * in_ch, n_samples * out_rows * out_cols)
        A row for each entry of the kernel, a column for each place of the window. Here a row is counted by kernel
        row, kernel column, channel, and a column by sample, output row, output column.
    p : tuple
        (pr1, pr2, pc1, pc2).
    """
    ### BEGIN SOLUTION im2col: return X_col and p
    fr, fc, in_ch, _ = W_shape
    X_pad, p = pad2D(X, pad, (fr, fc), stride, dilation)
    out_rows, out_cols = out_dims(X.shape, (fr, fc), p, stride, dilation)
    windows = np.empty((X.shape[0], out_rows, out_cols, fr, fc, in_ch), dtype=X.dtype)
    for i in range(fr):
        for j in range(fc):
            rows = slice(i * dilation, i * dilation + (out_rows - 1) * stride + 1, stride)
            cols = slice(j * dilation, j * dilation + (out_cols - 1) * stride + 1, stride)
            windows[:, :, :, i, j, :] = X_pad[:, rows, cols, :]
    # A window lies in memory as one piece; the transpose only turns the view.
    return windows.reshape(-1, fr * fc * in_ch).T, p
    ### END SOLUTION


def col2im(X_col, X_shape, W_shape, pad, stride, dilation=1):
    """Add the columns of a matrix up at the pixels that `im2col` would have taken them from.

    It is the transpose of `im2col`, not its inverse: a pixel that lies in several windows gets the sum.

    Parameters
    ----------
    X_col : array of shape (kernel_rows * kernel_cols * in_ch, n_samples * out_rows * out_cols)
        Rows and columns in the order of `im2col`.
    X_shape : tuple
        (n_samples, in_rows, in_cols, in_ch), without padding.
    W_shape : tuple
        (kernel_rows, kernel_cols, in_ch, out_ch).
    pad : tuple
        (pr1, pr2, pc1, pc2).
    stride, dilation : int

    Returns
    -------
    array of shape (n_samples, in_rows, in_cols, in_ch)
    """
    ### BEGIN SOLUTION col2im: add up the columns in an array with padding, then cut the padding off
    fr, fc, in_ch, _ = W_shape
    n_samp, in_rows, in_cols, _ = X_shape
    pr1, pr2, pc1, pc2 = pad
    out_rows, out_cols = out_dims(X_shape, (fr, fc), pad, stride, dilation)
    windows = X_col.T.reshape(n_samp, out_rows, out_cols, fr, fc, in_ch)
    X_pad = np.zeros((n_samp, in_rows + pr1 + pr2, in_cols + pc1 + pc2, in_ch), dtype=X_col.dtype)
    for i in range(fr):
        for j in range(fc):
            rows = slice(i * dilation, i * dilation + (out_rows - 1) * stride + 1, stride)
            cols = slice(j * dilation, j * dilation + (out_cols - 1) * stride + 1, stride)
            X_pad[:, rows, cols, :] += windows[:, :, :, i, j, :]
    return X_pad[:, pr1 : pr1 + in_rows, pc1 : pc1 + in_cols, :]
    ### END SOLUTION


def conv2D_gemm(X, W, stride=1, pad="same", dilation=1):
    """Return the same as `conv2D`, as one product of matrices: formula (4)."""
    ### BEGIN SOLUTION conv2d_gemm: multiply W, as a matrix, by im2col(X); bring the product into shape
    X_col, p = im2col(X, W.shape, pad, stride, dilation)
    out_rows, out_cols = out_dims(X.shape, W.shape[:2], p, stride, dilation)
    W_col = W.reshape(-1, W.shape[3]).T
    # The columns of the product are counted like those of X_col: sample, row, column.
    Z_col = W_col @ X_col
    return Z_col.T.reshape(X.shape[0], out_rows, out_cols, W.shape[3])
    ### END SOLUTION
