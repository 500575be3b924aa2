"""Mistakes in convolution, edges, pooling and the fully connected layer."""

from grader.publishing.misconceptions import HoleEdit, mistakes_in

conv_single = mistakes_in("conv_single", "conv_single_forward", formula="formula (1) of the README")
conv_single_backward = mistakes_in(
    "conv_single_backward", "conv_single_backward", formula="formula (3) of the README"
)
edges = mistakes_in("edges", "edges", formula="section 2 of the README")
conv_forward = mistakes_in("conv_forward", "conv_forward", formula="formula (5) of the README")
conv_backward = mistakes_in("conv_backward", "conv_backward", formula="formula (6) of the README")
pool_forward = mistakes_in("pool_forward", "max_pool_forward", formula="formula (7) of the README")
pool_forward_in_max_pool_forward = mistakes_in(
    "pool_forward", "max_pool_forward", "average_pool_forward", formula="formula (7) of the README"
)
pool_forward_in_average_pool_forward = mistakes_in(
    "pool_forward", "average_pool_forward", formula="formula (7) of the README"
)
linear_backward = mistakes_in("linear_backward", "linear_backward", formula="formula (8) of the README")

MISCONCEPTIONS = [
    conv_single(
        "single_kernel_flipped",
        "kernel of one channel turned by 180 degrees",
        "The kernel seems to be turned by 180 degrees. Here, as in all of deep learning, it is used as it is.",
        ("window * self.weight", "window * self.weight[::-1, ::-1]"),
    ),
    conv_single(
        "single_kernel_transposed",
        "rows and columns of the kernel exchanged",
        "Rows and columns of the kernel seem to be exchanged: w[u, v] meets x[i + u, j + v].",
        ("window * self.weight", "window * self.weight.T"),
    ),
    conv_single(
        "single_stride_on_rows_only",
        "stride taken for the rows only",
        "The windows move by the stride from row to row, but by one from column to column.",
        ("padded[:, i * s : i * s + u, j * s : j * s + v]", "padded[:, i * s : i * s + u, j : j + v]"),
    ),
    conv_single(
        "single_size_rounded_late",
        "size (M + 2P - U + 1) // S",
        "The number of places is (M + 2P - U) // S + 1: first divide, then add the one. With odd sizes the other "
        "way gives one too few.",
        (") // s + 1, (padded.shape[2] - v) // s + 1", " + 1) // s, (padded.shape[2] - v + 1) // s"),
    ),
    conv_single_backward(
        "single_weight_gradient_overwritten",
        "gradient of the kernel of one channel assigned instead of summed",
        "The kernel meets every window, so its gradient is a sum over all of them: use `+=`.",
        ("d_weight += np.sum(share * padded[place], axis=0)", "d_weight = np.sum(share * padded[place], axis=0)"),
    ),
    conv_single_backward(
        "single_gradient_without_stride",
        "windows of the backward pass one place apart",
        "In the backward pass the windows begin at i·S, as in the forward pass, not at i.",
        (", slice(i * s, i * s + u), slice(j * s, j * s + v)", ", slice(i, i + u), slice(j, j + v)"),
    ),
    edges(
        "negative_responses_cut_off",
        "negative responses cut off",
        "Negative responses are as much an edge as positive ones: keep the sign. Only a picture to look at needs "
        "|x|.",
        (
            "response = conv(np.asarray(picture, np.float32)[None])[0]",
            "response = conv(np.asarray(picture, np.float32)[None])[0]\nresponse = np.maximum(response, 0)",
        ),
    ),
    edges(
        "absolute_responses",
        "magnitudes instead of responses",
        "`edges` returns the response with its sign; take magnitudes only for a picture to look at.",
        (
            "response = conv(np.asarray(picture, np.float32)[None])[0]",
            "response = conv(np.asarray(picture, np.float32)[None])[0]\nresponse = np.abs(response)",
        ),
    ),
    edges(
        "edges_in_whole_numbers",
        "edges of a picture of bytes",
        "The picture has type uint8, which holds 0 to 255 only: turn it into float32 before it is convolved.",
        ("conv(np.asarray(picture, np.float32)[None])[0]", "conv(np.asarray(picture)[None])[0].astype(np.float32)"),
    ),
    mistakes_in("laplacian", "edges", formula="formula (4) of the README")(
        "laplacian_of_4_in_the_middle",
        "4 in the middle of the kernel of eight neighbours",
        "The entries of a Laplacian kernel add up to 0: with eight neighbours of -1 the middle is 8.",
        ("kernel[1, 1] = 8", "kernel[1, 1] = 4"),
    ),
    conv_forward(
        "kernel_flipped",
        "kernels turned by 180 degrees",
        "The kernels seem to be turned by 180 degrees. Here, as in all of deep learning, they are used as they "
        "are.",
        ("self.weight, axes", "self.weight[:, :, ::-1, ::-1], axes"),
        common=True,
    ),
    conv_forward(
        "size_without_the_padding",
        "number of places without the padding",
        "The output has (M + 2P - U) // S + 1 rows: M is the input without padding, so 2P must be added.",
        ("padded.shape[2]", "inputs.shape[2]"),
        ("padded.shape[3]", "inputs.shape[3]"),
        common=True,
    ),
    conv_forward(
        "stride_on_rows_only",
        "stride taken for the rows only",
        "The windows move by the stride from row to row, but by one from column to column.",
        ("padded[:, :, i * s : i * s + u, j * s : j * s + v]", "padded[:, :, i * s : i * s + u, j : j + v]"),
    ),
    conv_forward(
        "window_without_stride",
        "windows begin at i instead of i·S",
        "The window of output (i, j) begins at (i·S, j·S), not at (i, j).",
        ("padded[:, :, i * s : i * s + u, j * s : j * s + v]", "padded[:, :, i : i + u, j : j + v]"),
        common=True,
    ),
    conv_forward(
        "size_rounded_late",
        "size (M + 2P - U + 1) // S",
        "The number of places is (M + 2P - U) // S + 1: first divide, then add the one. With odd sizes the other "
        "way gives one too few.",
        ("(padded.shape[2] - u) // s + 1", "(padded.shape[2] - u + 1) // s"),
        ("(padded.shape[3] - v) // s + 1", "(padded.shape[3] - v + 1) // s"),
    ),
    conv_forward(
        "last_channel_only",
        "only the last input channel counts",
        "Every output is a sum over all input channels; here only the last one is left. Sum the channels up.",
        ("window, self.weight,", "window[:, -1:], self.weight[:, -1:],"),
    ),
    conv_forward(
        "bias_once_per_channel",
        "bias added once per input channel",
        "The bias is added once to every output, after the sum over the input channels, not once for each of them.",
        ("self.bias.reshape", "self.in_channels * self.bias.reshape"),
    ),
    conv_forward(
        "bias_forgotten",
        "bias not added",
        "The convolution is right, but the bias is missing.",
        ("outputs += self.bias.reshape(1, -1, 1, 1)", "pass"),
        common=True,
    ),
    conv_forward(
        "bias_along_the_rows",
        "bias (P, 1) added along the rows",
        "A bias (P, 1) is matched with the last two axes, rows and columns. Bring it to (1, P, 1, 1) first.",
        ("self.bias.reshape(1, -1, 1, 1)", "self.bias"),
        symptom="broadcast",
    ),
    conv_forward(
        "weight_axes_exchanged",
        "input and output channels of the weight exchanged",
        "The weight is (P, D, U, V): output channels first.",
        ("self.weight, axes", "self.weight.swapaxes(0, 1), axes"),
        symptom="shape-mismatch",
    ),
    conv_forward(
        "maps_stacked_first",
        "feature maps stacked on the first axis",
        "The result has the axes (P, N, M', N'): stack the feature maps along axis 1, so that samples stay first.",
        (
            "if self.bias is not None:\n    outputs += self.bias.reshape(1, -1, 1, 1)",
            "if self.bias is not None:\n"
            "    outputs += self.bias.reshape(1, -1, 1, 1)\n"
            "outputs = outputs.swapaxes(0, 1)",
        ),
    ),
    conv_backward(
        "input_gradient_overwritten",
        "input gradient assigned instead of summed",
        "Windows share pixels, so their gradients add up: use `+=`.",
        (
            "grad_padded[place] += np.tensordot(share, self.weight, axes=(1, 0))",
            "grad_padded[place] = np.tensordot(share, self.weight, axes=(1, 0))",
        ),
        common=True,
    ),
    conv_backward(
        "input_gradient_without_stride",
        "input gradient not spread by the stride",
        "The gradient of output (i, j) belongs to the window that begins at (i·S, j·S), not at (i, j).",
        ("grad_padded[place]", "grad_padded[:, :, i : i + u, j : j + v]"),
    ),
    conv_backward(
        "gradient_not_cropped",
        "padding left around the gradient",
        "The gradient has the shape of the padded input: cut the padding off.",
        ("grad_padded[:, :, p : p + inputs.shape[2], p : p + inputs.shape[3]]", "grad_padded"),
    ),
    conv_backward(
        "weight_gradient_divided_by_the_batch",
        "weight gradient divided by the number of samples",
        "The gradient that arrives is already that of the mean loss: sum over the samples and divide no more.",
        ("(share, padded[place], axes=(0, 0))", "(share, padded[place], axes=(0, 0)) / len(inputs)"),
    ),
    conv_backward(
        "bias_gradient_over_wrong_axes",
        "bias gradient summed over samples and rows only",
        "The gradient of a bias is the sum over samples, rows and columns: axes 0, 2 and 3.",
        ("out_grad.sum(axis=(0, 2, 3))[:, None]", "out_grad.sum(axis=(0, 2))"),
    ),
    conv_backward(
        "bias_gradient_mean",
        "mean taken for the bias gradient",
        "The gradient of a bias is the sum over samples, rows and columns, not their mean.",
        ("out_grad.sum", "out_grad.mean"),
    ),
    conv_backward(
        "kernel_flipped_backward",
        "kernel turned in the loops of the backward pass",
        "With loops over the outputs the kernel is used as it is; only the formula as one convolution turns it.",
        ("self.weight, axes", "self.weight[:, :, ::-1, ::-1], axes"),
        common=True,
    ),
    pool_forward(
        "maximum_started_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values.",
        ("window.max(axis=(2, 3))", "np.maximum(window.max(axis=(2, 3)), 0)"),
    ),
    pool_forward(
        "maximum_over_zeros",
        "max pooling padded with zeros",
        "The places around the picture count as minus infinity. Zeros win where all values beside the border are "
        "negative; behind a ReLU nobody notices.",
        ('-np.inf if self.mode == "max" else 0.0', "0.0"),
    ),
    pool_forward_in_max_pool_forward(
        "pooling_without_stride",
        "windows begin at i instead of i·S",
        "The window of output (i, j) begins at (i·S, j·S), not at (i, j).",
        (":, i * s : i * s + self.h, j * s : j * s + self.", ":, i : i + self.h, j : j + self."),
    ),
    pool_forward_in_max_pool_forward(
        "pooling_size_rounded_up",
        "a place more than the windows reach",
        "The number of rows is (M + 2P - U) // S + 1: a window that does not fit is left out.",
        ("(padded.shape[2] - self.h) // s", "-(-(padded.shape[2] - self.h) // s)"),
        symptom="zero-size|identity",
    ),
    pool_forward_in_average_pool_forward(
        "mean_divided_by_the_stride",
        "mean divided by the square of the stride",
        "The sum is divided by S·S. Divide by the number of values in the window, U·V; the two are equal only "
        "where windows neither overlap nor leave gaps.",
        ("window.sum(axis=(2, 3)) / (self.h * self.w)", "window.sum(axis=(2, 3)) / s**2"),
    ),
    pool_forward_in_average_pool_forward(
        "sum_instead_of_mean",
        "sum of the window instead of its mean",
        "The values of a window are added but not divided by their number.",
        ("window.sum(axis=(2, 3)) / (self.h * self.w)", "window.sum(axis=(2, 3))"),
    ),
    mistakes_in("pool_backward", "equal_maxima", formula="formula (7) of the README")(
        "gradient_to_all_equal_maxima",
        "gradient given to every value that equals the maximum",
        "Where several values of a window equal its maximum, each of them gets the gradient; only one should.",
        (
            "first = padded[place].reshape(*x.shape[:2], -1).argmax(axis=2)",
            "best = padded[place].max(axis=(2, 3), keepdims=True)",
        ),
        (
            "grad_padded[batch, channels, i * s + first // self.w, j * s + first % self.w] += share",
            "grad_padded[place] += (padded[place] == best) * share[:, :, None, None]",
        ),
    ),
    mistakes_in("pool_backward", "max_pool_backward", formula="formula (7) of the README")(
        "pool_gradient_overwritten",
        "gradients of overlapping windows written over one another",
        "Where windows overlap, one value can be the maximum of several, and their gradients add up: use `+=`.",
        ("w] += share", "w] = share"),
    ),
    mistakes_in("pool_backward", "max_pool_backward", "equal_maxima", formula="formula (7) of the README")(
        "pool_gradient_to_all",
        "gradient of the maximum given to the whole window",
        "Only the largest value of a window has a part in its maximum, so only that one gets the gradient.",
        (
            "first = padded[place].reshape(*x.shape[:2], -1).argmax(axis=2)\n"
            "grad_padded[batch, channels, i * s + first // self.w, j * s + first % self.w] += share",
            "grad_padded[place] += share[:, :, None, None]",
        ),
    ),
    mistakes_in("pool_backward", "average_pool_backward", formula="formula (7) of the README")(
        "mean_gradient_not_divided",
        "gradient of the mean not divided",
        "Every value of a window has a share of 1 / (U·V) in its mean, so it gets that share of the gradient.",
        ("share[:, :, None, None] / (self.h * self.w)", "share[:, :, None, None]"),
    ),
    mistakes_in("linear_forward", "linear_forward", formula="formula (8) of the README")(
        "linear_bias_forgotten",
        "bias of the fully connected layer not added",
        "The product is right, but the bias is missing.",
        ("x @ self.weight + self.bias", "x @ self.weight"),
    ),
    linear_backward(
        "linear_weight_gradient_transposed",
        "gradient of the weight transposed",
        "The gradient of the weight has the weight's axes, (in_features, out_features).",
        ("x.T @ out_grad", "out_grad.T @ x"),
    ),
    linear_backward(
        "linear_bias_gradient_mean",
        "mean taken for the bias gradient of the fully connected layer",
        "The gradient of a bias is the sum over the samples, not their mean.",
        ("out_grad.sum", "out_grad.mean"),
    ),
    linear_backward(
        "linear_weight_reshaped_for_transposed",
        "weight reshaped instead of transposed",
        "`reshape` leaves the numbers in their order in memory; rows become columns by `.T`.",
        ("self.weight.T", "self.weight.reshape(self.weight.shape[::-1])"),
    ),
    mistakes_in(
        "conv_forward",
        "lenet_training",
        "shortcut_training",
        formula="formulas (5) and (8) of the README",
        holes=("conv_forward", "linear_forward"),
    )(
        "first_weights_kept",
        "parameters copied in the first pass",
        "The layers seem to go on with the parameters of their first pass: what the optimiser changes has no "
        "effect, so nothing is learned. Use `self.weight` and `self.bias` themselves in every pass.",
        (
            "p, s = self.padding, self.stride",
            "p, s = self.padding, self.stride\n"
            'if not hasattr(self, "kept"):\n'
            "    self.kept = self.weight.copy(), None if self.bias is None else self.bias.copy()",
        ),
        (", self.weight, axes=", ", self.kept[0], axes="),
        ("self.bias.reshape", "self.kept[1].reshape"),
        HoleEdit(
            "linear_forward",
            "outputs = x @ self.weight + self.bias",
            'if not hasattr(self, "kept"):\n'
            "    self.kept = self.weight.copy(), None if self.bias is None else self.bias.copy()\n"
            "outputs = x @ self.kept[0] + self.kept[1]",
        ),
    ),
]
