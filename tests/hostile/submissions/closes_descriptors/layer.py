import os

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        os.closerange(0, 1024)
        return super().forward(inputs)
