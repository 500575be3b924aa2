"""Mistakes in convolution, max pooling and ReLU, in the loops and in the faster versions."""

from grader.publishing.misconceptions import mistakes_in

conv_forward_raw = mistakes_in("conv_forward_raw", "conv_forward", formula="formula (3) of the README")
conv_backward_raw = mistakes_in("conv_backward_raw", "conv_backward", formula="formula (4) of the README")
conv_forward_speedup = mistakes_in(
    "conv_forward_speedup", "conv_forward_speedup", formula="formula (3) of the README"
)
conv_backward_speedup = mistakes_in(
    "conv_backward_speedup", "conv_backward_speedup", formula="formula (4) of the README"
)
pool_forward_raw = mistakes_in("pool_forward_raw", "max_pool_forward", formula="formula (5) of the README")
pool_backward_raw = mistakes_in("pool_backward_raw", "max_pool_backward", formula="formula (5) of the README")
pool_forward_speedup = mistakes_in(
    "pool_forward_speedup", "max_pool_forward_speedup", formula="formula (5) of the README"
)
pool_backward_speedup = mistakes_in(
    "pool_backward_speedup", "max_pool_backward_speedup", formula="formula (5) of the README"
)
relu_backward = mistakes_in("relu_backward", "relu_backward", formula="formula (6) of the README")

MISCONCEPTIONS = [
    conv_forward_raw(
        "bias_forgotten",
        "bias not added",
        "The sum over the window is right, but the bias is missing: add bias[idxc] once to every entry.",
        ("np.sum(products) + self.bias[idxc]", "np.sum(products)"),
    ),
    conv_forward_raw(
        "bias_added_to_every_product",
        "bias added inside the sum",
        "The bias seems to be added to every product: close the parenthesis of np.sum before it.",
        ("np.sum(products) + self.bias[idxc]", "np.sum(products + self.bias[idxc])"),
    ),
    conv_backward_raw(
        "weight_gradient_overwritten",
        "weight gradient assigned instead of summed",
        "The gradient of the weight is a sum over all output entries: use `+=`.",
        (", idxc] += diff *", ", idxc] = diff *"),
    ),
    conv_backward_raw(
        "weight_gradient_without_the_gradient",
        "weight gradient not multiplied by top_diff",
        "The windows are summed, but not multiplied by the gradient of their output entry.",
        ("diff * self.input_pad[idxn, :, rows, columns]", "self.input_pad[idxn, :, rows, columns]"),
    ),
    conv_backward_raw(
        "bias_gradient_overwritten",
        "bias gradient assigned instead of summed",
        "The gradient of a bias is the sum of top_diff over its channel: use `+=`.",
        ("self.d_bias[idxc] += diff", "self.d_bias[idxc] = diff"),
    ),
    conv_backward_raw(
        "input_gradient_overwritten",
        "input gradient assigned instead of summed",
        "Windows share pixels, so their gradients add up: use `+=`.",
        (
            "diff_pad[idxn, :, rows, columns] += diff * self.weight[:, :, :, idxc]",
            "diff_pad[idxn, :, rows, columns] = diff * self.weight[:, :, :, idxc]",
        ),
        common=True,
    ),
    conv_backward_raw(
        "kernel_flipped_backward",
        "kernel flipped in the backward pass",
        "The kernel seems to be turned by 180 degrees. With loops over the output it is used as it is.",
        ("self.weight[:, :, :, idxc]", "self.weight[:, ::-1, ::-1, idxc]"),
        common=True,
    ),
    conv_forward_speedup(
        "speedup_bias_forgotten",
        "bias missing in the faster version",
        "The products are right, but the bias is missing.",
        ("self.output += self.bias.reshape(1, -1, 1, 1)", "pass"),
        common=True,
    ),
    conv_forward_speedup(
        "im2col_order",
        "rows of the weight in another order than those of the columns",
        "Weight and columns are flattened in different orders: both must count channels, kernel rows and kernel "
        "columns in the same order.",
        ("self.weight[:, idxi, idxj, :]", "self.weight[:, idxj, idxi, :]"),
        common=True,
    ),
    conv_forward_speedup(
        "weight_reshaped_instead_of_transposed",
        "weight reshaped, not transposed, to (C_out, ...)",
        "reshape(C_out, -1) keeps the numbers in their order. Bring C_out to the front first: "
        "reshape(-1, C_out).T.",
        (
            "part = np.tensordot(self.weight[:, idxi, idxj, :], pixels, axes=(0, 1))",
            "rows_of_weight = np.ascontiguousarray(self.weight).reshape(self.channel_out, self.channel_in, -1)\n"
            "part = np.tensordot(rows_of_weight[:, :, idxi * self.kernel_size + idxj], pixels, axes=(1, 1))",
        ),
    ),
    conv_backward_speedup(
        "speedup_kernel_not_flipped",
        "kernel of the faster backward pass not flipped",
        "Written as a convolution of top_diff, the backward pass needs the kernel turned by 180 degrees.",
        ("self.weight[:, idxi, idxj, :]", "self.weight[:, -1 - idxi, -1 - idxj, :]"),
        common=True,
    ),
    conv_backward_speedup(
        "speedup_gradient_overwritten",
        "shares of the faster backward pass assigned instead of summed",
        "Windows share pixels, so their gradients add up: use `+=`.",
        ("columns] += share", "columns] = share"),
        common=True,
    ),
    pool_forward_raw(
        "maximum_started_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values.",
        ("np.max(self.input[idxn, idxc, rows, columns])", "max(0, np.max(self.input[idxn, idxc, rows, columns]))"),
    ),
    pool_forward_raw(
        "windows_without_stride",
        "windows of the loops begin at h instead of h * S",
        "The window of output (h, w) begins at (h * S, w * S), not at (h, w).",
        ("(idxh * self.stride, idxh * self.stride +", "(idxh, idxh +"),
        ("(idxw * self.stride, idxw * self.stride +", "(idxw, idxw +"),
    ),
    pool_backward_raw(
        "place_by_columns",
        "row and column of the maximum exchanged",
        "Row and column of the maximum's place are exchanged: unravel_index gives the row first.",
        ("row, column = np.unravel_index", "column, row = np.unravel_index"),
    ),
    pool_backward_raw(
        "last_maximum_wins",
        "last of equal maxima taken",
        "Where a window has its maximum more than once, the gradient goes to the first place, row by row.",
        (
            "place = np.argmax(self.input[idxn, idxc, rows, columns])",
            "values = self.input[idxn, idxc, rows, columns].ravel()\n"
            "place = values.size - 1 - np.argmax(values[::-1])",
        ),
    ),
    pool_forward_speedup(
        "mean_instead_of_maximum",
        "mean taken instead of the maximum",
        "The outputs are the means of the windows: this layer takes the maximum.",
        ("np.max", "np.mean"),
    ),
    pool_forward_speedup(
        "windows_side_by_side",
        "windows cut side by side, whatever the stride",
        "The picture seems to be cut into blocks of K x K. That is right only where the stride is K: windows may "
        "overlap or leave pixels between them.",
        (
            "self.output = np.max(self.windows(height_out, width_out), axis=0)",
            "size = self.kernel_size\n"
            "high, wide = self.input.shape[2] // size, self.input.shape[3] // size\n"
            "blocks = self.input[:, :, : high * size, : wide * size]\n"
            "blocks = blocks.reshape(*self.input.shape[:2], high, size, wide, size)\n"
            "self.output = blocks.max(axis=(3, 5))",
        ),
        common=True,
    ),
    pool_backward_speedup(
        "gradient_to_all_equal_maxima",
        "gradient given to every pixel that equals the maximum",
        "Where several pixels of a window equal its maximum, each of them gets the gradient. Only the first one "
        "should; after a ReLU, windows of zeros are common.",
        (
            "is_here = places == idxi * self.kernel_size + idxj",
            "stacked = self.windows(height_out, width_out)\n"
            "is_here = stacked[idxi * self.kernel_size + idxj] == stacked.max(axis=0)",
        ),
        common=True,
    ),
    pool_backward_speedup(
        "speedup_place_by_columns",
        "place of the maximum counted column by column",
        "The place of the maximum is read the other way round than it is counted: row * K + column.",
        ("idxi * self.kernel_size + idxj", "idxj * self.kernel_size + idxi"),
        common=True,
    ),
    mistakes_in("relu_forward", "relu_forward", formula="formula (6) of the README")(
        "negative_values_turned",
        "negative values turned instead of set to zero",
        "Negative inputs give zero, not their magnitude.",
        ("np.maximum(self.input, 0)", "np.abs(self.input)"),
    ),
    relu_backward(
        "relu_gradient_passed_on",
        "gradient passed on where the input was negative",
        "The gradient must be 0 where the input was negative.",
        ("np.where(self.input > 0, top_diff, 0)", "top_diff"),
    ),
    relu_backward(
        "relu_gradient_by_its_own_sign",
        "sign of the gradient looked at instead of the input's",
        "What counts is where the input was positive, not where the gradient is.",
        ("self.input", "top_diff"),
    ),
]
