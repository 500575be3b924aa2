"""Mistakes in programs of the LeNet lab that share no line with its solution.

Each entry is (name, check, variant, file, edits). A name that the lab knows is to be said; another one says in
words what the mistake is.
"""

LOOPS, TAPS, MATRICES = "numba_loops", "sliding_windows", "index_arrays"
TERM = "total += X_pad[n, r * stride + i * dilation, c * stride + j * dilation, k] * W[i, j, k, o]"
FEATURES = "for k in range(W.shape[2]):\n                                total"
EINSUM = 'np.einsum("nrckij,ijko->nrco", windows(X_pad, W.shape[:2], stride, dilation), W, optimize=True)'
TENSORDOT = "np.tensordot(window, W.astype(np.float32), 3)"
VIEW = "return view[:, ::stride, ::stride, :, ::dilation, ::dilation]"
DOT = "return np.tensordot(view, W, axes=((3, 4, 5), (2, 0, 1)))"
PRODUCT = "return (W_col @ X_col).reshape(out_ch, rows, columns, n).transpose(3, 1, 2, 0)"
W_COL = "W_col = W.astype(np.float32).transpose(3, 2, 0, 1).reshape(out_ch, -1)"
W_COL_LOOPS = "np.ascontiguousarray(W.astype(np.float64).reshape(-1, W.shape[3]).T) @ X_col"
SUM = "Z[n, r, c, o] = total"
D_W = "dW[i, j, k, o] += share * X_pad[n, row, column, k]"
D_X = "dX_pad[n, row, column, k] += share * W[i, j, k, o]"
WINDOW_MAX = "Y[n, r, c, k] = window.max() if is_max else window.mean()"
WINDOW = "window = X_pad[n, r * stride : r * stride + fr, c * stride : c * stride + fc, k]"
MEAN_BACK = "np.add.at(total, at, dLdy[..., None] / at.shape[-1])"
MAX_BACK = "np.add.at(total, chosen, dLdy[..., None])"
POOLED = 'return view.max(-1) if self.mode == "max" else view.mean(-1)'
BIAS = 'Y = self.linear(X) + self.params["b"]'
D_BIAS = 'self.gradients["b"] = self.gradients["b"] + dY.sum((0, 1, 2), keepdims=True)'
D_WEIGHT = 'self.gradients["W"] = self.gradients["W"] + dW'
D_W_TAPS = 'dW = np.einsum("nrckij,nrco->ijko", windows(X_pad, W.shape[:2], s, d), dY, optimize=True)'
TURNED = "W[::-1, ::-1], optimize=True)"


def one(name, check, variant, file, old, new):
    """Return a mistake of one edit."""
    return name, check, variant, f"{file}.py", ((old, new),)


WRITTEN_OTHERWISE = [
    one("conv_kernel_flipped", "conv2d", LOOPS, "conv", TERM,
        TERM.replace("W[i, j", "W[W.shape[0] - 1 - i, W.shape[1] - 1 - j")),
    one("conv_kernel_flipped", "conv2d", TAPS, "conv", EINSUM, EINSUM.replace(" W, o", " W[::-1, ::-1], o")),
    one("conv_kernel_flipped", "conv2d", MATRICES, "conv", TENSORDOT, TENSORDOT.replace("W.a", "W[::-1, ::-1].a")),
    one("conv_mean_instead_of_sum", "conv2d", LOOPS, "conv", SUM,
        "Z[n, r, c, o] = total / (W.shape[0] * W.shape[1] * W.shape[2])"),
    one("conv_mean_instead_of_sum", "conv2d", TAPS, "conv", "return " + EINSUM,
        f"return {EINSUM} / W[..., 0].size"),
    one("conv_first_sample_only", "conv2d", LOOPS, "conv", TERM, TERM.replace("X_pad[n,", "X_pad[0,")),
    one("conv_first_sample_only", "conv2d", MATRICES, "conv", "window = X_pad[:, i", "window = X_pad[:1, i"),
    one("conv_last_channel_only", "conv2d", LOOPS, "conv", FEATURES,
        FEATURES.replace("range(W", "range(W.shape[2] - 1, W")),
    one("conv_last_channel_only", "conv2d", TAPS, "conv", EINSUM,
        EINSUM.replace("stride, dilation), W,", "stride, dilation)[:, :, :, -1:], W[:, :, -1:],")),
    one("last_column_of_the_kernel_left_out", "conv2d", LOOPS, "conv", "for j in range(W.shape[1]):",
        "for j in range(W.shape[1] - 1):"),
    one("last_row_of_the_kernel_left_out", "conv2d", LOOPS, "conv", "for i in range(W.shape[0]):",
        "for i in range(W.shape[0] - 1):"),
    one("first_input_channel_left_out", "conv2d", LOOPS, "conv", FEATURES,
        FEATURES.replace("range(W", "range(1, W")),
    one("one_tap_of_the_kernel_left_out_last", "conv2d", TAPS, "conv", EINSUM,
        EINSUM.replace("W, optimize", "W * (np.arange(W[:, :, 0, 0].size) < W[:, :, 0, 0].size - 1)"
                       ".reshape(*W.shape[:2], 1, 1), optimize")),
    one("conv_dilation_ignored", "conv2d", LOOPS, "conv", TERM, TERM.replace(" * dilation", "")),
    one("conv_stride_ignored", "conv2d", LOOPS, "conv", TERM, TERM.replace(" * stride", "")),
    one("kernel_rows_and_columns_exchanged", "conv2d", MATRICES, "conv", TENSORDOT,
        TENSORDOT.replace("W.astype(np.float32)", "W.astype(np.float32).swapaxes(0, 1).reshape(W.shape)")),
    one("sum_not_reset_between_output_channels", "conv2d", LOOPS, "conv",
        "                for o in range(Z.shape[3]):\n                    total = 0.0",
        "                total = 0.0\n                for o in range(Z.shape[3]):"),
    one("gemm_weight_reshaped_to_rows", "conv2d_gemm", MATRICES, "conv", W_COL,
        "W_col = W.astype(np.float32).reshape(out_ch, -1)"),
    one("gemm_kernel_rows_and_columns_exchanged", "conv2d_gemm", LOOPS, "conv", W_COL_LOOPS,
        W_COL_LOOPS.replace("reshape(-1,", "transpose(1, 0, 2, 3).reshape(-1,")),
    one("rows_count_channels_first_and_the_weight_last_in_another_order", "conv2d_gemm", MATRICES, "conv", W_COL,
        "W_col = W.astype(np.float32).reshape(-1, out_ch).T"),
    one("gemm_batch_order", "conv2d_gemm", MATRICES, "conv", PRODUCT,
        "return (W_col @ X_col).reshape(out_ch, n, rows, columns).transpose(1, 2, 3, 0)"),
    one("gemm_product_reshaped_only", "conv2d_gemm", MATRICES, "conv", PRODUCT,
        "return (W_col @ X_col).reshape(n, rows, columns, out_ch)"),
    one("kernel_turned_by_180_degrees", "conv2d_gemm", TAPS, "conv", DOT,
        DOT.replace("view, W,", "view, W[::-1, ::-1],")),
    one("bias_forgotten", "conv_forward", LOOPS, "layers", BIAS, "Y = self.linear(X)"),
    one("bias_added_twice", "conv_forward", LOOPS, "layers", BIAS, 'Y = self.linear(X) + 2 * self.params["b"]'),
    one("bias_subtracted_sign", "gemm_forward", LOOPS, "layers", BIAS, 'Y = self.linear(X) - self.params["b"]'),
    one("bias_of_output_channel_0_everywhere_first", "gemm_forward", LOOPS, "layers", BIAS,
        'Y = self.linear(X) + self.params["b"][..., :1]'),
    one("weight_gradient_only_last_sample_overwritten", "conv_backward", LOOPS, "layers",
        "for n in range(dY.shape[0]):\n        for r in range(dY.shape[1]):\n"
        "            for c in range(dY.shape[2]):\n"
        "                for o in range(dY.shape[3]):\n                    share",
        "for n in range(dY.shape[0]):\n        dW[:] = 0\n        for r in range(dY.shape[1]):\n"
        "            for c in range(dY.shape[2]):\n                for o in range(dY.shape[3]):\n"
        "                    share"),
    one("weight_gradient_divided_by_samples", "conv_backward", TAPS, "layers", D_WEIGHT, D_WEIGHT + " / len(X)"),
    one("bias_gradient_divided_by_samples", "conv_backward", TAPS, "layers", D_BIAS, D_BIAS + " / len(X)"),
    one("bias_gradient_mean_divided_by_samples_rows_columns", "gemm_backward", TAPS, "layers", D_BIAS,
        D_BIAS.replace("sum", "mean")),
    one("kernel_flipped_backward", "conv_backward", TAPS, "layers", TURNED, "W, optimize=True)"),
    one("kernel_flipped_backward", "conv_backward", LOOPS, "layers", D_X,
        D_X.replace("W[i, j", "W[W.shape[0] - 1 - i, W.shape[1] - 1 - j")),
    one("weight_gradient_kernel_turned_180_degrees", "conv_backward", LOOPS, "layers", D_W,
        D_W.replace("dW[i, j", "dW[dW.shape[0] - 1 - i, dW.shape[1] - 1 - j")),
    one("weight_gradient_kernel_turned_180_degrees", "conv_backward", TAPS, "layers", D_W_TAPS,
        D_W_TAPS.replace(", optimize=True)", ", optimize=True)[::-1, ::-1]")),
    one("input_gradient_overwritten", "conv_backward", LOOPS, "layers", D_X,
        D_X.replace("+=", "=")),
    one("maximum_starts_at_zero_negative_cut", "max_pool_forward", LOOPS, "layers", WINDOW_MAX,
        WINDOW_MAX.replace("window.max()", "max(0.0, window.max())")),
    one("mean_of_window_in_place_of_maximum", "max_pool_forward", TAPS, "layers", POOLED, "return view.mean(-1)"),
    one("sum_instead_of_mean", "average_pool_forward", TAPS, "layers", POOLED,
        POOLED.replace("view.mean(-1)", "view.sum(-1)")),
    one("last_column_of_window_left_out", "max_pool_forward", LOOPS, "layers", WINDOW,
        WINDOW.replace("+ fc, k", "+ fc - 1, k")),
    one("average_gradient_not_divided_whole_gradient", "average_pool_backward", TAPS, "layers", MEAN_BACK,
        MEAN_BACK.replace(" / at.shape[-1]", " * np.ones(at.shape[-1])")),
    one("average_gradient_overwritten_where_windows_overlap", "average_pool_backward", LOOPS, "layers",
        "dX_pad[n, top : top + fr, left : left + fc, k] += dY[n, r, c, k] / (fr * fc)",
        "dX_pad[n, top : top + fr, left : left + fc, k] = dY[n, r, c, k] / (fr * fc)"),
    one("maximum_gradient_overwritten_where_windows_overlap", "max_pool_backward", LOOPS, "layers",
        "dX_pad[n, row, column, k] += dY[n, r, c, k]\n", "dX_pad[n, row, column, k] = dY[n, r, c, k]\n"),
    one("gradient_to_first_pixel_of_window", "max_pool_backward", TAPS, "layers", "view.argmax(-1)[..., None]",
        "0 * view.argmax(-1)[..., None]"),
    one("gradients_of_maximum_and_mean_both_added", "max_pool_backward", TAPS, "layers", MAX_BACK,
        MAX_BACK + "\n            " + MEAN_BACK),
    one("gradient_to_minimum_of_window", "max_pool_backward", TAPS, "layers", "view.argmax(-1)[..., None]",
        "view.argmin(-1)[..., None]"),
    (
        "conv_kernel_flipped + conv_stride_ignored", "conv2d", LOOPS, "conv.py",
        ((TERM, "total += X_pad[n, r + i * dilation, c + j * dilation, k] * "
          "W[W.shape[0] - 1 - i, W.shape[1] - 1 - j, k, o]"),),
    ),
    (
        "bias_forgotten + conv_kernel_flipped", "conv_forward", TAPS, "layers.py",
        (('Y = type(self).function(X, self.params["W"], *self.geometry) + self.params["b"]',
          'Y = type(self).function(X, self.params["W"][::-1, ::-1], *self.geometry)'),),
    ),
]  # fmt: skip
