"""Mistakes in building the network, loading its parameters, reading the picture and running it."""

from grader.publishing.misconceptions import Edit, mistakes_in

building = mistakes_in("network_layers", "network_build", formula="section 3 of the README")
running = mistakes_in("network_forward", "network_pool5", formula="section 3 of the README")
loading = mistakes_in("network_load", "network_load", formula="section 4 of the README")
reading = mistakes_in("picture_input", "picture_input", formula="section 5 of the README")

MISCONCEPTIONS = [
    building(
        "convolutions_without_padding",
        "convolutions built without padding",
        "The convolutions are built without padding: all of them have P = 1, so that only the poolings shrink the "
        "picture.",
        ("ConvolutionalLayer(3, channels, width, 1, 1)", "ConvolutionalLayer(3, channels, width, 0, 1)"),
        symptom="has padding 0",
    ),
    building(
        "channels_not_handed_on",
        "input channels of a stage taken from its own width",
        "A convolution has the wrong number of input channels: it is the number of output channels of the layer "
        "before.",
        (", channels,", ", width if stage > 1 else channels,"),
    ),
    building(
        "pooling_of_three",
        "pooling with a window of 3",
        "The poolings are built with another window: all of them have K = 2 and S = 2.",
        ("MaxPoolingLayer(2, 2)", "MaxPoolingLayer(3, 2)"),
        symptom="has kernel_size 3",
    ),
    running(
        "relu_layers_left_out",
        "ReLU layers skipped in the forward pass",
        "The ReLU layers seem not to be run: forward goes through every name in param_layer_name.",
        ("current = self", "if 'relu' not in layer_name:\n    current = self"),
    ),
    running(
        "every_layer_gets_the_picture",
        "picture given to every layer",
        "Every layer seems to get the picture: each must get what the layer before it returned.",
        ("self.layers[layer_name].forward(current)", "self.layers[layer_name].forward(self.input_image)"),
    ),
    running(
        "relu_after_fc8",
        "ReLU after the last fully connected layer",
        "Negative inputs of the softmax were cut off: there is no ReLU after fc8.",
        ("current = self", "if layer_name == 'Softmax':\n    current = np.maximum(current, 0)\ncurrent = self"),
        loses=("network_class",),
    ),
    running(
        "softmax_left_out",
        "forward pass ends before the softmax",
        "The softmax is not run: param_layer_name has 44 names, and forward goes through all of them.",
        ("self.param_layer_name", "self.param_layer_name[:43]"),
        loses=("network_class", "network_pool5"),
    ),
    loading(
        "file_axes_kept",
        "convolution weights not transposed",
        "The file keeps a convolution's weight as (rows, columns, C_in, C_out), the layer as "
        "(C_in, rows, columns, C_out): np.transpose(weight, [2, 0, 1, 3]).",
        ("weight = np.transpose(weight, [2, 0, 1, 3])", "pass"),
    ),
    loading(
        "kernels_transposed_while_loading",
        "rows and columns of the kernels exchanged while loading",
        "Rows and columns of the kernels are exchanged while they are loaded: np.transpose(weight, [2, 0, 1, 3]) "
        "keeps rows in front of columns.",
        ("[2, 0, 1, 3]", "[2, 1, 0, 3]"),
    ),
    loading(
        "weights_reshaped_while_loading",
        "convolution weights reshaped instead of transposed",
        "reshape keeps the numbers in their order. To bring (rows, columns, C_in, C_out) to "
        "(C_in, rows, columns, C_out), exchange the axes: np.transpose(weight, [2, 0, 1, 3]).",
        ("np.transpose(weight, [2, 0, 1, 3])", "np.reshape(weight, [weight.shape[axis] for axis in (2, 0, 1, 3)])"),
    ),
    loading(
        "fully_connected_not_shifted",
        "parameters of fc layers read one place too late",
        "The file has no layer `flatten`: behind it, everything stands one place earlier than in "
        "param_layer_name, params['layers'][0][idx - 1].",
        ('params["layers"][0][idx - 1]', 'params["layers"][0][idx]'),
        line=r"\[(0\]\[|0,\s*)?idx\]",
    ),
    loading(
        "fully_connected_in_column_order",
        "fc weights flattened column by column",
        "The weights of the fully connected layers are flattened in another order than the pictures: reshape "
        "without order='F'.",
        ("shape[3]])", "shape[3]], order='F')"),
        loses=("network_load_fully_connected",),
    ),
    loading(
        "bias_not_loaded",
        "biases of the convolutions not loaded",
        "The weights of the convolutions are right, but their biases are not those of the file.",
        ("bias.reshape", "0 * bias.reshape"),
    ),
    reading(
        "mean_not_subtracted",
        "mean not subtracted",
        "The average red, green and blue are not subtracted from the picture.",
        ("image = image - self.image_mean", "pass"),
    ),
    reading(
        "blue_first",
        "picture read as blue, green, red",
        "Red and blue are exchanged: the network takes red first. (OpenCV reads blue first; other readers red.)",
        Edit(
            "vgg_cpu.py",
            "cv2.cvtColor(cv2.imread(image_dir, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)",
            "cv2.imread(image_dir, cv2.IMREAD_COLOR)",
        ),
        holes=(),
    ),
    reading(
        "mean_blue_first",
        "mean subtracted as blue, green, red",
        "The means of red and blue are exchanged: the file gives red first, as the picture has it.",
        ("self.image_mean", "self.image_mean[::-1]"),
    ),
    reading(
        "picture_between_zero_and_one",
        "pixels divided by 255",
        "The pixels seem to be divided by 255: this network takes values of 0 to 255, minus the mean.",
        ("image - self.image_mean", "image / 255 - self.image_mean"),
    ),
    reading(
        "picture_columns_first",
        "rows and columns of the picture exchanged",
        "Rows and columns of the picture are exchanged: np.transpose(image, [0, 3, 1, 2]) keeps rows in front.",
        ("[0, 3, 1, 2]", "[0, 3, 2, 1]"),
    ),
    reading(
        "picture_reshaped",
        "picture reshaped instead of transposed",
        "reshape keeps the numbers in their order, so the colours get mixed: exchange the axes with np.transpose.",
        ("np.transpose(image[np.newaxis], [0, 3, 1, 2])", "np.reshape(image, (1, 3, 224, 224))"),
    ),
]
