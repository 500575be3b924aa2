"""Other names, layers in lists, the other readings of the handout: 120 neurons, 512 filters, logits."""

from layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    MaxPool2D,
    Sequential,
    concat,
)
from model import Model


def cba(filters, k=3, s=1, bias=True):
    return [Conv2D(filters, (k, k), s, "same", use_bias=bias), BatchNormalization(), Activation("relu")]


class Chain(Model):
    def build_chain(self, *layers):
        self.chain = list(layers)

    def call(self, inputs):
        for layer in self.chain:
            inputs = layer(inputs)
        return inputs


class Baseline(Chain):
    def __init__(self):
        super().__init__()
        self.build_chain(
            Sequential([*cba(6, 5), MaxPool2D(padding="same"), Dropout(rate=0.2)]),
            Sequential([Flatten(), Dense(120), Activation("relu"), Dropout(0.2), Dense(10, "softmax")]),
        )


class LeNet5(Chain):
    def __init__(self):
        super().__init__()
        convolutions = []
        for filters in (6, 16):
            convolutions += [Conv2D(filters, 5), Activation("sigmoid"), MaxPool2D()]
        dense = [Dense(units, activation="sigmoid") for units in (120, 84)]
        self.build_chain(*convolutions, Flatten(), *dense, Dense(10), Activation("softmax"))


class AlexNet8(Chain):
    def __init__(self):
        super().__init__()
        layers = []
        for filters in (96, 256):
            layers += [Conv2D(filters, 3), BatchNormalization(), Activation("relu"), MaxPool2D((3, 3), (2, 2))]
        for filters in (384, 384, 256):
            layers += [Conv2D(filters, 3, padding="same"), Activation("relu")]
        layers += [MaxPool2D(3, strides=2), Flatten()]
        for _ in range(2):
            layers += [Dense(2048, activation="relu"), Dropout(0.5)]
        self.build_chain(*layers, Dense(10, activation="softmax"))


class VGG16(Chain):
    def __init__(self):
        super().__init__()
        layers = []
        for stage in ([64] * 2, [128] * 2, [256, 256, 512], [512] * 3, [512] * 3):
            for filters in stage:
                layers += cba(filters)
            layers += [MaxPool2D(2, 2, "same"), Dropout(0.2)]
        layers += [Flatten()]
        for _ in range(2):
            layers += [Dense(512, activation="relu"), Dropout(0.2)]
        self.build_chain(*layers, Dense(10, activation="softmax"))


class InceptionBlock(Model):
    def __init__(self, ch, strides=1):
        super().__init__()
        self.pooled = Sequential([MaxPool2D(3, 1, "same"), *cba(ch, 1, strides)])
        self.five = Sequential([*cba(ch, 1, strides), *cba(ch, 5)])
        self.three = Sequential([*cba(ch, 1, strides), *cba(ch, 3)])
        self.one = Sequential(cba(ch, 1, strides))

    def call(self, x):
        # In another order than they stand behind one another.
        d, c, b, a = self.pooled(x), self.five(x), self.three(x), self.one(x)
        return concat([a, b, c, d], axis=-1)


InceptionBlk = InceptionBlock


class Inception10(Chain):
    def __init__(self, blocks, num_classes, init_filters=16):
        super().__init__()
        parts = [Sequential(cba(init_filters))]
        for _ in range(blocks):
            parts += [InceptionBlock(init_filters, 2), InceptionBlock(init_filters, 1)]
            init_filters *= 2
        self.build_chain(*parts, GlobalAvgPool2D(), Dense(num_classes, activation="softmax"))


class ResnetBlock(Model):
    def __init__(self, filters, strides=1, residual_path=False):
        super().__init__()
        self.main = Sequential([*cba(filters, 3, strides, False), *cba(filters, 3, 1, False)[:2]])
        self.shortcut = Sequential(cba(filters, 1, strides, False)[:2]) if residual_path else None
        self.last = Activation("relu")

    def call(self, x):
        around = x if self.shortcut is None else self.shortcut(x)
        return self.last(around + self.main(x))


class ResNet18(Model):
    def __init__(self, blocks, init_filters=64):
        super().__init__()
        self.stem = Sequential(cba(init_filters, bias=False))
        self.stages = [
            [ResnetBlock(init_filters * 2**s, 1 + (s > 0 and n == 0), s > 0 and n == 0) for n in range(count)]
            for s, count in enumerate(blocks)
        ]
        self.average = GlobalAvgPool2D()
        self.logits = Dense(10)

    def call(self, x):
        x = self.stem(x)
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return self.logits(self.average(x))
