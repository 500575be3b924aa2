"""Mistakes in batch norm, in LeNet-5, in the residual block and in ResNet18."""

from grader.publishing.misconceptions import HoleEdit, mistakes_in

bn_forward = mistakes_in("bn_forward", "batch_norm_training", formula="formulas (9) and (10) of the README")
bn_backward = mistakes_in("bn_backward", "batch_norm_backward", formula="formula (11) of the README")
lenet_layers = mistakes_in("lenet_layers", "lenet_build", formula="section 6 of the README")
lenet_layers_in_lenet_output = mistakes_in("lenet_layers", "lenet_output", formula="section 6 of the README")
lenet_forward = mistakes_in("lenet_forward", "lenet_output", formula="section 6 of the README")
lenet_backward = mistakes_in("lenet_backward", "lenet_backward", formula="section 6 of the README")
block_forward = mistakes_in("block_forward", "residual_block", formula="formula (12) of the README")
block_layers = mistakes_in("block_layers", "residual_block", formula="section 7 of the README")
block_layers_in_residual_block = mistakes_in(
    "resnet.py", "residual_block", formula="section 7 of the README", holes=("block_layers",)
)
block_backward = mistakes_in("block_backward", "residual_block_backward", formula="formula (13) of the README")
conv_counts = mistakes_in("conv_counts", "exercise_counts", formula="formula (15) of the README")

MISCONCEPTIONS = [
    bn_forward(
        "variance_over_the_batch_only",
        "variance taken over the samples only",
        "Mean and variance of a channel are taken over samples, rows and columns together: axes 0, 2 and 3.",
        ("x.var(axis=(0, 2, 3))", "x.var(axis=0).mean(axis=(1, 2))"),
    ),
    bn_forward(
        "no_root",
        "divided by the variance instead of its root",
        "The centred values are divided by the root of the variance (plus epsilon), not by the variance.",
        ("np.sqrt", ""),
    ),
    bn_forward(
        "epsilon_outside_the_root",
        "epsilon added outside the root",
        "Epsilon stands inside the root: sqrt(variance + epsilon). Where the variance is as small, that is seen.",
        ("np.sqrt(variance + self.epsilon)", "(np.sqrt(variance) + self.epsilon)"),
    ),
    bn_forward(
        "momentum_the_other_way_round",
        "momentum applied to the new value",
        "The running value keeps 0.9 of itself and takes 0.1 of the batch's; here it is the other way round. "
        "(Other frameworks call 0.1 the momentum.)",
        (
            "self.momentum * self._mean + (1 - self.momentum) * mean",
            "(1 - self.momentum) * self._mean + self.momentum * mean",
        ),
        (
            "self.momentum * self._variance + (1 - self.momentum) * variance",
            "(1 - self.momentum) * self._variance + self.momentum * variance",
        ),
    ),
    bn_forward(
        "running_statistics_replaced",
        "running statistics replaced by those of the batch",
        "Both terms take the value of the batch: 0.9 times the old running value is missing.",
        ("self.momentum * self._mean", "self.momentum * mean"),
        ("self.momentum * self._variance", "self.momentum * variance"),
    ),
    bn_forward(
        "beta_forgotten",
        "beta not added",
        "The normalized values are scaled by gamma, but beta is missing.",
        ("gamma * self.normalized + beta", "gamma * self.normalized"),
    ),
    bn_forward(
        "batch_statistics_in_use",
        "statistics of the batch taken in use as well",
        "After `eval()` the running statistics are taken and stay as they are. Otherwise what a picture is taken "
        "for depends on the other pictures of its batch.",
        ("self.training", "True"),
        loses=("batch_norm_evaluation", "batch_norm_backward"),
    ),
    bn_backward(
        "statistics_taken_as_constant",
        "gradient as if mean and variance were constant",
        "Mean and variance depend on every input of the channel: two terms are missing in the gradient.",
        ("self.root * (out_grad - mean_grad - self.normalized * mean_product)", "self.root * out_grad"),
    ),
    bn_backward(
        "variance_taken_as_constant",
        "gradient as if the variance were constant",
        "The variance depends on every input of the channel: the term with the normalized values is missing.",
        ("out_grad - mean_grad - self.normalized * mean_product", "out_grad - mean_grad"),
    ),
    bn_backward(
        "mean_over_the_samples_only",
        "means in the gradient divided by the number of samples",
        "The means in the gradient are over samples, rows and columns: divide by N·M·N, not by N.",
        ("out_grad.size // out_grad.shape[1]", "len(out_grad)"),
    ),
    bn_backward(
        "gamma_gradient_without_normalizing",
        "gradient of gamma from the outputs",
        "Gamma multiplies the normalized values, so its gradient is the sum of the gradient times those.",
        ("out_grad * self.normalized", "out_grad * (gamma * self.normalized)"),
    ),
    bn_backward(
        "beta_gradient_mean",
        "mean taken for the gradient of beta",
        "The gradient of beta is the sum over samples, rows and columns, not their mean.",
        ("out_grad.sum", "out_grad.mean"),
    ),
    bn_backward(
        "statistics_of_the_batch_in_use",
        "gradient of training taken in use as well",
        "After `eval()` mean and variance are constants: the gradient is gamma over the root times what arrives.",
        ("self.training", "True"),
    ),
    lenet_layers(
        "lenet_convolutions_without_bias",
        "convolutions of LeNet-5 without their biases",
        "Every layer of LeNet-5 has a bias, the convolutions as well: 61 706 parameters, and not 61 564.",
        (", 6, 5, weight_attr=None)", ", 6, 5, weight_attr=None, bias_attr=False)"),
        ("Conv2D(6, 16, 5, weight_attr=None)", "Conv2D(6, 16, 5, weight_attr=None, bias_attr=False)"),
        ("Conv2D(16, 120, 5, weight_attr=None)", "Conv2D(16, 120, 5, weight_attr=None, bias_attr=False)"),
    ),
    lenet_layers(
        "lenet_weights_all_one",
        "convolutions of LeNet-5 that begin with equal weights",
        "Without `weight_attr=None` all weights begin as 1: all maps of a layer are the same then and learn the "
        "same.",
        ("Conv2D(in_channels, 6, 5, weight_attr=None)", "Conv2D(in_channels, 6, 5)"),
        ("Conv2D(6, 16, 5, weight_attr=None)", "Conv2D(6, 16, 5)"),
        ("Conv2D(16, 120, 5, weight_attr=None)", "Conv2D(16, 120, 5)"),
        symptom="all begin as the same number",
    ),
    lenet_layers_in_lenet_output(
        "second_pooling_by_maximum",
        "max pooling in the place of the average",
        "pool4 takes the average, as in the table; only pool2 takes the maximum.",
        ('Pool2D((2, 2), "avg", stride=2)', 'Pool2D((2, 2), "max", stride=2)'),
    ),
    lenet_layers_in_lenet_output(
        "first_pooling_by_average",
        "average pooling in the place of the maximum",
        "pool2 takes the maximum, as in the table; only pool4 takes the average.",
        ('Pool2D((2, 2), "max", stride=2)', 'Pool2D((2, 2), "avg", stride=2)'),
    ),
    lenet_forward(
        "relu_missing_after_conv5",
        "no ReLU after the fifth layer",
        "A ReLU is missing between conv5 and linear6: all layers but the poolings and the last one have one.",
        ("self.relu5(self.conv5(output))", "self.conv5(output)"),
    ),
    lenet_forward(
        "batch_axis_squeezed",
        "batch axis of a single picture squeezed away",
        "`squeeze` without axes takes the batch axis away as well if there is one picture only: name the axes 2 "
        "and 3.",
        (
            "output = self.flatten(self.relu5(self.conv5(output)))",
            "import numpy as np\n\noutput = np.squeeze(self.relu5(self.conv5(output)))",
        ),
    ),
    lenet_forward(
        "softmax_in_the_network",
        "softmax in the network",
        "The network returns logits: the softmax is part of the loss. Twice, and the loss cannot fall below 1.461.",
        ("output = self.linear7(output)", "from nndl import softmax\n\noutput = softmax(self.linear7(output))"),
    ),
    lenet_backward(
        "relu_missing_backward",
        "ReLU left out of the backward pass",
        "The gradient goes through every layer of the forward pass, the ReLU behind linear6 as well.",
        ("self.relu6.backward(grad)", "grad"),
    ),
    lenet_backward(
        "relu_before_its_pooling_missing_backward",
        "ReLU before a pooling left out of the backward pass",
        "The gradient goes through every layer of the forward pass, the ReLU behind conv3 as well.",
        ("self.relu3.backward(self.pool4.backward(grad))", "self.pool4.backward(grad)"),
    ),
    block_forward(
        "relu_before_the_sum",
        "ReLU before the sum instead of after it",
        "The sum comes first, then the ReLU: relu(y + shortcut).",
        ("self.relu2(y)", "y"),
        ("y = self.bn2(self.conv2(y))", "y = self.bn2(self.conv2(y))\ny = self.relu2(y)"),
    ),
    block_forward(
        "no_relu_after_the_sum",
        "no ReLU after the sum",
        "The block ends with a ReLU, after the sum.",
        ("self.relu2(y)", "y"),
    ),
    block_forward(
        "residual_added_although_switched_off",
        "shortcut added although use_residual is False",
        "With use_residual=False nothing is added to the two convolutions, the input neither.",
        ("self.use_residual", "True"),
    ),
    block_forward(
        "identity_added_although_switched_off",
        "input added although use_residual is False",
        "With use_residual=False nothing is added, not even an input of the same shape.",
        ("self.use_residual", "self.use_residual or not self.use_1x1conv"),
    ),
    block_forward(
        "shortcut_added_in_place",
        "input changed by `+=`",
        "The sum is written into the block's input (`+=` changes the array itself): use `y + shortcut`.",
        ("y = y + shortcut", "shortcut += y\ny = shortcut"),
    ),
    block_forward(
        "shortcut_without_its_norm",
        "batch norm of the shortcut not used",
        "The 1x1 convolution of the shortcut has a batch norm of its own behind it, bn3.",
        ("self.bn3(self.shortcut(inputs))", "self.shortcut(inputs)"),
    ),
    block_layers(
        "no_norm_in_the_shortcut",
        "batch norm of the shortcut not made",
        "The 1x1 convolution of the shortcut has a batch norm of its own behind it, bn3.",
        ("self.bn3 = BatchNorm2D(out_channels)", ""),
        HoleEdit("block_forward", "self.bn3(self.shortcut(inputs))", "self.shortcut(inputs)"),
        HoleEdit("block_backward", "self.bn3.backward(grad)", "grad"),
        symptom="of the kind norm",
    ),
    block_layers_in_residual_block(
        "stride_in_the_second_convolution",
        "stride in the second convolution",
        "The stride is that of the first convolution. In the second one, shapes and counts are the same, but "
        "other places are left out.",
        (
            "self.conv1 = Conv2D(in_channels, out_channels, 3, stride=stride, padding=1, **made)",
            "self.conv1 = Conv2D(in_channels, out_channels, 3, padding=1, **made)",
        ),
        (
            "self.conv2 = Conv2D(out_channels, out_channels, 3, padding=1, **made)",
            "self.conv2 = Conv2D(out_channels, out_channels, 3, stride=stride, padding=1, **made)",
        ),
    ),
    block_layers_in_residual_block(
        "projection_everywhere",
        "1x1 convolution in every shortcut",
        "A 1x1 convolution stands in the shortcut only where the input's shape differs from the output's; "
        "elsewhere the input itself is added. ResNet18 would have 11 541 386 parameters.",
        ("in_channels != out_channels or stride != 1", "True"),
        symptom="has 1 layers .* of the kind shortcut",
    ),
    block_layers(
        "shortcut_made_in_every_pass",
        "shortcut made anew in every forward pass",
        "The shortcut's layers are made in every forward pass: new random weights each time, which never learn. "
        "Make them once, in __init__.",
        (
            "if self.use_1x1conv:\n"
            "    self.shortcut = Conv2D(in_channels, out_channels, 1, stride=stride, **made)\n"
            "    self.bn3 = BatchNorm2D(out_channels)",
            "",
        ),
        HoleEdit(
            "block_forward",
            "if self.use_residual:\n"
            "    shortcut = self.bn3(self.shortcut(inputs)) if self.use_1x1conv else inputs\n"
            "    y = y + shortcut",
            "if self.use_residual and self.use_1x1conv:\n"
            "    channels = inputs.shape[1], y.shape[1]\n"
            "    made = Conv2D(*channels, 1, stride=self.stride, weight_attr=None, bias_attr=False)\n"
            "    y = y + BatchNorm2D(y.shape[1])(made(inputs))\n"
            "elif self.use_residual:\n"
            "    y = y + inputs",
        ),
        symptom="has 0 layers .* of the kind shortcut",
    ),
    block_backward(
        "identity_left_out_backward",
        "gradient of the shortcut left out",
        "The input goes two ways, so its gradient is the sum of both: that of the shortcut is missing.",
        (
            "in_grad = in_grad + (self.shortcut.backward(self.bn3.backward(grad)) if self.use_1x1conv else grad)",
            "pass",
        ),
        symptom="is not in `grads`",
    ),
    block_backward(
        "gradient_of_the_convolutions_overwritten",
        "gradient of the convolutions overwritten by that of the shortcut",
        "The input goes two ways, so its gradient is the sum of both: add them.",
        ("= in_grad + (self", "= (self"),
    ),
    block_backward(
        "last_relu_left_out_backward",
        "last ReLU left out of the backward pass",
        "The block ends with a ReLU: the gradient goes through it first, for both ways.",
        ("self.relu2.backward(out_grad)", "out_grad"),
    ),
    mistakes_in("resnet_layers", "resnet_build", formula="section 8 of the README")(
        "module_two_missing",
        "module two missing",
        "There are four modules of blocks, m2 to m5, of 64, 128, 256 and 512 channels.",
        ("make_modules(use_residual, width)", "make_modules(use_residual, width)[1:]"),
    ),
    mistakes_in("first_module", "resnet_build", formula="section 8 of the README")(
        "first_convolution_without_bias",
        "first convolution without its bias",
        "The 7x7 convolution at the start has a bias, unlike those of the blocks: 64 parameters more.",
        ("weight_attr=None", "weight_attr=None, bias_attr=False"),
    ),
    mistakes_in("block_layers", "resnet_training_pass", formula="formula (10) of the README")(
        "momentum_of_another_framework",
        "momentum 0.1 in the blocks",
        "Other frameworks call the new value's share the momentum. Here it is the old one's, 0.9, which is what "
        "BatchNorm2D takes when nothing is said.",
        ("self.bn1 = BatchNorm2D(out_channels)", "self.bn1 = BatchNorm2D(out_channels, momentum=0.1)"),
        ("self.bn2 = BatchNorm2D(out_channels)", "self.bn2 = BatchNorm2D(out_channels, momentum=0.1)"),
        ("self.bn3 = BatchNorm2D(out_channels)", "self.bn3 = BatchNorm2D(out_channels, momentum=0.1)"),
    ),
    mistakes_in("resnet.py", "resnet_backward", formula="section 8 of the README")(
        "first_module_left_out_backward",
        "backward pass ends before the first module",
        "The backward pass must go through the first module as well: without it that one never learns.",
        (
            "return self.net.backward(out_grad)",
            "for layer in reversed(self.net.layers[1:]):\n"
            "            out_grad = layer.backward(out_grad)\n"
            "        return out_grad",
        ),
    ),
    mistakes_in("resnet_module", "resnet_build", formula="section 8 of the README")(
        "one_block_a_module",
        "one block in every module",
        "Every module has two blocks: the first changes the channels, the second keeps them.",
        ("blocks.append(ResBlock(out_channels, out_channels, use_residual=use_residual))", "pass"),
    ),
    mistakes_in("modules", "resnet_output", formula="section 8 of the README")(
        "stride_missing_in_module_three",
        "stride 2 missing in module three",
        "From module three on, the first block of each module has stride 2.",
        ("2 * width, 2, 2, use_residual))", "2 * width, 2, 1, use_residual))"),
    ),
    mistakes_in("first_module", "resnet_output", formula="section 8 of the README")(
        "first_pooling_missing",
        "max pooling of the first module missing",
        "The first module ends with a max pooling, 3x3 with stride 2 and padding 1.",
        ('Pool2D((3, 3), "max", stride=2, padding=1),', ""),
    ),
    mistakes_in("resnet_module", "resnet_output", formula="section 8 of the README")(
        "use_residual_not_handed_down",
        "use_residual not handed down to the blocks",
        "The blocks do not get use_residual: with and without it the nets are the same, and so are their curves.",
        ("stride, use_residual)", "stride)"),
        ("ResBlock(out_channels, out_channels, use_residual=use_residual)", "ResBlock(out_channels, out_channels)"),
    ),
    conv_counts(
        "operations_by_the_inputs_size",
        "operations counted by the size of the input",
        "The operations are counted once for every place of the output, M' x N', not of the input.",
        ("= places *", "= rows * columns *"),
    ),
    conv_counts(
        "operations_of_one_map",
        "operations of one feature map only",
        "There are P feature maps: the operations are P times those of one.",
        ("(out_channels * in_channels", "(in_channels"),
    ),
    mistakes_in("receptive_field", "exercise_counts", formula="formula (16) of the README")(
        "field_without_the_strides",
        "strides left out of the receptive field",
        "Behind a layer of stride S, neighbouring places are S times as far apart: multiply the distances.",
        ("(kernel_size - 1) * jump", "(kernel_size - 1)"),
    ),
]
