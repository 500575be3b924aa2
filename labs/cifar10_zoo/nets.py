"""Six networks for pictures of 32 x 32 pixels and 10 classes, and the blocks that they are made of.

Section 8 of the README has the tables. A network makes its layers in ``__init__`` and runs them in ``call``; the
backward pass follows from the tape.
"""

from layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPool2D,
    Sequential,
    concat,
)
from model import Model


class Baseline(Model):
    """One convolution and two fully connected layers: C B A P D, then flatten, dense, dropout, dense."""

    def __init__(self):
        super().__init__()
        # TODO(baseline): make the layers of the table in section 8
        raise NotImplementedError("TODO baseline: make the layers of the table in section 8")

    def call(self, x):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        # TODO(baseline_call): run the layers in their order
        raise NotImplementedError("TODO baseline_call: run the layers in their order")


class LeNet5(Model):
    """LeNet, 1998: two convolutions, sigmoid everywhere, maximum pooling."""

    def __init__(self):
        super().__init__()
        # TODO(lenet5): make the layers of the table in section 8
        raise NotImplementedError("TODO lenet5: make the layers of the table in section 8")

    def call(self, x):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        # TODO(lenet5_call): run the layers in their order
        raise NotImplementedError("TODO lenet5_call: run the layers in their order")


class AlexNet8(Model):
    """AlexNet, 2012, for small pictures: ReLU, batch normalisation in the place of LRN, dropout."""

    def __init__(self):
        super().__init__()
        # TODO(alexnet8): make the layers of the table in section 8
        raise NotImplementedError("TODO alexnet8: make the layers of the table in section 8")

    def call(self, x):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        # TODO(alexnet8_call): run the layers in their order
        raise NotImplementedError("TODO alexnet8_call: run the layers in their order")


class VGG16(Model):
    """VGG16, 2014: thirteen 3 x 3 convolutions in five stages, each convolution with batch normalisation."""

    def __init__(self):
        super().__init__()
        # TODO(vgg16): make the layers of the table in section 8
        raise NotImplementedError("TODO vgg16: make the layers of the table in section 8")

    def call(self, x):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        # TODO(vgg16_call): run the layers in their order
        raise NotImplementedError("TODO vgg16_call: run the layers in their order")


class ConvBNRelu(Model):
    """Convolution with bias, batch normalisation and ReLU, as Inception10 uses them."""

    def __init__(self, ch, kernelsz=3, strides=1, padding="same"):
        super().__init__()
        self.model = Sequential(
            [Conv2D(ch, kernelsz, strides=strides, padding=padding), BatchNormalization(), Activation("relu")]
        )

    def call(self, x):
        """Run the three layers."""
        return self.model(x)


class InceptionBlk(Model):
    """Four branches side by side: 1x1; 1x1 and 3x3; 1x1 and 5x5; maximum pooling and 1x1.

    Parameters
    ----------
    ch : int
        Channels of every branch; the output has four times as many.
    strides : int
        Of the 1x1 convolutions: the first of its branch, or the one behind the pooling.
    """

    def __init__(self, ch, strides=1):
        super().__init__()
        # TODO(inception_block): make the branches of section 8 from ConvBNRelu and MaxPool2D
        raise NotImplementedError("TODO inception_block: make the branches of section 8 from ConvBNRelu and MaxPool2D")

    def call(self, x):
        """Return (N, rows, columns, 4 ch): the branches in their order along the channels."""
        # TODO(inception_block_call): run the branches and put them behind one another
        raise NotImplementedError("TODO inception_block_call: run the branches and put them behind one another")


class Inception10(Model):
    """A small Inception, after the idea of 2014: ten layers deep.

    Parameters
    ----------
    num_blocks : int
        Pairs of `InceptionBlk`, the first one with strides 2; each pair has twice the channels of the one before.
    num_classes : int
    init_ch : int
        Channels of the first convolution and of the branches of the first pair.
    """

    def __init__(self, num_blocks, num_classes, init_ch=16, **kwargs):
        super().__init__(**kwargs)
        # TODO(inception10): make the first convolution, the blocks, the pooling and the last layer
        raise NotImplementedError("TODO inception10: make the first convolution, the blocks, the pooling and the last layer")

    def call(self, x):
        """Return the probabilities (N, num_classes) of pictures (N, 32, 32, 3)."""
        # TODO(inception10_call): run them in their order
        raise NotImplementedError("TODO inception10_call: run them in their order")


class ResnetBlock(Model):
    """Two 3x3 convolutions F(x), and x itself or its 1x1 convolution W(x) added before the last ReLU.

    Parameters
    ----------
    filters, strides : int
        Of the first convolution; the second has strides 1.
    residual_path : bool
        Whether the shortcut has a 1x1 convolution with these strides and a batch normalisation.
    """

    def __init__(self, filters, strides=1, residual_path=False):
        super().__init__()
        # TODO(resnet_block): make the layers of section 8; no convolution has a bias
        raise NotImplementedError("TODO resnet_block: make the layers of section 8; no convolution has a bias")

    def call(self, inputs):
        """Return ReLU(F(x) + x) or ReLU(F(x) + W(x))."""
        # TODO(resnet_block_call): run them; the sum stands before the last ReLU
        raise NotImplementedError("TODO resnet_block_call: run them; the sum stands before the last ReLU")


class ResNet18(Model):
    """ResNet18, 2015, for small pictures.

    Parameters
    ----------
    block_list : list of int
        How many blocks each stage has; [2, 2, 2, 2] makes 18 layers. All stages but the first begin with strides 2.
    initial_filters : int
        Channels of the first stage; each later one has twice as many as the one before.
    """

    def __init__(self, block_list, initial_filters=64):
        super().__init__()
        # TODO(resnet18): make the first convolution, the blocks, the pooling and the last layer
        raise NotImplementedError("TODO resnet18: make the first convolution, the blocks, the pooling and the last layer")

    def call(self, inputs):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        # TODO(resnet18_call): run them in their order
        raise NotImplementedError("TODO resnet18_call: run them in their order")
