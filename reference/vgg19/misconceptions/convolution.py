"""Mistakes in the forward pass of the convolution."""

from grader.publishing.misconceptions import Edit, Misconception

FORMULA_1 = "formula (1) of the README"
FORMULA_2 = "formula (2) of the README"
FORMULA_3 = "formula (3) of the README"

ROWS = "rows = slice(idxi, idxi + (height_out - 1) * self.stride + 1, self.stride)"
COLUMNS = "columns = slice(idxj, idxj + (width_out - 1) * self.stride + 1, self.stride)"
PIXELS = "pixels = self.input_pad[:, :, rows, columns]"
PRODUCTS = "products = np.tensordot(self.weight[:, idxi, idxj, :], pixels, axes=(0, 1))"
SUM = "self.output += products.transpose(1, 0, 2, 3)"
BIAS = "self.output += self.bias.reshape(1, -1, 1, 1)"
INNER_ROWS = "inner_rows = slice(self.padding, self.padding + self.input.shape[2])"
INNER_COLUMNS = "inner_columns = slice(self.padding, self.padding + self.input.shape[3])"
COPY_INPUT = "self.input_pad[:, :, inner_rows, inner_columns] = self.input"


def mistake(name, title, explanation, *edits, formula=FORMULA_3, **more):
    """Return a mistake that the check of the convolution must notice."""
    pairs = tuple(Edit("layers_2.py", old, new) for old, new in edits)
    return Misconception(name, title, ("conv_forward",), ("conv_forward",), explanation, pairs, formula, **more)


MISCONCEPTIONS = [
    mistake(
        "bias_forgotten",
        "bias not added",
        "The sum over the window is right, but the bias is missing: add bias[idxc] once to every entry of output "
        "channel idxc.",
        (BIAS, "pass"),
        common=True,
    ),
    mistake(
        "bias_in_channel_loop",
        "bias added once for each input channel",
        "The bias seems to be added inside a loop over input channels, so C_in times. It belongs after the sum, "
        "once for each output entry.",
        (BIAS, BIAS.replace("self.bias", "self.channel_in * self.bias")),
    ),
    mistake(
        "bias_added_to_every_product",
        "bias added inside the sum",
        "The bias seems to be added inside np.sum(...), so once for each of the C_in * K * K products. Close the "
        "parenthesis of the sum first.",
        (BIAS, BIAS.replace("self.bias", "self.channel_in * self.kernel_size**2 * self.bias")),
        common=True,
    ),
    mistake(
        "bias_of_first_channel",
        "bias of channel 0 added everywhere",
        "Every output channel seems to get the bias of channel 0: index it by the output channel, bias[idxc].",
        (BIAS, "self.output += self.bias[0]"),
    ),
    mistake(
        "kernel_flipped",
        "kernel flipped in both directions",
        "The kernel seems to be turned by 180 degrees. What networks call a convolution does not flip it: "
        "weight[:, i, j, idxc] meets the pixel at (idxh * S + i, idxw * S + j).",
        (PRODUCTS, PRODUCTS.replace("[:, idxi, idxj, :]", "[:, -1 - idxi, -1 - idxj, :]")),
        common=True,
    ),
    mistake(
        "kernel_transposed",
        "rows and columns of the kernel exchanged",
        "Rows and columns of the kernel seem to be exchanged: the weight is (C_in, rows, columns, C_out).",
        (PRODUCTS, PRODUCTS.replace("[:, idxi, idxj, :]", "[:, idxj, idxi, :]")),
        common=True,
    ),
    mistake(
        "weight_outputs_first",
        "weight read as (C_out, C_in, K, K)",
        "The weight seems to be read as (C_out, C_in, K, K). In this lab it is (C_in, K, K, C_out): the kernel of "
        "output channel idxc is weight[:, :, :, idxc].",
        (PRODUCTS, "products = np.tensordot(self.weight[:, :, idxi, idxj], pixels, axes=(1, 1))"),
    ),
    mistake(
        "weight_reshaped_instead_of_transposed",
        "weight reshaped, not transposed, to (C_out, ...)",
        "The weight seems to be brought to (C_out, C_in, K, K) by reshape, which keeps the numbers in their order. "
        "Move the last axis to the front instead: np.transpose(weight, [3, 0, 1, 2]).",
        (
            PRODUCTS,
            "weight = np.ascontiguousarray(self.weight).reshape(self.channel_out, self.channel_in, -1)\n"
            "                weight = weight[:, :, idxi * self.kernel_size + idxj]\n"
            "                products = np.tensordot(weight, pixels, axes=(1, 1))",
        ),
        common=True,
    ),
    mistake(
        "first_input_channel_only",
        "only input channel 0 is used",
        "Only the first input channel seems to enter the sum: take the window of all channels, "
        "input_pad[idxn, :, ...].",
        (PRODUCTS, PRODUCTS.replace("[:, idxi, idxj, :], pixels", "[:1, idxi, idxj, :], pixels[:, :1]")),
    ),
    mistake(
        "batch_index_fixed",
        "every sample computed from sample 0",
        "Every sample seems to be computed from the first one: index the input by the sample, "
        "input_pad[idxn, ...].",
        (PIXELS, "pixels = self.input_pad[np.zeros(len(self.input), int)][:, :, rows, columns]"),
        common=True,
    ),
    mistake(
        "sum_overwritten",
        "last product kept instead of the sum",
        "It looks as if each product replaced the one before (`=`): sum them up with `+=`.",
        (SUM, SUM.replace("+=", "=")),
    ),
    mistake(
        "mean_instead_of_sum",
        "mean over the window instead of the sum",
        "The mean over the window seems to be taken: it is the sum, np.sum, not np.mean.",
        (SUM, SUM + " / (self.channel_in * self.kernel_size**2)"),
    ),
    mistake(
        "stride_ignored",
        "stride not used for the window's place",
        "The window seems to move by one pixel whatever the stride: it starts at row idxh * S and column idxw * S.",
        (ROWS, "rows = slice(idxi, idxi + height_out)"),
        (COLUMNS, "columns = slice(idxj, idxj + width_out)"),
        common=True,
    ),
    mistake(
        "stride_ignored_for_columns",
        "stride used for rows only",
        "The stride seems to be used for the rows only: the window starts at column idxw * S as well.",
        (COLUMNS, "columns = slice(idxj, idxj + width_out)"),
    ),
    mistake(
        "padding_on_one_side",
        "all of the padding at the bottom and at the right",
        "All of the zeros seem to stand at the bottom and at the right: the picture must start at row P and column "
        "P of the padded array.",
        (INNER_ROWS, "inner_rows = slice(0, self.input.shape[2])"),
        (INNER_COLUMNS, "inner_columns = slice(0, self.input.shape[3])"),
        formula=FORMULA_1,
        common=True,
    ),
    mistake(
        "padding_repeats_the_border",
        "border pixels repeated instead of zeros",
        "The padding seems to repeat the border pixels: it must be zeros.",
        (
            COPY_INPUT,
            "border = (self.padding, self.padding)\n"
            "        self.input_pad = np.pad(self.input, ((0, 0), (0, 0), border, border), mode='edge')",
        ),
        formula=FORMULA_1,
    ),
    mistake(
        "output_one_too_small",
        "one row and column of the output missing",
        "The output has one row and one column too few: formula (2) ends with + 1.",
        (
            "height_out = (height - self.kernel_size) // self.stride + 1",
            "height_out = (height - self.kernel_size) // self.stride",
        ),
        (
            "width_out = (width - self.kernel_size) // self.stride + 1",
            "width_out = (width - self.kernel_size) // self.stride",
        ),
        formula=FORMULA_2,
    ),
    mistake(
        "division_of_python_2",
        "/ where an integer is needed",
        "`/` gives a float on Python 3, also for two whole numbers. For sizes and indices use `//`.",
        (
            "height_out = (height - self.kernel_size) // self.stride + 1",
            "height_out = (height - self.kernel_size) / self.stride + 1",
        ),
        (
            "width_out = (width - self.kernel_size) // self.stride + 1",
            "width_out = (width - self.kernel_size) / self.stride + 1",
        ),
        formula=FORMULA_2,
    ),
]
