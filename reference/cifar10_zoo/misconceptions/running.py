"""Mistakes in the networks that their layers and counts do not show: only outputs, gradients or training do."""

from grader.publishing.misconceptions import Misconception, mistakes_in

OF_THE_TABLES = "section 8 of the README"
FUNCTIONS = "formulas (8) and (9) of the README"
BLOCK = "y = self.b2(self.c2(self.a1(self.b1(self.c1(inputs)))))"
SHORT = "residual = self.down_b1(self.down_c1(inputs))"
STEM = """self.c1 = Conv2D(initial_filters, 3, strides=1, padding="same", use_bias=False)
self.b1 = BatchNormalization()
self.a1 = Activation("relu")"""
HEAD = """self.f1 = Dense(128, activation="relu")
self.d2 = Dropout(0.2)
self.f2 = Dense(10, activation="softmax")"""


def in_both(name, title, loses, explanation, *mistakes):
    """Return a mistake that is made in two holes at once, of a mistake in each."""
    holes = tuple(hole for mistake in mistakes for hole in mistake.holes)
    edits = tuple(edit for mistake in mistakes for edit in mistake.edits)
    return Misconception(name, title, holes, loses, explanation, edits, OF_THE_TABLES)


def edit(hole, *pairs):
    """Return an edit in a hole, as a mistake without a name."""
    return mistakes_in(hole)("", "", "", *pairs)


MISCONCEPTIONS = [
    mistakes_in("lenet5_call", "lenet5_build", formula=OF_THE_TABLES)(
        "lenet_without_its_second_pooling",
        "second pooling of LeNet5 made but not run",
        "A layer that is made in __init__ but not run in call does nothing: p2 is missing.",
        ("self.p2(self.c2(self.p1(self.c1(x))))", "self.c2(self.p1(self.c1(x)))"),
    ),
    mistakes_in("vgg16_call", "vgg16_build", formula=OF_THE_TABLES)(
        "vgg_not_flattened",
        "VGG16 without Flatten",
        "Between the feature maps and the first Dense there is a Flatten, although only one pixel is left.",
        ("self.features + self.classifier", "self.features + self.classifier[1:]"),
    ),
    mistakes_in("inception10_call", "inception10_build", formula=OF_THE_TABLES)(
        "inception_average_not_run",
        "global average of Inception10 made but not run",
        "A layer that is made in __init__ but not run in call does nothing: p1 is missing.",
        ("self.f1(self.p1(self.blocks(self.c1(x))))", "self.f1(self.blocks(self.c1(x)))"),
    ),
    mistakes_in("resnet18_call", "resnet18_build", formula=OF_THE_TABLES)(
        "resnet_begins_without_normalisation",
        "first normalisation of ResNet18 made but not run",
        "A layer that is made in __init__ but not run in call does nothing: b1 is missing.",
        ("self.a1(self.b1(self.c1(inputs)))", "self.a1(self.c1(inputs))"),
    ),
    mistakes_in("baseline", "baseline_outputs", formula=FUNCTIONS)(
        "baseline_with_sigmoid",
        "sigmoid behind Baseline's convolution",
        "Only LeNet5 has sigmoids; Baseline has ReLU.",
        ('self.a1 = Activation("relu")', 'self.a1 = Activation("sigmoid")'),
    ),
    mistakes_in("alexnet8", "alexnet8_outputs", formula=FUNCTIONS)(
        "alexnet_with_sigmoid",
        "sigmoid in a Dense layer of AlexNet8",
        "Only LeNet5 has sigmoids; AlexNet8 has ReLU, in its Dense layers, too.",
        ('self.f1 = Dense(2048, activation="relu")', 'self.f1 = Dense(2048, activation="sigmoid")'),
    ),
    mistakes_in("vgg16", "vgg16_outputs", formula=FUNCTIONS)(
        "vgg_with_sigmoid",
        "sigmoid behind the convolutions of VGG16",
        "Only LeNet5 has sigmoids; VGG16 has ReLU.",
        ('BatchNormalization(), Activation("relu")', 'BatchNormalization(), Activation("sigmoid")'),
    ),
    mistakes_in("inception10", "inception10_outputs", formula=FUNCTIONS)(
        "inception_ends_in_sigmoid",
        "sigmoid instead of softmax at the end of Inception10",
        "The ten probabilities of a picture add up to 1: the last activation is softmax, not ten sigmoids.",
        ('Dense(num_classes, activation="softmax")', 'Dense(num_classes, activation="sigmoid")'),
    ),
    mistakes_in("resnet18", "resnet18_outputs", formula=FUNCTIONS)(
        "resnet_ends_in_sigmoid",
        "sigmoid instead of softmax at the end of ResNet18",
        "The ten probabilities of a picture add up to 1: the last activation is softmax, not ten sigmoids.",
        ('Dense(10, activation="softmax")', 'Dense(10, activation="sigmoid")'),
    ),
    mistakes_in("resnet_block_call", "resnet18_gradients", "resnet18_statistics", formula=OF_THE_TABLES)(
        "resnet_blocks_never_in_training",
        "normalisation of ResnetBlock called with training=False",
        "The block calls its normalisations with training=False: they never see a batch, and their moving "
        "statistics stay at 0 and 1. Leave the argument out.",
        (
            BLOCK,
            "y = self.a1(self.b1(self.c1(inputs), training=False))\ny = self.b2(self.c2(y), training=False)",
        ),
        (SHORT, "residual = self.down_b1(self.down_c1(inputs), training=False)"),
    ),
    in_both(
        "layers_hidden_in_a_function",
        "layers that only a function knows",
        ("baseline_learns",),
        "A network finds its layers among its attributes, also in lists and dicts. Those that only a function "
        "knows are neither trained nor saved: make them attributes.",
        edit(
            "baseline",
            (
                HEAD,
                'f1, d2, f2 = Dense(128, activation="relu"), Dropout(0.2), Dense(10, activation="softmax")\n'
                "self.head = lambda x: f2(d2(f1(x)))",
            ),
        ),
        edit("baseline_call", ("self.f2(self.d2(self.f1(self.flatten(x))))", "self.head(self.flatten(x))")),
    ),
    in_both(
        "first_layers_of_resnet_hidden_in_a_function",
        "first layers of ResNet18 that only a function knows",
        ("save_and_load",),
        "A network finds its layers among its attributes, also in lists and dicts. Those that only a function "
        "knows are neither trained nor saved: make them attributes.",
        edit(
            "resnet18",
            (
                STEM,
                'c1 = Conv2D(initial_filters, 3, strides=1, padding="same", use_bias=False)\n'
                'b1, a1 = BatchNormalization(), Activation("relu")\n'
                "self.stem = lambda x: a1(b1(c1(x)))",
            ),
        ),
        edit("resnet18_call", ("self.a1(self.b1(self.c1(inputs)))", "self.stem(inputs)")),
    ),
]
