"""Mistakes in max pooling, flatten, the fully connected layer, ReLU and softmax."""

from grader.publishing.misconceptions import Edit, Misconception

TOP = "top = idxh * self.stride"
LEFT = "left = idxw * self.stride"
WINDOW = "window = self.input[:, :, top : top + self.kernel_size, left : left + self.kernel_size]"
MAXIMUM = "self.output[:, :, idxh, idxw] = np.max(window, axis=(2, 3))"
TRANSPOSE = "self.input = np.transpose(input, [0, 2, 3, 1])"
PRODUCT = "self.output = np.matmul(self.input, self.weight) + self.bias"
RELU = "self.output = np.maximum(self.input, 0)"
EXPONENTIAL = "input_exp = np.exp(input - np.max(input, axis=1, keepdims=True))"
SHARE = "self.prob = input_exp / np.sum(input_exp, axis=1, keepdims=True)"


def mistake(file, check, number):
    """Return a maker of mistakes in one layer."""

    def make(name, title, explanation, *edits, **more):
        pairs = tuple(Edit(file, old, new) for old, new in edits)
        formula = f"formula ({number}) of the README" if number else "section 2.3 of the README"
        return Misconception(name, title, (check,), (check,), explanation, pairs, formula, **more)

    return make


pooling = mistake("layers_2.py", "max_pool_forward", 4)
flatten = mistake("layers_2.py", "flatten_forward", 0)
fully_connected = mistake("layers_1.py", "fully_connected_forward", 6)
relu = mistake("layers_1.py", "relu_forward", 5)
softmax = mistake("layers_1.py", "softmax_forward", 7)

MISCONCEPTIONS = [
    pooling(
        "pool_stride_ignored",
        "stride not used for the window's place",
        "The window seems to move by one pixel whatever the stride: it starts at row idxh * S and column idxw * S.",
        (TOP, "top = idxh"),
        (LEFT, "left = idxw"),
        common=True,
    ),
    pooling(
        "window_step_is_window_size",
        "window moved by its own size",
        "The window seems to move by its own size K instead of the stride S; the two are the same only in VGG19.",
        (TOP, "top = idxh * self.kernel_size"),
        (LEFT, "left = idxw * self.kernel_size"),
    ),
    pooling(
        "mean_instead_of_maximum",
        "mean taken instead of the maximum",
        "The outputs are the means of the windows: this layer takes the maximum.",
        (MAXIMUM, MAXIMUM.replace("np.max", "np.mean")),
    ),
    pooling(
        "maximum_starts_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values: start it at the "
        "window's first value.",
        (MAXIMUM, MAXIMUM.replace("np.max(window, axis=(2, 3))", "np.max(window, axis=(2, 3), initial=0)")),
        common=True,
    ),
    pooling(
        "window_without_last_row_and_column",
        "last row and column of the window left out",
        "The last row and column of each window seem to be left out: the slice ends at idxh * S + K.",
        (WINDOW, WINDOW.replace("self.kernel_size", "self.kernel_size - 1")),
    ),
    pooling(
        "maximum_over_all_channels",
        "maximum over the channels too",
        "All channels seem to get the same value, the maximum over all of them: pooling treats every channel on "
        "its own.",
        (MAXIMUM, "self.output[:, :, idxh, idxw] = np.max(window, axis=(1, 2, 3))[:, np.newaxis]"),
    ),
    pooling(
        "pool_batch_index_fixed",
        "every sample pooled from sample 0",
        "Every sample seems to be pooled from the first one: index the input by the sample, input[idxn, ...].",
        (MAXIMUM, MAXIMUM.replace("np.max(window,", "np.max(window[:1],")),
        common=True,
    ),
    flatten(
        "flatten_without_transposition",
        "flattened in the order (C, H, W)",
        "The numbers are right but stand in another order: bring the input to (N, H, W, C) before it is made flat, "
        "because the parameters of fc6 were trained in that order.",
        (TRANSPOSE, "self.input = input"),
    ),
    flatten(
        "flatten_columns_first",
        "rows and columns exchanged before flattening",
        "The numbers are right but stand in another order: rows come before columns, np.transpose(input, "
        "[0, 2, 3, 1]).",
        (TRANSPOSE, TRANSPOSE.replace("[0, 2, 3, 1]", "[0, 3, 2, 1]")),
    ),
    flatten(
        "flatten_reshaped_to_channels_last",
        "reshaped, not transposed, to (N, H, W, C)",
        "reshape keeps the numbers in their order; the axes must be exchanged with np.transpose(input, "
        "[0, 2, 3, 1]).",
        (
            TRANSPOSE,
            "self.input = np.reshape(input, [input.shape[i] for i in (0, 2, 3, 1)])",
        ),
    ),
    fully_connected(
        "fully_connected_bias_forgotten",
        "bias not added",
        "The product is right, but the bias is missing.",
        (PRODUCT, PRODUCT.replace(" + self.bias", "")),
    ),
    fully_connected(
        "fully_connected_weight_transposed",
        "weight taken as (outputs, inputs)",
        "The weight seems to be transposed: in this lab it is (inputs, outputs), so the output is input @ weight + "
        "bias.",
        (PRODUCT, PRODUCT.replace("self.weight)", "self.weight.T)")),
    ),
    relu(
        "magnitude_instead_of_relu",
        "magnitude instead of ReLU",
        "Negative numbers change their sign: they must become 0.",
        (RELU, "self.output = np.abs(self.input)"),
    ),
    relu(
        "relu_of_the_wrong_sign",
        "negative numbers kept instead of positive ones",
        "Positive numbers become 0 and negative ones stay: it is the other way round, max(0, x).",
        (RELU, RELU.replace("np.maximum", "np.minimum")),
    ),
    softmax(
        "softmax_over_the_samples",
        "softmax over the wrong axis",
        "The probabilities of one sample do not sum to 1, those of one class do: sum over the classes, axis 1.",
        (SHARE, SHARE.replace("axis=1", "axis=0")),
        common=True,
    ),
    softmax(
        "softmax_over_everything",
        "sum taken over the whole array",
        "All probabilities together sum to 1: each sample should, so sum over axis 1 and keep the axis.",
        (SHARE, SHARE.replace(", axis=1, keepdims=True", "")),
        common=True,
    ),
    softmax(
        "softmax_overflows",
        "maximum not subtracted before exp",
        "exp overflows for large inputs: subtract the maximum of each row first; the probabilities stay the same.",
        (EXPONENTIAL, "input_exp = np.exp(input)"),
        fingerprint="exp_overflow",
    ),
    softmax(
        "logarithm_of_softmax",
        "logarithm of the probabilities returned",
        "The outputs are the logarithms of the probabilities: return the probabilities.",
        (SHARE, SHARE.replace("input_exp / ", "np.log(input_exp / ") + ")"),
    ),
]
