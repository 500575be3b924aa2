"""Mistakes in the forward pass of the convolution, and in what surrounds its kernel."""

from grader.publishing.misconceptions import mistakes_in

forward = mistakes_in("conv_forward", "conv_forward", formula="formula (3) of the README")
padding = mistakes_in("layer.py", "conv_forward", formula="formula (1) of the README", holes=("conv_forward",))
sizes = mistakes_in("layer.py", "conv_forward", formula="formula (2) of the README", holes=("conv_forward",))
loading = mistakes_in("layer.py", "network_load", formula="section 2.1 of the README")

MISCONCEPTIONS = [
    forward(
        "bias_in_channel_loop",
        "bias added once for each input channel",
        "The bias seems to be added inside the loop over input channels, so C_in times. Move that line out of the "
        "loop: it belongs after the sum, once for each output entry.",
        (
            "for k in range(in_channels):\n"
            "    for i in range(kernel_size):\n"
            "        for j in range(kernel_size):\n"
            "            total += weight[c, k, i, j] * inputs_pad[n, k, top + i, left + j]\n"
            "outputs[n, c, h, w] = total + bias[c]",
            "for k in range(in_channels):\n"
            "    for i in range(kernel_size):\n"
            "        for j in range(kernel_size):\n"
            "            total += weight[c, k, i, j] * inputs_pad[n, k, top + i, left + j]\n"
            "    total += bias[c]\n"
            "outputs[n, c, h, w] = total",
        ),
        common=True,
    ),
    forward(
        "bias_in_kernel_loop",
        "bias added for each term of the sum",
        "The bias seems to be added inside the innermost loop, so C_in * K * K times. It belongs after the sum, "
        "once for each output entry.",
        ("inputs_pad[n, k, top + i, left + j]", "inputs_pad[n, k, top + i, left + j] + bias[c]"),
        ("total + bias[c]", "total"),
    ),
    forward(
        "bias_forgotten",
        "bias not added",
        "The sum over the window is right, but the bias is missing: add bias[c] once to every entry of output "
        "channel c.",
        ("total + bias[c]", "total"),
        common=True,
    ),
    forward(
        "bias_of_first_channel",
        "bias of channel 0 added everywhere",
        "Every output channel seems to get the bias of channel 0: index it by the output channel, bias[c].",
        ("bias[c]", "bias[0]"),
    ),
    forward(
        "kernel_flipped",
        "kernel flipped in both directions",
        "The kernel seems to be turned by 180 degrees. What networks call a convolution does not flip it: "
        "weight[c, k, i, j] meets the pixel at (h * S + i, w * S + j).",
        ("weight[c, k, i, j]", "weight[c, k, kernel_size - 1 - i, kernel_size - 1 - j]"),
        common=True,
    ),
    forward(
        "kernel_transposed",
        "rows and columns of the kernel exchanged",
        "Rows and columns of the kernel seem to be exchanged: i counts rows and comes first, weight[c, k, i, j].",
        ("weight[c, k, i, j]", "weight[c, k, j, i]"),
        common=True,
    ),
    forward(
        "weight_axes_swapped",
        "output and input channel of the weight exchanged",
        "The first two axes of the weight seem to be exchanged: it is (C_out, C_in, K, K), so the output channel "
        "comes first, weight[c, k, i, j].",
        ("weight[c, k, i, j]", "weight[k, c, i, j]"),
        reads_outside=True,
    ),
    forward(
        "first_input_channel_only",
        "only input channel 0 is used",
        "Only the first input channel seems to enter the sum: index the input by the channel of the loop, "
        "inputs_pad[n, k, ...].",
        ("inputs_pad[n, k, top + i, left + j]", "inputs_pad[n, 0, top + i, left + j]"),
    ),
    forward(
        "sum_overwritten",
        "last product kept instead of the sum",
        "It looks as if each product replaced the one before (`=`): sum them up with `+=`.",
        (
            "total += weight[c, k, i, j] * inputs_pad[n, k, top + i, left + j]",
            "total = weight[c, k, i, j] * inputs_pad[n, k, top + i, left + j]",
        ),
        common=True,
    ),
    forward(
        "sum_not_reset",
        "sum carried on from one output entry to the next",
        "The sum seems to go on from one output entry to the next: set it to zero for every entry, inside the "
        "loops over rows and columns.",
        ("total = 0.0", ""),
        ("for n in range(batch):", "for n in range(batch):\n    total = 0.0"),
    ),
    padding(
        "padding_not_applied",
        "padding not applied",
        "The input seems not to be padded: put P rows and columns of zeros on all four sides first.",
        ("padding = self.padding\n        padded_height", "padding = 0\n        padded_height"),
        common=True,
    ),
    padding(
        "padding_twice",
        "padding applied twice",
        "The input seems to be padded twice, by 2 * P on every side: once in the given code is enough.",
        ("padding = self.padding\n        padded_height", "padding = 2 * self.padding\n        padded_height"),
    ),
    padding(
        "padding_on_one_side",
        "all of the padding at the bottom and at the right",
        "All of the zeros seem to stand at the bottom and at the right: the picture must start at row P and "
        "column P of the padded array.",
        (
            "inputs_pad[:, :, padding : padding + height, padding : padding + width]",
            "inputs_pad[:, :, :height, :width]",
        ),
        common=True,
    ),
    padding(
        "padding_repeats_the_border",
        "border pixels repeated instead of zeros",
        "The padding seems to repeat the border pixels: it must be zeros.",
        (
            "inputs_pad[:, :, padding : padding + height, padding : padding + width] = inputs",
            'inputs_pad[:] = np.pad(inputs, ((0, 0), (0, 0), (padding, padding), (padding, padding)), mode="edge")',
        ),
    ),
    forward(
        "stride_ignored",
        "stride not used for the window's place",
        "The window seems to move by one pixel whatever the stride: it starts at row h * S and column w * S.",
        ("h * stride", "h"),
        ("w * stride", "w"),
        common=True,
    ),
    forward(
        "stride_ignored_in_columns",
        "stride used for rows only",
        "The stride seems to be used for rows only: the window starts at row h * S and at column w * S.",
        ("w * stride", "w"),
    ),
    forward(
        "stride_ignored_in_rows",
        "stride used for columns only",
        "The stride seems to be used for columns only: the window starts at row h * S and at column w * S.",
        ("h * stride", "h"),
    ),
    sizes(
        "output_size_without_plus_one",
        "output one row and one column too small",
        "The output is one row and one column too small: H_out = (H + 2P - K) // S + 1, and the 1 is easily lost.",
        (
            "(padded_height - self.kernel_size) // self.stride + 1",
            "(padded_height - self.kernel_size) // self.stride",
        ),
        (
            "(padded_width - self.kernel_size) // self.stride + 1",
            "(padded_width - self.kernel_size) // self.stride",
        ),
    ),
    sizes(
        "output_size_plus_one_before_division",
        "1 added before the division by the stride",
        "The 1 seems to be added before the division by the stride: it is (H + 2P - K) // S + 1, not "
        "(H + 2P - K + 1) // S.",
        (
            "(padded_height - self.kernel_size) // self.stride + 1",
            "(padded_height - self.kernel_size + 1) // self.stride",
        ),
        (
            "(padded_width - self.kernel_size) // self.stride + 1",
            "(padded_width - self.kernel_size + 1) // self.stride",
        ),
    ),
    sizes(
        "output_size_rounded_up",
        "output size rounded up",
        "The output size seems to be rounded up: a window that does not fit any more is left out, so round down, "
        "with //.",
        ("padded_height - self.kernel_size", "padded_height - self.kernel_size + self.stride - 1"),
        ("padded_width - self.kernel_size", "padded_width - self.kernel_size + self.stride - 1"),
        reads_outside=True,
    ),
    sizes(
        "output_rows_and_columns_swapped",
        "output allocated with height and width exchanged",
        "Height and width of the output seem to be exchanged where it is made: its shape is "
        "(N, C_out, H_out, W_out).",
        ("(batch, self.out_channels, out_height, out_width)", "(batch, self.out_channels, out_width, out_height)"),
        reads_outside=True,
    ),
    forward(
        "row_and_column_swapped",
        "row and column of the window exchanged",
        "Rows and columns of the window seem to be exchanged: h goes with the row of the input, w with the column.",
        ("top = h * stride\nleft = w * stride", "top = w * stride\nleft = h * stride"),
        reads_outside=True,
    ),
    forward(
        "batch_index_fixed",
        "every sample computed from sample 0",
        "Every sample seems to be computed from the first one: index the input by the sample, inputs_pad[n, ...].",
        ("inputs_pad[n, k, top + i, left + j]", "inputs_pad[0, k, top + i, left + j]"),
        common=True,
    ),
    forward(
        "only_first_sample",
        "samples after the first not computed",
        "Only the first sample of the batch is filled: loop over all of them, for n in range(batch).",
        ("range(batch)", "range(1)"),
    ),
    forward(
        "last_row_and_column_missing",
        "last output row and column not computed",
        "The last row and the last column of the output stay empty: range(out_height) already stops before "
        "out_height.",
        ("out_height", "out_height - 1"),
        ("out_width", "out_width - 1"),
    ),
    forward(
        "integer_accumulation",
        "fractions cut off while summing",
        "The numbers look as if fractions had been cut off while summing: start the sum as a float, total = 0.0, "
        "and avoid int().",
        (
            "weight[c, k, i, j] * inputs_pad[n, k, top + i, left + j]",
            "int(weight[c, k, i, j] * inputs_pad[n, k, top + i, left + j])",
        ),
    ),
    padding(
        "integer_outputs",
        "output array of whole numbers",
        "The output array holds whole numbers, which cut off every fraction: make it with dtype=inputs.dtype.",
        (
            "np.zeros((batch, self.out_channels, out_height, out_width), dtype=inputs.dtype)",
            "np.zeros((batch, self.out_channels, out_height, out_width), dtype=np.int64)",
        ),
        formula="formula (3) of the README",
    ),
    padding(
        "half_precision",
        "numbers rounded to float16",
        "The numbers have lost precision, as if they had been stored as float16 on the way: keep float32.",
        ("padding + width] = inputs", "padding + width] = inputs.astype(np.float16)"),
        formula="formula (3) of the README",
        fingerprint="half_precision",
    ),
    loading(
        "bias_not_loaded",
        "load_params keeps the weight only",
        "The bias seems not to be taken over: `load_params` must set self.bias as well as self.weight.",
        (
            '        self.bias = bias\n\n    def forward(self, inputs):\n        """Return the output',
            '\n    def forward(self, inputs):\n        """Return the output',
        ),
        loses=("network_load", "conv_forward"),
    ),
    loading(
        "shapes_not_checked",
        "load_params takes parameters of any shape",
        "`load_params` takes arrays of any shape: compare them with the layer's own first, with `assert`, so that "
        "a wrong checkpoint is noticed at once.",
        ('assert own.shape == given.shape, f"{name}: expected shape {own.shape}, got {given.shape}"', "return"),
    ),
]
