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
        ### BEGIN SOLUTION block_layers: make conv1, bn1, conv2, bn2 and, where shapes differ, shortcut and bn3
        made = {"weight_attr": None, "bias_attr": False}
        self.conv1 = Conv2D(in_channels, out_channels, 3, stride=stride, padding=1, **made)
        self.bn1 = BatchNorm2D(out_channels)
        self.conv2 = Conv2D(out_channels, out_channels, 3, padding=1, **made)
        self.bn2 = BatchNorm2D(out_channels)
        if self.use_1x1conv:
            self.shortcut = Conv2D(in_channels, out_channels, 1, stride=stride, **made)
            self.bn3 = BatchNorm2D(out_channels)
        ### END SOLUTION
        self.relu1, self.relu2 = ReLU(), ReLU()

    def forward(self, inputs):
        """Return the block's outputs; the inputs stay as they are."""
        ### BEGIN SOLUTION block_forward: set outputs by formula (12)
        y = self.relu1(self.bn1(self.conv1(inputs)))
        y = self.bn2(self.conv2(y))
        if self.use_residual:
            shortcut = self.bn3(self.shortcut(inputs)) if self.use_1x1conv else inputs
            y = y + shortcut
        outputs = self.relu2(y)
        ### END SOLUTION
        return outputs

    def backward(self, out_grad):
        """Let every layer set its ``grads`` and return the gradient of the inputs: the sum of both ways."""
        ### BEGIN SOLUTION block_backward: set in_grad by formula (13)
        grad = self.relu2.backward(out_grad)
        in_grad = self.conv2.backward(self.bn2.backward(grad))
        in_grad = self.conv1.backward(self.bn1.backward(self.relu1.backward(in_grad)))
        if self.use_residual:
            in_grad = in_grad + (self.shortcut.backward(self.bn3.backward(grad)) if self.use_1x1conv else grad)
        ### END SOLUTION
        return in_grad


def make_first_module(in_channels, width=64):
    """Return the first module: 7x7 convolution with stride 2 and a bias, batch norm, ReLU, 3x3 max pooling."""
    ### BEGIN SOLUTION first_module: set module by section 8
    module = Sequential(
        Conv2D(in_channels, width, 7, stride=2, padding=3, weight_attr=None),
        BatchNorm2D(width),
        ReLU(),
        Pool2D((3, 3), "max", stride=2, padding=1),
    )
    ### END SOLUTION
    return module


def resnet_module(input_channels, out_channels, num_res_blocks, stride=1, use_residual=True):
    """Return a list of blocks; only the first one has the stride and changes the number of channels."""
    blocks = []
    ### BEGIN SOLUTION resnet_module: append num_res_blocks blocks
    for number in range(num_res_blocks):
        if number == 0:
            blocks.append(ResBlock(input_channels, out_channels, stride, use_residual))
        else:
            blocks.append(ResBlock(out_channels, out_channels, use_residual=use_residual))
    ### END SOLUTION
    return blocks


def make_modules(use_residual, width=64):
    """Return the modules two to five, two blocks each; from three on channels double, rows and columns halve."""
    ### BEGIN SOLUTION modules: set m2, m3, m4, m5 by section 8
    m2 = Sequential(*resnet_module(width, width, 2, 1, use_residual))
    m3 = Sequential(*resnet_module(width, 2 * width, 2, 2, use_residual))
    m4 = Sequential(*resnet_module(2 * width, 4 * width, 2, 2, use_residual))
    m5 = Sequential(*resnet_module(4 * width, 8 * width, 2, 2, use_residual))
    ### END SOLUTION
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
        ### BEGIN SOLUTION resnet_layers: set self.net by section 8; it is a Sequential
        modules = make_modules(use_residual, width)
        self.net = Sequential(
            make_first_module(in_channels, width),
            *modules,
            AdaptiveAvgPool2D(1),
            Flatten(),
            Linear(8 * width, num_classes),
        )
        ### END SOLUTION

    def forward(self, x):
        """Return the logits (N, num_classes) of pictures x (N, in_channels, rows, columns)."""
        return self.net(x)

    def backward(self, out_grad):
        """Let every layer set its ``grads`` and return the gradient of the pictures, for that of the logits."""
        return self.net.backward(out_grad)
