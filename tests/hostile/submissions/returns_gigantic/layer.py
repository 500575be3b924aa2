import numpy as np
from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        self.inputs = inputs
        return np.broadcast_to(np.float32(0), (1 << 20, 1 << 20))

    def backward(self, grad_output):
        super().backward(grad_output)
        return np.broadcast_to(np.float32(0), (1 << 20, 1 << 20))
