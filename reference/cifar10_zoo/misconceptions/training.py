"""Mistakes in batch normalisation, the loss and Adam."""

from grader.publishing.misconceptions import Edit, Misconception

KEPT = "kept, new = self.momentum, 1 - self.momentum"
SLOPE = "self.slope = 1 / np.sqrt(variance + self.epsilon)"
AXES = "        axes = tuple(range(x.ndim - 1))\n        if training:"
BACK_AXES = "axes = tuple(range(dy.ndim - 1))"
GAMMA = 'self.gamma = self.add_weight("gamma", shape[-1:], "ones")'
BETA = 'self.beta = self.add_weight("beta", shape[-1:], "zeros")'
MOVING_MEAN = 'self.moving_mean = self.add_weight("moving_mean", shape[-1:], "zeros", trainable=False)'
MOVING_VARIANCE = 'self.moving_variance = self.add_weight("moving_variance", shape[-1:], "ones", trainable=False)'
FROM_MOVING = "mean, variance = self.moving_mean.value, self.moving_variance.value"
NEW_VARIANCE = "new * variance"
DX = "return self.slope * (dnormal - dnormal.mean(axis=axes) - self.normal * mean_of_both)"
D_GAMMA = "self.gamma.gradient = (dy * self.normal).sum(axis=axes)"
D_BETA = "self.beta.gradient = dy.sum(axis=axes)"
LOGITS_LOSS = "return (log_sum - shifted[rows, labels]).mean()"
LOSS = "return -np.log(np.clip(y_pred[rows, labels], self.smallest, 1 - self.smallest)).mean()"
FORWARD_LOGITS = "        if self.from_logits:\n            shifted"
BACKWARD_LOGITS = "        if self.from_logits:\n            gradient"
SHIFTED = "shifted = y_pred - y_pred.max(axis=-1, keepdims=True)"
D_LOGITS = "return gradient / len(rows)"
D_LOSS = "np.where(inside, -1 / np.maximum(right, self.smallest), 0) / len(rows)"
RATE = "rate = self.learning_rate * np.sqrt(1 - b2**t) / (1 - b1**t)"
COUNTED = f"""        self.iterations += 1
        t, b1, b2 = self.iterations, self.beta_1, self.beta_2
        {RATE}
        for gradient, variable in grads_and_vars:
"""
MOMENTS = "m, v = self.moments.get(id(variable), (0.0, 0.0))"
CHANGE = "variable.value = variable.value - float(rate) * m / (np.sqrt(v) + self.epsilon)"


def of(hole, formula):
    """Return a maker of mistakes in one hole of ``layers.py``."""

    def make(name, loses, title, explanation, *edits, **more):
        pairs = tuple(Edit("layers.py", old, new) for old, new in edits)
        return Misconception(name, title, (hole,), loses, explanation, pairs, f"{formula} of the README", **more)

    return make


variables = of("bn_variables", "section 4")
norm = of("bn_forward", "formulas (4) to (6)")
norm_back = of("bn_backward", "formula (7)")
loss = of("loss_forward", "formulas (14) and (15)")
loss_back = of("loss_backward", "formulas (14) and (15)")
adam = of("adam", "formula (16)")

MISCONCEPTIONS = [
    variables(
        "gamma_and_beta_not_trainable",
        ("bn_variables",),
        "gamma and beta not trainable",
        "Gamma and beta are learned; only the two moving statistics are not trainable.",
        (GAMMA, GAMMA.replace('"ones")', '"ones", trainable=False)')),
        (BETA, BETA.replace('"zeros")', '"zeros", trainable=False)')),
    ),
    variables(
        "moving_statistics_not_kept",
        ("bn_variables",),
        "moving statistics are plain variables of their own",
        "The moving statistics were not made with `add_weight`, so the network does not know them: they are "
        "neither counted nor saved, and a network that was loaded answers by chance.",
        (MOVING_MEAN, 'self.moving_mean = type(self.gamma)("moving_mean", np.zeros(shape[-1:]), False)'),
        (
            MOVING_VARIANCE,
            'self.moving_variance = type(self.gamma)("moving_variance", np.ones(shape[-1:]), False)',
        ),
    ),
    variables(
        "normalised_pixel_by_pixel",
        ("bn_variables",),
        "statistics for every pixel",
        "There is one mean and one variance for each channel, over the batch and all pixels; here every pixel "
        "seems to have "
        "its own.",
        (GAMMA, GAMMA.replace("shape[-1:]", "shape[1:]")),
        (BETA, BETA.replace("shape[-1:]", "shape[1:]")),
        (MOVING_MEAN, MOVING_MEAN.replace("shape[-1:]", "shape[1:]")),
        (MOVING_VARIANCE, MOVING_VARIANCE.replace("shape[-1:]", "shape[1:]")),
        (AXES, AXES.replace("tuple(range(x.ndim - 1))", "(0,)")),
        (BACK_AXES, "axes = (0,)"),
        symptom="cannot become",
    ),
    norm(
        "momentum_exchanged",
        ("bn_training",),
        "momentum on the wrong term",
        "Momentum 0.99 belongs to the value that is there; the batch counts for 0.01. They seem to be exchanged.",
        (KEPT, "kept, new = 1 - self.momentum, self.momentum"),
    ),
    norm(
        "epsilon_too_small",
        ("bn_training", "bn_inference"),
        "another epsilon",
        "Epsilon is 0.001 here, as in Keras; it seems to be another number, such as the 0.00001 of other "
        "libraries.",
        (SLOPE, SLOPE.replace("self.epsilon", "1e-5")),
    ),
    norm(
        "epsilon_outside_the_root",
        ("bn_training", "bn_inference"),
        "epsilon outside of the root",
        "Epsilon is added to the variance, inside of the root.",
        (SLOPE, "self.slope = 1 / (np.sqrt(variance) + self.epsilon)"),
    ),
    norm(
        "no_root",
        ("bn_training", "bn_inference"),
        "divided by the variance",
        "The values are divided by the standard deviation: the root of the variance plus epsilon. The root is "
        "missing.",
        (SLOPE, "self.slope = 1 / (variance + self.epsilon)"),
    ),
    norm(
        "never_in_training",
        ("bn_training",),
        "moving statistics used in training too",
        "In training the batch's own mean and variance count, and the moving ones follow. Here the moving ones "
        "are always used, "
        "so they stay at 0 and 1 for ever.",
        (AXES, AXES.replace("if training:", "if False:")),
    ),
    norm(
        "always_in_training",
        ("bn_inference",),
        "statistics of the batch used always",
        "When it is not training the moving statistics count, so that the answer for a picture does not depend "
        "on the others.",
        (AXES, AXES.replace("if training:", "if True:")),
    ),
    norm(
        "statistics_change_without_training",
        ("bn_inference",),
        "moving statistics change when it is not training",
        "Looking at test pictures must not change the network: update the moving statistics in training only.",
        (
            FROM_MOVING,
            f"{FROM_MOVING}\n            self.moving_mean.value = 0.99 * mean + 0.01 * x.mean(axis=axes)",
        ),
    ),
    norm(
        "moving_deviation",
        ("bn_training",),
        "moving variance follows the standard deviation",
        "The moving variance follows the variance of the batch; here it follows the root of it.",
        (NEW_VARIANCE, "new * np.sqrt(variance)"),
    ),
    norm_back(
        "statistics_taken_as_constant",
        ("bn_backward", "baseline_step"),
        "mean and variance taken as constants backward",
        "Mean and variance depend on every value of the batch; without their share the gradient is too simple. "
        "Formula (7) has "
        "all three terms.",
        (DX, "return self.slope * dnormal"),
    ),
    norm_back(
        "variance_taken_as_constant",
        ("bn_backward", "baseline_step"),
        "the variance's share left out backward",
        "The gradient goes through the mean, but not through the variance: the last term of formula (7) is "
        "missing.",
        (DX, "return self.slope * (dnormal - dnormal.mean(axis=axes))"),
    ),
    norm_back(
        "gamma_left_out_backward",
        ("bn_backward", "baseline_step"),
        "gamma left out of the input's gradient",
        "The gradient of the normalised value is gamma times the one that arrives.",
        ("dnormal = dy * self.gamma.value", "dnormal = dy"),
    ),
    norm_back(
        "gamma_gradient_is_a_mean",
        ("bn_backward", "baseline_step"),
        "gradient of gamma divided by the number of values",
        "The gradient of gamma is a plain sum over batch and pixels.",
        (D_GAMMA, D_GAMMA.replace(".sum(", ".mean(")),
    ),
    norm_back(
        "beta_gradient_is_a_mean",
        ("bn_backward", "baseline_step"),
        "gradient of beta divided by the number of values",
        "The gradient of beta is a plain sum over batch and pixels.",
        (D_BETA, D_BETA.replace(".sum(", ".mean(")),
    ),
    loss(
        "softmax_twice",
        ("loss_forward",),
        "probabilities taken for logits",
        "The network ends in a softmax, and the loss applies another one: it cannot go below 1.46 then. With "
        "from_logits=False take the logarithm of the probabilities.",
        (FORWARD_LOGITS, "        if True:\n            shifted"),
        (BACKWARD_LOGITS, "        if True:\n            gradient"),
    ),
    loss(
        "logits_taken_for_probabilities",
        ("loss_forward",),
        "logits taken for probabilities",
        "With from_logits=True the outputs are logits: a softmax comes first. Clipped like probabilities, they "
        "give 0 or 16.1.",
        (FORWARD_LOGITS, "        if False:\n            shifted"),
        (BACKWARD_LOGITS, "        if False:\n            gradient"),
    ),
    loss(
        "loss_summed",
        ("loss_forward",),
        "loss summed over the batch",
        "The loss is the mean over the batch, not the sum.",
        (LOGITS_LOSS, LOGITS_LOSS.replace(".mean()", ".sum()")),
        (LOSS, LOSS.replace(".mean()", ".sum()")),
    ),
    loss(
        "loss_not_clipped",
        ("loss_forward",),
        "probabilities not clipped",
        "The logarithm of 0 is infinite: clip the probability to 1e-7 ... 1 - 1e-7 first.",
        (LOSS, "return -np.log(y_pred[rows, labels]).mean()"),
    ),
    loss(
        "logits_without_maximum",
        ("loss_forward",),
        "exp of the logits without subtracting the maximum",
        "exp overflows for large logits. Subtract the largest logit of every row first; the loss is the same.",
        (SHIFTED, "shifted = y_pred"),
    ),
    loss(
        "labels_expected_one_hot",
        ("loss_forward",),
        "labels expected one-hot",
        "The labels are class numbers, (N,) or (N, 1), not rows with a single one: take the probability of that "
        "class.",
        (LOSS, "return -(labels * np.log(np.clip(y_pred, self.smallest, 1 - self.smallest))).sum(axis=-1).mean()"),
        symptom="could not be broadcast",
    ),
    loss_back(
        "loss_gradient_not_averaged",
        ("loss_backward", "baseline_step"),
        "gradient of the loss not divided by the batch",
        "The loss is a mean, so its gradient is divided by the number of pictures, too.",
        (D_LOGITS, "return gradient"),
        (D_LOSS, D_LOSS.removesuffix(" / len(rows)")),
    ),
    adam(
        "adam_not_corrected",
        ("adam_steps", "baseline_step"),
        "Adam without the correction of the first steps",
        "The moments start at 0 and are too small at first: the rate is multiplied by sqrt(1 - beta_2^t) / (1 - "
        "beta_1^t). "
        "Without it the first step is 3.16 times too large.",
        (RATE, "rate = self.learning_rate"),
    ),
    adam(
        "adam_counts_every_variable",
        ("adam_steps", "baseline_step"),
        "step counted for every variable",
        "t counts steps, not variables: it grows by one each time that `apply_gradients` is called.",
        (
            COUNTED,
            "        b1, b2 = self.beta_1, self.beta_2\n"
            "        for gradient, variable in grads_and_vars:\n"
            "            self.iterations += 1\n"
            "            t = self.iterations\n"
            f"            {RATE}\n",
        ),
    ),
    adam(
        "adam_counts_from_zero",
        ("adam_steps", "baseline_step"),
        "steps counted from 0",
        "The first step has t = 1: count before the correction is computed. With t = 0 it divides by zero.",
        ("t, b1, b2 = self.iterations, ", "t, b1, b2 = self.iterations - 1, "),
        symptom="division",
    ),
    adam(
        "adam_moments_shared",
        ("adam_steps", "baseline_step"),
        "moments shared by all variables",
        "Every variable has moments of its own; here all of them seem to use the same ones.",
        (MOMENTS, "m, v = self.moments.get(0, (0.0, 0.0))"),
        ("self.moments[id(variable)] = m, v", "self.moments[0] = m, v"),
    ),
    adam(
        "adam_without_root",
        ("adam_steps", "baseline_step"),
        "Adam without the root",
        "The step is divided by the root of v.",
        (CHANGE, CHANGE.replace("np.sqrt(v)", "v")),
    ),
    adam(
        "adam_epsilon_inside",
        ("adam_steps", "baseline_step"),
        "epsilon inside of the root",
        "In Keras epsilon is added to the root of v, not to v.",
        (CHANGE, CHANGE.replace("(np.sqrt(v) + self.epsilon)", "np.sqrt(v + self.epsilon)")),
    ),
]  # fmt: skip
