import numpy as np
from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        self.inputs = inputs
        return np.zeros((64, 256, 256), np.float32)

    def backward(self, grad_output):
        super().backward(grad_output)
        return np.zeros((64, 256, 256), np.float32)
