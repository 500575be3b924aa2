"""LeNet-5 for handwritten digits, 1 x 32 x 32. Section 6 of the README has the table of its layers."""

from nndl import Flatten, Layer, ReLU
from op import Conv2D, Linear, Pool2D


class Model_LeNet(Layer):
    """LeNet-5 with ReLU, a max pooling, an average pooling, and one logit for each class.

    Attributes
    ----------
    conv1, pool2, conv3, pool4, conv5, linear6, linear7 : the layers, by their number.
    """

    def __init__(self, in_channels, num_classes=10):
        super().__init__()
        # TODO(lenet_layers): make the seven layers by the table of section 6
        raise NotImplementedError("TODO lenet_layers: make the seven layers by the table of section 6")
        self.relu1, self.relu3, self.relu5, self.relu6 = ReLU(), ReLU(), ReLU(), ReLU()
        self.flatten = Flatten()

    def forward(self, x):
        """Return the logits (N, num_classes) of pictures x (N, in_channels, 32, 32)."""
        # TODO(lenet_forward): set output by the table of section 6
        raise NotImplementedError("TODO lenet_forward: set output by the table of section 6")
        return output

    def backward(self, out_grad):
        """Let every layer set its ``grads`` and return the gradient of the pictures, for that of the logits."""
        # TODO(lenet_backward): set in_grad by going through the same layers from the last to the first
        raise NotImplementedError("TODO lenet_backward: set in_grad by going through the same layers from the last to the first")
        return in_grad
