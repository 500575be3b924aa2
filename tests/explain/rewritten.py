"""Known mistakes made in programs that share no line with the reference: im2col and sliding windows.

Each entry is (name of the mistake, check, variant, edits of its ``layer.py``).
"""

GEMM, WINDOWS, LOOPS = "im2col_gemm", "einsum_windows", "float32_loops"
PRODUCT = "y = self.weight.reshape(len(self.weight), -1) @ patches.reshape(n, c * k * k, rows * cols)"
RESULT = "return y.reshape(n, -1, rows, cols) + self.bias[:, None, None]"
PAD = "x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))"
UNROLL = "x[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride]\n    return patches"
SIZES = "rows, cols = (h - k) // stride + 1, (w - k) // stride + 1"
PATCHES = "patches = unroll(x, self.kernel_size, self.stride)"
D_PATCHES = "d_patches = self.weight.reshape(c_out, -1).T @ dy.reshape(n, c_out, rows * cols)"
CROP = "return dx[:, :, p:p + h, p:p + w]"
ROLL = "x[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride] += patches[:, :, i, j]"
ARGIDX = "self.argidx = patches.argmax(axis=2).astype(np.int32)"
CHOSEN = "chosen = np.arange(k * k)[:, None, None] == self.argidx[:, :, None]"


def conv(name, *edits):
    """A mistake in the forward pass of the convolution by im2col."""
    return name, "conv_forward", GEMM, edits


def conv_back(name, *edits):
    """A mistake in its backward pass."""
    return name, "conv_backward", GEMM, edits


def pool(name, check, *edits):
    """A mistake in max pooling by im2col."""
    return name, f"max_pool_{check}", GEMM, edits


def other(name, check, *edits):
    """A mistake in another layer."""
    return name, check, GEMM, edits


REWRITTEN = [
    conv("bias_forgotten", (RESULT, "return y.reshape(n, -1, rows, cols)")),
    conv("bias_in_channel_loop", (RESULT, RESULT + " * c")),
    conv("bias_in_kernel_loop", (RESULT, RESULT + " * (c * k * k)")),
    conv("bias_of_first_channel", (RESULT, RESULT.replace("[:, None, None]", "[0]"))),
    conv("kernel_flipped", (PRODUCT, PRODUCT.replace("self.weight.r", "self.weight[:, :, ::-1, ::-1].r"))),
    conv("kernel_transposed", (PRODUCT, PRODUCT.replace("self.weight.r", "self.weight.swapaxes(2, 3).r"))),
    conv("first_input_channel_only", (PATCHES + "\n        n, c, k, _", PATCHES + "[:, :1].repeat(x.shape[1], 1)"
                                      "\n        n, c, k, _")),
    conv("padding_not_applied", (PAD, "pass")),
    conv("padding_twice", ("p = self.padding\n        self.x_shape", "p = 2 * self.padding\n        self.x_shape")),
    conv("padding_on_one_side", (PAD, "x = np.pad(x, ((0, 0), (0, 0), (0, 2 * p), (0, 2 * p)))")),
    conv("padding_repeats_the_border", (PAD, PAD[:-1] + ", mode='edge')")),
    conv("stride_ignored", (UNROLL, "x[:, :, i:i + rows, j:j + cols]\n    return patches")),
    conv("stride_ignored_in_columns",
         (UNROLL, "x[:, :, i:i + stride * rows:stride, j:j + cols]\n    return patches")),
    conv("stride_ignored_in_rows", (UNROLL, "x[:, :, i:i + rows, j:j + stride * cols:stride]\n    return patches")),
    conv("output_size_without_plus_one", (SIZES, "rows, cols = (h - k) // stride, (w - k) // stride")),
    conv("output_size_plus_one_before_division",
         (SIZES, "rows, cols = (h - k + 1) // stride, (w - k + 1) // stride")),
    conv("batch_index_fixed", (PRODUCT, "patches = patches[:1].repeat(n, 0)\n        " + PRODUCT)),
    conv("only_first_sample", (RESULT, "out = y.reshape(n, -1, rows, cols) + self.bias[:, None, None]\n"
                               "        out[1:] = 0\n        return out")),
    conv("last_row_and_column_missing",
         (RESULT, "out = y.reshape(n, -1, rows, cols) + self.bias[:, None, None]\n"
          "        out[:, :, -1] = 0\n        out[..., -1] = 0\n        return out")),
    conv("integer_outputs", (RESULT, f"return ({RESULT[7:]}).astype(np.int64)")),
    conv("half_precision", (RESULT, f"return ({RESULT[7:]}).astype(np.float16)")),
    conv("half_precision", (PAD, PAD + "\n        x = x.astype(np.float16).astype(np.float32)")),
    conv("output_rows_and_columns_swapped", (RESULT, "return (y.reshape(n, -1, cols, rows) + "
                                             "self.bias[:, None, None])")),
    conv_back("backward_overwrites", (ROLL, ROLL.replace("+=", "="))),
    conv_back("backward_padding_not_cropped", (CROP, "return dx")),
    conv_back("backward_cropped_at_the_corner", (CROP, "return dx[:, :, :h, :w]")),
    conv_back("backward_stride_ignored", (ROLL, "x[:, :, i:i + rows, j:j + cols] += patches[:, :, i, j]")),
    conv_back("backward_kernel_flipped",
              (D_PATCHES, D_PATCHES.replace("self.weight.r", "self.weight[:, :, ::-1, ::-1].r"))),
    conv_back("backward_kernel_transposed",
              (D_PATCHES, D_PATCHES.replace("self.weight.r", "self.weight.swapaxes(2, 3).r"))),
    conv_back("backward_last_channel_only",
              (D_PATCHES, "dy = dy.copy()\n        dy[:, :-1] = 0\n        " + D_PATCHES)),
    conv_back("backward_batch_index_fixed", (D_PATCHES, "dy = dy[:1].repeat(n, 0)\n        " + D_PATCHES)),
    conv_back("backward_divided_by_batch", (CROP, CROP + " / n")),
    pool("maximum_starts_at_zero", "forward",
         ("return patches.max(axis=2)", "return np.maximum(patches.max(2), 0)")),
    pool("mean_instead_of_maximum", "forward", ("return patches.max(axis=2)", "return patches.mean(axis=2)")),
    pool("minimum_instead_of_maximum", "forward", ("return patches.max(axis=2)", "return patches.min(axis=2)")),
    pool("pool_stride_ignored", "forward", (UNROLL, "x[:, :, i:i + rows, j:j + cols]\n    return patches")),
    pool("window_taken_as_stride", "forward",
         ("self.kernel_size, self.stride = kernel_size, stride\n\n    def forward",
          "self.kernel_size = self.stride = kernel_size\n\n    def forward")),
    pool("last_maximum_wins", "backward",
         (ARGIDX, "self.argidx = (k * k - 1 - patches[:, :, ::-1].argmax(axis=2)).astype(np.int32)")),
    pool("place_not_recorded", "backward", (ARGIDX, "self.argidx = 0 * patches.argmax(axis=2)")),
    pool("place_counted_by_columns", "backward",
         (ARGIDX, ARGIDX + "\n        self.argidx = self.argidx % k * k + self.argidx // k")),
    pool("gradient_to_the_whole_window", "backward", (CHOSEN, "chosen = np.ones((1, 1, k * k, 1, 1))")),
    pool("gradient_shared_out", "backward", (CHOSEN, "chosen = np.full((1, 1, k * k, 1, 1), 1 / k**2)")),
    pool("argmax_instead_of_argidx", "backward", (CHOSEN, CHOSEN.replace("self.argidx", "self.argmax"))),
    pool("pool_backward_stride_ignored", "backward",
         (ROLL, "x[:, :, i:i + rows, j:j + cols] += patches[:, :, i, j]")),
    other("relu_gradient_at_output_gradient", "relu_backward",
          ("return np.where(self.on, dy, np.float32(0))", "return np.where(dy > 0, dy, np.float32(0))")),
    other("relu_gradient_passes_everything", "relu_backward",
          ("return np.where(self.on, dy, np.float32(0))", "return dy")),
    other("relu_takes_magnitude", "relu_forward",
          ("return np.where(self.on, x, np.float32(0))", "return np.where(self.on, x, -x)")),
    other("relu_leaks", "relu_forward",
          ("return np.where(self.on, x, np.float32(0))", "return np.where(self.on, x, x / 100)")),
    other("flatten_channels_last", "flatten_forward",
          ("return x.reshape(len(x), -1)", "return np.moveaxis(x, 1, 3).reshape(len(x), -1)")),
    other("flatten_joins_samples", "flatten_forward", ("return x.reshape(len(x), -1)", "return x.reshape(1, -1)")),
    other("fully_connected_weight_transposed", "fully_connected_forward",
          ("return x @ self.weight.T + self.bias", "return np.dot(x, self.weight) + self.bias")),
    other("fully_connected_bias_forgotten", "fully_connected_forward",
          ("return x @ self.weight.T + self.bias", "return np.einsum('nf,of->no', x, self.weight)")),
    other("fully_connected_gradient_transposed", "fully_connected_backward",
          ("return dy @ self.weight", "return np.dot(dy, self.weight.T)")),
    other("softmax_overflow", "cross_entropy_forward",
          ("top = logits.max(axis=1, keepdims=True)", "top = np.float32(0)")),
    other("loss_summed", "cross_entropy_forward", ("return -np.mean(", "return -np.sum(")),
    other("loss_without_minus", "cross_entropy_forward", ("return -np.mean(", "return np.mean(")),
    other("loss_gradient_not_averaged", "cross_entropy_backward",
          ("[self.labels]) / len(self.labels)", "[self.labels])")),
    other("loss_gradient_without_one_hot", "cross_entropy_backward",
          ("return (self.p - np.eye(self.p.shape[1], dtype=np.float32)[self.labels])", "return self.p")),
    ("bias_forgotten + kernel_flipped", "conv_forward", GEMM,
     ((RESULT, "return y.reshape(n, -1, rows, cols)"),
      (PRODUCT, PRODUCT.replace("self.weight.r", "self.weight[:, :, ::-1, ::-1].r")))),
    ("sum_overwritten", "conv_forward", LOOPS,
     (("acc = F4(acc + F4(x[n, q, r * stride + a, s * stride + b] * weight[m, q, a, b]))",
       "acc = bias[m] + x[n, q, r * stride + a, s * stride + b] * weight[m, q, a, b]"),)),
    ("sum_not_reset", "conv_forward", LOOPS,
     (("        for m in range(result.shape[1]):\n            for r in range(result.shape[2]):\n"
       "                for s in range(result.shape[3]):\n                    acc = bias[m]\n",
       "        acc = F4(0)\n        for m in range(result.shape[1]):\n"
       "            for r in range(result.shape[2]):\n"
       "                for s in range(result.shape[3]):\n"),
      ("result[n, m, r, s] = acc\n\n\n@njit\ndef spread",
       "result[n, m, r, s] = acc + bias[m]\n\n\n@njit\ndef spread"))),
    ("backward_column_index_is_row_index", "conv_backward", LOOPS,
     (("result[n, q, r * stride + a, s * stride + b] += acc",
       "result[n, q, r * stride + a, s * stride + a] += acc"),)),
    ("row_and_column_of_place_swapped", "max_pool_backward", LOOPS,
     (("rows[n, m, r, s], columns[n, m, r, s] = best_row, best_column",
       "rows[n, m, r, s] = r * stride + best_column - s * stride\n"
       "                    columns[n, m, r, s] = s * stride + best_row - r * stride"),)),
    ("pool_backward_overwrites", "max_pool_backward", LOOPS,
     (("columns[n, m, r, s]] += grad[n, m, r, s]", "columns[n, m, r, s]] = grad[n, m, r, s]"),)),
    ("maximum_of_magnitudes", "max_pool_forward", LOOPS,
     (("if x[n, m, a, b] > x[n, m, best_row, best_column]:",
       "if abs(x[n, m, a, b]) > abs(x[n, m, best_row, best_column]):"),)),
]  # fmt: skip
