"""Mistakes in putting the network together, loading it and running it. They are run over fast layers."""

from grader.publishing.misconceptions import mistakes_in

graph = mistakes_in(
    "vgg.py", "network_build", formula="section 3 of the README", holes=("network_graph",), variant="im2col_gemm"
)
layers = mistakes_in(
    "vgg.py", "network_build", formula="section 3 of the README", holes=("network_layers",), variant="im2col_gemm"
)
loading = mistakes_in("vgg.py", "network_load", formula="section 3 of the README", variant="im2col_gemm")
forward = mistakes_in("vgg.py", "network_forward", formula="section 3 of the README", variant="im2col_gemm")
backward = mistakes_in("vgg.py", "network_backward", formula="section 3 of the README", variant="im2col_gemm")

MISCONCEPTIONS = [
    graph(
        "layers_in_wrong_order",
        "ReLU in front of the convolution",
        "The layers are not in the order of the table: each convolution comes first, then its ReLU.",
        (
            "add('layer%d_conv%d' % (s, d), L.ConvolutionLayer(channels, width, 3, 1))\n"
            "                add('layer%d_relu%d' % (s, d), L.ReluLayer())",
            "add('layer%d_relu%d' % (s, d), L.ReluLayer())\n"
            "                add('layer%d_conv%d' % (s, d), L.ConvolutionLayer(channels, width, 3, 1))",
        ),
    ),
    layers(
        "one_relu_for_all",
        "one ReLU object under several names",
        "One object stands under several names. Make a new one for every layer: each keeps what its own backward "
        "pass needs, and the next forward call would overwrite it.",
        ("channels = 3", "channels = 3\n        relu = L.ReluLayer()"),
        ("add('layer%d_relu%d' % (s, d), L.ReluLayer())", "add('layer%d_relu%d' % (s, d), relu)"),
        symptom="are the same object",
    ),
    graph(
        "pooling_left_out",
        "poolings not in the graph",
        "A pooling layer is missing from the graph: one stands at the end of each of the five stages.",
        ("            add('layer%d_maxpool' % s, L.MaxPoolLayer(2, 2))\n", ""),
    ),
    graph(
        "relu_after_the_last_layer_in_the_graph",
        "ReLU after the last layer, as a layer of its own",
        "There is a layer too many: the last fully connected layer has no ReLU after it, its outputs are the "
        "logits.",
        ("(4096, num_classes))", "(4096, num_classes))\n        add('relu3', L.ReluLayer())"),
        symptom="has 38 layers",
    ),
    layers(
        "convolutions_without_padding",
        "convolutions built without padding",
        "The convolutions are built without padding: all of them have P = 1, so that only the poolings shrink the "
        "picture.",
        ("L.ConvolutionLayer(channels, width, 3, 1)", "L.ConvolutionLayer(channels, width, 3)"),
        symptom="has padding 0",
    ),
    layers(
        "channels_not_handed_on",
        "input channels of a stage taken from its own width",
        "A convolution has the wrong number of input channels: it is the number of output channels of the layer "
        "before.",
        ("(channels, width", "(width if s > 1 else channels, width"),
    ),
    loading(
        "weights_loaded_into_the_wrong_layer",
        "parameters of two layers exchanged",
        "Some parameters were loaded into another layer of the same shape: load each by its own name.",
        (
            "self.graph_layers[name].load_params(ckpt[name]['weight'], ckpt[name]['bias'])",
            "exchanged = {'layer4_conv2': 'layer4_conv3', 'layer4_conv3': 'layer4_conv2'}\n"
            "                source = ckpt[exchanged.get(name, name)]\n"
            "                self.graph_layers[name].load_params(source['weight'], source['bias'])",
        ),
    ),
    loading(
        "kernels_flipped_while_loading",
        "kernels flipped while loading",
        "The kernels seem to be flipped while they are loaded: take the arrays as they are.",
        (
            "ckpt[name]['weight']",
            "ckpt[name]['weight'][..., ::-1] if ckpt[name]['weight'].ndim == 4 else ckpt[name]['weight']",
        ),
    ),
    forward(
        "relu_after_the_last_layer",
        "ReLU applied to the logits",
        "Negative logits were cut off: there is no ReLU after the last fully connected layer.",
        ("return x", "return x * (x > 0)"),
    ),
    forward(
        "softmax_in_the_network",
        "softmax at the end of the forward pass",
        "The network returns probabilities: it should return the logits; the softmax belongs to the loss.",
        ("return x", "import numpy as np\n        e = np.exp(x - x.max())\n        return e / e.sum()"),
    ),
    backward(
        "backward_in_forward_order",
        "backward pass from the first layer to the last",
        "The backward pass starts at the first layer: it must go from the last to the first, reversed(...).",
        ("list(self.graph_layers.values())[::-1]", "list(self.graph_layers.values())"),
    ),
    backward(
        "backward_stops_early",
        "backward pass ends before the first layer",
        "The backward pass does not reach the picture: it must go through the first layer as well.",
        ("list(self.graph_layers.values())[::-1]", "list(self.graph_layers.values())[:0:-1]"),
    ),
]
