"""The VGG16 network, built from the layers in ``layer.py``."""

from layer import ConvolutionLayer, FlattenLayer, FullyConnectLayer, MaxPoolLayer, ReluLayer


class VGG16:
    """VGG16 for pictures of 224 x 224 pixels: 13 convolutions, 5 poolings, 3 fully connected layers.

    Attributes
    ----------
    graph_layers : dict
        The 37 layers by name, in the order in which ``forward`` runs them. Section 3 of the README has the table.
    """

    def __init__(self, num_classes=4):
        # TODO(network_layers): make one object for each of the 37 layers, with the sizes of the table
        raise NotImplementedError("TODO network_layers: not written yet")
        self.graph_layers = None
        self.create_graph()

    def create_graph(self):
        """Set ``graph_layers``."""
        # TODO(network_graph): set self.graph_layers: the names of the table, in order, to layers
        raise NotImplementedError("TODO network_graph: not written yet")

    def forward(self, x):
        """Return the logits (N, num_classes) of pictures x (N, 3, 224, 224)."""
        for layer in self.graph_layers.values():
            x = layer.forward(x)
        return x

    def backward(self, grad):
        """Return the gradient of the pictures (N, 3, 224, 224) for the gradient of the logits (N, num_classes)."""
        for layer in reversed(list(self.graph_layers.values())):
            grad = layer.backward(grad)
        return grad

    def resume_weights(self, ckpt):
        """Load a checkpoint: ``ckpt[layer name]`` holds ``"weight"`` and ``"bias"``."""
        for name, params in ckpt.items():
            self.graph_layers[name].load_params(params["weight"], params["bias"])
