"""LeNet-5 as a list of layers, over operators that know no base class; the batch axis survives for one picture."""

import numpy as np
from op import Conv2D, Linear, Pool2D


class Rectifier:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, g):
        return np.where(self.x > 0, g, 0)


class Squeeze:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(x.shape[0], x.shape[1])

    def backward(self, g):
        return g.reshape(self.shape)


class Model_LeNet:
    def __init__(self, in_channels, num_classes=10):
        self.layers = [
            Conv2D(in_channels, 6, 5, weight_attr=None), Rectifier(), Pool2D((2, 2), "max", 2),
            Conv2D(6, 16, 5, weight_attr=None), Rectifier(), Pool2D((2, 2), "avg", 2),
            Conv2D(16, 120, 5, weight_attr=None), Rectifier(), Squeeze(),
            Linear(120, 84), Rectifier(), Linear(84, num_classes),
        ]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, out_grad):
        for layer in self.layers[::-1]:
            out_grad = layer.backward(out_grad)
        return out_grad
