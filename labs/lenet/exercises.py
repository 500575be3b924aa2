"""Exercises beyond the score: other convolutions and poolings, and an experiment. Section 8 of the README.

Hand this file in or leave it out; the score does not change.
"""

import numpy as np
from conv import conv2D_gemm, pad2D


def dilated_kernel(W, dilation):
    """Return W with ``dilation - 1`` rows and columns of zeros between its entries.

    Parameters
    ----------
    W : array of shape (kernel_rows, kernel_cols, in_ch, out_ch)
    dilation : int

    Returns
    -------
    array of shape (dilation * (kernel_rows - 1) + 1, dilation * (kernel_cols - 1) + 1, in_ch, out_ch)
    """
    # TODO(dilated_kernel): return the kernel with zeros between its entries
    raise NotImplementedError("TODO dilated_kernel: return the kernel with zeros between its entries")


def grouped_conv2D(X, W, groups, stride, pad, dilation=1):
    """Return the convolution in groups: formula (9).

    Parameters
    ----------
    X : array of shape (n_samples, in_rows, in_cols, in_ch)
    W : array of shape (kernel_rows, kernel_cols, in_ch / groups, out_ch)
        Of the output channels, the first out_ch / groups belong to the first group, and so on.
    groups, stride, dilation : int
    pad : int, 4-tuple, "same" or "valid"
    """
    # TODO(grouped_convolution): convolve each group by itself, put the results side by side
    raise NotImplementedError("TODO grouped_convolution: convolve each group by itself, put the results side by side")


def depthwise_separable_conv2D(X, W_depth, W_point, stride, pad, dilation=1):
    """Return a convolution of every channel by itself, and then one with a 1 x 1 kernel: formula (10).

    Parameters
    ----------
    X : array of shape (n_samples, in_rows, in_cols, in_ch)
    W_depth : array of shape (kernel_rows, kernel_cols, 1, in_ch)
    W_point : array of shape (1, 1, in_ch, out_ch)
    stride, dilation : int
        Of the first of the two; the second has 1 and 1, and no padding.
    pad : int, 4-tuple, "same" or "valid"
    """
    # TODO(depthwise_separable): a group for each channel, then the 1 x 1 convolution
    raise NotImplementedError("TODO depthwise_separable: a group for each channel, then the 1 x 1 convolution")


def parameter_counts(kernel_shape, in_ch, out_ch, groups):
    """Return the numbers of weights (no bias) of a plain, a grouped and a depthwise separable convolution."""
    # TODO(parameter_counts): return the three numbers of the table in section 8
    raise NotImplementedError("TODO parameter_counts: return the three numbers of the table in section 8")


def lp_pool2D(X, kernel_shape, stride, p, pad=0):
    """Return (sum |x|^p)^(1/p) of every window, channel by channel: formula (11).

    X is (n_samples, in_rows, in_cols, in_ch), the result (n_samples, out_rows, out_cols, in_ch).
    """
    # TODO(lp_pooling): return the L^p norm of every window
    raise NotImplementedError("TODO lp_pooling: return the L^p norm of every window")


def global_average_pool(X):
    """Return the mean over rows and columns, (n_samples, in_ch)."""
    # TODO(global_average_pool): return the mean of every channel of every sample
    raise NotImplementedError("TODO global_average_pool: return the mean of every channel of every sample")


def equivariance_error(function, X, rows, cols, margin):
    """Return how far a function is from being equivariant to shifts: section 8.

    Shift X down by ``rows`` and right by ``cols`` (`numpy.roll` over axes 1 and 2) and apply ``function``; apply it
    and then shift. The result is the largest magnitude of the difference, without ``margin`` rows and columns on
    all four sides, where the border shows. 0 is equivariant.

    Parameters
    ----------
    function : callable
        Takes and returns arrays (n_samples, rows, cols, channels); rows and columns stay as many.
    X : array of shape (n_samples, in_rows, in_cols, in_ch)
    rows, cols, margin : int
    """
    # TODO(equivariance): return the largest difference as a float
    raise NotImplementedError("TODO equivariance: return the largest difference as a float")
