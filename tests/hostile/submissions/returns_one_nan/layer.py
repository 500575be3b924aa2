import numpy as np
from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        found = super().forward(inputs)
        found.flat[-1] = np.nan
        return found

    def backward(self, grad_output):
        found = super().backward(grad_output)
        found.flat[0] = np.inf
        return found
