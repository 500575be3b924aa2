"""Mistakes in putting the network together, loading it and running it. They are run over fast layers."""

from grader.publishing.misconceptions import Edit, Misconception

SECTION = "section 3 of the README"
FAST = "im2col_gemm"
FORWARD = """        for block in self.graph_layers.values():
            x = block.forward(x)
        return x"""
BACKWARD_LOOP = "for block in list(self.graph_layers.values())[::-1]:"
RESUME = "self.graph_layers[name].load_params(ckpt[name]['weight'], ckpt[name]['bias'])"
ADD_CONVOLUTION = "add('layer%d_conv%d' % (s, d), L.ConvolutionLayer(channels, width, 3, 1))"
ADD_RELU = "add('layer%d_relu%d' % (s, d), L.ReluLayer())"


def mistake(name, title, holes, loses, explanation, *edits, **more):
    """Return a mistake in ``vgg.py``."""
    pairs = tuple(Edit("vgg.py", old, new) for old, new in edits)
    return Misconception(name, title, holes, loses, explanation, pairs, SECTION, variant=FAST, **more)


MISCONCEPTIONS = [
    mistake(
        "layers_in_wrong_order",
        "ReLU in front of the convolution",
        ("network_graph",),
        ("network_build",),
        "The layers are not in the order of the table: each convolution comes first, then its ReLU.",
        (ADD_CONVOLUTION, "PLACE"),
        (ADD_RELU, ADD_CONVOLUTION),
        ("PLACE", ADD_RELU),
    ),
    mistake(
        "one_relu_for_all",
        "one ReLU object under several names",
        ("network_layers",),
        ("network_build",),
        "One object stands under several names. Make a new one for every layer: each keeps what its own backward "
        "pass needs, and the next forward call would overwrite it.",
        ("        channels = 3\n", "        channels = 3\n        relu = L.ReluLayer()\n"),
        (ADD_RELU, ADD_RELU.replace("L.ReluLayer()", "relu")),
        symptom="are the same object",
    ),
    mistake(
        "pooling_left_out",
        "poolings not in the graph",
        ("network_graph",),
        ("network_build",),
        "A pooling layer is missing from the graph: one stands at the end of each of the five stages.",
        ("            add('layer%d_maxpool' % s, L.MaxPoolLayer(2, 2))\n", ""),
    ),
    mistake(
        "relu_after_the_last_layer_in_the_graph",
        "ReLU after the last layer, as a layer of its own",
        ("network_graph",),
        ("network_build",),
        "There is a layer too many: the last fully connected layer has no ReLU after it, its outputs are the "
        "logits.",
        (
            "        add('fullyconnect3', L.FullyConnectLayer(4096, num_classes))\n",
            "        add('fullyconnect3', L.FullyConnectLayer(4096, num_classes))\n"
            "        add('relu3', L.ReluLayer())\n",
        ),
        symptom="has 38 layers",
    ),
    mistake(
        "convolutions_without_padding",
        "convolutions built without padding",
        ("network_layers",),
        ("network_build",),
        "The convolutions are built without padding: all of them have P = 1, so that only the poolings shrink the "
        "picture.",
        (ADD_CONVOLUTION, ADD_CONVOLUTION.replace(", 3, 1)", ", 3)")),
        symptom="has padding 0",
    ),
    mistake(
        "channels_not_handed_on",
        "input channels of a stage taken from its own width",
        ("network_layers",),
        ("network_build",),
        "A convolution has the wrong number of input channels: it is the number of output channels of the layer "
        "before.",
        (ADD_CONVOLUTION, ADD_CONVOLUTION.replace("(channels, width", "(width if s > 1 else channels, width")),
    ),
    mistake(
        "weights_loaded_into_the_wrong_layer",
        "parameters of two layers exchanged",
        (),
        ("network_load",),
        "Some parameters were loaded into another layer of the same shape: load each by its own name.",
        (
            RESUME,
            """exchanged = {'layer4_conv2': 'layer4_conv3', 'layer4_conv3': 'layer4_conv2'}
                source = ckpt[exchanged.get(name, name)]
                self.graph_layers[name].load_params(source['weight'], source['bias'])""",
        ),
    ),
    mistake(
        "kernels_flipped_while_loading",
        "kernels flipped while loading",
        (),
        ("network_load",),
        "The kernels seem to be flipped while they are loaded: take the arrays as they are.",
        (
            RESUME,
            "self.graph_layers[name].load_params("
            "ckpt[name]['weight'][..., ::-1] if ckpt[name]['weight'].ndim == 4 else ckpt[name]['weight'], "
            "ckpt[name]['bias'])",
        ),
    ),
    mistake(
        "relu_after_the_last_layer",
        "ReLU applied to the logits",
        (),
        ("network_forward",),
        "Negative logits were cut off: there is no ReLU after the last fully connected layer.",
        (FORWARD, FORWARD.replace("return x", "return x * (x > 0)")),
    ),
    mistake(
        "softmax_in_the_network",
        "softmax at the end of the forward pass",
        (),
        ("network_forward",),
        "The network returns probabilities: it should return the logits; the softmax belongs to the loss.",
        (
            FORWARD,
            FORWARD.replace(
                "return x", "import numpy as np\n        e = np.exp(x - x.max())\n        return e / e.sum()"
            ),
        ),
    ),
    mistake(
        "backward_in_forward_order",
        "backward pass from the first layer to the last",
        (),
        ("network_backward",),
        "The backward pass starts at the first layer: it must go from the last to the first, reversed(...).",
        (BACKWARD_LOOP, BACKWARD_LOOP.replace("[::-1]", "")),
    ),
    mistake(
        "backward_stops_early",
        "backward pass ends before the first layer",
        (),
        ("network_backward",),
        "The backward pass does not reach the picture: it must go through the first layer as well.",
        (BACKWARD_LOOP, BACKWARD_LOOP.replace("[::-1]", "[:0:-1]")),
    ),
]
