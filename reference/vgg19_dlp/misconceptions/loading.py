"""Mistakes in loading the parameters and in handing the picture to the device."""

from grader.publishing.misconceptions import mistakes_in

conv_weight = mistakes_in("conv_weight", "small_load", formula="section 5 of the README")
fc_weight = mistakes_in("fc_weight", "small_load", formula="section 5 of the README")
loading = mistakes_in("vgg19_demo.py", "small_load", formula="section 5 of the README")
picture = mistakes_in("picture_input", "picture_input", formula="section 6 of the README")
reading = mistakes_in("vgg19_demo.py", "picture_input", formula="section 6 of the README")
running = mistakes_in("vgg19_demo.py", "small_class", "network_class", formula="section 7 of the README")
top_five = mistakes_in("vgg19_demo.py", "top_five", formula="section 7 of the README")
counting = mistakes_in("vgg19_demo.py", "evaluate_counts", formula="section 7 of the README")

MISCONCEPTIONS = [
    conv_weight(
        "kernels_transposed",
        "convolution weights in the order [3, 2, 1, 0]",
        "Rows and columns of the kernels are exchanged: [3, 2, 1, 0] turns all axes round, but the device wants "
        "rows before columns. The class may still be right.",
        ("[3, 2, 0, 1]", "[3, 2, 1, 0]"),
        loses=("small_load", "network_load"),
    ),
    conv_weight(
        "kernel_columns_before_channels",
        "convolution weights in the order [3, 0, 2, 1]",
        "The device wants (out, in, rows, columns); the file has (rows, columns, in, out): [3, 2, 0, 1].",
        ("[3, 2, 0, 1]", "[3, 0, 2, 1]"),
    ),
    conv_weight(
        "file_order_kept",
        "convolution weights not transposed",
        "The weight has the right number of entries, but in the file's order (rows, columns, in, out): nothing "
        "complains, and every sum is wrong. np.transpose(weight, [3, 2, 0, 1]) comes before flatten.",
        ("np.transpose(weight, [3, 2, 0, 1])", "weight"),
        loses=("small_load", "network_load"),
    ),
    conv_weight(
        "axes_of_the_cpu_layers",
        "convolution weights in the order of lab vgg19",
        "[2, 0, 1, 3] is the order of the layers written by hand, (in, rows, columns, out). The device has "
        "(out, in, rows, columns).",
        ("[3, 2, 0, 1]", "[2, 0, 1, 3]"),
    ),
    conv_weight(
        "weights_reshaped",
        "convolution weights reshaped instead of transposed",
        "reshape keeps the numbers in their order; np.transpose moves the axes.",
        ("np.transpose(weight, [3, 2, 0, 1])", "np.reshape(weight, [weight.shape[a] for a in (3, 2, 0, 1)])"),
        form_of="file_order_kept",
    ),
    fc_weight(
        "fully_connected_not_transposed",
        "fc weights not transposed",
        "After reshape the weight is (inputs, outputs); the device wants (outputs, inputs): transpose it.",
        ("np.transpose(weight, [1, 0])", "weight"),
        loses=("small_load", "network_load"),
    ),
    fc_weight(
        "fully_connected_reshaped_to_outputs_first",
        "fc weights reshaped to (out, in)",
        "Reshaping to (outputs, inputs) keeps the numbers in the order of the file. Reshape to (inputs, outputs), "
        "then transpose.",
        ("[inputs, weight.shape[3]]", "[weight.shape[3], inputs]"),
        ("np.transpose(weight, [1, 0])", "weight"),
        form_of="fully_connected_not_transposed",
    ),
    fc_weight(
        "fully_connected_channels_first",
        "fc weights in the order channels, rows, columns",
        "The flatten layer has put the numbers in the order rows, columns, channels already, as the file has "
        "them: the weight of fc6 must not be reordered as well.",
        ("weight.reshape([inputs, weight.shape[3]])", "np.transpose(weight, [2, 0, 1, 3]).reshape([inputs, -1])"),
        loses=("small_load", "network_load"),
    ),
    fc_weight(
        "fully_connected_in_column_order",
        "fc weights flattened column by column",
        "flatten(order='F') walks the first axis fastest; the device reads row after row.",
        ("np.transpose(weight, [1, 0]).flatten()", "np.transpose(weight, [1, 0]).flatten(order='F')"),
        form_of="fully_connected_not_transposed",
    ),
    loading(
        "fully_connected_not_shifted",
        "fc layers read one place too late",
        "The file has no layer `flatten`: behind it, everything stands one place earlier, "
        "params['layers'][0][idx - 1].",
        ('params["layers"][0, idx - 1]', 'params["layers"][0, idx]'),
        line=r"\[(0\]\[|0,\s*)?idx\]",
    ),
    loading(
        "filter_pair_of_the_first_layer",
        "filter_quant_params[0] for every weight",
        "The weights are loaded with the QuantParam of the first layer: count must grow with every layer that has "
        "parameters.",
        ('[count])\n                count += 1\n            if "fc"', '[count])\n            if "fc"'),
    ),
    loading(
        "filter_index_of_the_layer",
        "filter_quant_params indexed by the layer",
        "filter_quant_params has 19 entries, one for each layer with parameters; idx counts all 44 layers.",
        (
            'filter_quant_params[count])\n                count += 1\n            if "fc"',
            'filter_quant_params[idx])\n                count += 1\n            if "fc"',
        ),
        symptom="expected `filter_quant_params",
        line=r"filter_quant_params\[\s*idx\s*\]",
    ),
    loading(
        "input_pairs_for_weights",
        "input_quant_params given to loadParams",
        "loadParams takes the QuantParam of the weight, from filter_quant_params; that of the input was given "
        "when the layer was created.",
        (
            'filter_quant_params[count])\n                count += 1\n            if "fc"',
            'input_quant_params[count])\n                count += 1\n            if "fc"',
        ),
    ),
    conv_weight(
        "weights_in_single_precision",
        "weights left as float32",
        "The library takes Python floats, and NumPy's float64 is one: .astype(np.float64) after flatten.",
        ("(weight, [3, 2, 0, 1]).flatten().astype(np.float64)", "(weight, [3, 2, 0, 1]).flatten()"),
    ),
    conv_weight(
        "weights_not_flat",
        "weights not flattened",
        "The library takes flat sequences: .flatten() after the transpose.",
        ("np.transpose(weight, [3, 2, 0, 1]).flatten().astype", "np.transpose(weight, [3, 2, 0, 1]).astype"),
    ),
    fc_weight(
        "fully_connected_in_single_precision",
        "fc weights left as float32",
        "The library takes Python floats, and NumPy's float64 is one: .astype(np.float64) after flatten.",
        ("np.transpose(weight, [1, 0]).flatten().astype(np.float64)", "np.transpose(weight, [1, 0]).flatten()"),
    ),
    reading(
        "mean_in_place_of_the_picture",
        "average picture assigned instead of subtracted",
        "The picture was replaced by the three averages: `-=` subtracts them.",
        ("input_image -= image_mean", "input_image = image_mean"),
    ),
    reading(
        "mean_not_subtracted",
        "average picture not subtracted",
        "The averages of red, green and blue are not subtracted.",
        ("input_image -= image_mean", "pass"),
    ),
    reading(
        "blue_first",
        "picture with blue first",
        "OpenCV reads blue, green, red; the network was made for red first.",
        (
            "cv2.cvtColor(cv2.imread(image_dir, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)",
            "cv2.imread(image_dir, cv2.IMREAD_COLOR)",
        ),
    ),
    reading(
        "mean_blue_first",
        "averages with blue first",
        "The averages are subtracted in the order blue, green, red: the picture has red first.",
        ("[123.68, 116.779, 103.939]", "[103.939, 116.779, 123.68]"),
    ),
    picture(
        "divided_by_255",
        "picture divided by 255",
        "The network takes numbers near 100, not near 1: nothing is divided.",
        ("np.transpose(input_image, [0, 3, 1, 2])", "np.transpose(input_image, [0, 3, 1, 2]) / 255"),
    ),
    picture(
        "channels_last",
        "picture left with channels last",
        "The device wants N, C, H, W; the picture is (1, rows, columns, 3) and has to be transposed before "
        "flatten.",
        ("input_image = np.transpose(input_image, [0, 3, 1, 2])", "pass"),
    ),
    picture(
        "rows_and_columns_exchanged",
        "picture mirrored on its diagonal",
        "[0, 3, 2, 1] exchanges rows and columns: [0, 3, 1, 2].",
        ("[0, 3, 1, 2]", "[0, 3, 2, 1]"),
    ),
    picture(
        "picture_reshaped",
        "picture reshaped instead of transposed",
        "reshape keeps the numbers in their order; np.transpose moves the axes.",
        ("np.transpose(input_image, [0, 3, 1, 2])", "np.reshape(input_image, [1, 3, 224, 224])"),
        form_of="channels_last",
    ),
    picture(
        "picture_in_single_precision",
        "picture left as float32",
        "The library takes Python floats, and NumPy's float64 is one: .astype(np.float64).",
        ("input_image.flatten().astype(np.float64)", "input_image.flatten()"),
        symptom="holds float32 numbers",
    ),
    picture(
        "picture_not_flat",
        "picture not flattened",
        "The library takes flat sequences: .flatten() after the transpose.",
        ("input_image.flatten().astype", "input_image.astype"),
        symptom="expected one axis",
    ),
    reading(
        "self_left_out",
        "setInputData(input_data) without self",
        "The handout's line says input_data, but the attribute is self.input_data.",
        ("self.net.setInputData(self.input_data)", "self.net.setInputData(input_data)"),
        symptom="'input_data' is not defined",
    ),
    reading(
        "picture_not_handed_over",
        "setInputData not called",
        "load_image ends with self.net.setInputData(self.input_data).",
        ("self.net.setInputData(self.input_data)", "pass"),
    ),
    running(
        "forward_given_the_picture",
        "net.forward given the picture",
        "net.forward takes nothing: load_image has handed the picture over with setInputData already.",
        ("return self.net.forward()", "return self.net.forward(self.input_data)"),
    ),
    top_five(
        "labels_from_one",
        "classes counted from 1",
        "The place in the output is the label: both are counted from 0, as the lines of synset_words.txt.",
        ("return places[0] == label, label in places", "return places[0] + 1 == label, label - 1 in places"),
    ),
    top_five(
        "argmax_of_a_tuple",
        "getOutputData().argmax()",
        "getOutputData gives a tuple; its largest entry stands at result.index(max(result)).",
        ("[result.index(probability) for probability in likeliest]", "[result.argmax()] * 5"),
        symptom="has no attribute 'argmax'",
    ),
    top_five(
        "output_of_forward",
        "result taken from forward()",
        "forward returns nothing; self.net.getOutputData() has the result.",
        ("self.forward()", "outcome = self.forward()"),
        ("self.net.getOutputData()", "outcome"),
        symptom="NoneType",
    ),
    counting(
        "every_picture_counted_as_right",
        "top1 counted without a look at it",
        "A picture counts as right only `if top1:`.",
        ("top1_count += top1", "top1_count += 1"),
    ),
    counting(
        "network_run_before_the_picture",
        "forward before load_image",
        "Each picture has to be loaded before it is classified: the result is that of the picture before.",
        (
            "            self.load_image(path)\n            top1, top5 = self.get_top5(int(label))\n",
            "            if path == pictures[0][0]:\n"
            "                self.load_image(path)\n"
            "            self.image = path\n"
            "            top1, top5 = self.get_top5(int(label))\n"
            "            self.load_image(path)\n",
        ),
    ),
]
