import numpy as np
from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        return super().forward(inputs) + np.nan

    def backward(self, grad_output):
        return super().backward(grad_output) - np.inf
