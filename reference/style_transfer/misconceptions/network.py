"""Mistakes in building the network, in loading it, in its pictures, and in what only a whole step shows."""

from grader.publishing.misconceptions import mistakes_in

network_layers = mistakes_in("network_layers", "network_build", formula="section 4 of the README")

MISCONCEPTIONS = [
    network_layers(
        "network_without_padding",
        "convolutions of the network without padding",
        "The convolutions have padding 1, so that rows and columns stay as many as they are.",
        ("(3, channels, width, 1, 1, TYPE_CONV)", "(3, channels, width, 0, 1, TYPE_CONV)"),
    ),
    network_layers(
        "channels_not_handed_on",
        "three input channels in every convolution",
        "A convolution has as many input channels as the one before it has outputs; only the first one has 3.",
        ("channels = width", "pass"),
    ),
    mistakes_in("network_load", "network_load", formula="section 4 of the README")(
        "kernels_loaded_transposed",
        "rows and columns of the kernels exchanged",
        "The file has the weights as (rows, columns, C_in, C_out): bring C_in to the front and leave the others "
        "in their order, [2, 0, 1, 3].",
        ("[2, 0, 1, 3]", "[2, 1, 0, 3]"),
    ),
    mistakes_in("exp_3_3_style_transfer.py", "picture_files", formula="section 4 of the README")(
        "picture_read_as_bgr",
        "picture read with blue first",
        "OpenCV reads blue first. The average that is subtracted, and the parameters, want red first: turn it "
        "round.",
        (
            "cv2.cvtColor(cv2.imread(image_dir, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)",
            "cv2.imread(image_dir, cv2.IMREAD_COLOR)",
        ),
    ),
    mistakes_in("exp_3_3_style_transfer.py", "random_image", formula="section 4 of the README")(
        "noise_above_zero_only",
        "noise from 0 to 20",
        "The noise lies evenly between -20 and 20: with positive numbers only the picture becomes lighter.",
        ("np.random.uniform(-20, 20, content_image.shape)", "np.random.uniform(0, 20, content_image.shape)"),
    ),
    mistakes_in("style_loss_forward", "style_step", formula="formula (10) of the README")(
        "gram_of_the_first_style_kept",
        "Gram matrix of the style kept from the first call",
        "The loss seems to keep the Gram matrix of the first style that it gets. It serves five layers of the "
        "network, one after the other: compute the matrix in every call.",
        (
            "self.gram_style = np.matmul(style_layer_reshape, style_layer_reshape.transpose(0, 2, 1))",
            'if not hasattr(self, "gram_style"):\n'
            "    self.gram_style = np.matmul(style_layer_reshape, style_layer_reshape.transpose(0, 2, 1))",
        ),
    ),
]
