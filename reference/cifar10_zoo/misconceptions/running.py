"""Mistakes in the networks that their layers and counts do not show: only outputs, gradients or training do."""

from grader.publishing.misconceptions import HoleEdit, mistakes_in

MISCONCEPTIONS = [
    mistakes_in("lenet5_call", "lenet5_build", formula="section 8 of the README")(
        "lenet_without_its_second_pooling",
        "second pooling of LeNet5 made but not run",
        "A layer that is made in __init__ but not run in call does nothing: p2 is missing.",
        ("self.p2(self.c2(self.p1(self.c1(x))))", "self.c2(self.p1(self.c1(x)))"),
    ),
    mistakes_in("vgg16_call", "vgg16_build", formula="section 8 of the README")(
        "vgg_not_flattened",
        "VGG16 without Flatten",
        "Between the feature maps and the first Dense there is a Flatten, although only one pixel is left.",
        ("self.classifier", "self.classifier[1:]"),
    ),
    mistakes_in("inception10_call", "inception10_build", formula="section 8 of the README")(
        "inception_average_not_run",
        "global average of Inception10 made but not run",
        "A layer that is made in __init__ but not run in call does nothing: p1 is missing.",
        ("self.p1(self.blocks(self.c1(x)))", "self.blocks(self.c1(x))"),
    ),
    mistakes_in("resnet18_call", "resnet18_build", formula="section 8 of the README")(
        "resnet_begins_without_normalisation",
        "first normalisation of ResNet18 made but not run",
        "A layer that is made in __init__ but not run in call does nothing: b1 is missing.",
        ("self.b1(self.c1(inputs))", "self.c1(inputs)"),
    ),
    mistakes_in("baseline", "baseline_outputs", formula="formulas (8) and (9) of the README")(
        "baseline_with_sigmoid",
        "sigmoid behind Baseline's convolution",
        "Only LeNet5 has sigmoids; Baseline has ReLU.",
        ('Activation("relu")', 'Activation("sigmoid")'),
    ),
    mistakes_in("alexnet8", "alexnet8_outputs", formula="formulas (8) and (9) of the README")(
        "alexnet_with_sigmoid",
        "sigmoid in a Dense layer of AlexNet8",
        "Only LeNet5 has sigmoids; AlexNet8 has ReLU, in its Dense layers, too.",
        ('self.f1 = Dense(2048, activation="relu")', 'self.f1 = Dense(2048, activation="sigmoid")'),
    ),
    mistakes_in("vgg16", "vgg16_outputs", formula="formulas (8) and (9) of the README")(
        "vgg_with_sigmoid",
        "sigmoid behind the convolutions of VGG16",
        "Only LeNet5 has sigmoids; VGG16 has ReLU.",
        ('Activation("relu")', 'Activation("sigmoid")'),
    ),
    mistakes_in("inception10", "inception10_outputs", formula="formulas (8) and (9) of the README")(
        "inception_ends_in_sigmoid",
        "sigmoid instead of softmax at the end of Inception10",
        "The ten probabilities of a picture add up to 1: the last activation is softmax, not ten sigmoids.",
        ('"softmax"', '"sigmoid"'),
    ),
    mistakes_in("resnet18", "resnet18_outputs", formula="formulas (8) and (9) of the README")(
        "resnet_ends_in_sigmoid",
        "sigmoid instead of softmax at the end of ResNet18",
        "The ten probabilities of a picture add up to 1: the last activation is softmax, not ten sigmoids.",
        ('"softmax"', '"sigmoid"'),
    ),
    mistakes_in(
        "resnet_block_call", "resnet18_gradients", "resnet18_statistics", formula="section 8 of the README"
    )(
        "resnet_blocks_never_in_training",
        "normalisation of ResnetBlock called with training=False",
        "The block calls its normalisations with training=False: they never see a batch, and their moving "
        "statistics stay at 0 and 1. Leave the argument out.",
        (
            "y = self.b2(self.c2(self.a1(self.b1(self.c1(inputs)))))",
            "y = self.a1(self.b1(self.c1(inputs), training=False))\ny = self.b2(self.c2(y), training=False)",
        ),
        ("self.down_c1(inputs)", "self.down_c1(inputs), training=False"),
    ),
    mistakes_in(
        "baseline", "baseline_learns", formula="section 8 of the README", holes=("baseline", "baseline_call")
    )(
        "layers_hidden_in_a_function",
        "layers that only a function knows",
        "A network finds its layers among its attributes, also in lists and dicts. Those that only a function "
        "knows are neither trained nor saved: make them attributes.",
        (
            'self.f1 = Dense(128, activation="relu")\n'
            "self.d2 = Dropout(0.2)\n"
            'self.f2 = Dense(10, activation="softmax")',
            'f1, d2, f2 = Dense(128, activation="relu"), Dropout(0.2), Dense(10, activation="softmax")\n'
            "self.head = lambda x: f2(d2(f1(x)))",
        ),
        HoleEdit("baseline_call", "self.f2(self.d2(self.f1(self.flatten(x))))", "self.head(self.flatten(x))"),
    ),
    mistakes_in(
        "resnet18", "save_and_load", formula="section 8 of the README", holes=("resnet18", "resnet18_call")
    )(
        "first_layers_of_resnet_hidden_in_a_function",
        "first layers of ResNet18 that only a function knows",
        "A network finds its layers among its attributes, also in lists and dicts. Those that only a function "
        "knows are neither trained nor saved: make them attributes.",
        ("self.c1", "c1"),
        ("self.b1 = BatchNormalization()", 'b1, a1 = BatchNormalization(), Activation("relu")'),
        ('self.a1 = Activation("relu")', "self.stem = lambda x: a1(b1(c1(x)))"),
        HoleEdit("resnet18_call", "self.a1(self.b1(self.c1(inputs)))", "self.stem(inputs)"),
    ),
]
