"""Mistakes in convolution, pooling, activation, dropout and the other layers without statistics."""

from grader.publishing.misconceptions import mistakes_in

same_padding = mistakes_in("same_padding", "conv_forward", "max_pool_forward", formula="formula (2) of the README")
conv_forward = mistakes_in("conv_forward", "conv_forward", formula="formula (1) of the README")
conv_backward = mistakes_in("conv_backward", "conv_backward", formula="formula (3) of the README")
pool_forward = mistakes_in("pool_forward", "max_pool_forward", formula="formula (11) of the README")
activation_forward = mistakes_in(
    "activation_forward", "activation_forward", formula="formulas (8) and (9) of the README"
)
activation_backward = mistakes_in(
    "activation_backward", "activation_backward", "baseline_step", formula="formula (10) of the README"
)
dropout_forward = mistakes_in("dropout_forward", "dropout_modes", formula="formula (12) of the README")

MISCONCEPTIONS = [
    same_padding(
        "same_padding_equal",
        "`same` with as many zeros before as after",
        "With strides 2 an odd number of zeros is needed, and the odd one stands behind: total // 2 before, the "
        "rest after. With equal borders the shape is right and every window is shifted.",
        ("return total // 2, total - total // 2", "return (total + 1) // 2, (total + 1) // 2"),
    ),
    same_padding(
        "same_padding_odd_one_before",
        "`same` with the odd zero before the picture",
        "The odd zero of `same` seems to stand before the picture; TensorFlow puts it behind, below and on the "
        "right.",
        ("return total // 2, total - total // 2", "return total - total // 2, total // 2"),
    ),
    same_padding(
        "same_padding_without_strides",
        "`same` computed as for strides 1",
        "The number of zeros depends on the strides: total = (outputs - 1) * stride + kernel - size, not kernel - "
        "1.",
        ("max((outputs - 1) * stride + kernel - size, 0)", "kernel - 1"),
    ),
    conv_forward(
        "kernel_read_as_outputs_first",
        "kernel read as (outputs, inputs, rows, columns)",
        "The kernel's axes are (rows, columns, inputs, outputs), as in TensorFlow; it seems to be read in another "
        "order.",
        ("kernel.reshape(-1, self.filters)", "kernel.reshape(self.filters, -1).T"),
    ),
    conv_forward(
        "kernel_flipped",
        "kernel turned round",
        "The kernel seems to be turned by 180 degrees. What these networks call convolution uses it as it is.",
        ("kernel.reshape", "kernel[::-1, ::-1].reshape"),
    ),
    conv_forward(
        "bias_forgotten",
        "bias not added",
        "The convolution is right, but the bias is missing.",
        ("y if self.bias is None else y + self.bias.value", "y"),
    ),
    conv_backward(
        "input_gradient_overwritten",
        "input gradient assigned instead of summed",
        "Windows overlap, so most pixels belong to several of them: add the shares up with `+=`.",
        (
            "dx_pad[:, down, across, :] += (rows @ weight.T).reshape(*dy.shape[:3], -1)",
            "dx_pad[:, down, across, :] = (rows @ weight.T).reshape(*dy.shape[:3], -1)",
        ),
    ),
    conv_backward(
        "kernel_transposed_backward",
        "kernel turned round in the backward pass",
        "The gradient of the input uses each entry of the kernel where the forward pass used it; here the kernel "
        "seems to be turned by 180 degrees.",
        ("kernel.reshape(dkernel.shape)", "kernel.reshape(dkernel.shape)[::-1]"),
    ),
    conv_backward(
        "kernel_gradient_averaged",
        "kernel gradient divided by the batch",
        "The loss has divided by the number of pictures already; the gradient of the kernel is a plain sum.",
        ("dkernel.reshape(kernel.shape)", "dkernel.reshape(kernel.shape) / len(dy)"),
        loses=("conv_backward", "baseline_step"),
    ),
    conv_backward(
        "bias_gradient_of_one_picture",
        "bias gradient without the sum over the batch",
        "The gradient of a bias is the sum over all pictures and all pixels of its channel.",
        ("rows.sum", "dy[0].reshape(-1, self.filters).sum"),
    ),
    conv_backward(
        "border_not_cut_off",
        "gradient cut at the wrong corner of the border",
        "The gradient has the border of `same` on its upper and left side; as many rows and columns as stood "
        "before the picture must be cut off there.",
        ("self.before", "0, 0"),
    ),
    pool_forward(
        "pool_border_of_zeros",
        "border of the pooling filled with zeros",
        "The border of `same` must never win: fill it with minus infinity, or leave it out. With zeros, negative "
        "values lose against it. Behind a ReLU nobody notices.",
        (", -np.inf", ""),
    ),
    pool_forward(
        "pool_begins_with_zero",
        "search for the maximum begun with 0",
        "The search for the largest value seems to begin with 0: windows of negative values become 0. Begin with "
        "the first value of the window.",
        (
            "best = np.array(x_pad[:, self.places[0][0], self.places[0][1], :])",
            "best = np.array(x_pad[:, self.places[0][0], self.places[0][1], :])\nbest = np.maximum(best, 0)",
        ),
    ),
    mistakes_in("pool_backward", "max_pool_backward", formula="formula (11) of the README")(
        "pool_gradient_overwritten",
        "gradients of overlapping windows overwritten",
        "A pixel may be the largest of several windows: add the gradients up with `+=`.",
        (
            "dx_pad[:, down, across, :] += np.where(self.winner == number, dy, 0)",
            "dx_pad[:, down, across, :] = np.where(self.winner == number, dy, dx_pad[:, down, across, :])",
        ),
    ),
    mistakes_in(
        "pool_forward", "max_pool_backward", formula="formula (11) of the README", holes=("pool_backward",)
    )(
        "pool_gradient_to_the_last",
        "gradient to the last of several largest values",
        "Of several equal largest values the first one, row by row, gets the gradient; here the last one seems to.",
        ("value > best", "value >= best"),
    ),
    mistakes_in("pool_backward", "max_pool_backward", "baseline_step", formula="formula (11) of the README")(
        "pool_gradient_to_everyone",
        "gradient to the whole window",
        "Only the largest value of a window gets its gradient; here the whole window does.",
        ("np.where(self.winner == number, dy, 0)", "dy"),
    ),
    activation_forward(
        "softmax_without_maximum",
        "softmax without subtracting the maximum",
        "exp overflows for large logits, and inf / inf is nan. Subtract the largest logit of every row first; the "
        "result is the same.",
        ("x - x.max(axis=-1, keepdims=True)", "x"),
    ),
    activation_forward(
        "softmax_over_the_batch",
        "softmax over the batch",
        "The probabilities of one picture must add up to 1: sum over the last axis. Here the sum seems to run "
        "over the batch.",
        ("powers.sum(axis=-1, keepdims=True)", "powers.sum(axis=0, keepdims=True)"),
    ),
    activation_backward(
        "sigmoid_slope_without_y",
        "slope of the sigmoid without its first factor",
        "The slope of the sigmoid is y (1 - y); one of the factors is missing.",
        ("dy * self.y * (1 - self.y)", "dy * (1 - self.y)"),
        loses=("activation_backward",),
    ),
    activation_backward(
        "softmax_slope_one_by_one",
        "softmax differentiated as if its outputs did not depend on one another",
        "Every probability depends on every logit: besides y dy there is the term - y sum(y dy).",
        ("self.y * (dy - (dy * self.y).sum(axis=-1, keepdims=True))", "self.y * (1 - self.y) * dy"),
    ),
    activation_backward(
        "relu_without_slope",
        "ReLU's gradient handed on everywhere",
        "Where ReLU gave 0 no gradient goes back.",
        ("dy * (self.y > 0)", "dy"),
    ),
    dropout_forward(
        "dropout_not_made_up_for",
        "dropout without the factor",
        "With a share `rate` of the values gone, the rest must be divided by 1 - rate in training, so that the "
        "mean stays.",
        (
            "(generator().random(x.shape) >= self.rate) / (1 - self.rate)",
            "generator().random(x.shape) >= self.rate",
        ),
    ),
    dropout_forward(
        "dropout_always",
        "dropout also when it is not training",
        "When it is not training dropout changes nothing: return x.",
        ("not training", "self.rate == 0"),
    ),
    dropout_forward(
        "dropout_rate_is_kept",
        "rate taken for the share that is kept",
        "`rate` is the share that becomes 0, not the one that is kept.",
        (">= self.rate) / (1 - self.rate)", "< self.rate) / self.rate"),
    ),
    mistakes_in("dropout_backward", "dropout_backward", formula="formula (12) of the README")(
        "dropout_mask_not_used_backward",
        "backward pass of dropout without the mask",
        "What was set to 0 on the way forward gets no gradient, and the rest has the factor too: multiply by the "
        "same mask.",
        ("dy * self.mask", "dy"),
    ),
    mistakes_in("flatten_forward", "flatten_forward", formula="section 6 of the README")(
        "flattened_channels_first",
        "flattened with the channels first",
        "Flatten moves no number: the order stays rows, columns, channels. Here the channels seem to come first.",
        ("x.reshape", "x.transpose(0, 3, 1, 2).reshape"),
    ),
    mistakes_in("gap_forward", "gap_forward", formula="section 6 of the README")(
        "average_is_a_sum",
        "sum instead of the mean",
        "The pixels are added up, but not divided by their number.",
        ("x.mean", "x.sum"),
    ),
    mistakes_in("gap_backward", "gap_backward", formula="section 6 of the README")(
        "average_gradient_not_divided",
        "gradient of the mean not divided",
        "Every pixel has a share of 1 / (rows * columns) in the mean, and so in its gradient.",
        ("dy[:, None, None, :] / (rows * columns)", "dy[:, None, None, :]"),
    ),
    mistakes_in("dense_forward", "dense_forward", formula="formula (13) of the README")(
        "dense_kernel_transposed",
        "kernel of Dense read as (outputs, inputs)",
        "The kernel of Dense is (inputs, units): x W, not x W transposed.",
        ("self.kernel.value", "self.kernel.value.reshape(self.kernel.value.shape[::-1]).T"),
    ),
    mistakes_in("dense_backward", "dense_backward", "baseline_step", formula="formula (13) of the README")(
        "dense_bias_gradient_averaged",
        "bias gradient of Dense divided by the batch",
        "The loss has divided by the number of pictures already; the gradient of the bias is a plain sum over the "
        "batch.",
        ("dy.sum", "dy.mean"),
    ),
    mistakes_in("concat_forward", "concatenation", formula="section 6 of the README")(
        "concatenated_along_rows",
        "concatenated along the rows",
        "The parts stand one behind the other along `axis`, which is that of the channels here, not along the "
        "rows.",
        ("axis=self.axis", "axis=1"),
        symptom="must match exactly",
    ),
    mistakes_in("concat_backward", "concatenation_backward", formula="section 6 of the README")(
        "concatenation_gradient_in_equal_pieces",
        "gradient of concat cut into equal pieces",
        "Every part gets a piece of its own width; they need not be equal.",
        ("split(dy, np.cumsum(self.lengths)[:-1]", "array_split(dy, len(self.lengths)"),
    ),
]
