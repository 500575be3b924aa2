"""Mistakes in convolution, edges, pooling and the fully connected layer."""

from grader.publishing.misconceptions import Edit, Misconception

SINGLE_OUT = "outputs[:, i, j] = np.sum(window * self.weight, axis=(1, 2))"
SINGLE_WINDOW = "window = padded[:, i * s : i * s + u, j * s : j * s + v]"
SINGLE_SIZES = "rows, columns = (padded.shape[1] - u) // s + 1, (padded.shape[2] - v) // s + 1"
SINGLE_PLACE = "place = slice(None), slice(i * s, i * s + u), slice(j * s, j * s + v)"
SINGLE_WEIGHT = "d_weight += np.sum(share * padded[place], axis=0)"
LAPLACIAN_OF_8 = "kernel[1, 1] = 8"
EDGES = "response = conv(np.asarray(picture, np.float32)[None])[0]"
CONV_WINDOW = "window = padded[:, :, i * s : i * s + u, j * s : j * s + v]"
CONV_OUT = "outputs[:, :, i, j] = np.tensordot(window, self.weight, axes=([1, 2, 3], [1, 2, 3]))"
CONV_BIAS = "outputs += self.bias.reshape(1, -1, 1, 1)"
CONV_ROWS, CONV_COLUMNS = "rows = (padded.shape[2] - u) // s + 1", "columns = (padded.shape[3] - v) // s + 1"
CONV_PLACE = "place = slice(None), slice(None), slice(i * s, i * s + u), slice(j * s, j * s + v)"
CONV_DW = "d_weight += np.tensordot(share, padded[place], axes=(0, 0))"
CONV_DX = "grad_padded[place] += np.tensordot(share, self.weight, axes=(1, 0))"
CONV_DB = "d_bias = out_grad.sum(axis=(0, 2, 3))[:, None]"
CONV_CROP = "in_grad = grad_padded[:, :, p : p + inputs.shape[2], p : p + inputs.shape[3]]"
POOL_START = """### BEGIN SOLUTION pool_forward: set outputs by formula (7), for both modes
        p, s = self.padding, self.stride
        border = -np.inf if self.mode == "max" else 0.0"""
POOL_WINDOW = "window = padded[:, :, i * s : i * s + self.h, j * s : j * s + self.w]"
POOL_MAX = "outputs[:, :, i, j] = window.max(axis=(2, 3))"
POOL_MEAN = "outputs[:, :, i, j] = window.sum(axis=(2, 3)) / (self.h * self.w)"
POOL_ROWS = "rows = (padded.shape[2] - self.h) // s + 1"
TO_FIRST = (
    "first = padded[place].reshape(*x.shape[:2], -1).argmax(axis=2)\n                    "
    "grad_padded[batch, channels, i * s + first // self.w, j * s + first % self.w] += share"
)
TO_ALL = "grad_padded[place] += share[:, :, None, None] / (self.h * self.w)"
LINEAR = "outputs = x @ self.weight + self.bias"
LINEAR_DW = "d_weight = x.T @ out_grad"
LINEAR_DB = "d_bias = out_grad.sum(axis=0)"
LINEAR_DX = "in_grad = out_grad @ self.weight.T"
CONV_KERNEL = """        u, v = self.weight.shape[2:]
        padded = np.pad(inputs, ((0, 0), (0, 0), (p, p), (p, p)))
        rows"""
FIRST_KEPT = """        if not hasattr(self, "kept"):
            self.kept = self.weight.copy(), None if self.bias is None else self.bias.copy()
"""


def mistake(file, hole, *loses, formula):
    """Return a maker of mistakes in one hole that these checks must notice."""

    def make(name, title, explanation, *edits, **more):
        pairs = tuple(Edit(file, old, new) for old, new in edits)
        return Misconception(name, title, (hole,), more.pop("loses", loses), explanation, pairs, formula, **more)

    return make


single = mistake("edge.py", "conv_single", "conv_single_forward", formula="formula (1) of the README")
single_back = mistake(
    "edge.py", "conv_single_backward", "conv_single_backward", formula="formula (3) of the README"
)
edge = mistake("edge.py", "edges", "edges", formula="section 2 of the README")
conv = mistake("op.py", "conv_forward", "conv_forward", formula="formula (5) of the README")
conv_back = mistake("op.py", "conv_backward", "conv_backward", formula="formula (6) of the README")
maximum = mistake("op.py", "pool_forward", "max_pool_forward", formula="formula (7) of the README")
mean = mistake("op.py", "pool_forward", "average_pool_forward", formula="formula (7) of the README")
max_back = mistake("op.py", "pool_backward", "max_pool_backward", formula="formula (7) of the README")
mean_back = mistake("op.py", "pool_backward", "average_pool_backward", formula="formula (7) of the README")
linear = mistake("op.py", "linear_forward", "linear_forward", formula="formula (8) of the README")
linear_back = mistake("op.py", "linear_backward", "linear_backward", formula="formula (8) of the README")

MISCONCEPTIONS = [
    single(
        "single_kernel_flipped",
        "kernel of one channel turned by 180 degrees",
        "The kernel seems to be turned by 180 degrees. Here, as in all of deep learning, it is used as it is.",
        (SINGLE_OUT, SINGLE_OUT.replace("self.weight", "self.weight[::-1, ::-1]")),
    ),
    single(
        "single_kernel_transposed",
        "rows and columns of the kernel exchanged",
        "Rows and columns of the kernel seem to be exchanged: w[u, v] meets x[i + u, j + v].",
        (SINGLE_OUT, SINGLE_OUT.replace("self.weight", "self.weight.T")),
    ),
    single(
        "single_stride_on_rows_only",
        "stride taken for the rows only",
        "The windows move by the stride from row to row, but by one from column to column.",
        (SINGLE_WINDOW, SINGLE_WINDOW.replace("j * s", "j")),
    ),
    single(
        "single_size_rounded_late",
        "size (M + 2P - U + 1) // S",
        "The number of places is (M + 2P - U) // S + 1: first divide, then add the one. With odd "
        "sizes the other way "
        "gives one too few.",
        (
            SINGLE_SIZES,
            SINGLE_SIZES.replace(" - u) // s + 1", " - u + 1) // s").replace(" - v) // s + 1", " - v + 1) // s"),
        ),
    ),
    single_back(
        "single_weight_gradient_overwritten",
        "gradient of the kernel of one channel assigned instead of summed",
        "The kernel meets every window, so its gradient is a sum over all of them: use `+=`.",
        (SINGLE_WEIGHT, SINGLE_WEIGHT.replace("+=", "=")),
    ),
    single_back(
        "single_gradient_without_stride",
        "windows of the backward pass one place apart",
        "In the backward pass the windows begin at i·S, as in the forward pass, not at i.",
        (SINGLE_PLACE, SINGLE_PLACE.replace("i * s", "i").replace("j * s", "j")),
    ),
    edge(
        "negative_responses_cut_off",
        "negative responses cut off",
        "Negative responses are as much an edge as positive ones: keep the sign. Only a picture to "
        "look at needs |x|.",
        (EDGES, f"{EDGES}\n    response = np.maximum(response, 0)"),
    ),
    edge(
        "absolute_responses",
        "magnitudes instead of responses",
        "`edges` returns the response with its sign; take magnitudes only for a picture to look at.",
        (EDGES, f"{EDGES}\n    response = np.abs(response)"),
    ),
    edge(
        "edges_in_whole_numbers",
        "edges of a picture of bytes",
        "The picture has type uint8, which holds 0 to 255 only: turn it into float32 before it is convolved.",
        (EDGES, "response = conv(np.asarray(picture)[None])[0].astype(np.float32)"),
    ),
    mistake("edge.py", "laplacian", "edges", formula="formula (4) of the README")(
        "laplacian_of_4_in_the_middle",
        "4 in the middle of the kernel of eight neighbours",
        "The entries of a Laplacian kernel add up to 0: with eight neighbours of -1 the middle is 8.",
        (LAPLACIAN_OF_8, LAPLACIAN_OF_8.replace("= 8", "= 4")),
    ),
    conv(
        "kernel_flipped",
        "kernels turned by 180 degrees",
        "The kernels seem to be turned by 180 degrees. Here, as in all of deep learning, they are "
        "used as they are.",
        (CONV_OUT, CONV_OUT.replace("self.weight", "self.weight[:, :, ::-1, ::-1]")),
        common=True,
    ),
    conv(
        "size_without_the_padding",
        "number of places without the padding",
        "The output has (M + 2P - U) // S + 1 rows: M is the input without padding, so 2P must be added.",
        (CONV_ROWS, CONV_ROWS.replace("padded", "inputs")),
        (CONV_COLUMNS, CONV_COLUMNS.replace("padded", "inputs")),
        common=True,
    ),
    conv(
        "stride_on_rows_only",
        "stride taken for the rows only",
        "The windows move by the stride from row to row, but by one from column to column.",
        (CONV_WINDOW, CONV_WINDOW.replace("j * s", "j")),
    ),
    conv(
        "window_without_stride",
        "windows begin at i instead of i·S",
        "The window of output (i, j) begins at (i·S, j·S), not at (i, j).",
        (CONV_WINDOW, CONV_WINDOW.replace("i * s", "i").replace("j * s", "j")),
        common=True,
    ),
    conv(
        "size_rounded_late",
        "size (M + 2P - U + 1) // S",
        "The number of places is (M + 2P - U) // S + 1: first divide, then add the one. With odd "
        "sizes the other way "
        "gives one too few.",
        (CONV_ROWS, "rows = (padded.shape[2] - u + 1) // s"),
        (CONV_COLUMNS, "columns = (padded.shape[3] - v + 1) // s"),
    ),
    conv(
        "last_channel_only",
        "only the last input channel counts",
        "Every output is a sum over all input channels; here only the last one is left. Sum the channels up.",
        (CONV_OUT, CONV_OUT.replace("(window, self.weight", "(window[:, -1:], self.weight[:, -1:]")),
    ),
    conv(
        "bias_once_per_channel",
        "bias added once per input channel",
        "The bias is added once to every output, after the sum over the input channels, not once for each of them.",
        (CONV_BIAS, CONV_BIAS.replace("self.bias", "self.in_channels * self.bias")),
    ),
    conv(
        "bias_forgotten",
        "bias not added",
        "The convolution is right, but the bias is missing.",
        (CONV_BIAS, "pass"),
        common=True,
    ),
    conv(
        "bias_along_the_rows",
        "bias (P, 1) added along the rows",
        "A bias (P, 1) is matched with the last two axes, rows and columns. Bring it to (1, P, 1, 1) first.",
        (CONV_BIAS, "outputs += self.bias"),
        symptom="broadcast",
    ),
    conv(
        "weight_axes_exchanged",
        "input and output channels of the weight exchanged",
        "The weight is (P, D, U, V): output channels first.",
        (CONV_OUT, CONV_OUT.replace("self.weight", "self.weight.swapaxes(0, 1)")),
        symptom="shape-mismatch",
    ),
    conv(
        "maps_stacked_first",
        "feature maps stacked on the first axis",
        "The result has the axes (P, N, M', N'): stack the feature maps along axis 1, so that samples stay first.",
        (
            CONV_BIAS + "\n        ### END SOLUTION",
            CONV_BIAS + "\n        outputs = outputs.swapaxes(0, 1)\n        ### END SOLUTION",
        ),
    ),
    conv_back(
        "input_gradient_overwritten",
        "input gradient assigned instead of summed",
        "Windows share pixels, so their gradients add up: use `+=`.",
        (CONV_DX, CONV_DX.replace("+=", "=")),
        common=True,
    ),
    conv_back(
        "input_gradient_without_stride",
        "input gradient not spread by the stride",
        "The gradient of output (i, j) belongs to the window that begins at (i·S, j·S), not at (i, j).",
        (CONV_DX, "grad_padded[:, :, i : i + u, j : j + v] += np.tensordot(share, self.weight, axes=(1, 0))"),
    ),
    conv_back(
        "gradient_not_cropped",
        "padding left around the gradient",
        "The gradient has the shape of the padded input: cut the padding off.",
        (CONV_CROP, "in_grad = grad_padded"),
    ),
    conv_back(
        "weight_gradient_divided_by_the_batch",
        "weight gradient divided by the number of samples",
        "The gradient that arrives is already that of the mean loss: sum over the samples and divide no more.",
        (CONV_DW, CONV_DW + " / len(inputs)"),
    ),
    conv_back(
        "bias_gradient_over_wrong_axes",
        "bias gradient summed over samples and rows only",
        "The gradient of a bias is the sum over samples, rows and columns: axes 0, 2 and 3.",
        (CONV_DB, "d_bias = out_grad.sum(axis=(0, 2))"),
    ),
    conv_back(
        "bias_gradient_mean",
        "mean taken for the bias gradient",
        "The gradient of a bias is the sum over samples, rows and columns, not their mean.",
        (CONV_DB, CONV_DB.replace("sum", "mean")),
    ),
    conv_back(
        "kernel_flipped_backward",
        "kernel turned in the loops of the backward pass",
        "With loops over the outputs the kernel is used as it is; only the formula as one convolution turns it.",
        (CONV_DX, CONV_DX.replace("self.weight", "self.weight[:, :, ::-1, ::-1]")),
        common=True,
    ),
    maximum(
        "maximum_started_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values.",
        (POOL_MAX, "outputs[:, :, i, j] = np.maximum(window.max(axis=(2, 3)), 0)"),
    ),
    maximum(
        "maximum_over_zeros",
        "max pooling padded with zeros",
        "The places around the picture count as minus infinity. Zeros win where all values beside the border are "
        "negative; behind a ReLU nobody notices.",
        (POOL_START, POOL_START.replace('-np.inf if self.mode == "max" else 0.0', "0.0")),
    ),
    maximum(
        "pooling_without_stride",
        "windows begin at i instead of i·S",
        "The window of output (i, j) begins at (i·S, j·S), not at (i, j).",
        (POOL_WINDOW, POOL_WINDOW.replace("i * s", "i").replace("j * s", "j")),
        loses=("max_pool_forward", "average_pool_forward"),
    ),
    maximum(
        "pooling_size_rounded_up",
        "a place more than the windows reach",
        "The number of rows is (M + 2P - U) // S + 1: a window that does not fit is left out.",
        (POOL_ROWS, "rows = -(-(padded.shape[2] - self.h) // s) + 1"),
        loses=("max_pool_forward", "average_pool_forward"),
        symptom="zero-size|identity",
    ),
    mean(
        "mean_divided_by_the_stride",
        "mean divided by the square of the stride",
        "The sum is divided by S·S. Divide by the number of values in the window, U·V; the two are "
        "equal only where "
        "windows neither overlap nor leave gaps.",
        (POOL_MEAN, POOL_MEAN.replace("(self.h * self.w)", "s**2")),
    ),
    mean(
        "sum_instead_of_mean",
        "sum of the window instead of its mean",
        "The values of a window are added but not divided by their number.",
        (POOL_MEAN, POOL_MEAN.removesuffix(" / (self.h * self.w)")),
    ),
    max_back(
        "gradient_to_all_equal_maxima",
        "gradient given to every value that equals the maximum",
        "Where several values of a window equal its maximum, each of them gets the gradient; only one should.",
        (
            TO_FIRST,
            "best = padded[place].max(axis=(2, 3), keepdims=True)\n"
            "                    grad_padded[place] += (padded[place] == best) * share[:, :, None, None]",
        ),
        loses=("equal_maxima",),
    ),
    max_back(
        "pool_gradient_overwritten",
        "gradients of overlapping windows written over one another",
        "Where windows overlap, one value can be the maximum of several, and their gradients add up: use `+=`.",
        (TO_FIRST, TO_FIRST.replace("+=", "=")),
    ),
    max_back(
        "pool_gradient_to_all",
        "gradient of the maximum given to the whole window",
        "Only the largest value of a window has a part in its maximum, so only that one gets the gradient.",
        (TO_FIRST, "grad_padded[place] += share[:, :, None, None]"),
        loses=("max_pool_backward", "equal_maxima"),
    ),
    mean_back(
        "mean_gradient_not_divided",
        "gradient of the mean not divided",
        "Every value of a window has a share of 1 / (U·V) in its mean, so it gets that share of the gradient.",
        (TO_ALL, TO_ALL.removesuffix(" / (self.h * self.w)")),
    ),
    linear(
        "linear_bias_forgotten",
        "bias of the fully connected layer not added",
        "The product is right, but the bias is missing.",
        (LINEAR, LINEAR.removesuffix(" + self.bias")),
    ),
    linear_back(
        "linear_weight_gradient_transposed",
        "gradient of the weight transposed",
        "The gradient of the weight has the weight's axes, (in_features, out_features).",
        (LINEAR_DW, "d_weight = out_grad.T @ x"),
    ),
    linear_back(
        "linear_bias_gradient_mean",
        "mean taken for the bias gradient of the fully connected layer",
        "The gradient of a bias is the sum over the samples, not their mean.",
        (LINEAR_DB, LINEAR_DB.replace("sum", "mean")),
    ),
    linear_back(
        "linear_weight_reshaped_for_transposed",
        "weight reshaped instead of transposed",
        "`reshape` leaves the numbers in their order in memory; rows become columns by `.T`.",
        (LINEAR_DX, "in_grad = out_grad @ self.weight.reshape(self.weight.shape[::-1])"),
    ),
    Misconception(
        "first_weights_kept",
        "parameters copied in the first pass",
        ("conv_forward", "linear_forward"),
        ("lenet_training", "shortcut_training"),
        "The layers seem to go on with the parameters of their first pass: what the optimiser changes has no "
        "effect, so nothing is learned. Use `self.weight` and `self.bias` themselves in every pass.",
        (
            Edit("op.py", CONV_KERNEL, FIRST_KEPT + CONV_KERNEL),
            Edit("op.py", CONV_OUT, CONV_OUT.replace("self.weight", "self.kept[0]")),
            Edit("op.py", CONV_BIAS, CONV_BIAS.replace("self.bias", "self.kept[1]")),
            Edit("op.py", f"        {LINEAR}", f"{FIRST_KEPT}        outputs = x @ self.kept[0] + self.kept[1]"),
        ),
        "formulas (5) and (8) of the README",
    ),
]
