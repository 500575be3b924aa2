"""Mistakes in the layers: convolution with bias and activation, pooling, flatten."""

from grader.publishing.misconceptions import mistakes_in

conv_forward = mistakes_in("conv_forward", "conv_forward", formula="formula (1) of the README")
conv_backward = mistakes_in("conv_backward", "conv_backward", formula="formula (5) of the README")
conv_backward_in_activation = mistakes_in("conv_backward", "activation", formula="formula (5) of the README")
gemm_forward = mistakes_in("gemm_forward", "gemm_forward", formula="formula (1) of the README")
gemm_backward = mistakes_in("gemm_backward", "gemm_backward", formula="formula (6) of the README")
pool_forward = mistakes_in("pool_forward", "max_pool_forward", formula="formula (7) of the README")
pool_forward_in_average_pool_forward = mistakes_in(
    "pool_forward", "average_pool_forward", formula="formula (8) of the README"
)
pool_backward = mistakes_in("pool_backward", "max_pool_backward", formula="formula (7) of the README")
pool_backward_in_average_pool_backward = mistakes_in(
    "pool_backward", "average_pool_backward", formula="formula (8) of the README"
)

MISCONCEPTIONS = [
    conv_forward(
        "bias_forgotten",
        "bias not added",
        "The convolution is right, but the bias is missing.",
        ("dilation) + b", "dilation)"),
        common=True,
    ),
    conv_forward(
        "dilation_not_handed_on",
        "dilation of the layer not handed on",
        "The layer's dilation does not reach conv2D: hand it on, as stride and padding.",
        (
            "Y = conv2D(X, W, self.stride, self.pad, self.dilation) + b",
            "Y = conv2D(X, W, self.stride, self.pad) + b",
        ),
        common=True,
    ),
    conv_forward(
        "stride_and_padding_exchanged",
        "stride and padding exchanged in the call",
        "Stride and padding seem to be exchanged in the call of conv2D: the order is X, W, stride, pad, dilation.",
        ("W, self.stride, self.pad, self.dilation", "W, self.pad, self.stride, self.dilation"),
    ),
    conv_backward(
        "weight_gradient_overwritten",
        "weight gradient assigned instead of summed",
        "The gradient of the weight is a sum over all windows: use `+=`.",
        ("dW[:, :, :, c] += share * X_pad[m, rows, cols, :]", "dW[:, :, :, c] = share * X_pad[m, rows, cols, :]"),
        common=True,
    ),
    conv_backward(
        "bias_gradient_overwritten",
        "bias gradient assigned instead of summed",
        "The gradient of a bias is the sum over all samples and places of its channel: use `+=`.",
        ("db[0, 0, 0, c] += share", "db[0, 0, 0, c] = share"),
        common=True,
    ),
    conv_backward(
        "input_gradient_overwritten",
        "input gradient assigned instead of summed",
        "Windows share pixels, so their gradients add up: use `+=`.",
        ("dX_pad[m, rows, cols, :] += share * W[:, :, :, c]", "dX_pad[m, rows, cols, :] = share * W[:, :, :, c]"),
        common=True,
    ),
    conv_backward(
        "kernel_flipped_backward",
        "kernel turned in the loops of the backward pass",
        "The kernel seems to be turned by 180 degrees. With loops over the output it is used as it is; only the "
        "formula as a convolution of the gradient turns it.",
        ("share * W[:, :, :, c]", "share * W[::-1, ::-1, :, c]"),
        common=True,
    ),
    conv_backward(
        "backward_without_dilation",
        "dilation left out of the backward pass",
        "The windows of the backward pass have no dilation: take the same pixels as in the forward pass.",
        ("slice(i * s, i * s + row_reach, d)", "slice(i * s, i * s + W.shape[0])"),
        ("slice(j * s, j * s + col_reach, d)", "slice(j * s, j * s + W.shape[1])"),
    ),
    conv_backward(
        "backward_from_unpadded_input",
        "weight gradient from the input without padding",
        "The windows for the gradient of the weight must come from the padded input, as in the forward pass.",
        (
            "dW[:, :, :, c] += share * X_pad[m, rows, cols, :]",
            "window = X[m, rows, cols, :]\ndW[: window.shape[0], : window.shape[1], :, c] += share * window",
        ),
    ),
    conv_backward_in_activation(
        "activation_slope_forgotten",
        "slope of the activation function left out",
        "The gradient that arrives must first be multiplied by the slope of the activation function, "
        "acti_fn.grad(Y).",
        ("dLda * self.acti_fn.grad(Y)", "dLda"),
    ),
    conv_backward_in_activation(
        "activation_slope_of_its_output",
        "slope of the activation function taken at its output",
        "acti_fn.grad wants the value before the activation function, Y, not the one after it.",
        ("self.acti_fn.grad(Y)", "self.acti_fn.grad(self.acti_fn(Y))"),
    ),
    gemm_forward(
        "gemm_bias_forgotten",
        "bias not added",
        "The product is right, but the bias is missing.",
        ("dilation) + b", "dilation)"),
        common=True,
    ),
    gemm_forward(
        "gemm_dilation_not_handed_on",
        "dilation of the layer not handed on",
        "The layer's dilation does not reach conv2D_gemm: hand it on, as stride and padding.",
        (
            "Y = conv2D_gemm(X, W, self.stride, self.pad, self.dilation) + b",
            "Y = conv2D_gemm(X, W, self.stride, self.pad) + b",
        ),
        common=True,
    ),
    gemm_forward(
        "gemm_always_same",
        "padding of the layer not handed on",
        "The layer's padding does not reach conv2D_gemm, which then takes `same`.",
        ("stride, self.pad, self.dilation", "stride, dilation=self.dilation"),
    ),
    gemm_backward(
        "gemm_weight_gradient_transposed",
        "weight gradient reshaped from the transposed product",
        "The product for the gradient of the weight is (C_out, f_r f_c C_in): transpose it before it is reshaped "
        "to the weight's shape, whose last axis is C_out.",
        ("X_col @ dY_col.T", "dY_col @ X_col.T"),
        common=True,
    ),
    gemm_backward(
        "gemm_gradient_order",
        "gradient flattened in another order than im2col's columns",
        "The columns of dY_col must be counted like those of X_col. Here samples and pixels are mixed up.",
        ("dY.reshape(-1, self.out_ch).T", "dY.transpose(3, 1, 2, 0).reshape(self.out_ch, -1)"),
        common=True,
    ),
    gemm_backward(
        "gemm_gradient_reshaped_only",
        "gradient reshaped to (C_out, …) without a transpose",
        "dY.reshape(C_out, -1) mixes the channels, which are the last axis: reshape to (-1, C_out), then "
        "transpose.",
        ("dY.reshape(-1, self.out_ch).T", "dY.reshape(self.out_ch, -1)"),
    ),
    gemm_backward(
        "gemm_bias_gradient_mean",
        "mean taken for the bias gradient",
        "The gradient of a bias is the sum over samples and places, not their mean.",
        ("dY_col.sum", "dY_col.mean"),
    ),
    gemm_backward(
        "gemm_kernel_flipped_backward",
        "kernel turned before the product",
        "The kernel seems to be turned by 180 degrees. With im2col and col2im it is used as it is.",
        ("W.reshape", "W[::-1, ::-1].reshape"),
    ),
    gemm_backward(
        "gemm_activation_slope_forgotten",
        "slope of the activation function left out with matrices",
        "The gradient that arrives must first be multiplied by the slope of the activation function, "
        "acti_fn.grad(Y).",
        ("dLda * self.acti_fn.grad(Y)", "dLda"),
        loses=("activation",),
    ),
    pool_forward(
        "maximum_started_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values: start at the "
        "window's first value.",
        (
            "np.maximum(Y, X_pad[:, rows, cols, :], out=Y)",
            "np.maximum(Y, X_pad[:, rows, cols, :], out=Y)\nnp.maximum(Y, 0, out=Y)",
        ),
        common=True,
    ),
    pool_forward(
        "maximum_without_the_padding",
        "padding of minus infinity",
        "In this lab the zeros of the padding take part: the maximum of a window that reaches over the border is "
        "at least 0.",
        (
            "places = self._places(out_rows, out_cols)",
            "inside, _ = pad2D(np.ones_like(X), self.pad, self.kernel_shape, self.stride)\n"
            "X_pad = np.where(inside > 0, X_pad, -np.inf)\n"
            "places = self._places(out_rows, out_cols)",
        ),
        loses=("max_pool_forward", "average_pool_forward"),
    ),
    pool_forward(
        "maximum_of_magnitudes",
        "largest magnitude taken instead of the largest value",
        "The outputs are the values of the largest magnitude: compare the values themselves, with their sign.",
        (
            "np.maximum(Y, X_pad[:, rows, cols, :], out=Y)",
            "value = X_pad[:, rows, cols, :]\nY = np.where(np.abs(value) > np.abs(Y), value, Y)",
        ),
    ),
    pool_forward_in_average_pool_forward(
        "sum_instead_of_mean",
        "sum of the window instead of its mean",
        "The values of a window are added but not divided by their number, rows times columns of the window.",
        ("Y /= len(places)", "pass"),
    ),
    pool_forward_in_average_pool_forward(
        "mean_divided_by_the_side",
        "mean divided by one side of the window",
        "The sum is divided by one side of the window: a window has rows times columns values.",
        ("len(places)", "self.kernel_shape[0]"),
    ),
    pool_forward_in_average_pool_forward(
        "mean_without_the_padding",
        "zeros of the padding not counted in the mean",
        "In this lab the zeros of the padding are counted: divide by rows times columns of the window everywhere.",
        (
            "Y /= len(places)",
            "inside, _ = pad2D(np.ones_like(X), self.pad, self.kernel_shape, self.stride)\n"
            "Y /= sum(inside[:, rows, cols, :] for rows, cols in places)",
        ),
    ),
    pool_backward(
        "pool_padding_ignored_backward",
        "window of the backward pass taken without padding",
        "The place of the maximum is looked for in X: with padding, windows lie in X_pad, as in the forward pass.",
        (
            'if self.mode == "max":',
            'if self.mode == "max":\n'
            "    more = [wide - size for wide, size in zip(X_pad.shape, X.shape)]\n"
            "    X_pad = np.pad(X, [(0, number) for number in more])",
        ),
        common=True,
    ),
    pool_backward(
        "gradient_to_all_equal_maxima",
        "gradient given to every value that equals the maximum",
        "Where several values of a window equal its maximum, each of them gets the gradient. Only the first one "
        "should, row by row.",
        ("winner == number", "X_pad[:, rows, cols, :] == best"),
        common=True,
    ),
    pool_backward(
        "last_maximum_wins",
        "last of equal maxima taken",
        "Where a window has its maximum more than once, the gradient goes to the first place, row by row: compare "
        "with `>`.",
        ("value > best", "value >= best"),
    ),
    pool_backward(
        "pool_gradient_overwritten",
        "gradients of overlapping windows written over one another",
        "Where windows overlap, one value can be the maximum of several, and their gradients add up: use `+=`.",
        (
            "dX_pad[:, rows, cols, :] += np.where(winner == number, dLdy, 0)",
            "chosen = winner == number\n"
            "dX_pad[:, rows, cols, :] = np.where(chosen, dLdy, dX_pad[:, rows, cols, :])",
        ),
        common=True,
    ),
    pool_backward_in_average_pool_backward(
        "mean_gradient_not_divided",
        "gradient of the mean not divided",
        "Every value of a window has a share of 1 / (rows times columns) in its mean, so it gets that share of "
        "the gradient.",
        ("dLdy / len(places)", "dLdy"),
    ),
    pool_backward_in_average_pool_backward(
        "mean_gradient_overwritten",
        "gradients of overlapping windows written over one another",
        "Where windows overlap, a value has a share in the mean of several, and their gradients add up: use `+=`.",
        ("dX_pad[:, rows, cols, :] += dLdy / len(places)", "dX_pad[:, rows, cols, :] = dLdy / len(places)"),
    ),
    mistakes_in("flatten_forward", "flatten_forward", formula="section 6 of the README")(
        "flatten_channels_first",
        "channels brought to the front before flattening",
        "Flatten keeps the numbers in the order in which they are: no axis is moved.",
        ("X.reshape(X.shape[0], -1)", "(X.transpose(0, 3, 1, 2) if X.ndim == 4 else X).reshape(X.shape[0], -1)"),
    ),
    mistakes_in("flatten_backward", "flatten_backward", formula="section 6 of the README")(
        "flatten_shape_of_one_sample",
        "gradient not brought back to the input's shape",
        "The gradient must get the shape of the input that was flattened.",
        ('dLdy.reshape(self.derived_variables["in_dims"][-1])', "dLdy"),
    ),
]
