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
        ### BEGIN SOLUTION lenet_layers: make the seven layers by the table of section 6
        self.conv1 = Conv2D(in_channels, 6, 5, weight_attr=None)
        self.pool2 = Pool2D((2, 2), "max", stride=2)
        self.conv3 = Conv2D(6, 16, 5, weight_attr=None)
        self.pool4 = Pool2D((2, 2), "avg", stride=2)
        self.conv5 = Conv2D(16, 120, 5, weight_attr=None)
        self.linear6 = Linear(120, 84)
        self.linear7 = Linear(84, num_classes)
        ### END SOLUTION
        self.relu1, self.relu3, self.relu5, self.relu6 = ReLU(), ReLU(), ReLU(), ReLU()
        self.flatten = Flatten()

    def forward(self, x):
        """Return the logits (N, num_classes) of pictures x (N, in_channels, 32, 32)."""
        ### BEGIN SOLUTION lenet_forward: set output by the table of section 6
        output = self.pool2(self.relu1(self.conv1(x)))
        output = self.pool4(self.relu3(self.conv3(output)))
        output = self.flatten(self.relu5(self.conv5(output)))
        output = self.relu6(self.linear6(output))
        output = self.linear7(output)
        ### END SOLUTION
        return output

    def backward(self, out_grad):
        """Let every layer set its ``grads`` and return the gradient of the pictures, for that of the logits."""
        ### BEGIN SOLUTION lenet_backward: set in_grad by going through the same layers from the last to the first
        grad = self.linear7.backward(out_grad)
        grad = self.linear6.backward(self.relu6.backward(grad))
        grad = self.conv5.backward(self.relu5.backward(self.flatten.backward(grad)))
        grad = self.conv3.backward(self.relu3.backward(self.pool4.backward(grad)))
        in_grad = self.conv1.backward(self.relu1.backward(self.pool2.backward(grad)))
        ### END SOLUTION
        return in_grad
