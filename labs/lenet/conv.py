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
    # TODO(same_padding): return (pr1, pr2, pc1, pc2) by formula (3), an odd zero at the end
    raise NotImplementedError("TODO same_padding: return (pr1, pr2, pc1, pc2) by formula (3), an odd zero at the end")


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
    # TODO(pad): return X_pad and (pr1, pr2, pc1, pc2) for each of the four kinds of `pad`
    raise NotImplementedError("TODO pad: return X_pad and (pr1, pr2, pc1, pc2) for each of the four kinds of `pad`")


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
    # TODO(conv2d): fill Z by formula (1), looping over samples, output channels, rows and columns
    raise NotImplementedError("TODO conv2d: fill Z by formula (1), looping over samples, output channels, rows and columns")
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
    # TODO(im2col): return X_col and p
    raise NotImplementedError("TODO im2col: return X_col and p")


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
    # TODO(col2im): add up the columns in an array with padding, then cut the padding off
    raise NotImplementedError("TODO col2im: add up the columns in an array with padding, then cut the padding off")


def conv2D_gemm(X, W, stride=1, pad="same", dilation=1):
    """Return the same as `conv2D`, as one product of matrices: formula (4)."""
    # TODO(conv2d_gemm): multiply W, as a matrix, by im2col(X); bring the product into shape
    raise NotImplementedError("TODO conv2d_gemm: multiply W, as a matrix, by im2col(X); bring the product into shape")
