"""Mistakes in loading the parameters and in handing the picture to the device."""

from grader.publishing.misconceptions import Edit, Misconception

CONV_WEIGHT = "weight = np.transpose(weight, [3, 2, 0, 1]).flatten().astype(np.float64)"
FC_SHAPE = "weight = weight.reshape([inputs, weight.shape[3]])"
FC_WEIGHT = "weight = np.transpose(weight, [1, 0]).flatten().astype(np.float64)"
EARLIER = 'params["layers"][0, idx - 1][0][0][0][0]'
IN_FC = "                # The file has no layer `flatten`"
RGB = "input_image = cv2.cvtColor(cv2.imread(image_dir, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)"
MEAN = "input_image -= image_mean"
MEANS = "image_mean = np.array([123.68, 116.779, 103.939])"
AXES = "input_image = np.transpose(input_image, [0, 3, 1, 2])"
FLAT = "self.input_data = input_image.flatten().astype(np.float64)"
SET = "self.net.setInputData(self.input_data)"
WEIGHTS = ("small_load", "network_load")
ONLY_SMALL = ("small_load",)
FOUND_SMALL = ("small_load",)


def maker(section):
    """Return a maker of mistakes in ``vgg19_demo.py``."""

    def make(name, title, holes, loses, explanation, *edits, **more):
        pairs = tuple(Edit("vgg19_demo.py", old, new) for old, new in edits)
        place = f"section {section} of the README"
        return Misconception(name, title, holes, loses, explanation, pairs, place, **more)

    return make


loading, reading, classifying = maker(5), maker(6), maker(7)
CONV, FC, PICTURE = ("conv_weight",), ("fc_weight",), ("picture_input",)

MISCONCEPTIONS = [
    loading(
        "kernels_transposed",
        "convolution weights in the order [3, 2, 1, 0]",
        CONV,
        WEIGHTS,
        "Rows and columns of the kernels are exchanged: [3, 2, 1, 0] turns all axes round, but the device wants "
        "rows before columns. The class may still be right.",
        (CONV_WEIGHT, CONV_WEIGHT.replace("[3, 2, 0, 1]", "[3, 2, 1, 0]")),
    ),
    loading(
        "kernel_columns_before_channels",
        "convolution weights in the order [3, 0, 2, 1]",
        CONV,
        FOUND_SMALL,
        "The device wants (out, in, rows, columns); the file has (rows, columns, in, out): [3, 2, 0, 1].",
        (CONV_WEIGHT, CONV_WEIGHT.replace("[3, 2, 0, 1]", "[3, 0, 2, 1]")),
    ),
    loading(
        "file_order_kept",
        "convolution weights not transposed",
        CONV,
        WEIGHTS,
        "The weight has the right number of entries, but in the file's order (rows, columns, in, out): nothing "
        "complains, and every sum is wrong. np.transpose(weight, [3, 2, 0, 1]) comes before flatten.",
        (CONV_WEIGHT, "weight = weight.flatten().astype(np.float64)"),
    ),
    loading(
        "axes_of_the_cpu_layers",
        "convolution weights in the order of lab vgg19",
        CONV,
        FOUND_SMALL,
        "[2, 0, 1, 3] is the order of the layers written by hand, (in, rows, columns, out). The device has "
        "(out, in, rows, columns).",
        (CONV_WEIGHT, CONV_WEIGHT.replace("[3, 2, 0, 1]", "[2, 0, 1, 3]")),
    ),
    loading(
        "weights_reshaped",
        "convolution weights reshaped instead of transposed",
        CONV,
        FOUND_SMALL,
        "reshape keeps the numbers in their order; np.transpose moves the axes.",
        (
            CONV_WEIGHT,
            "weight = np.reshape(weight, [weight.shape[a] for a in (3, 2, 0, 1)]).flatten().astype(np.float64)",
        ),
        form_of="file_order_kept",
    ),
    loading(
        "fully_connected_not_transposed",
        "fc weights not transposed",
        FC,
        WEIGHTS,
        "After reshape the weight is (inputs, outputs); the device wants (outputs, inputs): transpose it.",
        (FC_WEIGHT, "weight = weight.flatten().astype(np.float64)"),
    ),
    loading(
        "fully_connected_reshaped_to_outputs_first",
        "fc weights reshaped to (out, in)",
        FC,
        FOUND_SMALL,
        "Reshaping to (outputs, inputs) keeps the numbers in the order of the file. Reshape to (inputs, "
        "outputs), then "
        "transpose.",
        (FC_SHAPE, "weight = weight.reshape([weight.shape[3], inputs])"),
        (FC_WEIGHT, "weight = weight.flatten().astype(np.float64)"),
        form_of="fully_connected_not_transposed",
    ),
    loading(
        "fully_connected_channels_first",
        "fc weights in the order channels, rows, columns",
        FC,
        WEIGHTS,
        "The flatten layer has put the numbers in the order rows, columns, channels already, as the file has "
        "them: the "
        "weight of fc6 must not be reordered as well.",
        (FC_SHAPE, "weight = np.transpose(weight, [2, 0, 1, 3]).reshape([inputs, -1])"),
    ),
    loading(
        "fully_connected_in_column_order",
        "fc weights flattened column by column",
        FC,
        FOUND_SMALL,
        "flatten(order='F') walks the first axis fastest; the device reads row after row.",
        (FC_WEIGHT, FC_WEIGHT.replace("flatten()", "flatten(order='F')")),
        form_of="fully_connected_not_transposed",
    ),
    loading(
        "fully_connected_not_shifted",
        "fc layers read one place too late",
        (),
        FOUND_SMALL,
        "The file has no layer `flatten`: behind it, everything stands one place earlier, "
        "params['layers'][0][idx - 1].",
        (EARLIER, EARLIER.replace("idx - 1", "idx")),
        symptom="unpack",
    ),
    loading(
        "filter_pair_of_the_first_layer",
        "filter_quant_params[0] for every weight",
        (),
        FOUND_SMALL,
        "The weights are loaded with the QuantParam of the first layer: count must grow with every layer that has "
        "parameters.",
        (
            "self.net.loadParams(idx, weight, bias, self.filter_quant_params[count])\n                count += 1\n"
            '            if "fc"',
            'self.net.loadParams(idx, weight, bias, self.filter_quant_params[count])\n            if "fc"',
        ),
    ),
    loading(
        "filter_index_of_the_layer",
        "filter_quant_params indexed by the layer",
        (),
        FOUND_SMALL,
        "filter_quant_params has 19 entries, one for each layer with parameters; idx counts all 44 layers.",
        (
            'self.filter_quant_params[count])\n                count += 1\n            if "fc"',
            'self.filter_quant_params[idx])\n                count += 1\n            if "fc"',
        ),
        symptom="list index out of range|expected `filter_quant_params",
    ),
    loading(
        "input_pairs_for_weights",
        "input_quant_params given to loadParams",
        (),
        FOUND_SMALL,
        "loadParams takes the QuantParam of the weight, from filter_quant_params; that of the input was given "
        "when the "
        "layer was created.",
        (
            'self.filter_quant_params[count])\n                count += 1\n            if "fc"',
            'self.input_quant_params[count])\n                count += 1\n            if "fc"',
        ),
    ),
    loading(
        "weights_in_single_precision",
        "weights left as float32",
        CONV,
        FOUND_SMALL,
        "The library takes Python floats, and NumPy's float64 is one: .astype(np.float64) after flatten.",
        (CONV_WEIGHT, CONV_WEIGHT.replace(".astype(np.float64)", "")),
    ),
    loading(
        "weights_not_flat",
        "weights not flattened",
        CONV,
        FOUND_SMALL,
        "The library takes flat sequences: .flatten() after the transpose.",
        (CONV_WEIGHT, CONV_WEIGHT.replace(".flatten()", "")),
    ),
    loading(
        "fully_connected_in_single_precision",
        "fc weights left as float32",
        FC,
        FOUND_SMALL,
        "The library takes Python floats, and NumPy's float64 is one: .astype(np.float64) after flatten.",
        (FC_WEIGHT, FC_WEIGHT.replace(".astype(np.float64)", "")),
    ),
    reading(
        "mean_in_place_of_the_picture",
        "average picture assigned instead of subtracted",
        (),
        ("picture_input",),
        "The picture was replaced by the three averages: `-=` subtracts them.",
        (MEAN, "input_image = image_mean"),
        symptom="axes don't match|reshape",
    ),
    reading(
        "mean_not_subtracted",
        "average picture not subtracted",
        (),
        ("picture_input",),
        "The averages of red, green and blue are not subtracted.",
        (MEAN, "pass"),
    ),
    reading(
        "blue_first",
        "picture with blue first",
        (),
        ("picture_input",),
        "OpenCV reads blue, green, red; the network was made for red first.",
        (RGB, "input_image = cv2.imread(image_dir, cv2.IMREAD_COLOR)"),
    ),
    reading(
        "mean_blue_first",
        "averages with blue first",
        (),
        ("picture_input",),
        "The averages are subtracted in the order blue, green, red: the picture has red first.",
        (MEANS, "image_mean = np.array([103.939, 116.779, 123.68])"),
    ),
    reading(
        "divided_by_255",
        "picture divided by 255",
        PICTURE,
        ("picture_input",),
        "The network takes numbers near 100, not near 1: nothing is divided.",
        (AXES, f"{AXES} / 255"),
    ),
    reading(
        "channels_last",
        "picture left with channels last",
        PICTURE,
        ("picture_input",),
        "The device wants N, C, H, W; the picture is (1, rows, columns, 3) and has to be transposed before "
        "flatten.",
        (AXES, "pass"),
    ),
    reading(
        "rows_and_columns_exchanged",
        "picture mirrored on its diagonal",
        PICTURE,
        ("picture_input",),
        "[0, 3, 2, 1] exchanges rows and columns: [0, 3, 1, 2].",
        (AXES, AXES.replace("[0, 3, 1, 2]", "[0, 3, 2, 1]")),
    ),
    reading(
        "picture_reshaped",
        "picture reshaped instead of transposed",
        PICTURE,
        ("picture_input",),
        "reshape keeps the numbers in their order; np.transpose moves the axes.",
        (AXES, "input_image = np.reshape(input_image, [1, 3, 224, 224])"),
        form_of="channels_last",
    ),
    reading(
        "picture_in_single_precision",
        "picture left as float32",
        PICTURE,
        ("picture_input",),
        "The library takes Python floats, and NumPy's float64 is one: .astype(np.float64).",
        (FLAT, FLAT.replace(".astype(np.float64)", "")),
        symptom="holds float32 numbers",
    ),
    reading(
        "picture_not_flat",
        "picture not flattened",
        PICTURE,
        ("picture_input",),
        "The library takes flat sequences: .flatten() after the transpose.",
        (FLAT, FLAT.replace(".flatten()", "")),
        symptom="expected one axis",
    ),
    reading(
        "self_left_out",
        "setInputData(input_data) without self",
        (),
        ("picture_input",),
        "The handout's line says input_data, but the attribute is self.input_data.",
        (SET, SET.replace("self.input_data", "input_data")),
        symptom="'input_data' is not defined",
    ),
    reading(
        "picture_not_handed_over",
        "setInputData not called",
        (),
        ("picture_input",),
        "load_image ends with self.net.setInputData(self.input_data).",
        (SET, "pass"),
    ),
    classifying(
        "labels_from_one",
        "classes counted from 1",
        (),
        ("top_five",),
        "The place in the output is the label: both are counted from 0, as the lines of synset_words.txt.",
        ("return places[0] == label, label in places", "return places[0] + 1 == label, label - 1 in places"),
    ),
    classifying(
        "argmax_of_a_tuple",
        "getOutputData().argmax()",
        (),
        ("top_five",),
        "getOutputData gives a tuple; its largest entry stands at result.index(max(result)).",
        ("places = [result.index(probability) for probability in likeliest]", "places = [result.argmax()] * 5"),
        symptom="has no attribute 'argmax'",
    ),
    classifying(
        "output_of_forward",
        "result taken from forward()",
        (),
        ("top_five",),
        "forward returns nothing; self.net.getOutputData() has the result.",
        ("        self.forward()\n", "        outcome = self.forward()\n"),
        ("result = self.net.getOutputData()", "result = outcome"),
        symptom="NoneType",
    ),
    classifying(
        "every_picture_counted_as_right",
        "top1 counted without a look at it",
        (),
        ("evaluate_counts",),
        "A picture counts as right only `if top1:`.",
        ("top1_count += top1\n", "top1_count += 1\n"),
    ),
    classifying(
        "network_run_before_the_picture",
        "forward before load_image",
        (),
        ("evaluate_counts",),
        "Each picture has to be loaded before it is classified: the result is that of the picture before.",
        (
            "            self.load_image(path)\n            top1, top5 = self.get_top5(int(label))\n",
            "            if path == pictures[0][0]:\n                self.load_image(path)\n"
            "            self.image = path\n"
            "            top1, top5 = self.get_top5(int(label))\n            self.load_image(path)\n",
        ),
    ),
]
