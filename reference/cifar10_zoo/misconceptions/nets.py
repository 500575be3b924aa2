"""Mistakes in the networks: layers left out, in another order, with other settings."""

from grader.publishing.misconceptions import HoleEdit, mistakes_in

baseline_call = mistakes_in("baseline_call", "baseline_build", formula="section 8 of the README")
baseline = mistakes_in("baseline", "baseline_build", formula="section 8 of the README")
vgg16 = mistakes_in("vgg16", "vgg16_build", formula="section 8 of the README")
inception_block = mistakes_in(
    "inception_block", "inception_block", "inception10_build", formula="section 8 of the README"
)
inception10 = mistakes_in("inception10", "inception10_build", formula="section 8 of the README")
resnet_block_call = mistakes_in(
    "resnet_block_call", "resnet_block", "resnet18_build", formula="section 8 of the README"
)
resnet18 = mistakes_in("resnet18", "resnet18_build", formula="section 8 of the README")

MISCONCEPTIONS = [
    baseline_call(
        "normalised_after_the_activation",
        "batch normalisation behind the activation",
        "Batch normalisation stands between convolution and activation: C B A P D.",
        ("self.a1(self.b1(self.c1(x)))", "self.b1(self.a1(self.c1(x)))"),
    ),
    baseline(
        "baseline_without_padding",
        "convolution of Baseline without padding",
        "Baseline's convolution has padding `same`; `valid` is what Conv2D does when nothing is said.",
        ('Conv2D(6, 5, padding="same")', "Conv2D(6, 5)"),
    ),
    baseline(
        "baseline_without_softmax",
        "Baseline without softmax",
        "Baseline ends in probabilities: its last layer has the activation softmax.",
        ('Dense(10, activation="softmax")', "Dense(10)"),
    ),
    baseline_call(
        "baseline_without_dropout",
        "a dropout made but not run",
        "A layer that is made in __init__ but not run in call does nothing: d1 is missing.",
        ("self.d1(self.p1(self.a1(self.b1(self.c1(x)))))", "self.p1(self.a1(self.b1(self.c1(x))))"),
    ),
    mistakes_in("lenet5", "lenet5_outputs", formula="section 8 of the README")(
        "lenet_with_relu",
        "ReLU in LeNet5",
        "LeNet5 is older than ReLU: all its activations are sigmoids.",
        ('Conv2D(6, 5, activation="sigmoid")', 'Conv2D(6, 5, activation="relu")'),
    ),
    mistakes_in("lenet5", "lenet5_build", formula="section 8 of the README")(
        "lenet_padded",
        "LeNet5 with padding",
        "LeNet5's convolutions have no padding: 32 becomes 28, and 14 becomes 10.",
        ('Conv2D(6, 5, activation="sigmoid")', 'Conv2D(6, 5, padding="same", activation="sigmoid")'),
    ),
    mistakes_in("alexnet8_call", "alexnet8_build", formula="section 8 of the README")(
        "alexnet_without_its_third_pooling",
        "AlexNet8 without its third pooling",
        "Behind the fifth convolution of AlexNet8 there is a pooling; without it the first Dense has 6400 inputs "
        "and not 1024.",
        ("self.p3(self.c5(self.c4(self.c3(x))))", "self.c5(self.c4(self.c3(x)))"),
    ),
    mistakes_in("alexnet8", "alexnet8_build", formula="section 8 of the README")(
        "alexnet_pools_two_by_two",
        "2x2 windows in AlexNet8",
        "AlexNet8's pooling windows are 3x3 with strides 2: they overlap.",
        ("self.p1 = MaxPool2D(3, 2)", "self.p1 = MaxPool2D(2, 2)"),
    ),
    vgg16(
        "vgg_without_dropout_behind_dense",
        "VGG16 without dropout behind its second Dense",
        "VGG16 has a dropout behind each of its two large Dense layers, too.",
        (
            'Dropout(0.2),\nDense(512, activation="relu"),\nDropout(0.2),',
            'Dropout(0.2),\nDense(512, activation="relu"),',
        ),
    ),
    vgg16(
        "vgg_with_twelve_convolutions",
        "VGG16 with two convolutions in its third stage",
        "VGG16 has 2, 2, 3, 3, 3 convolutions in its stages: thirteen, and three Dense layers.",
        ("(256, 3)", "(256, 2)"),
    ),
    mistakes_in("inception_block_call", "inception_block", formula="section 8 of the README")(
        "branches_in_another_order",
        "branches in another order",
        "The branches stand behind one another in the order 1x1, 3x3, 5x5, pooling.",
        ("self.c3_2(self.c3_1(x)),", ""),
        ("self.c1(x),", "self.c1(x),\nself.c3_2(self.c3_1(x)),"),
    ),
    mistakes_in("inception_block_call", "inception_block", "inception10_build", formula="section 8 of the README")(
        "branches_added",
        "branches added",
        "In Inception the branches are put behind one another along the channels; it is ResNet that adds.",
        ("concat(branches, axis=3)", "branches[0] + branches[1] + branches[2] + branches[3]"),
    ),
    inception_block(
        "strides_in_the_larger_kernels",
        "strides in the 3x3 convolution",
        "The strides belong to the 1x1 convolution of a branch, not to the one behind it: same shapes, other "
        "values.",
        (
            "self.c2_1 = ConvBNRelu(ch, kernelsz=1, strides=strides)",
            "self.c2_1 = ConvBNRelu(ch, kernelsz=1, strides=1)",
        ),
        ("ConvBNRelu(ch, kernelsz=3, strides=1)", "ConvBNRelu(ch, kernelsz=3, strides=strides)"),
    ),
    inception_block(
        "strides_in_the_pooling",
        "strides in the pooling of the fourth branch",
        "In the fourth branch the pooling has strides 1, and the 1x1 convolution behind it has the strides of the "
        "block.",
        ('MaxPool2D(3, strides=1, padding="same")', 'MaxPool2D(3, strides=strides, padding="same")'),
        (
            "self.c4_2 = ConvBNRelu(ch, kernelsz=1, strides=strides)",
            "self.c4_2 = ConvBNRelu(ch, kernelsz=1, strides=1)",
        ),
    ),
    inception10(
        "channels_not_doubled",
        "channels not doubled from pair to pair",
        "Each pair of blocks has twice the channels of the one before.",
        ("init_ch * 2**number", "init_ch"),
    ),
    inception10(
        "flatten_for_the_average",
        "Flatten instead of the global average",
        "Behind the blocks there is a global average: one number for each channel, whatever the size of the "
        "picture.",
        ("GlobalAveragePooling2D", "Flatten"),
    ),
    mistakes_in("nets.py", "inception_block", "inception10_build", formula="section 8 of the README")(
        "inception_without_bias",
        "ConvBNRelu without bias",
        "ConvBNRelu's convolution has a bias, although the normalisation behind it undoes it.",
        ("padding=padding", "padding=padding, use_bias=False"),
    ),
    mistakes_in("nets.py", "inception10_gradients", "inception10_statistics", formula="section 8 of the README")(
        "blocks_never_in_training",
        "blocks called with training=False",
        "ConvBNRelu calls its layers with training=False, as a widely copied script does: batch normalisation "
        "never sees a batch, and its moving statistics stay at 0 and 1. Leave the argument out.",
        ("self.model(x)", "self.model(x, training=False)"),
    ),
    resnet_block_call(
        "residual_behind_the_first_convolution",
        "x taken behind the first convolution",
        "What is added is the block's input, not what the first convolution made of it.",
        ("residual = inputs", "residual = inputs\nx = self.a1(self.b1(self.c1(inputs)))"),
        (
            "y = self.b2(self.c2(self.a1(self.b1(self.c1(inputs)))))",
            "y = self.b2(self.c2(self.a1(self.b1(self.c1(inputs)))))\nresidual = x",
        ),
    ),
    resnet_block_call(
        "sum_written_into_the_input",
        "sum written into the array of the input",
        "`+=` on an array changes it for everybody who has it, and past the tape no gradient finds its way: add "
        "the tensors.",
        ("return self.a2(y + residual)", "residual.value += y.value\nreturn self.a2(residual)"),
    ),
    resnet_block_call(
        "sum_behind_the_last_activation",
        "sum behind the last ReLU",
        "The sum stands before the last ReLU: ReLU(F(x) + x).",
        ("self.a2(y + residual)", "self.a2(y) + residual"),
    ),
    resnet_block_call(
        "no_activation_behind_the_sum",
        "no ReLU behind the sum",
        "Behind the sum there is a ReLU.",
        ("self.a2(y + residual)", "y + residual"),
    ),
    mistakes_in("resnet_block", "resnet_block", "resnet18_build", formula="section 8 of the README")(
        "both_convolutions_with_strides",
        "both convolutions of the block with strides",
        "Only the first convolution of the block has the strides; the second one has strides 1.",
        ("strides=1", "strides=strides"),
        symptom="cannot add tensors",
    ),
    mistakes_in(
        "nets.py", "resnet_block", "resnet18_build", formula="section 8 of the README", holes=("resnet_block",)
    )(
        "strides_in_the_second_convolution",
        "strides in the second convolution",
        "The strides belong to the first convolution of the block: same shapes, other values.",
        (
            'self.c1 = Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)',
            'self.c1 = Conv2D(filters, 3, strides=1, padding="same", use_bias=False)',
        ),
        (
            'self.c2 = Conv2D(filters, 3, strides=1, padding="same", use_bias=False)',
            'self.c2 = Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)',
        ),
    ),
    mistakes_in(
        "resnet18",
        "resnet_block",
        "resnet18_build",
        formula="section 8 of the README",
        holes=("resnet18", "resnet_block"),
    )(
        "resnet_with_biases",
        "biases in ResNet18",
        "No convolution of ResNet18 has a bias: the normalisation behind it would undo it.",
        HoleEdit(
            "resnet_block",
            'Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)',
            'Conv2D(filters, 3, strides=strides, padding="same", use_bias=True)',
        ),
        HoleEdit("resnet_block", '1, padding="same", use_bias=False)', '1, padding="same", use_bias=True)'),
        HoleEdit(
            "resnet_block",
            'Conv2D(filters, 1, strides=strides, padding="same", use_bias=False)',
            'Conv2D(filters, 1, strides=strides, padding="same", use_bias=True)',
        ),
        ("use_bias=False", "use_bias=True"),
    ),
    resnet18(
        "projection_in_the_first_stage",
        "1x1 convolution in the first stage",
        "In the first stage the widths are equal and x itself is added: residual_path=False.",
        ("stage > 0 and number == 0", "number == 0"),
        ("2 if down else 1", "2 if down and stage > 0 else 1"),
    ),
    resnet18(
        "no_projection_anywhere",
        "no 1x1 convolution where the widths change",
        "Where strides 2 and more channels change the shape, x does not fit the sum: residual_path=True there.",
        (", residual_path=down", ""),
        symptom="cannot add tensors",
    ),
    resnet18(
        "every_stage_with_strides",
        "strides 2 also in the first stage",
        "The first stage keeps the 32 x 32 pixels; only the later ones begin with strides 2.",
        ("stage > 0 and number == 0", "number == 0"),
    ),
]
