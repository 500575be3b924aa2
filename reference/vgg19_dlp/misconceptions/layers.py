"""Mistakes in building the network on the device."""

from grader.publishing.misconceptions import mistakes_in

network = mistakes_in("network_layers", "network_build", formula="section 4 of the README")
fully_connected = mistakes_in("fully_connected_layers", "network_build", formula="section 4 of the README")
given = mistakes_in("vgg19_demo.py", "network_build", formula="section 4 of the README")

MISCONCEPTIONS = [
    given(
        "flatten_left_out",
        "no flatten layer before fc6",
        "The flatten layer is missing. Without it the device hands the numbers to fc6 channel by channel, and "
        "every layer behind it has an index one lower than the loading loop expects.",
        ('        self.net.createFlattenLayer("flatten", [1, 512 * 7 * 7, 1, 1])\n', ""),
    ),
    given(
        "flatten_of_two_axes",
        "flatten with two lengths",
        "A shape on the device always has four lengths: [1, 25088, 1, 1].",
        ("[1, 512 * 7 * 7, 1, 1]", "[1, 512 * 7 * 7]"),
        symptom="expected a list of four",
    ),
    given(
        "flatten_named_like_a_layer_with_parameters",
        "flatten called flatten_fc",
        "The loading loop takes every layer with `fc` in its name for one with parameters: call this one "
        "`flatten`.",
        ('"flatten"', '"flatten_fc"'),
    ),
    network(
        "pooling_of_three",
        "pooling with a window of 3",
        "The poolings have kernel_size 2 and stride 2, so that each halves rows and columns.",
        ('self.net.createPoolingLayer(f"pool{stage}", 2, 2)', 'self.net.createPoolingLayer(f"pool{stage}", 3, 2)'),
    ),
    network(
        "pooling_with_stride_one",
        "pooling with stride 1",
        "The poolings move by 2, so that each halves rows and columns: createPoolingLayer(name, 2, 2).",
        ('self.net.createPoolingLayer("pool1", 2, 2)', 'self.net.createPoolingLayer("pool1", 2, 1)'),
    ),
    network(
        "first_pooling_left_out",
        "pool1 forgotten",
        "Each of the five stages ends with a pooling, the first one too.",
        ('self.net.createPoolingLayer("pool1", 2, 2)', ""),
    ),
    network(
        "relu_left_out_after_convolutions",
        "no ReLU after the convolutions",
        "Behind every convolution stands a ReLU of the same number.",
        ('self.net.createReLuLayer(f"relu{stage}_{place}")', ""),
    ),
    fully_connected(
        "relu_left_out_after_fc",
        "no ReLU after fc6 and fc7",
        "Behind fc6 and fc7 stands a ReLU each: relu6 and relu7.",
        ('self.net.createReLuLayer("relu6")', ""),
        ('self.net.createReLuLayer("relu7")', ""),
    ),
    given(
        "relu_after_fc8",
        "ReLU after fc8",
        "There is no ReLU behind fc8: the softmax needs the negative numbers too.",
        ("1000, quants[18])", '1000, quants[18])\n        self.net.createReLuLayer("relu8")'),
    ),
    given(
        "softmax_left_out",
        "no softmax layer",
        "The last layer is the softmax; without it the output is no list of probabilities.",
        ('        self.net.createSoftmaxLayer("softmax", 1)\n', ""),
    ),
    network(
        "three_convolutions_in_a_stage",
        "VGG16: three convolutions in stages 3 to 5",
        "Stages 3, 4 and 5 have four convolutions each; with three it is VGG16, and the file's layers stand "
        "elsewhere.",
        ("4), (4, 512, 4), (5, 512, 4", "3), (4, 512, 3), (5, 512, 3"),
        symptom="`pool3`, expected `conv3_4`",
    ),
    network(
        "channels_of_the_stage_before",
        "width doubled one layer too late",
        "The first convolution of a stage has the stage's number of channels already: 128, 256, 512.",
        (", width, 3", ", width if place > 1 or stage > 4 else width // 2, 3"),
        symptom="has out_channel",
    ),
    fully_connected(
        "fully_connected_widths_exchanged",
        "fc6 and fc7 with 1000 outputs",
        "fc6 and fc7 have 4096 outputs; only fc8 has one for each of the 1000 classes.",
        ('self.net.createMlpLayer("fc7", 4096, quants[17])', 'self.net.createMlpLayer("fc7", 1000, quants[17])'),
        symptom="has output_num",
    ),
    network(
        "convolutions_without_padding",
        "convolutions without padding",
        "The convolutions have pad 1, the last number before quant_param, so that only the poolings shrink the "
        "picture.",
        ("1, 1, 1, quants[number]", "1, 1, 0, quants[number]"),
    ),
    network(
        "arguments_in_the_order_of_the_cpu_layers",
        "arguments of a convolution in another order",
        "createConvLayer takes out_channel, kernel_size, stride, dilation, pad, quant_param. The layers of lab "
        "vgg19 begin with the kernel size.",
        ('f"conv{stage}_{place}", width, 3, 1,', 'f"conv{stage}_{place}", 3, width, 1,'),
    ),
    network(
        "names_without_conv",
        "convolutions called stage2_1 and so on",
        "The loading loop finds layers by their names: those of convolutions hold `conv`, as in the table.",
        ('f"conv{stage}_{place}"', 'f"stage{stage}_{place}"'),
        symptom="is called `stage",
    ),
    network(
        "names_counted_from_zero",
        "layers counted from 0",
        "The layers of a stage are counted from 1, as in the table: conv2_1, conv2_2.",
        ("range(1, convolutions + 1)", "range(convolutions)"),
        symptom="expected `conv2_1`",
    ),
    network(
        "one_quant_param_for_all",
        "input_quant_params[0] for every layer",
        "Each layer has a QuantParam of its own, in the order of the layers with parameters: with that of the "
        "first one the bytes of later layers are nearly all 0.",
        ("quants[number]", "quants[0]"),
    ),
    given(
        "filter_pairs_for_inputs",
        "filter_quant_params given to the layers",
        "A layer is created with the QuantParam of its input; that of its weight goes to loadParams.",
        ("quants = self.input_quant_params", "quants = self.filter_quant_params"),
    ),
    network(
        "quant_index_advanced_at_poolings",
        "poolings counted among the layers with a QuantParam",
        "Only convolutions and fully connected layers have a QuantParam: the index must not move at a pooling.",
        ('f"pool{stage}", 2, 2)', 'f"pool{stage}", 2, 2)\nnumber += 1'),
    ),
    given(
        "position_and_scale_exchanged",
        "QuantParam(scale, position)",
        "QuantParam takes the position first, then the scale, as the file has them.",
        ("]), float(input_params[i + 1", " + 1]), float(input_params[i"),
        symptom="scale -?[0-9.]+ is not a positive|another QuantParam",
    ),
    given(
        "input_shape_channels_last",
        "input shape given as 1, 224, 224, 3",
        "setInputShape takes N, C, H, W: 1, 3, 224, 224.",
        ("self.net.setInputShape(1, 3, 224, 224)", "self.net.setInputShape(1, 224, 224, 3)"),
    ),
    given(
        "built_twice",
        "build_model builds the network twice",
        "A CnmlNet is built once. To build again, make a new one.",
        (
            "quants = self.input_quant_params",
            "quants = self.input_quant_params\n        self.net.setInputShape(1, 3, 224, 224)",
        ),
        symptom="a second time",
    ),
]
