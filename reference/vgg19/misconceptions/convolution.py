"""Mistakes in the forward pass of the convolution."""

from grader.publishing.misconceptions import mistakes_in

forward = mistakes_in("conv_forward", "conv_forward", formula="formula (3) of the README")
padding = mistakes_in("layers_2.py", "conv_forward", formula="formula (1) of the README", holes=("conv_forward",))
sizes = mistakes_in("layers_2.py", "conv_forward", formula="formula (2) of the README", holes=("conv_forward",))

MISCONCEPTIONS = [
    forward(
        "bias_forgotten",
        "bias not added",
        "The sum over the window is right, but the bias is missing: add bias[idxc] once to every entry of output "
        "channel idxc.",
        ("self.output += self.bias.reshape(1, -1, 1, 1)", "pass"),
        common=True,
    ),
    forward(
        "bias_in_channel_loop",
        "bias added once for each input channel",
        "The bias seems to be added inside a loop over input channels, so C_in times. It belongs after the sum, "
        "once for each output entry.",
        ("self.bias", "self.channel_in * self.bias"),
    ),
    forward(
        "bias_added_to_every_product",
        "bias added inside the sum",
        "The bias seems to be added inside np.sum(...), so once for each of the C_in * K * K products. Close the "
        "parenthesis of the sum first.",
        ("self.bias", "self.channel_in * self.kernel_size**2 * self.bias"),
        common=True,
    ),
    forward(
        "bias_of_first_channel",
        "bias of channel 0 added everywhere",
        "Every output channel seems to get the bias of channel 0: index it by the output channel, bias[idxc].",
        ("self.bias.reshape(1, -1, 1, 1)", "self.bias[0]"),
    ),
    forward(
        "kernel_flipped",
        "kernel flipped in both directions",
        "The kernel seems to be turned by 180 degrees. What networks call a convolution does not flip it: "
        "weight[:, i, j, idxc] meets the pixel at (idxh * S + i, idxw * S + j).",
        ("self.weight[:, idxi, idxj, :]", "self.weight[:, -1 - idxi, -1 - idxj, :]"),
        common=True,
    ),
    forward(
        "kernel_transposed",
        "rows and columns of the kernel exchanged",
        "Rows and columns of the kernel seem to be exchanged: the weight is (C_in, rows, columns, C_out).",
        ("self.weight[:, idxi, idxj, :]", "self.weight[:, idxj, idxi, :]"),
        common=True,
    ),
    forward(
        "weight_outputs_first",
        "weight read as (C_out, C_in, K, K)",
        "The weight seems to be read as (C_out, C_in, K, K). In this lab it is (C_in, K, K, C_out): the kernel of "
        "output channel idxc is weight[:, :, :, idxc].",
        ("[:, idxi, idxj, :], pixels, axes=(0, 1)", "[:, :, idxi, idxj], pixels, axes=(1, 1)"),
    ),
    forward(
        "weight_reshaped_instead_of_transposed",
        "weight reshaped, not transposed, to (C_out, ...)",
        "The weight seems to be brought to (C_out, C_in, K, K) by reshape, which keeps the numbers in their "
        "order. Move the last axis to the front instead: np.transpose(weight, [3, 0, 1, 2]).",
        (
            "products = np.tensordot(self.weight[:, idxi, idxj, :], pixels, axes=(0, 1))",
            "weight = np.ascontiguousarray(self.weight).reshape(self.channel_out, self.channel_in, -1)\n"
            "weight = weight[:, :, idxi * self.kernel_size + idxj]\n"
            "products = np.tensordot(weight, pixels, axes=(1, 1))",
        ),
        common=True,
    ),
    forward(
        "first_input_channel_only",
        "only input channel 0 is used",
        "Only the first input channel seems to enter the sum: take the window of all channels, "
        "input_pad[idxn, :, ...].",
        (".weight[:, idxi, idxj, :], pixels, axes=", ".weight[:1, idxi, idxj, :], pixels[:, :1], axes="),
    ),
    forward(
        "batch_index_fixed",
        "every sample computed from sample 0",
        "Every sample seems to be computed from the first one: index the input by the sample, "
        "input_pad[idxn, ...].",
        ("input_pad[:,", "input_pad[np.zeros(len(self.input), int)][:,"),
        common=True,
    ),
    forward(
        "sum_overwritten",
        "last product kept instead of the sum",
        "It looks as if each product replaced the one before (`=`): sum them up with `+=`.",
        ("self.output += products.transpose(1, 0, 2, 3)", "self.output = products.transpose(1, 0, 2, 3)"),
    ),
    forward(
        "mean_instead_of_sum",
        "mean over the window instead of the sum",
        "The mean over the window seems to be taken: it is the sum, np.sum, not np.mean.",
        (".transpose(1, 0, 2, 3)", ".transpose(1, 0, 2, 3) / (self.channel_in * self.kernel_size**2)"),
    ),
    forward(
        "stride_ignored",
        "stride not used for the window's place",
        "The window seems to move by one pixel whatever the stride: it starts at row idxh * S and column idxw * S.",
        ("slice(idxi, idxi + (height_out - 1) * self.stride + 1, self.stride)", "slice(idxi, idxi + height_out)"),
        ("slice(idxj, idxj + (width_out - 1) * self.stride + 1, self.stride)", "slice(idxj, idxj + width_out)"),
        common=True,
    ),
    forward(
        "stride_ignored_for_columns",
        "stride used for rows only",
        "The stride seems to be used for the rows only: the window starts at column idxw * S as well.",
        ("slice(idxj, idxj + (width_out - 1) * self.stride + 1, self.stride)", "slice(idxj, idxj + width_out)"),
    ),
    padding(
        "padding_on_one_side",
        "all of the padding at the bottom and at the right",
        "All of the zeros seem to stand at the bottom and at the right: the picture must start at row P and "
        "column P of the padded array.",
        ("slice(self.padding, self.padding + self.input.shape[2])", "slice(0, self.input.shape[2])"),
        ("slice(self.padding, self.padding + self.input.shape[3])", "slice(0, self.input.shape[3])"),
        common=True,
    ),
    padding(
        "padding_repeats_the_border",
        "border pixels repeated instead of zeros",
        "The padding seems to repeat the border pixels: it must be zeros.",
        (
            "self.input_pad[:, :, inner_rows, inner_columns] = self.input",
            "border = (self.padding, self.padding)\n"
            "        self.input_pad = np.pad(self.input, ((0, 0), (0, 0), border, border), mode='edge')",
        ),
    ),
    sizes(
        "output_one_too_small",
        "one row and column of the output missing",
        "The output has one row and one column too few: formula (2) ends with + 1.",
        ("(height - self.kernel_size) // self.stride + 1", "(height - self.kernel_size) // self.stride"),
        ("(width - self.kernel_size) // self.stride + 1", "(width - self.kernel_size) // self.stride"),
    ),
    sizes(
        "division_of_python_2",
        "/ where an integer is needed",
        "`/` gives a float on Python 3, also for two whole numbers. For sizes and indices use `//`.",
        ("(height - self.kernel_size) // self.stride", "(height - self.kernel_size) / self.stride"),
        ("(width - self.kernel_size) // self.stride", "(width - self.kernel_size) / self.stride"),
    ),
]
