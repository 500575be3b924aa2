"""Mistakes in padding, convolution, im2col and col2im."""

from grader.publishing.misconceptions import mistakes_in

same_padding = mistakes_in("same_padding", "padding", formula="formula (3) of the README")
pad = mistakes_in("pad", "padding", formula="section 3 of the README")
conv2d = mistakes_in("conv2d", "conv2d", formula="formula (1) of the README")
im2col = mistakes_in("im2col", "im2col", formula="section 4 of the README")
col2im = mistakes_in("col2im", "col2im", formula="section 4 of the README")
conv2d_gemm = mistakes_in("conv2d_gemm", "conv2d_gemm", formula="formula (4) of the README")

MISCONCEPTIONS = [
    same_padding(
        "same_odd_zero_in_front",
        "odd zero of `same` put in front",
        "Where `same` needs an odd number of zeros, the one more belongs at the end: below and on the right.",
        ("[total // 2, total - total // 2]", "[total - total // 2, total // 2]"),
        common=True,
    ),
    same_padding(
        "same_symmetric",
        "same number of zeros on both sides, whatever is needed",
        "With an even kernel, `same` needs an odd number of zeros; half of it, rounded down on both sides, leaves "
        "the output one row or column short. Put one more at the end.",
        ("total - total // 2", "total // 2"),
    ),
    same_padding(
        "same_without_dilation",
        "dilation left out of `same`",
        "The zeros of `same` are counted for the kernel itself: with dilation r it reaches over r (f - 1) + 1 "
        "pixels.",
        ("dilation * (kernel - 1) + 1", "kernel"),
    ),
    pad(
        "pad_order_columns_first",
        "four numbers read as left, right, above, below",
        "The four numbers are rows above, rows below, columns on the left, columns on the right, in this order.",
        ("((0, 0), (p[0], p[1]), (p[2], p[3]), (0, 0))", "((0, 0), (p[2], p[3]), (p[0], p[1]), (0, 0))"),
    ),
    pad(
        "pad_axes_of_nchw",
        "zeros added around the channels",
        "The zeros are added around axes 2 and 3, as for (N, C, H, W). Here rows and columns are axes 1 and 2.",
        ("((0, 0), (p[0], p[1]), (p[2], p[3]), (0, 0))", "((0, 0), (0, 0), (p[0], p[1]), (p[2], p[3]))"),
    ),
    pad(
        "pad_with_edge_values",
        "border repeated instead of zeros",
        "The border of the picture is repeated: the padding is made of zeros.",
        (", 0)))", ', 0)), mode="edge")'),
    ),
    pad(
        "pad_returns_only_the_picture",
        "padding not returned beside the picture",
        "pad2D returns two things: the padded picture and the four numbers (pr1, pr2, pc1, pc2).",
        ("return X, p", "return X"),
        symptom="must return two things",
    ),
    pad(
        "pad_returned_as_given",
        "padding returned as it was given",
        "The second thing that pad2D returns is always four numbers, also where one number or a word was given.",
        ("return X, p", "return X, pad"),
    ),
    conv2d(
        "conv_stride_ignored",
        "stride not used for the window's place",
        "The window seems to move by one pixel whatever the stride: it starts at row i * stride, column j * "
        "stride.",
        ("top, left = i * stride, j * stride", "top, left = i, j"),
        common=True,
    ),
    conv2d(
        "conv_rows_and_columns_exchanged",
        "row and column of the window exchanged",
        "Row and column of the output seem to be exchanged in the window's place.",
        ("top, left = i * stride, j * stride", "top, left = j * stride, i * stride"),
        reads_outside=True,
    ),
    conv2d(
        "conv_dilation_ignored",
        "dilation not used inside the window",
        "The pixels of a window seem to lie side by side: with dilation r they lie r pixels apart.",
        (
            "X_pad[m, top : top + row_reach : dilation, left : left + col_reach : dilation, :]",
            "X_pad[m, top : top + W.shape[0], left : left + W.shape[1], :]",
        ),
        common=True,
    ),
    conv2d(
        "conv_window_stepped_by_stride",
        "stride used inside the window",
        "Inside a window the step is the dilation. The stride is the step from one window to the next.",
        (
            "X_pad[m, top : top + row_reach : dilation, left : left + col_reach : dilation, :]",
            "X_pad[m, top : top + stride * (W.shape[0] - 1) + 1 : stride, left : left + stride * (W.shape[1] - 1) "
            "+ 1 : stride, :]",
        ),
    ),
    conv2d(
        "conv_kernel_flipped",
        "kernel turned by 180 degrees",
        "The kernel is turned round, as in the mathematical convolution. Networks use the cross-correlation: the "
        "kernel as it is.",
        ("W[:, :, :, c]", "W[::-1, ::-1, :, c]"),
        common=True,
    ),
    conv2d(
        "conv_last_channel_only",
        "only one input channel used",
        "The sum runs over one input channel; it runs over all of them.",
        ("window * W[:, :, :, c]", "window[:, :, -1] * W[:, :, -1, c]"),
    ),
    conv2d(
        "conv_mean_instead_of_sum",
        "mean of the products instead of their sum",
        "Each output is the sum of the products over the window, not their mean.",
        ("np.sum", "np.mean"),
    ),
    conv2d(
        "conv_first_sample_only",
        "every output computed from the first sample",
        "All samples give the output of the first one: use the sample's index for the window, too.",
        ("window = X_pad[m, top : top", "window = X_pad[0, top : top"),
    ),
    conv2d(
        "conv_unpadded_picture",
        "window taken from the picture without padding",
        "The window is taken from X: it must come from X_pad, or the padding has no effect.",
        (
            "Z[m, i, j, c] = np.sum(window * W[:, :, :, c])",
            "window = X[m, top : top + row_reach : dilation, left : left + col_reach : dilation, :]\n"
            "part = W[: window.shape[0], : window.shape[1], :, c]\n"
            "Z[m, i, j, c] = np.sum(window * part)",
        ),
    ),
    im2col(
        "im2col_stride_ignored",
        "stride left out of im2col",
        "The windows of im2col seem to lie one pixel apart whatever the stride.",
        ("(out_rows - 1) * stride + 1, stride", "out_rows"),
        ("(out_cols - 1) * stride + 1, stride", "out_cols"),
        common=True,
    ),
    im2col(
        "im2col_dilation_ignored",
        "dilation left out of im2col",
        "The pixels of a window of im2col seem to lie side by side whatever the dilation.",
        (
            "rows = slice(i * dilation, i * dilation + (out_rows - 1) * stride + 1, stride)",
            "rows = slice(i, i + (out_rows - 1) * stride + 1, stride)",
        ),
        (
            "cols = slice(j * dilation, j * dilation + (out_cols - 1) * stride + 1, stride)",
            "cols = slice(j, j + (out_cols - 1) * stride + 1, stride)",
        ),
        common=True,
    ),
    im2col(
        "im2col_transposed",
        "windows in the rows instead of the columns",
        "X_col is transposed: a window is a column, so the shape is (f_r f_c C_in, N H_out W_out).",
        ("windows.reshape(-1, fr * fc * in_ch).T", "windows.reshape(-1, fr * fc * in_ch)"),
    ),
    im2col(
        "im2col_reshaped_instead_of_transposed",
        "matrix reshaped where axes should be moved",
        "The matrix has the right shape, but its columns are not windows: reshape keeps the numbers in their "
        "order; move the axes with transpose first.",
        ("windows.reshape(-1, fr * fc * in_ch).T", "windows.reshape(fr * fc * in_ch, -1)"),
    ),
    im2col(
        "im2col_padding_twice",
        "padding applied twice",
        "The picture is padded twice: im2col gets X without padding, and pads it itself.",
        (
            "fr, fc, in_ch, _ = W_shape",
            "fr, fc, in_ch, _ = W_shape\nX = pad2D(X, pad, (fr, fc), stride, dilation)[0]",
        ),
    ),
    col2im(
        "col2im_assigned",
        "columns written over one another instead of added",
        "A pixel that lies in several windows gets the sum of what they hold: use `+=` "
        "(or np.add.at with indices).",
        (":] += windows", ":] = windows"),
        common=True,
    ),
    col2im(
        "col2im_padding_kept",
        "padding not cut off",
        "The result still has the padding: cut pr1 rows above, pr2 below, pc1 columns left and pc2 right off.",
        ("X_pad[:, pr1 : pr1 + in_rows, pc1 : pc1 + in_cols, :]", "X_pad"),
    ),
    col2im(
        "col2im_cut_from_the_end",
        "padding cut off on one side only",
        "The padding above and on the left must be cut off, not twice as much below and on the right.",
        ("X_pad[:, pr1 : pr1 + in_rows, pc1 : pc1 + in_cols, :]", "X_pad[:, :in_rows, :in_cols, :]"),
        common=True,
    ),
    conv2d_gemm(
        "gemm_weight_reshaped_to_rows",
        "weight reshaped to (C_out, …) without a transpose",
        "W.reshape(C_out, -1) mixes the kernels: the output channels are the last axis of W. Bring them to the "
        "front with transpose, or reshape to (-1, C_out) and transpose that.",
        ("W.reshape(-1, W.shape[3]).T", "W.reshape(W.shape[3], -1)"),
        common=True,
    ),
    conv2d_gemm(
        "gemm_batch_order",
        "product read with samples and pixels in the wrong order",
        "The columns of the product stand in the order of im2col's columns. Reshape in that order, then move the "
        "axes: samples and pixels are mixed up here.",
        (
            "Z_col.T.reshape(X.shape[0], out_rows, out_cols, W.shape[3])",
            "Z_col.reshape(W.shape[3], out_rows, out_cols, X.shape[0]).transpose(3, 1, 2, 0)",
        ),
        common=True,
    ),
    conv2d_gemm(
        "gemm_product_reshaped_only",
        "product reshaped without moving axes",
        "The product has the output channels first. Reshape alone does not move them to the end: transpose does.",
        ("Z_col.T.reshape", "Z_col.reshape"),
    ),
    conv2d_gemm(
        "gemm_padding_twice",
        "padded picture and padding both handed on to im2col",
        "The padding is applied twice: either give im2col the picture as it is, or padding 0 with the padded "
        "picture.",
        (
            "X_col, p = im2col(X, W.shape, pad, stride, dilation)",
            "X, p = pad2D(X, pad, W.shape[:2], stride, dilation)\n"
            "X_col, p = im2col(X, W.shape, p, stride, dilation)",
        ),
    ),
    conv2d_gemm(
        "gemm_kernel_rows_and_columns_exchanged",
        "kernel entries flattened in another order than the windows",
        "The rows of X_col and the columns of W_col count the entries of the kernel in different orders: flatten "
        "both by kernel row, kernel column, channel (or both in another order).",
        ("W.reshape", "W.transpose(1, 0, 2, 3).reshape"),
        common=True,
    ),
]
