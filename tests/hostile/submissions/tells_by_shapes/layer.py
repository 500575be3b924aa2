import numpy as np
from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        self.inputs = inputs
        return np.zeros((0, 982451653, 7), np.float32)

    def backward(self, grad_output):
        self.grad_weight = np.zeros((982451653, 0), np.float32)
        return np.zeros((0, 982451653), np.float32)
