"""Mistakes in building the network, in loading it, in its pictures, and in what only a whole step shows."""

from grader.publishing.misconceptions import Edit, Misconception, mistakes_in

NETWORK = "exp_3_3_style_transfer.py"
READ = "cv2.cvtColor(cv2.imread(image_dir, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)"
NOISE = "np.random.uniform(-20, 20, content_image.shape)"
LAYER = "ConvolutionalLayer(3, channels, width, 1, 1, TYPE_CONV)"
GRAM_STYLE = "self.gram_style = np.matmul(style_layer_reshape, style_layer_reshape.transpose(0, 2, 1))"

layers = mistakes_in("network_layers", "network_build", formula="section 4 of the README")
load = mistakes_in("network_load", "network_load", formula="section 4 of the README")
step = mistakes_in("style_loss_forward", "style_step", formula="formula (10) of the README")


def given(name, title, explanation, check, old, new):
    """Return a mistake in code that is given, which one check must notice."""
    return Misconception(
        name, title, (), (check,), explanation, (Edit(NETWORK, old, new),), "section 4 of the README"
    )


MISCONCEPTIONS = [
    layers(
        "network_without_padding",
        "convolutions of the network without padding",
        "The convolutions have padding 1, so that rows and columns stay as many as they are.",
        (LAYER, LAYER.replace("width, 1, 1", "width, 0, 1")),
    ),
    layers(
        "channels_not_handed_on",
        "three input channels in every convolution",
        "A convolution has as many input channels as the one before it has outputs; only the first one has 3.",
        ("channels = width", "pass"),
    ),
    load(
        "kernels_loaded_transposed",
        "rows and columns of the kernels exchanged",
        "The file has the weights as (rows, columns, C_in, C_out): bring C_in to the front and leave the others in "
        "their order, [2, 0, 1, 3].",
        ("[2, 0, 1, 3]", "[2, 1, 0, 3]"),
    ),
    given(
        "picture_read_as_bgr",
        "picture read with blue first",
        "OpenCV reads blue first. The average that is subtracted, and the parameters, want red first: turn it "
        "round.",
        "picture_files",
        READ,
        "cv2.imread(image_dir, cv2.IMREAD_COLOR)",
    ),
    given(
        "noise_above_zero_only",
        "noise from 0 to 20",
        "The noise lies evenly between -20 and 20: with positive numbers only the picture becomes lighter.",
        "random_image",
        NOISE,
        NOISE.replace("-20", "0"),
    ),
    step(
        "gram_of_the_first_style_kept",
        "Gram matrix of the style kept from the first call",
        "The loss seems to keep the Gram matrix of the first style that it gets. It serves five layers of the "
        "network, one after the other: compute the matrix in every call.",
        (GRAM_STYLE, f'if not hasattr(self, "gram_style"):\n    {GRAM_STYLE}'),
    ),
]
