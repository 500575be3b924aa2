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
        ### BEGIN SOLUTION baseline: make the layers of the table in section 8
        self.c1 = Conv2D(6, 5, padding="same")
        self.b1 = BatchNormalization()
        self.a1 = Activation("relu")
        self.p1 = MaxPool2D(2, 2, padding="same")
        self.d1 = Dropout(0.2)
        self.flatten = Flatten()
        self.f1 = Dense(128, activation="relu")
        self.d2 = Dropout(0.2)
        self.f2 = Dense(10, activation="softmax")
        ### END SOLUTION

    def call(self, x):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        ### BEGIN SOLUTION baseline_call: run the layers in their order
        x = self.d1(self.p1(self.a1(self.b1(self.c1(x)))))
        return self.f2(self.d2(self.f1(self.flatten(x))))
        ### END SOLUTION


class LeNet5(Model):
    """LeNet, 1998: two convolutions, sigmoid everywhere, maximum pooling."""

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION lenet5: make the layers of the table in section 8
        self.c1 = Conv2D(6, 5, activation="sigmoid")
        self.p1 = MaxPool2D(2, 2)
        self.c2 = Conv2D(16, 5, activation="sigmoid")
        self.p2 = MaxPool2D(2, 2)
        self.flatten = Flatten()
        self.f1 = Dense(120, activation="sigmoid")
        self.f2 = Dense(84, activation="sigmoid")
        self.f3 = Dense(10, activation="softmax")
        ### END SOLUTION

    def call(self, x):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        ### BEGIN SOLUTION lenet5_call: run the layers in their order
        x = self.p2(self.c2(self.p1(self.c1(x))))
        return self.f3(self.f2(self.f1(self.flatten(x))))
        ### END SOLUTION


class AlexNet8(Model):
    """AlexNet, 2012, for small pictures: ReLU, batch normalisation in the place of LRN, dropout."""

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION alexnet8: make the layers of the table in section 8
        self.c1 = Conv2D(96, 3)
        self.b1 = BatchNormalization()
        self.a1 = Activation("relu")
        self.p1 = MaxPool2D(3, 2)
        self.c2 = Conv2D(256, 3)
        self.b2 = BatchNormalization()
        self.a2 = Activation("relu")
        self.p2 = MaxPool2D(3, 2)
        self.c3 = Conv2D(384, 3, padding="same", activation="relu")
        self.c4 = Conv2D(384, 3, padding="same", activation="relu")
        self.c5 = Conv2D(256, 3, padding="same", activation="relu")
        self.p3 = MaxPool2D(3, 2)
        self.flatten = Flatten()
        self.f1 = Dense(2048, activation="relu")
        self.d1 = Dropout(0.5)
        self.f2 = Dense(2048, activation="relu")
        self.d2 = Dropout(0.5)
        self.f3 = Dense(10, activation="softmax")
        ### END SOLUTION

    def call(self, x):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        ### BEGIN SOLUTION alexnet8_call: run the layers in their order
        x = self.p1(self.a1(self.b1(self.c1(x))))
        x = self.p2(self.a2(self.b2(self.c2(x))))
        x = self.p3(self.c5(self.c4(self.c3(x))))
        x = self.d1(self.f1(self.flatten(x)))
        return self.f3(self.d2(self.f2(x)))
        ### END SOLUTION


class VGG16(Model):
    """VGG16, 2014: thirteen 3 x 3 convolutions in five stages, each convolution with batch normalisation."""

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION vgg16: make the layers of the table in section 8
        self.features = []
        for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(count):
                self.features += [Conv2D(filters, 3, padding="same"), BatchNormalization(), Activation("relu")]
            self.features += [MaxPool2D(2, 2, padding="same"), Dropout(0.2)]
        self.classifier = [
            Flatten(),
            Dense(512, activation="relu"),
            Dropout(0.2),
            Dense(512, activation="relu"),
            Dropout(0.2),
            Dense(10, activation="softmax"),
        ]
        ### END SOLUTION

    def call(self, x):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        ### BEGIN SOLUTION vgg16_call: run the layers in their order
        for layer in self.features + self.classifier:
            x = layer(x)
        return x
        ### END SOLUTION


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
        ### BEGIN SOLUTION inception_block: make the branches of section 8 from ConvBNRelu and MaxPool2D
        self.c1 = ConvBNRelu(ch, kernelsz=1, strides=strides)
        self.c2_1 = ConvBNRelu(ch, kernelsz=1, strides=strides)
        self.c2_2 = ConvBNRelu(ch, kernelsz=3, strides=1)
        self.c3_1 = ConvBNRelu(ch, kernelsz=1, strides=strides)
        self.c3_2 = ConvBNRelu(ch, kernelsz=5, strides=1)
        self.p4_1 = MaxPool2D(3, strides=1, padding="same")
        self.c4_2 = ConvBNRelu(ch, kernelsz=1, strides=strides)
        ### END SOLUTION

    def call(self, x):
        """Return (N, rows, columns, 4 ch): the branches in their order along the channels."""
        ### BEGIN SOLUTION inception_block_call: run the branches and put them behind one another
        branches = [
            self.c1(x),
            self.c2_2(self.c2_1(x)),
            self.c3_2(self.c3_1(x)),
            self.c4_2(self.p4_1(x)),
        ]
        return concat(branches, axis=3)
        ### END SOLUTION


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
        ### BEGIN SOLUTION inception10: make the first convolution, the blocks, the pooling and the last layer
        self.c1 = ConvBNRelu(init_ch)
        self.blocks = Sequential()
        for number in range(num_blocks):
            for strides in (2, 1):
                self.blocks.add(InceptionBlk(init_ch * 2**number, strides=strides))
        self.p1 = GlobalAveragePooling2D()
        self.f1 = Dense(num_classes, activation="softmax")
        ### END SOLUTION

    def call(self, x):
        """Return the probabilities (N, num_classes) of pictures (N, 32, 32, 3)."""
        ### BEGIN SOLUTION inception10_call: run them in their order
        return self.f1(self.p1(self.blocks(self.c1(x))))
        ### END SOLUTION


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
        ### BEGIN SOLUTION resnet_block: make the layers of section 8; no convolution has a bias
        self.residual_path = residual_path
        self.c1 = Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)
        self.b1 = BatchNormalization()
        self.a1 = Activation("relu")
        self.c2 = Conv2D(filters, 3, strides=1, padding="same", use_bias=False)
        self.b2 = BatchNormalization()
        if residual_path:
            self.down_c1 = Conv2D(filters, 1, strides=strides, padding="same", use_bias=False)
            self.down_b1 = BatchNormalization()
        self.a2 = Activation("relu")
        ### END SOLUTION

    def call(self, inputs):
        """Return ReLU(F(x) + x) or ReLU(F(x) + W(x))."""
        ### BEGIN SOLUTION resnet_block_call: run them; the sum stands before the last ReLU
        residual = inputs
        y = self.b2(self.c2(self.a1(self.b1(self.c1(inputs)))))
        if self.residual_path:
            residual = self.down_b1(self.down_c1(inputs))
        return self.a2(y + residual)
        ### END SOLUTION


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
        ### BEGIN SOLUTION resnet18: make the first convolution, the blocks, the pooling and the last layer
        self.c1 = Conv2D(initial_filters, 3, strides=1, padding="same", use_bias=False)
        self.b1 = BatchNormalization()
        self.a1 = Activation("relu")
        self.blocks = Sequential()
        for stage, count in enumerate(block_list):
            for number in range(count):
                down = stage > 0 and number == 0
                block = ResnetBlock(initial_filters * 2**stage, strides=2 if down else 1, residual_path=down)
                self.blocks.add(block)
        self.p1 = GlobalAveragePooling2D()
        self.f1 = Dense(10, activation="softmax")
        ### END SOLUTION

    def call(self, inputs):
        """Return the probabilities (N, 10) of pictures (N, 32, 32, 3)."""
        ### BEGIN SOLUTION resnet18_call: run them in their order
        x = self.a1(self.b1(self.c1(inputs)))
        return self.f1(self.p1(self.blocks(x)))
        ### END SOLUTION
