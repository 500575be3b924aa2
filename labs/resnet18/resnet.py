"""The residual block and ResNet18. Sections 7 and 8 of the README."""

from nndl import AdaptiveAvgPool2D, Flatten, Layer, ReLU, Sequential
from op import BatchNorm2D, Conv2D, Linear, Pool2D


class ResBlock(Layer):
    """Two 3x3 convolutions with batch norm, and a shortcut around them.

    Parameters
    ----------
    in_channels, out_channels, stride : int
        The stride is that of the first convolution.
    use_residual : bool
        False leaves the shortcut out, the identity as well.

    Attributes
    ----------
    conv1, bn1, conv2, bn2 : the layers in the order of forward; the convolutions have no bias.
    use_1x1conv : bool
        Whether the input's shape differs from the output's, so that the shortcut needs layers of its own:
    shortcut, bn3 : a 1x1 convolution without bias, and its batch norm.
    """

    def __init__(self, in_channels, out_channels, stride=1, use_residual=True):
        super().__init__()
        self.stride = stride
        self.use_residual = use_residual
        self.use_1x1conv = in_channels != out_channels or stride != 1
        # TODO(block_layers): make conv1, bn1, conv2, bn2 and, where shapes differ, shortcut and bn3
        raise NotImplementedError("TODO block_layers: make conv1, bn1, conv2, bn2 and, where shapes differ, shortcut and bn3")
        self.relu1, self.relu2 = ReLU(), ReLU()

    def forward(self, inputs):
        """Return the block's outputs; the inputs stay as they are."""
        # TODO(block_forward): set outputs by formula (12)
        raise NotImplementedError("TODO block_forward: set outputs by formula (12)")
        return outputs

    def backward(self, out_grad):
        """Let every layer set its ``grads`` and return the gradient of the inputs: the sum of both ways."""
        # TODO(block_backward): set in_grad by formula (13)
        raise NotImplementedError("TODO block_backward: set in_grad by formula (13)")
        return in_grad


def make_first_module(in_channels, width=64):
    """Return the first module: 7x7 convolution with stride 2 and a bias, batch norm, ReLU, 3x3 max pooling."""
    # TODO(first_module): set module by section 8
    raise NotImplementedError("TODO first_module: set module by section 8")
    return module


def resnet_module(input_channels, out_channels, num_res_blocks, stride=1, use_residual=True):
    """Return a list of blocks; only the first one has the stride and changes the number of channels."""
    blocks = []
    # TODO(resnet_module): append num_res_blocks blocks
    raise NotImplementedError("TODO resnet_module: append num_res_blocks blocks")
    return blocks


def make_modules(use_residual, width=64):
    """Return the modules two to five, two blocks each; from three on channels double, rows and columns halve."""
    # TODO(modules): set m2, m3, m4, m5 by section 8
    raise NotImplementedError("TODO modules: set m2, m3, m4, m5 by section 8")
    return m2, m3, m4, m5


class Model_ResNet18(Layer):
    """ResNet18: five modules, the mean of every map, one logit for each class.

    Parameters
    ----------
    in_channels, num_classes : int
    use_residual : bool
        Whether the blocks have their shortcuts.
    width : int
        Channels of the first module; 64 is ResNet18.
    """

    def __init__(self, in_channels=3, num_classes=10, use_residual=True, width=64):
        super().__init__()
        # TODO(resnet_layers): set self.net by section 8; it is a Sequential
        raise NotImplementedError("TODO resnet_layers: set self.net by section 8; it is a Sequential")

    def forward(self, x):
        """Return the logits (N, num_classes) of pictures x (N, in_channels, rows, columns)."""
        return self.net(x)

    def backward(self, out_grad):
        """Let every layer set its ``grads`` and return the gradient of the pictures, for that of the logits."""
        return self.net.backward(out_grad)
