"""Mistakes in building the network on the device."""

from grader.publishing.misconceptions import Edit, Misconception

CONVOLUTION = 'createConvLayer(f"conv{stage}_{place}", width, 3, 1, 1, 1, quants[number])'
RELU = '                self.net.createReLuLayer(f"relu{stage}_{place}")\n'
POOLING = '            self.net.createPoolingLayer(f"pool{stage}", 2, 2)\n'
FIRST_POOLING = '        self.net.createPoolingLayer("pool1", 2, 2)\n'
FLATTEN = 'self.net.createFlattenLayer("flatten", [1, 512 * 7 * 7, 1, 1])'
QUANTS = "quants = self.input_quant_params\n"
STAGES = "((2, 128, 2), (3, 256, 4), (4, 512, 4), (5, 512, 4))"
LAST = 'self.net.createMlpLayer("fc8", 1000, quants[18])\n'
SOFTMAX = '        self.net.createSoftmaxLayer("softmax", 1)\n'
SHAPE = "self.net.setInputShape(1, 3, 224, 224)"
PAIR = "self.input_quant_params.append(pycnml.QuantParam(int(input_params[i]), float(input_params[i + 1])))"
HOLE, LATER_HOLE, GIVEN = ("network_layers",), ("fully_connected_layers",), ()


def mistake(name, title, holes, explanation, *edits, **more):
    """Return a mistake in ``build_model``."""
    pairs = tuple(Edit("vgg19_demo.py", old, new) for old, new in edits)
    place = "section 4 of the README"
    return Misconception(name, title, holes, ("network_build",), explanation, pairs, place, **more)


def convolution(old, new):
    """Return the edit of one argument of the convolutions."""
    return (CONVOLUTION, CONVOLUTION.replace(old, new))


MISCONCEPTIONS = [
    mistake(
        "flatten_left_out",
        "no flatten layer before fc6",
        GIVEN,
        "The flatten layer is missing. Without it the device hands the numbers to fc6 channel by channel, and "
        "every "
        "layer behind it has an index one lower than the loading loop expects.",
        (f"        {FLATTEN}\n", ""),
    ),
    mistake(
        "flatten_of_two_axes",
        "flatten with two lengths",
        GIVEN,
        "A shape on the device always has four lengths: [1, 25088, 1, 1].",
        (FLATTEN, FLATTEN.replace(", 1, 1])", "])")),
        symptom="expected a list of four",
    ),
    mistake(
        "flatten_named_like_a_layer_with_parameters",
        "flatten called flatten_fc",
        GIVEN,
        "The loading loop takes every layer with `fc` in its name for one with parameters: call this one "
        "`flatten`.",
        (FLATTEN, FLATTEN.replace('"flatten"', '"flatten_fc"')),
    ),
    mistake(
        "pooling_of_three",
        "pooling with a window of 3",
        HOLE,
        "The poolings have kernel_size 2 and stride 2, so that each halves rows and columns.",
        (POOLING, POOLING.replace("2, 2)", "3, 2)")),
    ),
    mistake(
        "pooling_with_stride_one",
        "pooling with stride 1",
        HOLE,
        "The poolings move by 2, so that each halves rows and columns: createPoolingLayer(name, 2, 2).",
        (FIRST_POOLING, FIRST_POOLING.replace("2, 2)", "2, 1)")),
    ),
    mistake(
        "first_pooling_left_out",
        "pool1 forgotten",
        HOLE,
        "Each of the five stages ends with a pooling, the first one too.",
        (FIRST_POOLING, ""),
    ),
    mistake(
        "relu_left_out_after_convolutions",
        "no ReLU after the convolutions",
        HOLE,
        "Behind every convolution stands a ReLU of the same number.",
        (RELU, ""),
    ),
    mistake(
        "relu_left_out_after_fc",
        "no ReLU after fc6 and fc7",
        LATER_HOLE,
        "Behind fc6 and fc7 stands a ReLU each: relu6 and relu7.",
        ('        self.net.createReLuLayer("relu6")\n', ""),
        ('        self.net.createReLuLayer("relu7")\n', ""),
    ),
    mistake(
        "relu_after_fc8",
        "ReLU after fc8",
        GIVEN,
        "There is no ReLU behind fc8: the softmax needs the negative numbers too.",
        (LAST, f'{LAST}        self.net.createReLuLayer("relu8")\n'),
    ),
    mistake(
        "softmax_left_out",
        "no softmax layer",
        GIVEN,
        "The last layer is the softmax; without it the output is no list of probabilities.",
        (SOFTMAX, ""),
    ),
    mistake(
        "three_convolutions_in_a_stage",
        "VGG16: three convolutions in stages 3 to 5",
        HOLE,
        "Stages 3, 4 and 5 have four convolutions each; with three it is VGG16, and the file's layers stand "
        "elsewhere.",
        (STAGES, STAGES.replace("4)", "3)")),
        symptom="`pool3`, expected `conv3_4`",
    ),
    mistake(
        "channels_of_the_stage_before",
        "width doubled one layer too late",
        HOLE,
        "The first convolution of a stage has the stage's number of channels already: 128, 256, 512.",
        convolution("width,", "width if place > 1 or stage > 4 else width // 2,"),
        symptom="has out_channel",
    ),
    mistake(
        "fully_connected_widths_exchanged",
        "fc6 and fc7 with 1000 outputs",
        LATER_HOLE,
        "fc6 and fc7 have 4096 outputs; only fc8 has one for each of the 1000 classes.",
        ('"fc7", 4096', '"fc7", 1000'),
        symptom="has output_num",
    ),
    mistake(
        "convolutions_without_padding",
        "convolutions without padding",
        HOLE,
        "The convolutions have pad 1, the last number before quant_param, so that only the poolings shrink the "
        "picture.",
        convolution("1, 1, 1,", "1, 1, 0,"),
    ),
    mistake(
        "arguments_in_the_order_of_the_cpu_layers",
        "arguments of a convolution in another order",
        HOLE,
        "createConvLayer takes out_channel, kernel_size, stride, dilation, pad, quant_param. The layers of lab "
        "vgg19 "
        "begin with the kernel size.",
        convolution("width, 3, 1, 1, 1,", "3, width, 1, 1, 1,"),
    ),
    mistake(
        "names_without_conv",
        "convolutions called stage2_1 and so on",
        HOLE,
        "The loading loop finds layers by their names: those of convolutions hold `conv`, as in the table.",
        convolution('f"conv{stage}', 'f"stage{stage}'),
        symptom="is called `stage",
    ),
    mistake(
        "names_counted_from_zero",
        "layers counted from 0",
        HOLE,
        "The layers of a stage are counted from 1, as in the table: conv2_1, conv2_2.",
        ("for place in range(1, convolutions + 1):", "for place in range(convolutions):"),
        symptom="expected `conv2_1`",
    ),
    mistake(
        "one_quant_param_for_all",
        "input_quant_params[0] for every layer",
        HOLE,
        "Each layer has a QuantParam of its own, in the order of the layers with parameters: with that of the "
        "first "
        "one the bytes of later layers are nearly all 0.",
        convolution("quants[number]", "quants[0]"),
    ),
    mistake(
        "filter_pairs_for_inputs",
        "filter_quant_params given to the layers",
        GIVEN,
        "A layer is created with the QuantParam of its input; that of its weight goes to loadParams.",
        (QUANTS, QUANTS.replace("input", "filter")),
    ),
    mistake(
        "quant_index_advanced_at_poolings",
        "poolings counted among the layers with a QuantParam",
        HOLE,
        "Only convolutions and fully connected layers have a QuantParam: the index must not move at a pooling.",
        (POOLING, f"{POOLING}            number += 1\n"),
    ),
    mistake(
        "position_and_scale_exchanged",
        "QuantParam(scale, position)",
        GIVEN,
        "QuantParam takes the position first, then the scale, as the file has them.",
        (
            PAIR,
            PAIR.replace(
                "int(input_params[i]), float(input_params[i + 1])",
                "int(input_params[i + 1]), float(input_params[i])",
            ),
        ),
        symptom="scale -?[0-9.]+ is not a positive|another QuantParam",
    ),
    mistake(
        "input_shape_channels_last",
        "input shape given as 1, 224, 224, 3",
        GIVEN,
        "setInputShape takes N, C, H, W: 1, 3, 224, 224.",
        (SHAPE, SHAPE.replace("3, 224, 224", "224, 224, 3")),
    ),
    mistake(
        "built_twice",
        "build_model builds the network twice",
        GIVEN,
        "A CnmlNet is built once. To build again, make a new one.",
        (SHAPE, f"{SHAPE}\n        {SHAPE}"),
        symptom="a second time",
    ),
]
