"""Mistakes in batch normalisation, the loss and Adam."""

from grader.publishing.misconceptions import HoleEdit, mistakes_in

bn_variables = mistakes_in("bn_variables", "bn_variables", formula="section 4 of the README")
bn_forward = mistakes_in("bn_forward", "bn_training", formula="formulas (4) to (6) of the README")
bn_forward_in_bn_training = mistakes_in(
    "bn_forward", "bn_training", "bn_inference", formula="formulas (4) to (6) of the README"
)
bn_forward_in_bn_inference = mistakes_in("bn_forward", "bn_inference", formula="formulas (4) to (6) of the README")
bn_backward = mistakes_in("bn_backward", "bn_backward", "baseline_step", formula="formula (7) of the README")
loss_forward = mistakes_in("loss_forward", "loss_forward", formula="formulas (14) and (15) of the README")
adam = mistakes_in("adam", "adam_steps", "baseline_step", formula="formula (16) of the README")

MISCONCEPTIONS = [
    bn_variables(
        "gamma_and_beta_not_trainable",
        "gamma and beta not trainable",
        "Gamma and beta are learned; only the two moving statistics are not trainable.",
        ('("gamma", shape[-1:], "ones")', '("gamma", shape[-1:], "ones", trainable=False)'),
        ('("beta", shape[-1:], "zeros")', '("beta", shape[-1:], "zeros", trainable=False)'),
    ),
    bn_variables(
        "moving_statistics_not_kept",
        "moving statistics are plain variables of their own",
        "The moving statistics were not made with `add_weight`, so the network does not know them: they are "
        "neither counted nor saved, and a network that was loaded answers by chance.",
        (
            'self.add_weight("moving_mean", shape[-1:], "zeros", trainable=False)',
            'type(self.gamma)("moving_mean", np.zeros(shape[-1:]), False)',
        ),
        (
            'self.add_weight("moving_variance", shape[-1:], "ones", trainable=False)',
            'type(self.gamma)("moving_variance", np.ones(shape[-1:]), False)',
        ),
    ),
    bn_variables(
        "normalised_pixel_by_pixel",
        "statistics for every pixel",
        "There is one mean and one variance for each channel, over the batch and all pixels; here every pixel "
        "seems to have its own.",
        ('self.add_weight("gamma", shape[-1:], "ones")', 'self.add_weight("gamma", shape[1:], "ones")'),
        ('self.add_weight("beta", shape[-1:], "zeros")', 'self.add_weight("beta", shape[1:], "zeros")'),
        ('("moving_mean", shape[-1:], "zeros"', '("moving_mean", shape[1:], "zeros"'),
        ('("moving_variance", shape[-1:], "ones"', '("moving_variance", shape[1:], "ones"'),
        HoleEdit("bn_forward", "tuple(range(x.ndim - 1))", "(0,)"),
        HoleEdit("bn_backward", "tuple(range(dy.ndim - 1))", "(0,)"),
        symptom="cannot become",
    ),
    bn_forward(
        "momentum_exchanged",
        "momentum on the wrong term",
        "Momentum 0.99 belongs to the value that is there; the batch counts for 0.01. They seem to be exchanged.",
        ("kept, new = self.momentum, 1 - self.momentum", "kept, new = 1 - self.momentum, self.momentum"),
    ),
    bn_forward_in_bn_training(
        "epsilon_too_small",
        "another epsilon",
        "Epsilon is 0.001 here, as in Keras; it seems to be another number, such as the 0.00001 of other "
        "libraries.",
        ("self.epsilon", "1e-5"),
    ),
    bn_forward_in_bn_training(
        "epsilon_outside_the_root",
        "epsilon outside of the root",
        "Epsilon is added to the variance, inside of the root.",
        ("np.sqrt(variance + self.epsilon)", "(np.sqrt(variance) + self.epsilon)"),
    ),
    bn_forward_in_bn_training(
        "no_root",
        "divided by the variance",
        "The values are divided by the standard deviation: the root of the variance plus epsilon. The root is "
        "missing.",
        ("np.sqrt", ""),
    ),
    bn_forward(
        "never_in_training",
        "moving statistics used in training too",
        "In training the batch's own mean and variance count, and the moving ones follow. Here the moving ones "
        "are always used, so they stay at 0 and 1 for ever.",
        ("if training:", "if False:"),
    ),
    bn_forward_in_bn_inference(
        "always_in_training",
        "statistics of the batch used always",
        "When it is not training the moving statistics count, so that the answer for a picture does not depend on "
        "the others.",
        ("if training:", "if True:"),
    ),
    bn_forward_in_bn_inference(
        "statistics_change_without_training",
        "moving statistics change when it is not training",
        "Looking at test pictures must not change the network: update the moving statistics in training only.",
        (
            "mean, variance = self.moving_mean.value, self.moving_variance.value",
            "mean, variance = self.moving_mean.value, self.moving_variance.value\n"
            "self.moving_mean.value = 0.99 * mean + 0.01 * x.mean(axis=axes)",
        ),
    ),
    bn_forward(
        "moving_deviation",
        "moving variance follows the standard deviation",
        "The moving variance follows the variance of the batch; here it follows the root of it.",
        ("new * variance", "new * np.sqrt(variance)"),
    ),
    bn_backward(
        "statistics_taken_as_constant",
        "mean and variance taken as constants backward",
        "Mean and variance depend on every value of the batch; without their share the gradient is too simple. "
        "Formula (7) has all three terms.",
        ("self.slope * (dnormal - dnormal.mean(axis=axes) - self.normal * mean_of_both)", "self.slope * dnormal"),
    ),
    bn_backward(
        "variance_taken_as_constant",
        "the variance's share left out backward",
        "The gradient goes through the mean, but not through the variance: the last term of formula (7) is "
        "missing.",
        ("dnormal - dnormal.mean(axis=axes) - self.normal * mean_of_both", "dnormal - dnormal.mean(axis=axes)"),
    ),
    bn_backward(
        "gamma_left_out_backward",
        "gamma left out of the input's gradient",
        "The gradient of the normalised value is gamma times the one that arrives.",
        ("dy * self.gamma.value", "dy"),
    ),
    bn_backward(
        "gamma_gradient_is_a_mean",
        "gradient of gamma divided by the number of values",
        "The gradient of gamma is a plain sum over batch and pixels.",
        ("(dy * self.normal).sum", "(dy * self.normal).mean"),
    ),
    bn_backward(
        "beta_gradient_is_a_mean",
        "gradient of beta divided by the number of values",
        "The gradient of beta is a plain sum over batch and pixels.",
        ("dy.sum", "dy.mean"),
    ),
    loss_forward(
        "softmax_twice",
        "probabilities taken for logits",
        "The network ends in a softmax, and the loss applies another one: it cannot go below 1.46 then. With "
        "from_logits=False take the logarithm of the probabilities.",
        ("self.from_logits", "True"),
        HoleEdit("loss_backward", "self.from_logits", "True"),
    ),
    loss_forward(
        "logits_taken_for_probabilities",
        "logits taken for probabilities",
        "With from_logits=True the outputs are logits: a softmax comes first. Clipped like probabilities, they "
        "give 0 or 16.1.",
        ("self.from_logits", "False"),
        HoleEdit("loss_backward", "self.from_logits", "False"),
    ),
    loss_forward(
        "loss_summed",
        "loss summed over the batch",
        "The loss is the mean over the batch, not the sum.",
        ("(log_sum - shifted[rows, labels]).mean", "(log_sum - shifted[rows, labels]).sum"),
        (")).mean()", ")).sum()"),
    ),
    loss_forward(
        "loss_not_clipped",
        "probabilities not clipped",
        "The logarithm of 0 is infinite: clip the probability to 1e-7 ... 1 - 1e-7 first.",
        ("np.clip(y_pred[rows, labels], self.smallest, 1 - self.smallest)", "y_pred[rows, labels]"),
    ),
    loss_forward(
        "logits_without_maximum",
        "exp of the logits without subtracting the maximum",
        "exp overflows for large logits. Subtract the largest logit of every row first; the loss is the same.",
        ("y_pred - y_pred.max(axis=-1, keepdims=True)", "y_pred"),
    ),
    loss_forward(
        "labels_expected_one_hot",
        "labels expected one-hot",
        "The labels are class numbers, (N,) or (N, 1), not rows with a single one: take the probability of that "
        "class.",
        (
            "np.log(np.clip(y_pred[rows, labels], self.smallest, 1 - self.smallest))",
            "(labels * np.log(np.clip(y_pred, self.smallest, 1 - self.smallest))).sum(axis=-1)",
        ),
        symptom="could not be broadcast",
    ),
    mistakes_in("loss_backward", "loss_backward", "baseline_step", formula="formulas (14) and (15) of the README")(
        "loss_gradient_not_averaged",
        "gradient of the loss not divided by the batch",
        "The loss is a mean, so its gradient is divided by the number of pictures, too.",
        ("gradient / len(rows)", "gradient"),
        (") / len(rows)", ")"),
    ),
    adam(
        "adam_not_corrected",
        "Adam without the correction of the first steps",
        "The moments start at 0 and are too small at first: the rate is multiplied by sqrt(1 - beta_2^t) / "
        "(1 - beta_1^t). Without it the first step is 3.16 times too large.",
        ("self.learning_rate * np.sqrt(1 - b2**t) / (1 - b1**t)", "self.learning_rate"),
    ),
    adam(
        "adam_counts_every_variable",
        "step counted for every variable",
        "t counts steps, not variables: it grows by one each time that `apply_gradients` is called.",
        (
            "self.iterations += 1\n"
            "t, b1, b2 = self.iterations, self.beta_1, self.beta_2\n"
            "rate = self.learning_rate * np.sqrt(1 - b2**t) / (1 - b1**t)",
            "b1, b2 = self.beta_1, self.beta_2",
        ),
        (
            "for gradient, variable in grads_and_vars:",
            "for gradient, variable in grads_and_vars:\n"
            "    self.iterations += 1\n"
            "    t = self.iterations\n"
            "    rate = self.learning_rate * np.sqrt(1 - b2**t) / (1 - b1**t)",
        ),
    ),
    adam(
        "adam_counts_from_zero",
        "steps counted from 0",
        "The first step has t = 1: count before the correction is computed. With t = 0 it divides by zero.",
        (", b2 = self.iterations, self.beta_1, self.", ", b2 = self.iterations - 1, self.beta_1, self."),
        symptom="division",
    ),
    adam(
        "adam_moments_shared",
        "moments shared by all variables",
        "Every variable has moments of its own; here all of them seem to use the same ones.",
        ("self.moments.get(id(variable), (0.0, 0.0))", "self.moments.get(0, (0.0, 0.0))"),
        ("self.moments[id(variable)]", "self.moments[0]"),
    ),
    adam(
        "adam_without_root",
        "Adam without the root",
        "The step is divided by the root of v.",
        ("np.sqrt(v)", "v"),
    ),
    adam(
        "adam_epsilon_inside",
        "epsilon inside of the root",
        "In Keras epsilon is added to the root of v, not to v.",
        ("float(rate) * m / (np.sqrt(v) + self.epsilon)", "float(rate) * m / np.sqrt(v + self.epsilon)"),
    ),
]
