"""Mistakes in ReLU, flatten, the fully connected layer and the loss: given, but a student may replace them."""

from grader.publishing.misconceptions import Edit, Misconception

SECTION = "section 2.3 of the README"
MEAN = "return -np.log(self.probabilities[np.arange(len(labels)), labels]).mean()"


def mistake(name, title, loses, explanation, *edits, **more):
    """Return a mistake in a layer that is given."""
    pairs = tuple(Edit("layer.py", old, new) for old, new in edits)
    return Misconception(name, title, (), loses, explanation, pairs, SECTION, **more)


MISCONCEPTIONS = [
    mistake(
        "relu_gradient_at_output_gradient",
        "ReLU gradient masked by the sign of the gradient",
        ("relu_backward",),
        "The gradient seems to be cut off where it is itself negative. It passes where the *input* was positive, "
        "whatever its own sign: keep that mask in forward.",
        ("return out_grad * self.positive", "return out_grad * (out_grad > 0)"),
    ),
    mistake(
        "relu_gradient_passes_everything",
        "ReLU gradient not masked",
        ("relu_backward",),
        "The gradient passes unchanged: it must be 0 where the input was negative.",
        ("return out_grad * self.positive", "return out_grad * 1"),
    ),
    mistake(
        "relu_gradient_is_the_mask",
        "ReLU gradient without the gradient that arrives",
        ("relu_backward",),
        "The result is only the mask of positive inputs: multiply it with the gradient that arrives.",
        ("return out_grad * self.positive", "return self.positive.astype(out_grad.dtype)"),
    ),
    mistake(
        "relu_leaks",
        "negative inputs let through with a small slope",
        ("network_build", "relu_forward"),
        "Negative inputs come through with a small slope, as in a leaky ReLU: here they become 0.",
        ("return np.maximum(inputs, 0)", "return np.where(inputs > 0, inputs, 0.01 * inputs)"),
    ),
    mistake(
        "relu_takes_magnitude",
        "magnitude taken instead of cutting off",
        ("network_build", "relu_forward"),
        "Negative inputs come out positive: they become 0, max(0, x), not |x|.",
        ("return np.maximum(inputs, 0)", "return np.abs(inputs)"),
    ),
    mistake(
        "relu_class_misspelt",
        "ReLU class named as in another place of the handout",
        ("network_build",),
        "The class is `ReluLayer` in `vgg.py` and has another name in `layer.py` (the printed handout spells it in "
        "two ways): use `ReluLayer` in both.",
        ("class ReluLayer:", "class ReLUlayer:"),
    ),
    mistake(
        "flatten_channels_last",
        "channels moved to the end before flattening",
        ("flatten_forward",),
        "The features come out in the order row, column, channel: flatten (N, C, H, W) as it is, channel by "
        "channel.",
        (
            "return inputs.reshape(inputs.shape[0], -1)",
            "return np.ascontiguousarray(inputs.transpose(0, 2, 3, 1)).reshape(inputs.shape[0], -1)",
        ),
    ),
    mistake(
        "flatten_by_columns",
        "flattened column by column",
        ("flatten_forward",),
        "The features come out column by column: flatten row by row, which is what reshape does by itself.",
        ("return inputs.reshape(inputs.shape[0], -1)", 'return inputs.reshape(inputs.shape[0], -1, order="F")'),
    ),
    mistake(
        "flatten_joins_samples",
        "samples of the batch joined to one row",
        ("flatten_forward",),
        "All samples became one row: keep the batch axis, (N, C * H * W).",
        ("return inputs.reshape(inputs.shape[0], -1)", "return inputs.reshape(1, -1)"),
    ),
    mistake(
        "fully_connected_weight_transposed",
        "weight of the fully connected layer not transposed",
        ("fully_connected_forward",),
        "The weight has shape (out, in), so the product is inputs @ weight.T: without the transpose it fits only "
        "where both sizes are equal, and is wrong even there.",
        ("return inputs @ self.weight.T + self.bias", "return inputs @ self.weight + self.bias"),
    ),
    mistake(
        "fully_connected_bias_forgotten",
        "bias of the fully connected layer not added",
        ("fully_connected_forward",),
        "The product is right, but the bias is missing: add it to every row.",
        ("return inputs @ self.weight.T + self.bias", "return inputs @ self.weight.T"),
    ),
    mistake(
        "fully_connected_gradient_transposed",
        "weight transposed in the backward pass",
        ("fully_connected_backward",),
        "Backward is out_grad @ weight, without a transpose: with weight (out, in) that gives one row of inputs' "
        "size for each sample.",
        ("return out_grad @ self.weight", "return out_grad @ self.weight.T"),
    ),
    mistake(
        "softmax_overflow",
        "maximum not subtracted before exp",
        ("cross_entropy_forward",),
        "exp overflows for large logits and gives infinities or NaN: subtract each row's maximum first; the "
        "softmax stays the same.",
        ("np.exp(logits - logits.max(axis=1, keepdims=True))", "np.exp(logits)"),
        fingerprint="exp_overflow",
    ),
    mistake(
        "softmax_over_the_batch",
        "softmax along the wrong axis",
        ("cross_entropy_forward",),
        "The probabilities seem to add up over the batch: normalise each row, over the classes (axis=1).",
        ("exponentials.sum(axis=1, keepdims=True)", "exponentials.sum(axis=0, keepdims=True)"),
    ),
    mistake(
        "softmax_over_everything",
        "softmax normalised over the whole array",
        ("cross_entropy_forward",),
        "The probabilities seem to be normalised over the whole batch at once: normalise each row by its own sum, "
        "with axis=1 and keepdims=True.",
        ("exponentials.sum(axis=1, keepdims=True)", "exponentials.sum()"),
    ),
    mistake(
        "loss_summed",
        "loss summed over the batch",
        ("cross_entropy_forward",),
        "The loss seems to be the sum over the batch: take the mean.",
        (MEAN, MEAN.replace(".mean()", ".sum()")),
    ),
    mistake(
        "loss_without_minus",
        "sign of the loss forgotten",
        ("cross_entropy_forward",),
        "The loss has the wrong sign: it is *minus* the mean logarithm of the right class's probability.",
        (MEAN, MEAN.replace("return -", "return ")),
    ),
    mistake(
        "loss_with_base_two",
        "logarithm to another base",
        ("cross_entropy_forward",),
        "The loss is taken with another logarithm: use the natural one, np.log.",
        (MEAN, MEAN.replace("np.log(", "np.log2(")),
    ),
    mistake(
        "loss_gradient_not_averaged",
        "gradient of the loss not divided by the batch size",
        ("cross_entropy_backward",),
        "The gradient is too large by the batch size: the loss is a mean, so divide by N.",
        ("return gradient / len(self.labels)", "return gradient"),
    ),
    mistake(
        "loss_gradient_without_one_hot",
        "one-hot label not subtracted",
        ("cross_entropy_backward",),
        "The gradient is that of the probabilities alone: subtract 1 at the right class of each row.",
        ("self.labels] -= 1", "self.labels] -= 0"),
    ),
    mistake(
        "loss_gradient_sign",
        "sign of the loss's gradient turned round",
        ("cross_entropy_backward",),
        "The gradient has the wrong sign: it is softmax minus one-hot, in that order.",
        ("return gradient / len(self.labels)", "return -gradient / len(self.labels)"),
    ),
]
