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
        # stage 1
        self.layer1_conv1 = ConvolutionLayer(3, 64, 3, padding=1)
        self.layer1_relu1 = ReluLayer()
        self.layer1_conv2 = ConvolutionLayer(64, 64, 3, padding=1)
        self.layer1_relu2 = ReluLayer()
        self.layer1_maxpool = MaxPoolLayer(2, 2)
        # stage 2
        self.layer2_conv1 = ConvolutionLayer(64, 128, 3, padding=1)
        self.layer2_relu1 = ReluLayer()
        self.layer2_conv2 = ConvolutionLayer(128, 128, 3, padding=1)
        self.layer2_relu2 = ReluLayer()
        self.layer2_maxpool = MaxPoolLayer(2, 2)
        # stage 3
        self.layer3_conv1 = ConvolutionLayer(128, 256, 3, padding=1)
        self.layer3_relu1 = ReluLayer()
        self.layer3_conv2 = ConvolutionLayer(256, 256, 3, padding=1)
        self.layer3_relu2 = ReluLayer()
        self.layer3_conv3 = ConvolutionLayer(256, 256, 3, padding=1)
        self.layer3_relu3 = ReluLayer()
        self.layer3_maxpool = MaxPoolLayer(2, 2)
        # stage 4
        self.layer4_conv1 = ConvolutionLayer(256, 512, 3, padding=1)
        self.layer4_relu1 = ReluLayer()
        self.layer4_conv2 = ConvolutionLayer(512, 512, 3, padding=1)
        self.layer4_relu2 = ReluLayer()
        self.layer4_conv3 = ConvolutionLayer(512, 512, 3, padding=1)
        self.layer4_relu3 = ReluLayer()
        self.layer4_maxpool = MaxPoolLayer(2, 2)
        # stage 5
        self.layer5_conv1 = ConvolutionLayer(512, 512, 3, padding=1)
        self.layer5_relu1 = ReluLayer()
        self.layer5_conv2 = ConvolutionLayer(512, 512, 3, padding=1)
        self.layer5_relu2 = ReluLayer()
        self.layer5_conv3 = ConvolutionLayer(512, 512, 3, padding=1)
        self.layer5_relu3 = ReluLayer()
        self.layer5_maxpool = MaxPoolLayer(2, 2)
        # classifier, no ReLU after the last one
        self.flatten = FlattenLayer()
        self.fullyconnect1 = FullyConnectLayer(512 * 7 * 7, 4096)
        self.relu1 = ReluLayer()
        self.fullyconnect2 = FullyConnectLayer(4096, 4096)
        self.relu2 = ReluLayer()
        self.fullyconnect3 = FullyConnectLayer(4096, num_classes)
        self.graph_layers = None
        self.create_graph()

    def create_graph(self):
        """Set ``graph_layers``."""
        self.graph_layers = {
            "layer1_conv1": self.layer1_conv1,
            "layer1_relu1": self.layer1_relu1,
            "layer1_conv2": self.layer1_conv2,
            "layer1_relu2": self.layer1_relu2,
            "layer1_maxpool": self.layer1_maxpool,
            "layer2_conv1": self.layer2_conv1,
            "layer2_relu1": self.layer2_relu1,
            "layer2_conv2": self.layer2_conv2,
            "layer2_relu2": self.layer2_relu2,
            "layer2_maxpool": self.layer2_maxpool,
            "layer3_conv1": self.layer3_conv1,
            "layer3_relu1": self.layer3_relu1,
            "layer3_conv2": self.layer3_conv2,
            "layer3_relu2": self.layer3_relu2,
            "layer3_conv3": self.layer3_conv3,
            "layer3_relu3": self.layer3_relu3,
            "layer3_maxpool": self.layer3_maxpool,
            "layer4_conv1": self.layer4_conv1,
            "layer4_relu1": self.layer4_relu1,
            "layer4_conv2": self.layer4_conv2,
            "layer4_relu2": self.layer4_relu2,
            "layer4_conv3": self.layer4_conv3,
            "layer4_relu3": self.layer4_relu3,
            "layer4_maxpool": self.layer4_maxpool,
            "layer5_conv1": self.layer5_conv1,
            "layer5_relu1": self.layer5_relu1,
            "layer5_conv2": self.layer5_conv2,
            "layer5_relu2": self.layer5_relu2,
            "layer5_conv3": self.layer5_conv3,
            "layer5_relu3": self.layer5_relu3,
            "layer5_maxpool": self.layer5_maxpool,
            "flatten": self.flatten,
            "fullyconnect1": self.fullyconnect1,
            "relu1": self.relu1,
            "fullyconnect2": self.fullyconnect2,
            "relu2": self.relu2,
            "fullyconnect3": self.fullyconnect3,
        }

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
