"""Mistakes in convolution, max pooling and ReLU, in the loops and in the faster versions."""

from grader.publishing.misconceptions import Edit, Misconception

SUM = "np.sum(products) + self.bias[idxc]"
D_WEIGHT = "self.d_weight[:, :, :, idxc] += diff * self.input_pad[idxn, :, rows, columns]"
D_BIAS = "self.d_bias[idxc] += diff"
SHARE_RAW = "diff_pad[idxn, :, rows, columns] += diff * self.weight[:, :, :, idxc]"
PART = "part = np.tensordot(self.weight[:, idxi, idxj, :], pixels, axes=(0, 1))"
BIAS = "self.output += self.bias.reshape(1, -1, 1, 1)"
SHARE = "share = np.tensordot(self.weight[:, idxi, idxj, :], top_diff, axes=(1, 1))"
SPREAD = "diff_pad[:, :, rows, columns] += share.transpose(1, 0, 2, 3)"
PLACE = "place = np.argmax(self.input[idxn, idxc, rows, columns])"
UNRAVEL = "row, column = np.unravel_index(place, (self.kernel_size, self.kernel_size))"
IS_HERE = "is_here = places == idxi * self.kernel_size + idxj"
MAXIMUM = "self.output = np.max(self.windows(height_out, width_out), axis=0)"
RAW_MAXIMUM = "np.max(self.input[idxn, idxc, rows, columns])"
RAW_ROWS = "rows = slice(idxh * self.stride, idxh * self.stride + self.kernel_size)"
RAW_COLUMNS = "columns = slice(idxw * self.stride, idxw * self.stride + self.kernel_size)"
RELU = "self.output = np.maximum(self.input, 0)"
RELU_GRADIENT = "self.bottom_diff = np.where(self.input > 0, top_diff, 0)"


def mistake(check, hole, formula, file="layers_2.py"):
    """Return a maker of mistakes that one check must notice."""

    def make(name, title, explanation, *edits, **more):
        pairs = tuple(Edit(file, old, new) for old, new in edits)
        return Misconception(name, title, (hole,), (check,), explanation, pairs, formula, **more)

    return make


conv = mistake("conv_forward", "conv_forward_raw", "formula (3) of the README")
conv_back = mistake("conv_backward", "conv_backward_raw", "formula (4) of the README")
fast = mistake("conv_forward_speedup", "conv_forward_speedup", "formula (3) of the README")
fast_back = mistake("conv_backward_speedup", "conv_backward_speedup", "formula (4) of the README")
pool = mistake("max_pool_forward", "pool_forward_raw", "formula (5) of the README")
pool_back = mistake("max_pool_backward", "pool_backward_raw", "formula (5) of the README")
pool_fast = mistake("max_pool_forward_speedup", "pool_forward_speedup", "formula (5) of the README")
pool_fast_back = mistake("max_pool_backward_speedup", "pool_backward_speedup", "formula (5) of the README")
relu = mistake("relu_forward", "relu_forward", "formula (6) of the README", "layers_1.py")
relu_back = mistake("relu_backward", "relu_backward", "formula (6) of the README", "layers_1.py")

MISCONCEPTIONS = [
    conv(
        "bias_forgotten",
        "bias not added",
        "The sum over the window is right, but the bias is missing: add bias[idxc] once to every entry.",
        (SUM, "np.sum(products)"),
    ),
    conv(
        "bias_added_to_every_product",
        "bias added inside the sum",
        "The bias seems to be added to every product: close the parenthesis of np.sum before it.",
        (SUM, "np.sum(products + self.bias[idxc])"),
    ),
    conv_back(
        "weight_gradient_overwritten",
        "weight gradient assigned instead of summed",
        "The gradient of the weight is a sum over all output entries: use `+=`.",
        (D_WEIGHT, D_WEIGHT.replace("+=", "=")),
    ),
    conv_back(
        "weight_gradient_without_the_gradient",
        "weight gradient not multiplied by top_diff",
        "The windows are summed, but not multiplied by the gradient of their output entry.",
        (D_WEIGHT, D_WEIGHT.replace("diff * ", "")),
    ),
    conv_back(
        "bias_gradient_overwritten",
        "bias gradient assigned instead of summed",
        "The gradient of a bias is the sum of top_diff over its channel: use `+=`.",
        (D_BIAS, D_BIAS.replace("+=", "=")),
    ),
    conv_back(
        "input_gradient_overwritten",
        "input gradient assigned instead of summed",
        "Windows share pixels, so their gradients add up: use `+=`.",
        (SHARE_RAW, SHARE_RAW.replace("+=", "=")),
        common=True,
    ),
    conv_back(
        "kernel_flipped_backward",
        "kernel flipped in the backward pass",
        "The kernel seems to be turned by 180 degrees. With loops over the output it is used as it is.",
        (SHARE_RAW, SHARE_RAW.replace("weight[:, :, :, idxc]", "weight[:, ::-1, ::-1, idxc]")),
        common=True,
    ),
    fast(
        "speedup_bias_forgotten",
        "bias missing in the faster version",
        "The products are right, but the bias is missing.",
        (BIAS, "pass"),
        common=True,
    ),
    fast(
        "im2col_order",
        "rows of the weight in another order than those of the columns",
        "Weight and columns are flattened in different orders: both must count channels, kernel rows and kernel "
        "columns in the same order.",
        (PART, PART.replace("self.weight[:, idxi, idxj, :]", "self.weight[:, idxj, idxi, :]")),
        common=True,
    ),
    fast(
        "weight_reshaped_instead_of_transposed",
        "weight reshaped, not transposed, to (C_out, ...)",
        "reshape(C_out, -1) keeps the numbers in their order. Bring C_out to the front first: "
        "reshape(-1, C_out).T.",
        (
            PART,
            "rows_of_weight = np.ascontiguousarray(self.weight).reshape(self.channel_out, self.channel_in, -1)\n"
            "                part = np.tensordot(rows_of_weight[:, :, idxi * self.kernel_size + idxj], pixels, "
            "axes=(1, 1))",
        ),
    ),
    fast_back(
        "speedup_kernel_not_flipped",
        "kernel of the faster backward pass not flipped",
        "Written as a convolution of top_diff, the backward pass needs the kernel turned by 180 degrees.",
        (SHARE, SHARE.replace("[:, idxi, idxj, :]", "[:, -1 - idxi, -1 - idxj, :]")),
        common=True,
    ),
    fast_back(
        "speedup_gradient_overwritten",
        "shares of the faster backward pass assigned instead of summed",
        "Windows share pixels, so their gradients add up: use `+=`.",
        (SPREAD, SPREAD.replace("+=", "=")),
        common=True,
    ),
    pool(
        "maximum_started_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values.",
        (RAW_MAXIMUM, f"max(0, {RAW_MAXIMUM})"),
    ),
    pool(
        "windows_without_stride",
        "windows of the loops begin at h instead of h * S",
        "The window of output (h, w) begins at (h * S, w * S), not at (h, w).",
        (RAW_ROWS, RAW_ROWS.replace(" * self.stride", "")),
        (RAW_COLUMNS, RAW_COLUMNS.replace(" * self.stride", "")),
    ),
    pool_back(
        "place_by_columns",
        "row and column of the maximum exchanged",
        "Row and column of the maximum's place are exchanged: unravel_index gives the row first.",
        (UNRAVEL, UNRAVEL.replace("row, column =", "column, row =")),
    ),
    pool_back(
        "last_maximum_wins",
        "last of equal maxima taken",
        "Where a window has its maximum more than once, the gradient goes to the first place, row by row.",
        (
            PLACE,
            "values = self.input[idxn, idxc, rows, columns].ravel()\n"
            "                        place = values.size - 1 - np.argmax(values[::-1])",
        ),
    ),
    pool_fast(
        "mean_instead_of_maximum",
        "mean taken instead of the maximum",
        "The outputs are the means of the windows: this layer takes the maximum.",
        (MAXIMUM, MAXIMUM.replace("np.max", "np.mean")),
    ),
    pool_fast(
        "windows_side_by_side",
        "windows cut side by side, whatever the stride",
        "The picture seems to be cut into blocks of K x K. That is right only where the stride is K: windows may "
        "overlap or leave pixels between them.",
        (
            MAXIMUM,
            "size = self.kernel_size\n"
            "        high, wide = self.input.shape[2] // size, self.input.shape[3] // size\n"
            "        blocks = self.input[:, :, : high * size, : wide * size]\n"
            "        blocks = blocks.reshape(*self.input.shape[:2], high, size, wide, size)\n"
            "        self.output = blocks.max(axis=(3, 5))",
        ),
        common=True,
    ),
    pool_fast_back(
        "gradient_to_all_equal_maxima",
        "gradient given to every pixel that equals the maximum",
        "Where several pixels of a window equal its maximum, each of them gets the gradient. Only the first one "
        "should; after a ReLU, windows of zeros are common.",
        (
            IS_HERE,
            "stacked = self.windows(height_out, width_out)\n"
            "                is_here = stacked[idxi * self.kernel_size + idxj] == stacked.max(axis=0)",
        ),
        common=True,
    ),
    pool_fast_back(
        "speedup_place_by_columns",
        "place of the maximum counted column by column",
        "The place of the maximum is read the other way round than it is counted: row * K + column.",
        (IS_HERE, "is_here = places == idxj * self.kernel_size + idxi"),
        common=True,
    ),
    relu(
        "negative_values_turned",
        "negative values turned instead of set to zero",
        "Negative inputs give zero, not their magnitude.",
        (RELU, RELU.replace("np.maximum(self.input, 0)", "np.abs(self.input)")),
    ),
    relu_back(
        "relu_gradient_passed_on",
        "gradient passed on where the input was negative",
        "The gradient must be 0 where the input was negative.",
        (RELU_GRADIENT, "self.bottom_diff = top_diff"),
    ),
    relu_back(
        "relu_gradient_by_its_own_sign",
        "sign of the gradient looked at instead of the input's",
        "What counts is where the input was positive, not where the gradient is.",
        (RELU_GRADIENT, RELU_GRADIENT.replace("self.input > 0", "top_diff > 0")),
    ),
]
