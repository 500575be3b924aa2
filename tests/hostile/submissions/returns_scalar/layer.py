import numpy as np
from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        self.inputs = inputs
        return np.float32(0)

    def backward(self, grad_output):
        super().backward(grad_output)
        return 0.0
