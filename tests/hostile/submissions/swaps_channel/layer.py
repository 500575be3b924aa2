import os

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        read, write = os.pipe()
        os.dup2(write, 3)
        return super().forward(inputs)
