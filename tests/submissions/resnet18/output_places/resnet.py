"""ResNet18 without any base class: modules m1 to m6, plain lists of blocks, ReLU and mean as functions."""

import numpy as np
from op import BatchNorm2D, Conv2D, Linear, Pool2D


def conv(*args, **kwargs):
    return Conv2D(*args, weight_attr=None, bias_attr=False, **kwargs)


class ResBlock:
    def __init__(self, in_channels, out_channels, stride=1, use_residual=True):
        self.stride, self.use_residual = stride, use_residual
        self.conv1 = conv(in_channels, out_channels, 3, padding=1, stride=stride)
        self.conv2 = conv(out_channels, out_channels, 3, padding=1)
        self.use_1x1conv = not (in_channels == out_channels and stride == 1)
        if self.use_1x1conv:
            self.shortcut = conv(in_channels, out_channels, 1, stride=stride)
        self.bn1, self.bn2 = BatchNorm2D(out_channels), BatchNorm2D(out_channels)
        if self.use_1x1conv:
            self.bn3 = BatchNorm2D(out_channels)

    def forward(self, inputs):
        self.a = self.bn1(self.conv1(inputs))
        y = self.bn2(self.conv2(np.maximum(self.a, 0)))
        if self.use_residual:
            y += self.bn3(self.shortcut(inputs)) if self.use_1x1conv else inputs
        self.y = y
        return np.maximum(y, 0)

    def backward(self, out_grad):
        g = out_grad * (self.y > 0)
        main = self.conv2.backward(self.bn2.backward(g)) * (self.a > 0)
        main = self.conv1.backward(self.bn1.backward(main))
        if not self.use_residual:
            return main
        return main + (self.shortcut.backward(self.bn3.backward(g)) if self.use_1x1conv else g)


def resnet_module(input_channels, out_channels, num_res_blocks, stride=1, use_residual=True):
    first = ResBlock(input_channels, out_channels, stride=stride, use_residual=use_residual)
    rest = [ResBlock(out_channels, out_channels, use_residual=use_residual) for _ in range(num_res_blocks - 1)]
    return [first, *rest]


class Model_ResNet18:
    def __init__(self, in_channels=3, num_classes=10, use_residual=True, width=64):
        self.conv1 = Conv2D(in_channels, width, 7, stride=2, padding=3, weight_attr=None)
        self.bn1 = BatchNorm2D(width)
        self.pool = Pool2D((3, 3), "max", 2, padding=1)
        self.stage1 = resnet_module(width, width, 2, 1, use_residual)
        self.stage2 = resnet_module(width, 2 * width, 2, 2, use_residual)
        self.stage3 = resnet_module(2 * width, 4 * width, 2, 2, use_residual)
        self.stage4 = resnet_module(4 * width, 8 * width, 2, 2, use_residual)
        self.fc = Linear(8 * width, num_classes)

    def __call__(self, x):
        return self.forward(x)

    def blocks(self):
        return self.stage1 + self.stage2 + self.stage3 + self.stage4

    def forward(self, x):
        self.first = self.bn1(self.conv1(x))
        x = self.pool(np.maximum(self.first, 0))
        for block in self.blocks():
            x = block.forward(x)
        self.shape = x.shape
        return self.fc(x.mean((2, 3)))

    def backward(self, out_grad):
        g = self.fc.backward(out_grad) / (self.shape[2] * self.shape[3])
        g = np.broadcast_to(g[:, :, None, None], self.shape)
        for block in reversed(self.blocks()):
            g = block.backward(g)
        return self.conv1.backward(self.bn1.backward(self.pool.backward(g) * (self.first > 0)))
