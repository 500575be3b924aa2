import numpy as np
from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        return super().forward(inputs).mean(axis=(2, 3), keepdims=True)

    def backward(self, grad_output):
        return np.swapaxes(super().backward(grad_output), 2, 3)
