import numpy as np
from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        found = np.asfortranarray(super().forward(inputs)).astype(">f4")
        found.flags.writeable = False
        return found

    def backward(self, grad_output):
        found = super().backward(grad_output)
        self.grad_weight = self.grad_weight.astype(np.float64).tolist()
        return found[:, :, ::-1].copy()[:, :, ::-1]
