"""Mistakes in the layers: convolution with bias and activation, pooling, flatten."""

from grader.publishing.misconceptions import Edit, Misconception

LOOP_Y = "Y = conv2D(X, W, self.stride, self.pad, self.dilation) + b"
GEMM_Y = "Y = conv2D_gemm(X, W, self.stride, self.pad, self.dilation) + b"
LOOP_DY = "        dY = dLda * self.acti_fn.grad(Y)\n        row_reach"
LOOP_DW = "dW[:, :, :, c] += share * X_pad[m, rows, cols, :]"
LOOP_DX = "dX_pad[m, rows, cols, :] += share * W[:, :, :, c]"
LOOP_DB = "db[0, 0, 0, c] += share"
LOOP_ROWS = (
    "rows = slice(i * s, i * s + row_reach, d)\n                    cols = slice(j * s, j * s + col_reach, d)"
)
GEMM_DY = "        dY = dLda * self.acti_fn.grad(Y)\n        dY_col"
GEMM_DW = "dW = (X_col @ dY_col.T).reshape(W.shape)"
GEMM_DB = "db = dY_col.sum(axis=1).reshape(1, 1, 1, -1)"
GEMM_DX = "dX_col = W.reshape(-1, self.out_ch) @ dY_col"
GEMM_COLUMNS = "dY_col = dY.reshape(-1, self.out_ch).T"
POOL_START = """        places = self._places(out_rows, out_cols)
        Y = """
MAXIMUM = "np.maximum(Y, X_pad[:, rows, cols, :], out=Y)"
DIVISION = "Y /= len(places)"
BEST = "best = np.array(X_pad[:, places[0][0], places[0][1], :])"
VALUE = "value = X_pad[:, rows, cols, :]"
BETTER = "winner[value > best] = number"
TO_WINNER = "dX_pad[:, rows, cols, :] += np.where(winner == number, dLdy, 0)"
TO_ALL = "dX_pad[:, rows, cols, :] += dLdy / len(places)"
FLAT = "return X.reshape(X.shape[0], -1)"
FLAT_BACK = 'return dLdy.reshape(self.derived_variables["in_dims"][-1])'


def mistake(hole, *loses, formula):
    """Return a maker of mistakes in one hole of ``layers.py`` that these checks must notice."""

    def make(name, title, explanation, *edits, **more):
        pairs = tuple(Edit("layers.py", old, new) for old, new in edits)
        return Misconception(name, title, (hole,), more.pop("loses", loses), explanation, pairs, formula, **more)

    return make


conv = mistake("conv_forward", "conv_forward", formula="formula (1) of the README")
conv_back = mistake("conv_backward", "conv_backward", formula="formula (5) of the README")
gemm = mistake("gemm_forward", "gemm_forward", formula="formula (1) of the README")
gemm_back = mistake("gemm_backward", "gemm_backward", formula="formula (6) of the README")
activated = mistake("conv_backward", "activation", formula="formula (5) of the README")
maximum = mistake("pool_forward", "max_pool_forward", formula="formula (7) of the README")
mean = mistake("pool_forward", "average_pool_forward", formula="formula (8) of the README")
max_back = mistake("pool_backward", "max_pool_backward", formula="formula (7) of the README")
mean_back = mistake("pool_backward", "average_pool_backward", formula="formula (8) of the README")
flat = mistake("flatten_forward", "flatten_forward", formula="section 6 of the README")
flat_back = mistake("flatten_backward", "flatten_backward", formula="section 6 of the README")

MISCONCEPTIONS = [
    conv(
        "bias_forgotten",
        "bias not added",
        "The convolution is right, but the bias is missing.",
        (LOOP_Y, LOOP_Y.removesuffix(" + b")),
        common=True,
    ),
    conv(
        "dilation_not_handed_on",
        "dilation of the layer not handed on",
        "The layer's dilation does not reach conv2D: hand it on, as stride and padding.",
        (LOOP_Y, LOOP_Y.replace(", self.dilation", "")),
        common=True,
    ),
    conv(
        "stride_and_padding_exchanged",
        "stride and padding exchanged in the call",
        "Stride and padding seem to be exchanged in the call of conv2D: the order is X, W, stride, pad, dilation.",
        (LOOP_Y, LOOP_Y.replace("self.stride, self.pad", "self.pad, self.stride")),
    ),
    conv_back(
        "weight_gradient_overwritten",
        "weight gradient assigned instead of summed",
        "The gradient of the weight is a sum over all windows: use `+=`.",
        (LOOP_DW, LOOP_DW.replace("+=", "=")),
        common=True,
    ),
    conv_back(
        "bias_gradient_overwritten",
        "bias gradient assigned instead of summed",
        "The gradient of a bias is the sum over all samples and places of its channel: use `+=`.",
        (LOOP_DB, LOOP_DB.replace("+=", "=")),
        common=True,
    ),
    conv_back(
        "input_gradient_overwritten",
        "input gradient assigned instead of summed",
        "Windows share pixels, so their gradients add up: use `+=`.",
        (LOOP_DX, LOOP_DX.replace("+=", "=")),
        common=True,
    ),
    conv_back(
        "kernel_flipped_backward",
        "kernel turned in the loops of the backward pass",
        "The kernel seems to be turned by 180 degrees. With loops over the output it is used as it is; only the "
        "formula as a convolution of the gradient turns it.",
        (LOOP_DX, LOOP_DX.replace("W[:, :, :, c]", "W[::-1, ::-1, :, c]")),
        common=True,
    ),
    conv_back(
        "backward_without_dilation",
        "dilation left out of the backward pass",
        "The windows of the backward pass have no dilation: take the same pixels as in the forward pass.",
        (
            LOOP_ROWS,
            "rows = slice(i * s, i * s + W.shape[0])\n                    cols = slice(j * s, j * s + W.shape[1])",
        ),
    ),
    conv_back(
        "backward_from_unpadded_input",
        "weight gradient from the input without padding",
        "The windows for the gradient of the weight must come from the padded input, as in the forward pass.",
        (
            LOOP_DW,
            "window = X[m, rows, cols, :]\n"
            "                        dW[: window.shape[0], : window.shape[1], :, c] += share * window",
        ),
    ),
    activated(
        "activation_slope_forgotten",
        "slope of the activation function left out",
        "The gradient that arrives must first be multiplied by the slope of the activation function, "
        "acti_fn.grad(Y).",
        (LOOP_DY, LOOP_DY.replace(" * self.acti_fn.grad(Y)", "")),
    ),
    activated(
        "activation_slope_of_its_output",
        "slope of the activation function taken at its output",
        "acti_fn.grad wants the value before the activation function, Y, not the one after it.",
        (LOOP_DY, LOOP_DY.replace("grad(Y)", "grad(self.acti_fn(Y))")),
    ),
    gemm(
        "gemm_bias_forgotten",
        "bias not added",
        "The product is right, but the bias is missing.",
        (GEMM_Y, GEMM_Y.removesuffix(" + b")),
        common=True,
    ),
    gemm(
        "gemm_dilation_not_handed_on",
        "dilation of the layer not handed on",
        "The layer's dilation does not reach conv2D_gemm: hand it on, as stride and padding.",
        (GEMM_Y, GEMM_Y.replace(", self.dilation", "")),
        common=True,
    ),
    gemm(
        "gemm_always_same",
        "padding of the layer not handed on",
        "The layer's padding does not reach conv2D_gemm, which then takes `same`.",
        (GEMM_Y, "Y = conv2D_gemm(X, W, self.stride, dilation=self.dilation) + b"),
    ),
    gemm_back(
        "gemm_weight_gradient_transposed",
        "weight gradient reshaped from the transposed product",
        "The product for the gradient of the weight is (C_out, f_r f_c C_in): transpose it before it is reshaped "
        "to the weight's shape, whose last axis is C_out.",
        (GEMM_DW, "dW = (dY_col @ X_col.T).reshape(W.shape)"),
        common=True,
    ),
    gemm_back(
        "gemm_gradient_order",
        "gradient flattened in another order than im2col's columns",
        "The columns of dY_col must be counted like those of X_col. Here samples and pixels are mixed up.",
        (GEMM_COLUMNS, "dY_col = dY.transpose(3, 1, 2, 0).reshape(self.out_ch, -1)"),
        common=True,
    ),
    gemm_back(
        "gemm_gradient_reshaped_only",
        "gradient reshaped to (C_out, …) without a transpose",
        "dY.reshape(C_out, -1) mixes the channels, which are the last axis: reshape to (-1, C_out), then "
        "transpose.",
        (GEMM_COLUMNS, "dY_col = dY.reshape(self.out_ch, -1)"),
    ),
    gemm_back(
        "gemm_bias_gradient_mean",
        "mean taken for the bias gradient",
        "The gradient of a bias is the sum over samples and places, not their mean.",
        (GEMM_DB, GEMM_DB.replace("sum", "mean")),
    ),
    gemm_back(
        "gemm_kernel_flipped_backward",
        "kernel turned before the product",
        "The kernel seems to be turned by 180 degrees. With im2col and col2im it is used as it is.",
        (GEMM_DX, "dX_col = W[::-1, ::-1].reshape(-1, self.out_ch) @ dY_col"),
    ),
    mistake("gemm_backward", "activation", formula="formula (6) of the README")(
        "gemm_activation_slope_forgotten",
        "slope of the activation function left out with matrices",
        "The gradient that arrives must first be multiplied by the slope of the activation function, "
        "acti_fn.grad(Y).",
        (GEMM_DY, GEMM_DY.replace(" * self.acti_fn.grad(Y)", "")),
    ),
    maximum(
        "maximum_started_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values: start at the window's "
        "first value.",
        (MAXIMUM, f"{MAXIMUM}\n                np.maximum(Y, 0, out=Y)"),
        common=True,
    ),
    maximum(
        "maximum_without_the_padding",
        "padding of minus infinity",
        "In this lab the zeros of the padding take part: the maximum of a window that reaches over the border is "
        "at least 0.",
        (
            POOL_START,
            "        inside, _ = pad2D(np.ones_like(X), self.pad, self.kernel_shape, self.stride)\n"
            "        X_pad = np.where(inside > 0, X_pad, -np.inf)\n" + POOL_START,
        ),
        loses=("max_pool_forward", "average_pool_forward"),
    ),
    maximum(
        "maximum_of_magnitudes",
        "largest magnitude taken instead of the largest value",
        "The outputs are the values of the largest magnitude: compare the values themselves, with their sign.",
        (
            MAXIMUM,
            "value = X_pad[:, rows, cols, :]\n                Y = np.where(np.abs(value) > np.abs(Y), value, Y)",
        ),
    ),
    mean(
        "sum_instead_of_mean",
        "sum of the window instead of its mean",
        "The values of a window are added but not divided by their number, rows times columns of the window.",
        (DIVISION, "pass"),
    ),
    mean(
        "mean_divided_by_the_side",
        "mean divided by one side of the window",
        "The sum is divided by one side of the window: a window has rows times columns values.",
        (DIVISION, "Y /= self.kernel_shape[0]"),
    ),
    mean(
        "mean_without_the_padding",
        "zeros of the padding not counted in the mean",
        "In this lab the zeros of the padding are counted: divide by rows times columns of the window everywhere.",
        (
            DIVISION,
            "inside, _ = pad2D(np.ones_like(X), self.pad, self.kernel_shape, self.stride)\n"
            "            Y /= sum(inside[:, rows, cols, :] for rows, cols in places)",
        ),
    ),
    max_back(
        "pool_padding_ignored_backward",
        "window of the backward pass taken without padding",
        "The place of the maximum is looked for in X: with padding, windows lie in X_pad, as in the forward pass.",
        (
            BEST,
            "more = [wide - size for wide, size in zip(X_pad.shape, X.shape)]\n"
            "            X_pad = np.pad(X, [(0, number) for number in more])\n"
            f"            {BEST}",
        ),
        common=True,
    ),
    max_back(
        "gradient_to_all_equal_maxima",
        "gradient given to every value that equals the maximum",
        "Where several values of a window equal its maximum, each of them gets the gradient. Only the first one "
        "should, row by row.",
        (TO_WINNER, "dX_pad[:, rows, cols, :] += np.where(X_pad[:, rows, cols, :] == best, dLdy, 0)"),
        common=True,
    ),
    max_back(
        "last_maximum_wins",
        "last of equal maxima taken",
        "Where a window has its maximum more than once, the gradient goes to the first place, row by row: compare "
        "with `>`.",
        (BETTER, BETTER.replace(">", ">=")),
    ),
    max_back(
        "pool_gradient_overwritten",
        "gradients of overlapping windows written over one another",
        "Where windows overlap, one value can be the maximum of several, and their gradients add up: use `+=`.",
        (
            TO_WINNER,
            "chosen = winner == number\n"
            "                dX_pad[:, rows, cols, :] = np.where(chosen, dLdy, dX_pad[:, rows, cols, :])",
        ),
        common=True,
    ),
    mean_back(
        "mean_gradient_not_divided",
        "gradient of the mean not divided",
        "Every value of a window has a share of 1 / (rows times columns) in its mean, so it gets that share of the "
        "gradient.",
        (TO_ALL, "dX_pad[:, rows, cols, :] += dLdy"),
    ),
    mean_back(
        "mean_gradient_overwritten",
        "gradients of overlapping windows written over one another",
        "Where windows overlap, a value has a share in the mean of several, and their gradients add up: use `+=`.",
        (TO_ALL, TO_ALL.replace("+=", "=")),
    ),
    flat(
        "flatten_channels_first",
        "channels brought to the front before flattening",
        "Flatten keeps the numbers in the order in which they are: no axis is moved.",
        (FLAT, "return (X.transpose(0, 3, 1, 2) if X.ndim == 4 else X).reshape(X.shape[0], -1)"),
    ),
    flat_back(
        "flatten_shape_of_one_sample",
        "gradient not brought back to the input's shape",
        "The gradient must get the shape of the input that was flattened.",
        (FLAT_BACK, "return dLdy"),
    ),
]
