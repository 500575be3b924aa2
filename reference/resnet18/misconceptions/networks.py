"""Mistakes in batch norm, in LeNet-5, in the residual block and in ResNet18."""

from grader.publishing.misconceptions import Edit, Misconception

BN_STATISTICS = "mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))"
BN_IN_TRAINING = "if self.training:\n            mean, variance = x.mean"
BN_MEAN = "self._mean = self.momentum * self._mean + (1 - self.momentum) * mean"
BN_VARIANCE = "self._variance = self.momentum * self._variance + (1 - self.momentum) * variance"
BN_ROOT = "self.root = np.sqrt(variance + self.epsilon).reshape(1, -1, 1, 1)"
BN_OUT = "outputs = gamma * self.normalized + beta"
BN_GRADIENT = "in_grad = gamma / self.root * (out_grad - mean_grad - self.normalized * mean_product)"
BN_COUNT = "count = out_grad.size // out_grad.shape[1]"
BN_DBETA = "d_bias = out_grad.sum(axis=(0, 2, 3))\n        in_grad = gamma"
BN_DGAMMA = "d_weight = (out_grad * self.normalized).sum(axis=(0, 2, 3))"
BN_BACK_IN_TRAINING = "        if self.training:\n            count = out_grad.size"
LENET_CONVOLUTIONS = (
    "self.conv1 = Conv2D(in_channels, 6, 5, weight_attr=None)",
    "self.conv3 = Conv2D(6, 16, 5, weight_attr=None)",
    "self.conv5 = Conv2D(16, 120, 5, weight_attr=None)",
)
POOL2, POOL4 = 'Pool2D((2, 2), "max", stride=2)', 'Pool2D((2, 2), "avg", stride=2)'
CONV5 = "output = self.flatten(self.relu5(self.conv5(output)))"
LOGITS = "output = self.linear7(output)"
LINEAR6_BACK = "grad = self.linear6.backward(self.relu6.backward(grad))"
POOL4_BACK = "grad = self.conv3.backward(self.relu3.backward(self.pool4.backward(grad)))"
BLOCK_CONV1 = "self.conv1 = Conv2D(in_channels, out_channels, 3, stride=stride, padding=1, **made)"
BLOCK_CONV2 = "self.conv2 = Conv2D(out_channels, out_channels, 3, padding=1, **made)"
BLOCK_BN3 = "            self.bn3 = BatchNorm2D(out_channels)\n"
BLOCK_MADE = """        if self.use_1x1conv:
            self.shortcut = Conv2D(in_channels, out_channels, 1, stride=stride, **made)
            self.bn3 = BatchNorm2D(out_channels)
"""
BLOCK_1X1 = "self.use_1x1conv = in_channels != out_channels or stride != 1"
BLOCK_ADDED = """        if self.use_residual:
            shortcut = self.bn3(self.shortcut(inputs)) if self.use_1x1conv else inputs
            y = y + shortcut
"""
BLOCK_LAST = "outputs = self.relu2(y)"
BLOCK_BACK = "grad = self.relu2.backward(out_grad)"
BLOCK_BOTH = "in_grad = in_grad + (self.shortcut.backward(self.bn3.backward(grad)) if self.use_1x1conv else grad)"
STEM_POOL = '        Pool2D((3, 3), "max", stride=2, padding=1),\n'
STEM_CONV = "Conv2D(in_channels, width, 7, stride=2, padding=3, weight_attr=None)"
BLOCK_NORMS = tuple(f"self.bn{number} = BatchNorm2D(out_channels)" for number in (1, 2, 3))
NET_BACK = "return self.net.backward(out_grad)"
LATER_BLOCKS = "blocks.append(ResBlock(out_channels, out_channels, use_residual=use_residual))"
FIRST_BLOCK = "blocks.append(ResBlock(input_channels, out_channels, stride, use_residual))"
OPERATIONS = "operations = places * (out_channels * in_channels * kernel_size**2 + out_channels)"
FIELD = "field += (kernel_size - 1) * jump"
MODULES = "modules = make_modules(use_residual, width)"
M3 = "m3 = Sequential(*resnet_module(width, 2 * width, 2, 2, use_residual))"


def mistake(file, hole, *loses, formula):
    """Return a maker of mistakes in one hole that these checks must notice."""

    def make(name, title, explanation, *edits, **more):
        pairs = tuple(Edit(file, old, new) for old, new in edits)
        return Misconception(name, title, (hole,), more.pop("loses", loses), explanation, pairs, formula, **more)

    return make


norm = mistake("op.py", "bn_forward", "batch_norm_training", formula="formulas (9) and (10) of the README")
norm_back = mistake("op.py", "bn_backward", "batch_norm_backward", formula="formula (11) of the README")
lenet = mistake("lenet5.py", "lenet_forward", "lenet_output", formula="section 6 of the README")
lenet_made = mistake("lenet5.py", "lenet_layers", "lenet_output", formula="section 6 of the README")
lenet_back = mistake("lenet5.py", "lenet_backward", "lenet_backward", formula="section 6 of the README")
block = mistake("resnet.py", "block_forward", "residual_block", formula="formula (12) of the README")
block_made = mistake("resnet.py", "block_layers", "residual_block", formula="section 7 of the README")
block_back = mistake("resnet.py", "block_backward", "residual_block_backward", formula="formula (13) of the README")
net = mistake("resnet.py", "resnet_layers", "resnet_build", formula="section 8 of the README")

MISCONCEPTIONS = [
    norm(
        "variance_over_the_batch_only",
        "variance taken over the samples only",
        "Mean and variance of a channel are taken over samples, rows and columns together: axes 0, 2 and 3.",
        (BN_STATISTICS, "mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=0).mean(axis=(1, 2))"),
    ),
    norm(
        "no_root",
        "divided by the variance instead of its root",
        "The centred values are divided by the root of the variance (plus epsilon), not by the variance.",
        (BN_ROOT, BN_ROOT.replace("np.sqrt(variance + self.epsilon)", "(variance + self.epsilon)")),
    ),
    norm(
        "epsilon_outside_the_root",
        "epsilon added outside the root",
        "Epsilon stands inside the root: sqrt(variance + epsilon). Where the variance is as small, that is seen.",
        (BN_ROOT, BN_ROOT.replace("np.sqrt(variance + self.epsilon)", "(np.sqrt(variance) + self.epsilon)")),
    ),
    norm(
        "momentum_the_other_way_round",
        "momentum applied to the new value",
        "The running value keeps 0.9 of itself and takes 0.1 of the batch's; here it is the other "
        "way round. (Other "
        "frameworks call 0.1 the momentum.)",
        (
            BN_MEAN,
            BN_MEAN.replace(
                "self.momentum * self._mean + (1 - self.momentum) * mean",
                "(1 - self.momentum) * self._mean + self.momentum * mean",
            ),
        ),
        (
            BN_VARIANCE,
            BN_VARIANCE.replace(
                "self.momentum * self._variance + (1 - self.momentum) * variance",
                "(1 - self.momentum) * self._variance + self.momentum * variance",
            ),
        ),
    ),
    norm(
        "running_statistics_replaced",
        "running statistics replaced by those of the batch",
        "Both terms take the value of the batch: 0.9 times the old running value is missing.",
        (BN_MEAN, BN_MEAN.replace("self.momentum * self._mean", "self.momentum * mean")),
        (BN_VARIANCE, BN_VARIANCE.replace("self.momentum * self._variance", "self.momentum * variance")),
    ),
    norm(
        "beta_forgotten",
        "beta not added",
        "The normalized values are scaled by gamma, but beta is missing.",
        (BN_OUT, BN_OUT.removesuffix(" + beta")),
    ),
    norm(
        "batch_statistics_in_use",
        "statistics of the batch taken in use as well",
        "After `eval()` the running statistics are taken and stay as they are. Otherwise what a "
        "picture is taken for "
        "depends on the other pictures of its batch.",
        (BN_IN_TRAINING, BN_IN_TRAINING.replace("self.training", "True")),
        loses=("batch_norm_evaluation", "batch_norm_backward"),
    ),
    norm_back(
        "statistics_taken_as_constant",
        "gradient as if mean and variance were constant",
        "Mean and variance depend on every input of the channel: two terms are missing in the gradient.",
        (BN_GRADIENT, "in_grad = gamma / self.root * out_grad"),
    ),
    norm_back(
        "variance_taken_as_constant",
        "gradient as if the variance were constant",
        "The variance depends on every input of the channel: the term with the normalized values is missing.",
        (BN_GRADIENT, BN_GRADIENT.replace(" - self.normalized * mean_product", "")),
    ),
    norm_back(
        "mean_over_the_samples_only",
        "means in the gradient divided by the number of samples",
        "The means in the gradient are over samples, rows and columns: divide by N·M·N, not by N.",
        (BN_COUNT, "count = len(out_grad)"),
    ),
    norm_back(
        "gamma_gradient_without_normalizing",
        "gradient of gamma from the outputs",
        "Gamma multiplies the normalized values, so its gradient is the sum of the gradient times those.",
        (BN_DGAMMA, BN_DGAMMA.replace("self.normalized)", "(gamma * self.normalized))")),
    ),
    norm_back(
        "beta_gradient_mean",
        "mean taken for the gradient of beta",
        "The gradient of beta is the sum over samples, rows and columns, not their mean.",
        (BN_DBETA, BN_DBETA.replace("sum", "mean")),
    ),
    norm_back(
        "statistics_of_the_batch_in_use",
        "gradient of training taken in use as well",
        "After `eval()` mean and variance are constants: the gradient is gamma over the root times what arrives.",
        (BN_BACK_IN_TRAINING, "        if True:\n            count = out_grad.size"),
    ),
    lenet_made(
        "lenet_convolutions_without_bias",
        "convolutions of LeNet-5 without their biases",
        "Every layer of LeNet-5 has a bias, the convolutions as well: 61 706 parameters, and not 61 564.",
        *((text, text.replace("=None)", "=None, bias_attr=False)")) for text in LENET_CONVOLUTIONS),
        loses=("lenet_build",),
    ),
    lenet_made(
        "lenet_weights_all_one",
        "convolutions of LeNet-5 that begin with equal weights",
        "Without `weight_attr=None` all weights begin as 1: all maps of a layer are the same then and learn the "
        "same.",
        *((text, text.replace(", weight_attr=None", "")) for text in LENET_CONVOLUTIONS),
        loses=("lenet_build",),
        symptom="all begin as the same number",
    ),
    lenet_made(
        "second_pooling_by_maximum",
        "max pooling in the place of the average",
        "pool4 takes the average, as in the table; only pool2 takes the maximum.",
        (POOL4, POOL2),
    ),
    lenet_made(
        "first_pooling_by_average",
        "average pooling in the place of the maximum",
        "pool2 takes the maximum, as in the table; only pool4 takes the average.",
        (POOL2, POOL4),
    ),
    lenet(
        "relu_missing_after_conv5",
        "no ReLU after the fifth layer",
        "A ReLU is missing between conv5 and linear6: all layers but the poolings and the last one have one.",
        (CONV5, CONV5.replace("self.relu5(self.conv5(output))", "self.conv5(output)")),
    ),
    lenet(
        "batch_axis_squeezed",
        "batch axis of a single picture squeezed away",
        "`squeeze` without axes takes the batch axis away as well if there is one picture only: name "
        "the axes 2 and 3.",
        (CONV5, "import numpy as np\n\n        output = np.squeeze(self.relu5(self.conv5(output)))"),
    ),
    lenet(
        "softmax_in_the_network",
        "softmax in the network",
        "The network returns logits: the softmax is part of the loss. Twice, and the loss cannot fall below 1.461.",
        (LOGITS, "from nndl import softmax\n\n        output = softmax(self.linear7(output))"),
    ),
    lenet_back(
        "relu_missing_backward",
        "ReLU left out of the backward pass",
        "The gradient goes through every layer of the forward pass, the ReLU behind linear6 as well.",
        (LINEAR6_BACK, "grad = self.linear6.backward(grad)"),
    ),
    lenet_back(
        "relu_before_its_pooling_missing_backward",
        "ReLU before a pooling left out of the backward pass",
        "The gradient goes through every layer of the forward pass, the ReLU behind conv3 as well.",
        (POOL4_BACK, "grad = self.conv3.backward(self.pool4.backward(grad))"),
    ),
    block(
        "relu_before_the_sum",
        "ReLU before the sum instead of after it",
        "The sum comes first, then the ReLU: relu(y + shortcut).",
        (BLOCK_ADDED, "        y = self.relu2(y)\n" + BLOCK_ADDED),
        (BLOCK_LAST, "outputs = y"),
    ),
    block(
        "no_relu_after_the_sum",
        "no ReLU after the sum",
        "The block ends with a ReLU, after the sum.",
        (BLOCK_LAST, "outputs = y"),
    ),
    block(
        "residual_added_although_switched_off",
        "shortcut added although use_residual is False",
        "With use_residual=False nothing is added to the two convolutions, the input neither.",
        (BLOCK_ADDED, BLOCK_ADDED.replace("if self.use_residual:", "if True:")),
    ),
    block(
        "identity_added_although_switched_off",
        "input added although use_residual is False",
        "With use_residual=False nothing is added, not even an input of the same shape.",
        (
            BLOCK_ADDED,
            BLOCK_ADDED.replace("if self.use_residual:", "if self.use_residual or not self.use_1x1conv:"),
        ),
    ),
    block(
        "shortcut_added_in_place",
        "input changed by `+=`",
        "The sum is written into the block's input (`+=` changes the array itself): use `y + shortcut`.",
        (BLOCK_ADDED, BLOCK_ADDED.replace("y = y + shortcut", "shortcut += y\n            y = shortcut")),
    ),
    block(
        "shortcut_without_its_norm",
        "batch norm of the shortcut not used",
        "The 1x1 convolution of the shortcut has a batch norm of its own behind it, bn3.",
        (BLOCK_ADDED, BLOCK_ADDED.replace("self.bn3(self.shortcut(inputs))", "self.shortcut(inputs)")),
    ),
    block_made(
        "no_norm_in_the_shortcut",
        "batch norm of the shortcut not made",
        "The 1x1 convolution of the shortcut has a batch norm of its own behind it, bn3.",
        (BLOCK_BN3, ""),
        (BLOCK_ADDED, BLOCK_ADDED.replace("self.bn3(self.shortcut(inputs))", "self.shortcut(inputs)")),
        (BLOCK_BOTH, BLOCK_BOTH.replace("self.bn3.backward(grad)", "grad")),
        symptom="of the kind norm",
    ),
    block_made(
        "stride_in_the_second_convolution",
        "stride in the second convolution",
        "The stride is that of the first convolution. In the second one, shapes and counts are the same, but other "
        "places are left out.",
        (BLOCK_CONV1, BLOCK_CONV1.replace("stride=stride, ", "")),
        (BLOCK_CONV2, BLOCK_CONV2.replace("3, padding", "3, stride=stride, padding")),
    ),
    mistake("resnet.py", "block_layers", "residual_block", formula="section 7 of the README")(
        "projection_everywhere",
        "1x1 convolution in every shortcut",
        "A 1x1 convolution stands in the shortcut only where the input's shape differs from the "
        "output's; elsewhere "
        "the input itself is added. ResNet18 would have 11 541 386 parameters.",
        (BLOCK_1X1, "self.use_1x1conv = True"),
        symptom="has 1 layers .* of the kind shortcut",
    ),
    block_made(
        "shortcut_made_in_every_pass",
        "shortcut made anew in every forward pass",
        "The shortcut's layers are made in every forward pass: new random weights each time, which "
        "never learn. Make "
        "them once, in __init__.",
        (BLOCK_MADE, ""),
        (
            BLOCK_ADDED,
            "        if self.use_residual and self.use_1x1conv:\n"
            "            channels = inputs.shape[1], y.shape[1]\n"
            "            made = Conv2D(*channels, 1, stride=self.stride, weight_attr=None, bias_attr=False)\n"
            "            y = y + BatchNorm2D(y.shape[1])(made(inputs))\n"
            "        elif self.use_residual:\n"
            "            y = y + inputs\n",
        ),
        symptom="has 0 layers .* of the kind shortcut",
    ),
    block_back(
        "identity_left_out_backward",
        "gradient of the shortcut left out",
        "The input goes two ways, so its gradient is the sum of both: that of the shortcut is missing.",
        (BLOCK_BOTH, "pass"),
        symptom="is not in `grads`",
    ),
    block_back(
        "gradient_of_the_convolutions_overwritten",
        "gradient of the convolutions overwritten by that of the shortcut",
        "The input goes two ways, so its gradient is the sum of both: add them.",
        (BLOCK_BOTH, BLOCK_BOTH.replace("in_grad + ", "")),
    ),
    block_back(
        "last_relu_left_out_backward",
        "last ReLU left out of the backward pass",
        "The block ends with a ReLU: the gradient goes through it first, for both ways.",
        (BLOCK_BACK, "grad = out_grad"),
    ),
    net(
        "module_two_missing",
        "module two missing",
        "There are four modules of blocks, m2 to m5, of 64, 128, 256 and 512 channels.",
        (MODULES, "modules = make_modules(use_residual, width)[1:]"),
    ),
    mistake("resnet.py", "first_module", "resnet_build", formula="section 8 of the README")(
        "first_convolution_without_bias",
        "first convolution without its bias",
        "The 7x7 convolution at the start has a bias, unlike those of the blocks: 64 parameters more.",
        (STEM_CONV, STEM_CONV.replace("weight_attr=None", "weight_attr=None, bias_attr=False")),
    ),
    mistake("resnet.py", "block_layers", "resnet_training_pass", formula="formula (10) of the README")(
        "momentum_of_another_framework",
        "momentum 0.1 in the blocks",
        "Other frameworks call the new value's share the momentum. Here it is the old one's, 0.9, which is what "
        "BatchNorm2D takes when nothing is said.",
        *((text, text.replace("out_channels", "out_channels, momentum=0.1")) for text in BLOCK_NORMS),
    ),
    Misconception(
        "first_module_left_out_backward",
        "backward pass ends before the first module",
        (),
        ("resnet_backward",),
        "The backward pass must go through the first module as well: without it that one never learns.",
        (
            Edit(
                "resnet.py",
                NET_BACK,
                "for layer in reversed(self.net.layers[1:]):\n"
                "            out_grad = layer.backward(out_grad)\n"
                "        return out_grad",
            ),
        ),
        "section 8 of the README",
    ),
    mistake("resnet.py", "resnet_module", "resnet_build", formula="section 8 of the README")(
        "one_block_a_module",
        "one block in every module",
        "Every module has two blocks: the first changes the channels, the second keeps them.",
        (LATER_BLOCKS, "pass"),
    ),
    mistake("resnet.py", "modules", "resnet_output", formula="section 8 of the README")(
        "stride_missing_in_module_three",
        "stride 2 missing in module three",
        "From module three on, the first block of each module has stride 2.",
        (M3, M3.replace("2, 2, use_residual", "2, 1, use_residual")),
    ),
    mistake("resnet.py", "first_module", "resnet_output", formula="section 8 of the README")(
        "first_pooling_missing",
        "max pooling of the first module missing",
        "The first module ends with a max pooling, 3x3 with stride 2 and padding 1.",
        (STEM_POOL, ""),
    ),
    mistake("resnet.py", "resnet_module", "resnet_output", formula="section 8 of the README")(
        "use_residual_not_handed_down",
        "use_residual not handed down to the blocks",
        "The blocks do not get use_residual: with and without it the nets are the same, and so are their curves.",
        (FIRST_BLOCK, "blocks.append(ResBlock(input_channels, out_channels, stride))"),
        (LATER_BLOCKS, "blocks.append(ResBlock(out_channels, out_channels))"),
    ),
    mistake("counts.py", "conv_counts", "exercise_counts", formula="formula (15) of the README")(
        "operations_by_the_inputs_size",
        "operations counted by the size of the input",
        "The operations are counted once for every place of the output, M' x N', not of the input.",
        (OPERATIONS, OPERATIONS.replace("places", "rows * columns")),
    ),
    mistake("counts.py", "conv_counts", "exercise_counts", formula="formula (15) of the README")(
        "operations_of_one_map",
        "operations of one feature map only",
        "There are P feature maps: the operations are P times those of one.",
        (OPERATIONS, OPERATIONS.replace("out_channels * in_channels", "in_channels")),
    ),
    mistake("counts.py", "receptive_field", "exercise_counts", formula="formula (16) of the README")(
        "field_without_the_strides",
        "strides left out of the receptive field",
        "Behind a layer of stride S, neighbouring places are S times as far apart: multiply the distances.",
        (FIELD, FIELD.replace(" * jump", "")),
    ),
]
