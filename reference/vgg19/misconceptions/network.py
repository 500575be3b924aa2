"""Mistakes in building the network, loading its parameters, reading the picture and running it."""

from grader.publishing.misconceptions import Edit, Misconception

CONVOLUTION = "ConvolutionalLayer(3, channels, width, 1, 1)"
CONVOLUTION_WEIGHT = "weight = np.transpose(weight, [2, 0, 1, 3])"
EARLIER = 'weight, bias = params["layers"][0][idx - 1][0][0][0][0]'
FLAT_WEIGHT = "weight = weight.reshape([weight.shape[0] * weight.shape[1] * weight.shape[2], weight.shape[3]])"
RGB = "image = cv2.cvtColor(cv2.imread(image_dir, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)"
MEAN = "image = image - self.image_mean"
INPUT = "self.input_image = np.transpose(image[np.newaxis], [0, 3, 1, 2])"
STEP = "current = self.layers[layer_name].forward(current)"
LOAD_CONVOLUTION = "self.layers[layer_name].load_param(weight, bias.reshape(-1))"


def mistake(section):
    """Return a maker of mistakes in ``vgg_cpu.py``."""

    def make(name, title, holes, loses, explanation, *edits, **more):
        pairs = tuple(Edit("vgg_cpu.py", old, new) for old, new in edits)
        return Misconception(
            name, title, holes, loses, explanation, pairs, f"section {section} of the README", **more
        )

    return make


building = mistake(3)
loading = mistake(4)
reading = mistake(5)

MISCONCEPTIONS = [
    building(
        "convolutions_without_padding",
        "convolutions built without padding",
        ("network_layers",),
        ("network_build",),
        "The convolutions are built without padding: all of them have P = 1, so that only the poolings shrink the "
        "picture.",
        (CONVOLUTION, CONVOLUTION.replace("1, 1)", "0, 1)")),
        symptom="has padding 0",
    ),
    building(
        "channels_not_handed_on",
        "input channels of a stage taken from its own width",
        ("network_layers",),
        ("network_build",),
        "A convolution has the wrong number of input channels: it is the number of output channels of the layer "
        "before.",
        (CONVOLUTION, CONVOLUTION.replace("channels, width", "width if stage > 1 else channels, width")),
    ),
    building(
        "pooling_of_three",
        "pooling with a window of 3",
        ("network_layers",),
        ("network_build",),
        "The poolings are built with another window: all of them have K = 2 and S = 2.",
        ("MaxPoolingLayer(2, 2)", "MaxPoolingLayer(3, 2)"),
        symptom="has kernel_size 3",
    ),
    building(
        "relu_layers_left_out",
        "ReLU layers skipped in the forward pass",
        ("network_forward",),
        ("network_pool5",),
        "The ReLU layers seem not to be run: forward goes through every name in param_layer_name.",
        (STEP, f"if 'relu' not in layer_name:\n                {STEP}"),
    ),
    building(
        "every_layer_gets_the_picture",
        "picture given to every layer",
        ("network_forward",),
        ("network_pool5",),
        "Every layer seems to get the picture: each must get what the layer before it returned.",
        (STEP, STEP.replace("(current)", "(self.input_image)")),
    ),
    building(
        "relu_after_fc8",
        "ReLU after the last fully connected layer",
        ("network_forward",),
        ("network_class",),
        "Negative inputs of the softmax were cut off: there is no ReLU after fc8.",
        (
            STEP,
            f"if layer_name == 'Softmax':\n                current = np.maximum(current, 0)\n            {STEP}",
        ),
    ),
    building(
        "softmax_left_out",
        "forward pass ends before the softmax",
        ("network_forward",),
        ("network_class", "network_pool5"),
        "The softmax is not run: param_layer_name has 44 names, and forward goes through all of them.",
        ("for layer_name in self.param_layer_name:", "for layer_name in self.param_layer_name[:43]:"),
    ),
    loading(
        "file_axes_kept",
        "convolution weights not transposed",
        ("network_load",),
        ("network_load",),
        "The file keeps a convolution's weight as (rows, columns, C_in, C_out), the layer as (C_in, rows, columns, "
        "C_out): np.transpose(weight, [2, 0, 1, 3]).",
        (CONVOLUTION_WEIGHT, "pass"),
    ),
    loading(
        "kernels_transposed_while_loading",
        "rows and columns of the kernels exchanged while loading",
        ("network_load",),
        ("network_load",),
        "Rows and columns of the kernels are exchanged while they are loaded: np.transpose(weight, [2, 0, 1, 3]) "
        "keeps rows in front of columns.",
        (CONVOLUTION_WEIGHT, CONVOLUTION_WEIGHT.replace("[2, 0, 1, 3]", "[2, 1, 0, 3]")),
    ),
    loading(
        "weights_reshaped_while_loading",
        "convolution weights reshaped instead of transposed",
        ("network_load",),
        ("network_load",),
        "reshape keeps the numbers in their order. To bring (rows, columns, C_in, C_out) to (C_in, rows, columns, "
        "C_out), exchange the axes: np.transpose(weight, [2, 0, 1, 3]).",
        (
            CONVOLUTION_WEIGHT,
            "weight = np.reshape(weight, [weight.shape[axis] for axis in (2, 0, 1, 3)])",
        ),
    ),
    loading(
        "fully_connected_not_shifted",
        "parameters of fc layers read one place too late",
        ("network_load",),
        ("network_load",),
        "The file has no layer `flatten`: behind it, everything stands one place earlier than in param_layer_name, "
        "params['layers'][0][idx - 1].",
        (EARLIER, EARLIER.replace("idx - 1", "idx")),
    ),
    loading(
        "fully_connected_in_column_order",
        "fc weights flattened column by column",
        ("network_load",),
        ("network_load_fully_connected",),
        "The weights of the fully connected layers are flattened in another order than the pictures: reshape "
        "without order='F'.",
        (FLAT_WEIGHT, FLAT_WEIGHT.replace("weight.shape[3]])", "weight.shape[3]], order='F')")),
    ),
    loading(
        "bias_not_loaded",
        "biases of the convolutions not loaded",
        ("network_load",),
        ("network_load",),
        "The weights of the convolutions are right, but their biases are not those of the file.",
        (LOAD_CONVOLUTION, LOAD_CONVOLUTION.replace("bias.reshape(-1)", "0 * bias.reshape(-1)")),
    ),
    reading(
        "mean_not_subtracted",
        "mean not subtracted",
        ("picture_input",),
        ("picture_input",),
        "The average red, green and blue are not subtracted from the picture.",
        (MEAN, "pass"),
    ),
    reading(
        "blue_first",
        "picture read as blue, green, red",
        (),
        ("picture_input",),
        "Red and blue are exchanged: the network takes red first. (OpenCV reads blue first; other readers red.)",
        (RGB, "image = cv2.imread(image_dir, cv2.IMREAD_COLOR)"),
    ),
    reading(
        "mean_blue_first",
        "mean subtracted as blue, green, red",
        ("picture_input",),
        ("picture_input",),
        "The means of red and blue are exchanged: the file gives red first, as the picture has it.",
        (MEAN, MEAN.replace("self.image_mean", "self.image_mean[::-1]")),
    ),
    reading(
        "picture_between_zero_and_one",
        "pixels divided by 255",
        ("picture_input",),
        ("picture_input",),
        "The pixels seem to be divided by 255: this network takes values of 0 to 255, minus the mean.",
        (MEAN, "image = image / 255 - self.image_mean"),
    ),
    reading(
        "picture_columns_first",
        "rows and columns of the picture exchanged",
        ("picture_input",),
        ("picture_input",),
        "Rows and columns of the picture are exchanged: np.transpose(image, [0, 3, 1, 2]) keeps rows in front.",
        (INPUT, INPUT.replace("[0, 3, 1, 2]", "[0, 3, 2, 1]")),
    ),
    reading(
        "picture_reshaped",
        "picture reshaped instead of transposed",
        ("picture_input",),
        ("picture_input",),
        "reshape keeps the numbers in their order, so the colours get mixed: exchange the axes with np.transpose.",
        (INPUT, "self.input_image = np.reshape(image, (1, 3, 224, 224))"),
    ),
]
