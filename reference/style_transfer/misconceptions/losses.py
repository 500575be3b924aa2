"""Mistakes in the losses, in the optimiser and in the network."""

from grader.publishing.misconceptions import mistakes_in

content = mistakes_in("content_loss_forward", "content_loss_forward", formula="formula (7) of the README")
content_gradient = mistakes_in(
    "content_loss_backward", "content_loss_backward", formula="formula (8) of the README"
)
style = mistakes_in("style_loss_forward", "style_loss_forward", formula="formulas (9) and (10) of the README")
style_gradient = mistakes_in("style_loss_backward", "style_loss_backward", formula="formula (11) of the README")
adam = mistakes_in("adam_update", "adam_update", formula="formula (12) of the README")
network_backward = mistakes_in(
    "exp_3_3_style_transfer.py", "network_backward", formula="section 4 of the README", holes=("network_backward",)
)

MISCONCEPTIONS = [
    content(
        "content_loss_without_half",
        "content loss without 1/2",
        "The loss is twice as large as it should be: formula (7) divides by 2 N C H W.",
        ("/ (2 * input_layer.size)", "/ input_layer.size"),
        common=True,
    ),
    content(
        "content_loss_not_averaged",
        "content loss not divided by N C H W",
        "The sum of squares is right, but it is not divided by the number of features, N C H W.",
        ("/ (2 * input_layer.size)", "/ 2"),
    ),
    content(
        "content_loss_of_magnitudes",
        "magnitudes summed instead of squares",
        "The differences must be squared before they are summed.",
        ("np.square", "np.abs"),
    ),
    content_gradient(
        "content_gradient_halved",
        "content gradient with 1/2 too much",
        "The gradient is half of what it should be: the 2 of the square cancels the 1/2 of formula (7).",
        ("input_layer.size", "2 / input_layer.size"),
        common=True,
    ),
    content_gradient(
        "content_gradient_not_averaged",
        "content gradient not divided by N C H W",
        "The difference is right, but it is not divided by N C H W.",
        ("(input_layer - content_layer) / input_layer.size", "(input_layer - content_layer)"),
    ),
    content_gradient(
        "content_gradient_reversed",
        "content gradient with the wrong sign",
        "The gradient has the wrong sign: it is input minus content.",
        (
            "self.bottom_diff = (input_layer - content_layer) / input_layer.size",
            "self.bottom_diff = (content_layer - input_layer) / input_layer.size",
        ),
        common=True,
    ),
    style(
        "gram_without_transposition",
        "Gram matrix from a reshaped, not transposed, array",
        "The second factor of the Gram matrix is the transposed array: transpose it, do not reshape it.",
        (
            "style_layer_reshape.transpose(0, 2, 1)",
            "style_layer_reshape.reshape(len(style_layer), -1, style_layer.shape[1])",
        ),
        (
            "self.input_layer_reshape.transpose(0, 2, 1)",
            "self.input_layer_reshape.reshape(len(input_layer), -1, input_layer.shape[1])",
        ),
    ),
    style(
        "style_loss_not_averaged",
        "style loss without 1 / (4 N C² H² W²)",
        "The sum of squares is right, but it is not divided by 4 N C² H² W².",
        ("/ (4 * self.divisor)", "/ 1"),
    ),
    style(
        "style_loss_without_four",
        "style loss without the 4",
        "The loss is four times as large as it should be: formula (10) divides by 4 N C² H² W².",
        ("/ (4 * self.divisor)", "/ self.divisor"),
        common=True,
    ),
    style(
        "channels_not_squared",
        "C instead of C²",
        "The loss is C times as large as it should be: formula (10) divides by the square of C.",
        ("4 * self.divisor", "4 * self.divisor / channels"),
        common=True,
    ),
    style(
        "pixels_not_squared",
        "H W instead of H² W²",
        "The loss is H * W times as large as it should be: formula (10) divides by the squares of H and W.",
        ("4 * self.divisor", "4 * self.divisor / (rows * columns)"),
        common=True,
    ),
    style(
        "gram_of_first_sample",
        "Gram matrix of sample 0 for all samples",
        "Every sample seems to be compared with the Gram matrix of the first one: compute one for each sample.",
        (
            "self.gram_style = np.matmul(style_layer_reshape, style_layer_reshape.transpose(0, 2, 1))",
            "self.gram_style = np.matmul(style_layer_reshape, style_layer_reshape.transpose(0, 2, 1))\n"
            "self.gram_style = self.gram_style[:1]",
        ),
    ),
    style(
        "style_gram_left_at_zero",
        "Gram matrix of the style picture left at zero",
        "The loss compares with a Gram matrix of zeros: compute that of the style picture as well.",
        (
            "self.gram_style = np.matmul(style_layer_reshape, style_layer_reshape.transpose(0, 2, 1))",
            "self.gram_style = np.matmul(style_layer_reshape, style_layer_reshape.transpose(0, 2, 1))\n"
            "self.gram_style = np.zeros_like(self.gram_style)",
        ),
    ),
    style(
        "height_instead_of_pixels",
        "H instead of H W",
        "The loss is W² times as large as it should be: formula (10) divides by the squares of H and of W.",
        ("4 * self.divisor", "4 * self.divisor / columns**2"),
    ),
    style(
        "sizes_of_the_style_picture",
        "sizes of the style picture in the divisor",
        "The loss is divided by the sizes of the style picture: those of formula (10) are those of the other one.",
        ("input_layer.shape", "style_layer.shape"),
    ),
    style_gradient(
        "style_features_in_the_gradient",
        "features of the style picture in the style gradient",
        "The difference of the Gram matrices is multiplied by the features of the style picture: formula (11) has "
        "those of the picture that is changed.",
        ("self.input_layer_reshape", "np.reshape(style_layer, [style_layer.shape[0], style_layer.shape[1], -1])"),
    ),
    style_gradient(
        "style_gradient_not_averaged",
        "style gradient without 1 / (N C² H² W²)",
        "The product is right, but it is not divided by N C² H² W².",
        (") / self.divisor", ")"),
    ),
    style_gradient(
        "style_gradient_with_four",
        "style gradient divided by 4",
        "The gradient is a quarter of what it should be: the square gives a 2, and the product of a picture with "
        "itself another one, so the 4 is gone.",
        ("self.divisor", "(4 * self.divisor)"),
        common=True,
    ),
    style_gradient(
        "style_gradient_of_gram_only",
        "Gram matrix instead of the difference",
        "The gradient uses the picture's Gram matrix: it is the difference of the two, G - A.",
        ("self.gram_input - self.gram_style", "self.gram_input"),
    ),
    style_gradient(
        "style_gradient_reversed",
        "style gradient with the wrong sign",
        "The gradient has the wrong sign: the difference is the picture's Gram matrix minus the style's.",
        ("self.gram_input - self.gram_style", "self.gram_style - self.gram_input"),
        common=True,
    ),
    adam(
        "adam_without_bias_correction",
        "Adam without bias correction",
        "The first steps are too small: divide both moments by 1 - beta ** step before they are used.",
        ("self.mt / (1 - self.beta1**self.step)", "self.mt"),
        ("self.vt / (1 - self.beta2**self.step)", "self.vt"),
    ),
    adam(
        "epsilon_inside_the_root",
        "epsilon inside the root",
        "For small gradients the steps are too small: epsilon is added to the root, not under it.",
        ("self.lr * mt_hat / (np.sqrt(vt_hat) + self.eps)", "self.lr * mt_hat / np.sqrt(vt_hat + self.eps)"),
        common=True,
    ),
    adam(
        "epsilon_before_the_correction",
        "epsilon added before the bias correction",
        "For small gradients the steps are too small: epsilon is added before the second moment is corrected. "
        "Formula (12) divides it by 1 - beta2 ** step first.",
        ("self.eps", "self.eps / np.sqrt(1 - self.beta2**self.step)"),
    ),
    adam(
        "step_counted_twice",
        "step counted twice",
        "The step grows by 2 in every update: count it once.",
        ("self.step += 1", "self.step += 2"),
    ),
    adam(
        "step_counted_too_late",
        "step counted from one too many",
        "The bias correction seems to be one step late: the first update has step 1.",
        ("self.beta1**self.step", "self.beta1**(self.step + 1)"),
        ("self.beta2**self.step", "self.beta2**(self.step + 1)"),
    ),
    adam(
        "step_starts_at_zero",
        "step is 0 in the first update",
        "The first update divides by 1 - beta ** 0, which is 0: count the step before the moments are corrected.",
        ("self.step += 1", ""),
        (
            "self.output = input - self.lr * mt_hat / (np.sqrt(vt_hat) + self.eps)",
            "self.output = input - self.lr * mt_hat / (np.sqrt(vt_hat) + self.eps)\nself.step += 1",
        ),
        common=True,
    ),
    adam(
        "step_not_counted",
        "step stays at 1",
        "The step seems not to be counted: add 1 in every update, so that the bias correction fades out.",
        ("self.beta1**self.step", "self.beta1**1"),
        ("self.beta2**self.step", "self.beta2**1"),
    ),
    adam(
        "second_moment_of_the_first",
        "second moment of the first moment",
        "The second moment is that of the gradient: square the gradient, not the first moment.",
        ("np.square(grad)", "np.square(self.mt)"),
    ),
    adam(
        "second_moment_not_squared",
        "gradient not squared",
        "The second moment is the mean of the squared gradient.",
        ("np.square", "np.abs"),
    ),
    adam(
        "decay_rates_exchanged",
        "beta1 and beta2 exchanged",
        "The two rates seem to be exchanged: beta1 = 0.9 belongs to the first moment, beta2 = 0.999 to the second.",
        (
            "self.mt = self.beta1 * self.mt + (1 - self.beta1) * grad",
            "self.mt = self.beta2 * self.mt + (1 - self.beta2) * grad",
        ),
        (
            "self.vt = self.beta2 * self.vt + (1 - self.beta2) * np.square(grad)",
            "self.vt = self.beta1 * self.vt + (1 - self.beta1) * np.square(grad)",
        ),
        ("mt_hat = self.mt / (1 - self.beta1**self.step)", "mt_hat = self.mt / (1 - self.beta2**self.step)"),
        ("vt_hat = self.vt / (1 - self.beta2**self.step)", "vt_hat = self.vt / (1 - self.beta1**self.step)"),
    ),
    adam(
        "step_uphill",
        "step in the direction of the gradient",
        "The picture moves uphill: subtract the step.",
        (
            "self.output = input - self.lr * mt_hat / (np.sqrt(vt_hat) + self.eps)",
            "self.output = input + self.lr * mt_hat / (np.sqrt(vt_hat) + self.eps)",
        ),
        common=True,
    ),
    adam(
        "root_forgotten",
        "root of the second moment forgotten",
        "Divide by the square root of the second moment.",
        ("np.sqrt(vt_hat)", "vt_hat"),
    ),
    network_backward(
        "backward_starts_one_layer_early",
        "backward pass begins one layer too early",
        "The backward pass seems to begin at the layer before the one that is named.",
        ("range(layer_idx, -1, -1)", "range(layer_idx - 1, -1, -1)"),
    ),
    network_backward(
        "backward_stops_before_the_first_layer",
        "backward pass ends before the first layer",
        "The backward pass does not reach the picture: it must go through layer 0 as well.",
        ("range(layer_idx, -1, -1)", "range(layer_idx, 0, -1)"),
    ),
    mistakes_in("network_backward", "network_backward", formula="section 4 of the README")(
        "relu_skipped_backward",
        "ReLU layers skipped backward",
        "The ReLU layers seem to be skipped: the gradient must go through every layer.",
        ("self.layers", "dloss if 'relu' in self.param_layer_name[idx] else self.layers"),
    ),
    mistakes_in(
        "exp_3_3_style_transfer.py",
        "network_forward",
        formula="section 4 of the README",
        holes=("network_forward",),
    )(
        "features_before_the_relu",
        "features of the layer before",
        "The outputs that are returned belong to the layer before the one that is asked for: keep them after the "
        "layer has run.",
        (
            "layer_forward[layer_name] = current",
            "place = self.param_layer_name.index(layer_name)\n"
            "                before = self.layers[self.param_layer_name[place - 1]]\n"
            "                layer_forward[layer_name] = before.output",
        ),
    ),
]
