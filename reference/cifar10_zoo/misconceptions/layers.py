"""Mistakes in convolution, pooling, activation, dropout and the other layers without statistics."""

from grader.publishing.misconceptions import Edit, Misconception

HALVES = "return total // 2, total - total // 2"
PRODUCT = "y = (columns @ kernel.reshape(-1, self.filters))"
BIASED = "return y if self.bias is None else y + self.bias.value"
CONV_BIASED = f"self.filters)\n        {BIASED}"
CONV_D_BIAS = "self.bias.gradient = rows.sum(axis=0)"
D_KERNEL = "dkernel[number] = self.x_pad[:, down, across, :].reshape(-1, kernel.shape[2]).T @ rows"
D_X = "dx_pad[:, down, across, :] += (rows @ weight.T).reshape(*dy.shape[:3], -1)"
KERNEL_D = "self.kernel.gradient = dkernel.reshape(kernel.shape)"
POOL_PADDED = "padded(x, self.pool_size, self.strides, self.padding, -np.inf)"
BEST = "best = np.array(x_pad[:, self.places[0][0], self.places[0][1], :])"
BETTER = "self.winner[value > best] = number"
TO_WINNER = "dx_pad[:, down, across, :] += np.where(self.winner == number, dy, 0)"
POWERS = "powers = np.exp(x - x.max(axis=-1, keepdims=True))"
SIGMOID_SLOPE = "return dy * self.y * (1 - self.y)"
SOFTMAX_SLOPE = "return self.y * (dy - (dy * self.y).sum(axis=-1, keepdims=True))"
MASK = "self.mask = ((generator().random(x.shape) >= self.rate) / (1 - self.rate)).astype(x.dtype)"
NO_MASK = "        if not training:\n            self.mask"
FLAT = "return x.reshape(len(x), -1)"
AVERAGE = "return x.mean(axis=(1, 2))"
SPREAD = "np.broadcast_to(dy[:, None, None, :] / (rows * columns), self.x_shape)"


def of(hole, formula):
    """Return a maker of mistakes in one hole of ``layers.py``."""

    def make(name, loses, title, explanation, *edits, **more):
        pairs = tuple(Edit("layers.py", old, new) for old, new in edits)
        return Misconception(name, title, (hole,), loses, explanation, pairs, f"{formula} of the README", **more)

    return make


same = of("same_padding", "formula (2)")
conv = of("conv_forward", "formula (1)")
conv_back = of("conv_backward", "formula (3)")
pool = of("pool_forward", "formula (11)")
pool_back = of("pool_backward", "formula (11)")
active = of("activation_forward", "formulas (8) and (9)")
active_back = of("activation_backward", "formula (10)")
drop = of("dropout_forward", "formula (12)")
drop_back = of("dropout_backward", "formula (12)")
flat = of("flatten_forward", "section 6")
gap = of("gap_forward", "section 6")
gap_back = of("gap_backward", "section 6")
dense = of("dense_forward", "formula (13)")
dense_back = of("dense_backward", "formula (13)")
join = of("concat_forward", "section 6")
join_back = of("concat_backward", "section 6")

MISCONCEPTIONS = [
    same(
        "same_padding_equal",
        ("conv_forward", "max_pool_forward"),
        "`same` with as many zeros before as after",
        "With strides 2 an odd number of zeros is needed, and the odd one stands behind: total // 2 before, the "
        "rest after. "
        "With equal borders the shape is right and every window is shifted.",
        (HALVES, "return (total + 1) // 2, (total + 1) // 2"),
    ),
    same(
        "same_padding_odd_one_before",
        ("conv_forward", "max_pool_forward"),
        "`same` with the odd zero before the picture",
        "The odd zero of `same` seems to stand before the picture; TensorFlow puts it behind, below and on the "
        "right.",
        (HALVES, "return total - total // 2, total // 2"),
    ),
    same(
        "same_padding_without_strides",
        ("conv_forward", "max_pool_forward"),
        "`same` computed as for strides 1",
        "The number of zeros depends on the strides: total = (outputs - 1) * stride + kernel - size, not kernel "
        "- 1.",
        ("total = max((outputs - 1) * stride + kernel - size, 0)", "total = kernel - 1"),
    ),
    conv(
        "kernel_read_as_outputs_first",
        ("conv_forward",),
        "kernel read as (outputs, inputs, rows, columns)",
        "The kernel's axes are (rows, columns, inputs, outputs), as in TensorFlow; it seems to be read in "
        "another order.",
        (PRODUCT, "y = (columns @ kernel.reshape(self.filters, -1).T)"),
    ),
    conv(
        "kernel_flipped",
        ("conv_forward",),
        "kernel turned round",
        "The kernel seems to be turned by 180 degrees. What these networks call convolution uses it as it is.",
        (PRODUCT, "y = (columns @ kernel[::-1, ::-1].reshape(-1, self.filters))"),
    ),
    conv(
        "bias_forgotten",
        ("conv_forward",),
        "bias not added",
        "The convolution is right, but the bias is missing.",
        (CONV_BIASED, CONV_BIASED.replace(BIASED, "return y")),
    ),
    conv_back(
        "input_gradient_overwritten",
        ("conv_backward",),
        "input gradient assigned instead of summed",
        "Windows overlap, so most pixels belong to several of them: add the shares up with `+=`.",
        (D_X, D_X.replace("+=", "=")),
    ),
    conv_back(
        "kernel_transposed_backward",
        ("conv_backward",),
        "kernel turned round in the backward pass",
        "The gradient of the input uses each entry of the kernel where the forward pass used it; here the kernel "
        "seems to be "
        "turned by 180 degrees.",
        (
            "enumerate(zip(kernel.reshape(dkernel.shape), meets, strict=True))",
            "enumerate(zip(kernel.reshape(dkernel.shape)[::-1], meets, strict=True))",
        ),
    ),
    conv_back(
        "kernel_gradient_averaged",
        ("conv_backward", "baseline_step"),
        "kernel gradient divided by the batch",
        "The loss has divided by the number of pictures already; the gradient of the kernel is a plain sum.",
        (KERNEL_D, "self.kernel.gradient = dkernel.reshape(kernel.shape) / len(dy)"),
    ),
    conv_back(
        "bias_gradient_of_one_picture",
        ("conv_backward",),
        "bias gradient without the sum over the batch",
        "The gradient of a bias is the sum over all pictures and all pixels of its channel.",
        (CONV_D_BIAS, "self.bias.gradient = dy[0].reshape(-1, self.filters).sum(axis=0)"),
    ),
    conv_back(
        "border_not_cut_off",
        ("conv_backward",),
        "gradient cut at the wrong corner of the border",
        "The gradient has the border of `same` on its upper and left side; as many rows and columns as stood "
        "before the "
        "picture must be cut off there.",
        ("        self.kernel.gradient = dkernel.reshape(kernel.shape)\n        top, left = self.before",
         "        self.kernel.gradient = dkernel.reshape(kernel.shape)\n        top, left = 0, 0"),
    ),
    pool(
        "pool_border_of_zeros",
        ("max_pool_forward",),
        "border of the pooling filled with zeros",
        "The border of `same` must never win: fill it with minus infinity, or leave it out. With zeros, negative "
        "values lose "
        "against it. Behind a ReLU nobody notices.",
        (POOL_PADDED, POOL_PADDED.replace(", -np.inf", "")),
    ),
    pool(
        "pool_begins_with_zero",
        ("max_pool_forward",),
        "search for the maximum begun with 0",
        "The search for the largest value seems to begin with 0: windows of negative values become 0. Begin with "
        "the first "
        "value of the window.",
        (BEST, f"{BEST}\n        best = np.maximum(best, 0)"),
    ),
    pool_back(
        "pool_gradient_overwritten",
        ("max_pool_backward",),
        "gradients of overlapping windows overwritten",
        "A pixel may be the largest of several windows: add the gradients up with `+=`.",
        (TO_WINNER, "dx_pad[:, down, across, :] = np.where(self.winner == number, dy, dx_pad[:, down, across, :])"),
    ),
    pool_back(
        "pool_gradient_to_the_last",
        ("max_pool_backward",),
        "gradient to the last of several largest values",
        "Of several equal largest values the first one, row by row, gets the gradient; here the last one seems to.",
        (BETTER, "self.winner[value >= best] = number"),
    ),
    pool_back(
        "pool_gradient_to_everyone",
        ("max_pool_backward", "baseline_step"),
        "gradient to the whole window",
        "Only the largest value of a window gets its gradient; here the whole window does.",
        (TO_WINNER, "dx_pad[:, down, across, :] += dy"),
    ),
    active(
        "softmax_without_maximum",
        ("activation_forward",),
        "softmax without subtracting the maximum",
        "exp overflows for large logits, and inf / inf is nan. Subtract the largest logit of every row first; "
        "the result is "
        "the same.",
        (POWERS, "powers = np.exp(x)"),
    ),
    active(
        "softmax_over_the_batch",
        ("activation_forward",),
        "softmax over the batch",
        "The probabilities of one picture must add up to 1: sum over the last axis. Here the sum seems to run "
        "over the batch.",
        ("powers / powers.sum(axis=-1, keepdims=True)", "powers / powers.sum(axis=0, keepdims=True)"),
    ),
    active_back(
        "sigmoid_slope_without_y",
        ("activation_backward",),
        "slope of the sigmoid without its first factor",
        "The slope of the sigmoid is y (1 - y); one of the factors is missing.",
        (SIGMOID_SLOPE, "return dy * (1 - self.y)"),
    ),
    active_back(
        "softmax_slope_one_by_one",
        ("activation_backward", "baseline_step"),
        "softmax differentiated as if its outputs did not depend on one another",
        "Every probability depends on every logit: besides y dy there is the term - y sum(y dy).",
        (SOFTMAX_SLOPE, "return self.y * (1 - self.y) * dy"),
    ),
    active_back(
        "relu_without_slope",
        ("activation_backward", "baseline_step"),
        "ReLU's gradient handed on everywhere",
        "Where ReLU gave 0 no gradient goes back.",
        ('        if self.function == "relu":\n            return dy * (self.y > 0)',
         '        if self.function == "relu":\n            return dy'),
    ),
    drop(
        "dropout_not_made_up_for",
        ("dropout_modes",),
        "dropout without the factor",
        "With a share `rate` of the values gone, the rest must be divided by 1 - rate in training, so that the "
        "mean stays.",
        (MASK, "self.mask = (generator().random(x.shape) >= self.rate).astype(x.dtype)"),
    ),
    drop(
        "dropout_always",
        ("dropout_modes",),
        "dropout also when it is not training",
        "When it is not training dropout changes nothing: return x.",
        (NO_MASK, "        if self.rate == 0:\n            self.mask"),
    ),
    drop(
        "dropout_rate_is_kept",
        ("dropout_modes",),
        "rate taken for the share that is kept",
        "`rate` is the share that becomes 0, not the one that is kept.",
        (MASK, "self.mask = ((generator().random(x.shape) < self.rate) / self.rate).astype(x.dtype)"),
    ),
    drop_back(
        "dropout_mask_not_used_backward",
        ("dropout_backward",),
        "backward pass of dropout without the mask",
        "What was set to 0 on the way forward gets no gradient, and the rest has the factor too: multiply by the "
        "same mask.",
        ("return dy * self.mask", "return dy"),
    ),
    flat(
        "flattened_channels_first",
        ("flatten_forward",),
        "flattened with the channels first",
        "Flatten moves no number: the order stays rows, columns, channels. Here the channels seem to come first.",
        (FLAT, "return x.transpose(0, 3, 1, 2).reshape(len(x), -1)"),
    ),
    gap(
        "average_is_a_sum",
        ("gap_forward",),
        "sum instead of the mean",
        "The pixels are added up, but not divided by their number.",
        (AVERAGE, "return x.sum(axis=(1, 2))"),
    ),
    gap_back(
        "average_gradient_not_divided",
        ("gap_backward",),
        "gradient of the mean not divided",
        "Every pixel has a share of 1 / (rows * columns) in the mean, and so in its gradient.",
        (SPREAD, "np.broadcast_to(dy[:, None, None, :], self.x_shape)"),
    ),
    dense(
        "dense_kernel_transposed",
        ("dense_forward",),
        "kernel of Dense read as (outputs, inputs)",
        "The kernel of Dense is (inputs, units): x W, not x W transposed.",
        ("y = x @ self.kernel.value", "y = x @ self.kernel.value.reshape(self.kernel.value.shape[::-1]).T"),
    ),
    dense_back(
        "dense_bias_gradient_averaged",
        ("dense_backward", "baseline_step"),
        "bias gradient of Dense divided by the batch",
        "The loss has divided by the number of pictures already; the gradient of the bias is a plain sum over "
        "the batch.",
        ("self.bias.gradient = dy.sum(axis=0)", "self.bias.gradient = dy.mean(axis=0)"),
    ),
    join(
        "concatenated_along_rows",
        ("concatenation",),
        "concatenated along the rows",
        "The parts stand one behind the other along `axis`, which is that of the channels here, not along the "
        "rows.",
        ("return np.concatenate(parts, axis=self.axis)", "return np.concatenate(parts, axis=1)"),
        symptom="must match exactly",
    ),
    join_back(
        "concatenation_gradient_in_equal_pieces",
        ("concatenation_backward",),
        "gradient of concat cut into equal pieces",
        "Every part gets a piece of its own width; they need not be equal.",
        ("return np.split(dy, np.cumsum(self.lengths)[:-1], axis=self.axis)",
         "return np.array_split(dy, len(self.lengths), axis=self.axis)"),
    ),
]  # fmt: skip
