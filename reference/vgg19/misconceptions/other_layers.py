"""Mistakes in max pooling, flatten, the fully connected layer, ReLU and softmax."""

from grader.publishing.misconceptions import mistakes_in

pooling = mistakes_in("max_pool_forward", "max_pool_forward", formula="formula (4) of the README")
flatten = mistakes_in("flatten_forward", "flatten_forward", formula="section 2.3 of the README")
fully_connected = mistakes_in(
    "fully_connected_forward", "fully_connected_forward", formula="formula (6) of the README"
)
relu = mistakes_in("relu_forward", "relu_forward", formula="formula (5) of the README")
softmax = mistakes_in("softmax_forward", "softmax_forward", formula="formula (7) of the README")

MISCONCEPTIONS = [
    pooling(
        "pool_stride_ignored",
        "stride not used for the window's place",
        "The window seems to move by one pixel whatever the stride: it starts at row idxh * S and column idxw * S.",
        ("idxh * self.stride", "idxh"),
        ("idxw * self.stride", "idxw"),
        common=True,
    ),
    pooling(
        "window_step_is_window_size",
        "window moved by its own size",
        "The window seems to move by its own size K instead of the stride S; the two are the same only in VGG19.",
        ("idxh * self.stride", "idxh * self.kernel_size"),
        ("idxw * self.stride", "idxw * self.kernel_size"),
    ),
    pooling(
        "mean_instead_of_maximum",
        "mean taken instead of the maximum",
        "The outputs are the means of the windows: this layer takes the maximum.",
        ("np.max", "np.mean"),
    ),
    pooling(
        "maximum_starts_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values: start it at the "
        "window's first value.",
        ("(2, 3)", "(2, 3), initial=0"),
        common=True,
    ),
    pooling(
        "window_without_last_row_and_column",
        "last row and column of the window left out",
        "The last row and column of each window seem to be left out: the slice ends at idxh * S + K.",
        (", left : left + self.kernel_size", " - 1, left : left + self.kernel_size - 1"),
    ),
    pooling(
        "maximum_over_all_channels",
        "maximum over the channels too",
        "All channels seem to get the same value, the maximum over all of them: pooling treats every channel on "
        "its own.",
        ("np.max(window, axis=(2, 3))", "np.max(window, axis=(1, 2, 3))[:, np.newaxis]"),
    ),
    pooling(
        "pool_batch_index_fixed",
        "every sample pooled from sample 0",
        "Every sample seems to be pooled from the first one: index the input by the sample, input[idxn, ...].",
        ("np.max(window, axis=(2, 3))", "np.max(window[:1], axis=(2, 3))"),
        common=True,
    ),
    flatten(
        "flatten_without_transposition",
        "flattened in the order (C, H, W)",
        "The numbers are right but stand in another order: bring the input to (N, H, W, C) before it is made "
        "flat, because the parameters of fc6 were trained in that order.",
        ("np.transpose(input, [0, 2, 3, 1])", "input"),
    ),
    flatten(
        "flatten_columns_first",
        "rows and columns exchanged before flattening",
        "The numbers are right but stand in another order: rows come before columns, "
        "np.transpose(input, [0, 2, 3, 1]).",
        ("[0, 2, 3, 1]", "[0, 3, 2, 1]"),
    ),
    flatten(
        "flatten_reshaped_to_channels_last",
        "reshaped, not transposed, to (N, H, W, C)",
        "reshape keeps the numbers in their order; the axes must be exchanged with "
        "np.transpose(input, [0, 2, 3, 1]).",
        ("np.transpose(input, [0, 2, 3, 1])", "np.reshape(input, [input.shape[i] for i in (0, 2, 3, 1)])"),
    ),
    fully_connected(
        "fully_connected_bias_forgotten",
        "bias not added",
        "The product is right, but the bias is missing.",
        ("np.matmul(self.input, self.weight) + self.bias", "np.matmul(self.input, self.weight)"),
    ),
    fully_connected(
        "fully_connected_weight_transposed",
        "weight taken as (outputs, inputs)",
        "The weight seems to be transposed: in this lab it is (inputs, outputs), so the output is input @ weight "
        "+ bias.",
        ("self.weight", "self.weight.T"),
    ),
    relu(
        "magnitude_instead_of_relu",
        "magnitude instead of ReLU",
        "Negative numbers change their sign: they must become 0.",
        ("np.maximum(self.input, 0)", "np.abs(self.input)"),
    ),
    relu(
        "relu_of_the_wrong_sign",
        "negative numbers kept instead of positive ones",
        "Positive numbers become 0 and negative ones stay: it is the other way round, max(0, x).",
        ("np.maximum", "np.minimum"),
    ),
    softmax(
        "softmax_over_the_samples",
        "softmax over the wrong axis",
        "The probabilities of one sample do not sum to 1, those of one class do: sum over the classes, axis 1.",
        ("np.sum(input_exp, axis=1, keepdims=True)", "np.sum(input_exp, axis=0, keepdims=True)"),
        common=True,
    ),
    softmax(
        "softmax_over_everything",
        "sum taken over the whole array",
        "All probabilities together sum to 1: each sample should, so sum over axis 1 and keep the axis.",
        ("np.sum(input_exp, axis=1, keepdims=True)", "np.sum(input_exp)"),
        common=True,
    ),
    softmax(
        "softmax_overflows",
        "maximum not subtracted before exp",
        "exp overflows for large inputs: subtract the maximum of each row first; the probabilities stay the same.",
        ("input - np.max(input, axis=1, keepdims=True)", "input"),
        fingerprint="exp_overflow",
    ),
    softmax(
        "logarithm_of_softmax",
        "logarithm of the probabilities returned",
        "The outputs are the logarithms of the probabilities: return the probabilities.",
        (
            "input_exp / np.sum(input_exp, axis=1, keepdims=True)",
            "np.log(input_exp / np.sum(input_exp, axis=1, keepdims=True))",
        ),
    ),
]
