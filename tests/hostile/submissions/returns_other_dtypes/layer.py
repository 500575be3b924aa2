import numpy as np
from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        return super().forward(inputs).astype(np.complex64)

    def backward(self, grad_output):
        found = super().backward(grad_output)
        self.grad_weight = np.zeros(3, "M8[s]")
        return found.view([("re", "f4")])
