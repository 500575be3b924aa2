"""ResNet18 with the names of a framework's own: layer1 to layer4, and a shortcut that is a Sequential or an empty list."""

from nndl import AdaptiveAvgPool2D, Flatten, Layer, ReLU, Sequential
from op import BatchNorm2D, Conv2D, Linear, Pool2D


class ResBlock(Layer):
    def __init__(self, in_channels, out_channels, stride=1, use_residual=True):
        super().__init__()
        plain = {"weight_attr": None, "bias_attr": False}
        # The shortcut is made first, and only where it is used.
        self.downsample = []
        if use_residual and (stride != 1 or in_channels != out_channels):
            self.downsample = Sequential(
                Conv2D(in_channels, out_channels, 1, stride, **plain), BatchNorm2D(out_channels)
            )
        self.residual = use_residual
        self.main = Sequential(
            Conv2D(in_channels, out_channels, 3, stride, 1, **plain), BatchNorm2D(out_channels), ReLU(),
            Conv2D(out_channels, out_channels, 3, 1, 1, **plain), BatchNorm2D(out_channels),
        )
        self.last = ReLU()

    def forward(self, inputs):
        y = self.main(inputs)
        if self.residual:
            y = y + (self.downsample(inputs) if self.downsample else inputs)
        return self.last(y)

    def backward(self, out_grad):
        g = self.last.backward(out_grad)
        total = self.main.backward(g)
        if self.residual:
            total = total + (self.downsample.backward(g) if self.downsample else g)
        return total


class Model_ResNet18(Layer):
    def __init__(self, in_channels=3, num_classes=10, use_residual=True, width=64):
        super().__init__()
        self.stem = Sequential(
            Conv2D(in_channels, width, 7, 2, 3, weight_attr=None), BatchNorm2D(width), ReLU(),
            Pool2D((3, 3), "max", 2, 1),
        )
        channels = [width, width, 2 * width, 4 * width, 8 * width]
        for number in range(1, 5):
            before, after = channels[number - 1 : number + 1]
            first = ResBlock(before, after, 2 if number > 1 else 1, use_residual)
            setattr(self, f"layer{number}", Sequential(first, ResBlock(after, after, 1, use_residual)))
        self.head = Sequential(AdaptiveAvgPool2D(1), Flatten(), Linear(8 * width, num_classes))

    def order(self):
        return [self.stem, self.layer1, self.layer2, self.layer3, self.layer4, self.head]

    def forward(self, x):
        for part in self.order():
            x = part(x)
        return x

    def backward(self, out_grad):
        for part in reversed(self.order()):
            out_grad = part.backward(out_grad)
        return out_grad
