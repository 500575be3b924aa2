"""Mistakes in ReLU, flatten, the fully connected layer and the loss: given, but a student may replace them."""

from grader.publishing.misconceptions import mistakes_in

relu_backward = mistakes_in("layer.py", "relu_backward", formula="section 2.3 of the README")
relu = mistakes_in("layer.py", "network_build", "relu_forward", formula="section 2.3 of the README")
flatten = mistakes_in("layer.py", "flatten_forward", formula="section 2.3 of the README")
fully_connected = mistakes_in("layer.py", "fully_connected_forward", formula="section 2.3 of the README")
loss = mistakes_in("layer.py", "cross_entropy_forward", formula="section 2.3 of the README")
loss_backward = mistakes_in("layer.py", "cross_entropy_backward", formula="section 2.3 of the README")

MISCONCEPTIONS = [
    relu_backward(
        "relu_gradient_at_output_gradient",
        "ReLU gradient masked by the sign of the gradient",
        "The gradient seems to be cut off where it is itself negative. It passes where the *input* was positive, "
        "whatever its own sign: keep that mask in forward.",
        ("out_grad * self.positive", "out_grad * (out_grad > 0)"),
    ),
    relu_backward(
        "relu_gradient_passes_everything",
        "ReLU gradient not masked",
        "The gradient passes unchanged: it must be 0 where the input was negative.",
        ("out_grad * self.positive", "out_grad * 1"),
    ),
    relu_backward(
        "relu_gradient_is_the_mask",
        "ReLU gradient without the gradient that arrives",
        "The result is only the mask of positive inputs: multiply it with the gradient that arrives.",
        ("out_grad * self.positive", "self.positive.astype(out_grad.dtype)"),
    ),
    relu(
        "relu_leaks",
        "negative inputs let through with a small slope",
        "Negative inputs come through with a small slope, as in a leaky ReLU: here they become 0.",
        ("np.maximum(inputs, 0)", "np.where(inputs > 0, inputs, 0.01 * inputs)"),
    ),
    relu(
        "relu_takes_magnitude",
        "magnitude taken instead of cutting off",
        "Negative inputs come out positive: they become 0, max(0, x), not |x|.",
        ("np.maximum(inputs, 0)", "np.abs(inputs)"),
    ),
    relu(
        "relu_class_misspelt",
        "ReLU class named as in another place of the handout",
        "The class is `ReluLayer` in `vgg.py` and has another name in `layer.py` "
        "(the printed handout spells it in two ways): use `ReluLayer` in both.",
        ("class ReluLayer:", "class ReLUlayer:"),
        loses=("network_build",),
    ),
    flatten(
        "flatten_channels_last",
        "channels moved to the end before flattening",
        "The features come out in the order row, column, channel: flatten (N, C, H, W) as it is, channel by "
        "channel.",
        ("inputs.reshape", "np.ascontiguousarray(inputs.transpose(0, 2, 3, 1)).reshape"),
    ),
    flatten(
        "flatten_by_columns",
        "flattened column by column",
        "The features come out column by column: flatten row by row, which is what reshape does by itself.",
        ("inputs.reshape(inputs.shape[0], -1)", 'inputs.reshape(inputs.shape[0], -1, order="F")'),
    ),
    flatten(
        "flatten_joins_samples",
        "samples of the batch joined to one row",
        "All samples became one row: keep the batch axis, (N, C * H * W).",
        ("inputs.shape[0]", "1"),
    ),
    fully_connected(
        "fully_connected_weight_transposed",
        "weight of the fully connected layer not transposed",
        "The weight has shape (out, in), so the product is inputs @ weight.T: without the transpose it fits only "
        "where both sizes are equal, and is wrong even there.",
        ("self.weight.T", "self.weight"),
    ),
    fully_connected(
        "fully_connected_bias_forgotten",
        "bias of the fully connected layer not added",
        "The product is right, but the bias is missing: add it to every row.",
        ("inputs @ self.weight.T + self.bias", "inputs @ self.weight.T"),
    ),
    fully_connected(
        "fully_connected_gradient_transposed",
        "weight transposed in the backward pass",
        "Backward is out_grad @ weight, without a transpose: with weight (out, in) that gives one row of inputs' "
        "size for each sample.",
        ("out_grad @ self.weight", "out_grad @ self.weight.T"),
        loses=("fully_connected_backward",),
    ),
    loss(
        "softmax_overflow",
        "maximum not subtracted before exp",
        "exp overflows for large logits and gives infinities or NaN: subtract each row's maximum first; the "
        "softmax stays the same.",
        ("logits - logits.max(axis=1, keepdims=True)", "logits"),
        fingerprint="exp_overflow",
    ),
    loss(
        "softmax_over_the_batch",
        "softmax along the wrong axis",
        "The probabilities seem to add up over the batch: normalise each row, over the classes (axis=1).",
        ("exponentials.sum(axis=1, keepdims=True)", "exponentials.sum(axis=0, keepdims=True)"),
    ),
    loss(
        "softmax_over_everything",
        "softmax normalised over the whole array",
        "The probabilities seem to be normalised over the whole batch at once: normalise each row by its own sum, "
        "with axis=1 and keepdims=True.",
        ("exponentials.sum(axis=1, keepdims=True)", "exponentials.sum()"),
    ),
    loss(
        "loss_summed",
        "loss summed over the batch",
        "The loss seems to be the sum over the batch: take the mean.",
        (".mean(", ".sum("),
    ),
    loss(
        "loss_without_minus",
        "sign of the loss forgotten",
        "The loss has the wrong sign: it is *minus* the mean logarithm of the right class's probability.",
        ("return -np.log", "return np.log"),
    ),
    loss(
        "loss_with_base_two",
        "logarithm to another base",
        "The loss is taken with another logarithm: use the natural one, np.log.",
        ("np.log", "np.log2"),
    ),
    loss_backward(
        "loss_gradient_not_averaged",
        "gradient of the loss not divided by the batch size",
        "The gradient is too large by the batch size: the loss is a mean, so divide by N.",
        ("gradient / len(self.labels)", "gradient"),
    ),
    loss_backward(
        "loss_gradient_without_one_hot",
        "one-hot label not subtracted",
        "The gradient is that of the probabilities alone: subtract 1 at the right class of each row.",
        ("self.labels] -= 1", "self.labels] -= 0"),
    ),
    loss_backward(
        "loss_gradient_sign",
        "sign of the loss's gradient turned round",
        "The gradient has the wrong sign: it is softmax minus one-hot, in that order.",
        ("gradient / len(self.labels)", "-gradient / len(self.labels)"),
    ),
]
