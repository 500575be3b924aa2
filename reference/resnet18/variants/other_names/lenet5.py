"""LeNet-5 whose fifth layer is a fully connected one from 400 to 120; other names for the layers."""

import numpy as np
from nndl import Layer, ReLU
from op import Conv2D, Linear, Pool2D


class Model_LeNet(Layer):
    def __init__(self, in_channels, num_classes=10):
        super().__init__()
        self.C1 = Conv2D(in_channels, 6, 5, weight_attr=None)
        self.S2 = Pool2D(size=(2, 2), mode="max", stride=2)
        self.C3 = Conv2D(6, 16, 5, weight_attr=None)
        self.S4 = Pool2D(size=(2, 2), mode="avg", stride=2)
        self.C5 = Linear(400, 120)
        self.F6 = Linear(120, 84)
        self.F7 = Linear(84, num_classes)
        self.relus = [ReLU() for _ in range(4)]

    def forward(self, x):
        a, b, c, d = self.relus
        x = self.S4(b(self.C3(self.S2(a(self.C1(x))))))
        x = np.reshape(x, (-1, 400))
        return self.F7(d(self.F6(c(self.C5(x)))))

    def backward(self, out_grad):
        a, b, c, d = self.relus
        g = self.C5.backward(c.backward(self.F6.backward(d.backward(self.F7.backward(out_grad)))))
        g = self.C3.backward(b.backward(self.S4.backward(g.reshape(-1, 16, 5, 5))))
        return self.C1.backward(a.backward(self.S2.backward(g)))
