"""Mistakes in the networks: layers left out, in another order, with other settings."""

from grader.publishing.misconceptions import Edit, Misconception

BASELINE_CALL = "x = self.d1(self.p1(self.a1(self.b1(self.c1(x)))))"
LENET_FIRST = 'self.c1 = Conv2D(6, 5, activation="sigmoid")'
ALEX_LAST_POOL = "x = self.p3(self.c5(self.c4(self.c3(x))))"
ALEX_POOL = "self.p1 = MaxPool2D(3, 2)"
VGG_TAIL = """            Dense(512, activation="relu"),
            Dropout(0.2),
            Dense(10, activation="softmax"),
"""
BRANCHES = """            self.c2_2(self.c2_1(x)),
            self.c3_2(self.c3_1(x)),
"""
THREE = """        self.c2_1 = ConvBNRelu(ch, kernelsz=1, strides=strides)
        self.c2_2 = ConvBNRelu(ch, kernelsz=3, strides=1)
"""
POOLED = """        self.p4_1 = MaxPool2D(3, strides=1, padding="same")
        self.c4_2 = ConvBNRelu(ch, kernelsz=1, strides=strides)
"""
DOUBLED = "InceptionBlk(init_ch * 2**number, strides=strides)"
AVERAGE = '        self.p1 = GlobalAveragePooling2D()\n        self.f1 = Dense(num_classes, activation="softmax")'
RESIDUAL_CALL = "y = self.b2(self.c2(self.a1(self.b1(self.c1(inputs)))))"
SUM = "return self.a2(y + residual)"
FIRST = 'self.c1 = Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)'
SECOND = 'self.c2 = Conv2D(filters, 3, strides=1, padding="same", use_bias=False)'
SHORT = 'self.down_c1 = Conv2D(filters, 1, strides=strides, padding="same", use_bias=False)'
STEM = 'self.c1 = Conv2D(initial_filters, 3, strides=1, padding="same", use_bias=False)'
DOWN = "down = stage > 0 and number == 0"
BLOCK = "strides=2 if down else 1, residual_path=down"


def exchanged(text):
    """Return the text with the strides of its two layers exchanged."""
    return text.replace("strides=strides", "strides=@").replace("strides=1", "strides=strides").replace("@", "1")


CONV_BN = "self.model = Sequential(\n            [Conv2D(ch, kernelsz, strides=strides, padding=padding), "


def of(*holes):
    """Return a maker of mistakes in holes of ``nets.py``; none means code that is given."""

    def make(name, loses, title, explanation, *edits, **more):
        pairs = tuple(Edit("nets.py", old, new) for old, new in edits)
        return Misconception(name, title, holes, loses, explanation, pairs, "section 8 of the README", **more)

    return make


MISCONCEPTIONS = [
    of("baseline_call")(
        "normalised_after_the_activation",
        ("baseline_build",),
        "batch normalisation behind the activation",
        "Batch normalisation stands between convolution and activation: C B A P D.",
        (BASELINE_CALL, "x = self.d1(self.p1(self.b1(self.a1(self.c1(x)))))"),
    ),
    of("baseline")(
        "baseline_without_padding",
        ("baseline_build",),
        "convolution of Baseline without padding",
        "Baseline's convolution has padding `same`; `valid` is what Conv2D does when nothing is said.",
        ('self.c1 = Conv2D(6, 5, padding="same")', "self.c1 = Conv2D(6, 5)"),
    ),
    of("baseline")(
        "baseline_without_softmax",
        ("baseline_build",),
        "Baseline without softmax",
        "Baseline ends in probabilities: its last layer has the activation softmax.",
        ('self.d2 = Dropout(0.2)\n        self.f2 = Dense(10, activation="softmax")',
         "self.d2 = Dropout(0.2)\n        self.f2 = Dense(10)"),
    ),
    of("baseline_call")(
        "baseline_without_dropout",
        ("baseline_build",),
        "a dropout made but not run",
        "A layer that is made in __init__ but not run in call does nothing: d1 is missing.",
        (BASELINE_CALL, "x = self.p1(self.a1(self.b1(self.c1(x))))"),
    ),
    of("lenet5")(
        "lenet_with_relu",
        ("lenet5_outputs",),
        "ReLU in LeNet5",
        "LeNet5 is older than ReLU: all its activations are sigmoids.",
        (LENET_FIRST, LENET_FIRST.replace("sigmoid", "relu")),
    ),
    of("lenet5")(
        "lenet_padded",
        ("lenet5_build",),
        "LeNet5 with padding",
        "LeNet5's convolutions have no padding: 32 becomes 28, and 14 becomes 10.",
        (LENET_FIRST, LENET_FIRST.replace("6, 5,", '6, 5, padding="same",')),
    ),
    of("alexnet8_call")(
        "alexnet_without_its_third_pooling",
        ("alexnet8_build",),
        "AlexNet8 without its third pooling",
        "Behind the fifth convolution of AlexNet8 there is a pooling; without it the first Dense has 6400 inputs "
        "and not 1024.",
        (ALEX_LAST_POOL, "x = self.c5(self.c4(self.c3(x)))"),
    ),
    of("alexnet8")(
        "alexnet_pools_two_by_two",
        ("alexnet8_build",),
        "2x2 windows in AlexNet8",
        "AlexNet8's pooling windows are 3x3 with strides 2: they overlap.",
        (ALEX_POOL, "self.p1 = MaxPool2D(2, 2)"),
    ),
    of("vgg16")(
        "vgg_without_dropout_behind_dense",
        ("vgg16_build",),
        "VGG16 without dropout behind its second Dense",
        "VGG16 has a dropout behind each of its two large Dense layers, too.",
        (VGG_TAIL, VGG_TAIL.replace("            Dropout(0.2),\n", "")),
    ),
    of("vgg16")(
        "vgg_with_twelve_convolutions",
        ("vgg16_build",),
        "VGG16 with two convolutions in its third stage",
        "VGG16 has 2, 2, 3, 3, 3 convolutions in its stages: thirteen, and three Dense layers.",
        ("(256, 3), (512, 3)", "(256, 2), (512, 3)"),
    ),
    of("inception_block_call")(
        "branches_in_another_order",
        ("inception_block",),
        "branches in another order",
        "The branches stand behind one another in the order 1x1, 3x3, 5x5, pooling.",
        (BRANCHES, "".join(reversed(BRANCHES.splitlines(keepends=True)))),
    ),
    of("inception_block_call")(
        "branches_added",
        ("inception_block", "inception10_build"),
        "branches added",
        "In Inception the branches are put behind one another along the channels; it is ResNet that adds.",
        ("return concat(branches, axis=3)", "return branches[0] + branches[1] + branches[2] + branches[3]"),
    ),
    of("inception_block")(
        "strides_in_the_larger_kernels",
        ("inception_block", "inception10_build"),
        "strides in the 3x3 convolution",
        "The strides belong to the 1x1 convolution of a branch, not to the one behind it: same shapes, other "
        "values.",
        (THREE, exchanged(THREE)),
    ),
    of("inception_block")(
        "strides_in_the_pooling",
        ("inception_block", "inception10_build"),
        "strides in the pooling of the fourth branch",
        "In the fourth branch the pooling has strides 1, and the 1x1 convolution behind it has the strides of "
        "the block.",
        (POOLED, exchanged(POOLED)),
    ),
    of("inception10")(
        "channels_not_doubled",
        ("inception10_build",),
        "channels not doubled from pair to pair",
        "Each pair of blocks has twice the channels of the one before.",
        (DOUBLED, "InceptionBlk(init_ch, strides=strides)"),
    ),
    of("inception10")(
        "flatten_for_the_average",
        ("inception10_build",),
        "Flatten instead of the global average",
        "Behind the blocks there is a global average: one number for each channel, whatever the size of the "
        "picture.",
        (AVERAGE, AVERAGE.replace("GlobalAveragePooling2D()", "Flatten()")),
    ),
    of()(
        "inception_without_bias",
        ("inception_block", "inception10_build"),
        "ConvBNRelu without bias",
        "ConvBNRelu's convolution has a bias, although the normalisation behind it undoes it.",
        (CONV_BN, CONV_BN.replace("padding=padding", "padding=padding, use_bias=False")),
    ),
    of()(
        "blocks_never_in_training",
        ("inception10_gradients", "inception10_statistics"),
        "blocks called with training=False",
        "ConvBNRelu calls its layers with training=False, as a widely copied script does: batch normalisation "
        "never sees a batch, and its moving statistics stay at 0 and 1. Leave the argument out.",
        ("return self.model(x)", "return self.model(x, training=False)"),
    ),
    of("resnet_block_call")(
        "residual_behind_the_first_convolution",
        ("resnet_block", "resnet18_build"),
        "x taken behind the first convolution",
        "What is added is the block's input, not what the first convolution made of it.",
        (RESIDUAL_CALL, f"x = self.a1(self.b1(self.c1(inputs)))\n        {RESIDUAL_CALL}\n        residual = x"),
    ),
    of("resnet_block_call")(
        "sum_written_into_the_input",
        ("resnet_block", "resnet18_build"),
        "sum written into the array of the input",
        "`+=` on an array changes it for everybody who has it, and past the tape no gradient finds its way: add "
        "the tensors.",
        (
            "        return self.a2(y + residual)",
            "        residual.value += y.value\n        return self.a2(residual)",
        ),
    ),
    of("resnet_block_call")(
        "sum_behind_the_last_activation",
        ("resnet_block", "resnet18_build"),
        "sum behind the last ReLU",
        "The sum stands before the last ReLU: ReLU(F(x) + x).",
        (SUM, "return self.a2(y) + residual"),
    ),
    of("resnet_block_call")(
        "no_activation_behind_the_sum",
        ("resnet_block", "resnet18_build"),
        "no ReLU behind the sum",
        "Behind the sum there is a ReLU.",
        (SUM, "return y + residual"),
    ),
    of("resnet_block")(
        "both_convolutions_with_strides",
        ("resnet_block", "resnet18_build"),
        "both convolutions of the block with strides",
        "Only the first convolution of the block has the strides; the second one has strides 1.",
        (SECOND, SECOND.replace("strides=1", "strides=strides")),
        symptom="cannot add tensors",
    ),
    of("resnet_block")(
        "strides_in_the_second_convolution",
        ("resnet_block", "resnet18_build"),
        "strides in the second convolution",
        "The strides belong to the first convolution of the block: same shapes, other values.",
        (FIRST, FIRST.replace("strides=strides", "strides=1")),
        (SECOND, SECOND.replace("strides=1", "strides=strides")),
    ),
    of("resnet18", "resnet_block")(
        "resnet_with_biases",
        ("resnet_block", "resnet18_build"),
        "biases in ResNet18",
        "No convolution of ResNet18 has a bias: the normalisation behind it would undo it.",
        *((text, text.replace("use_bias=False", "use_bias=True")) for text in (STEM, FIRST, SECOND, SHORT)),
    ),
    of("resnet18")(
        "projection_in_the_first_stage",
        ("resnet18_build",),
        "1x1 convolution in the first stage",
        "In the first stage the widths are equal and x itself is added: residual_path=False.",
        (DOWN, "down = number == 0"),
        (BLOCK, "strides=2 if down and stage > 0 else 1, residual_path=down"),
    ),
    of("resnet18")(
        "no_projection_anywhere",
        ("resnet18_build",),
        "no 1x1 convolution where the widths change",
        "Where strides 2 and more channels change the shape, x does not fit the sum: residual_path=True there.",
        (BLOCK, "strides=2 if down else 1"),
        symptom="cannot add tensors",
    ),
    of("resnet18")(
        "every_stage_with_strides",
        ("resnet18_build",),
        "strides 2 also in the first stage",
        "The first stage keeps the 32 x 32 pixels; only the later ones begin with strides 2.",
        (DOWN, "down = number == 0"),
    ),
]  # fmt: skip
