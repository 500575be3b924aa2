import numpy as np
from numba import njit, prange


@njit(parallel=True, cache=True)
def correlate(inputs, weight, bias, outputs):
    for n in prange(outputs.shape[0]):
        for o in range(outputs.shape[1]):
            for i in range(outputs.shape[2]):
                for j in range(outputs.shape[3]):
                    total = bias[o]
                    for c in range(weight.shape[1]):
                        for u in range(weight.shape[2]):
                            for v in range(weight.shape[3]):
                                total += inputs[n, c, i + u, j + v] * weight[o, c, u, v]
                    outputs[n, o, i, j] = total


class Layer:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias

    def forward(self, inputs):
        self.inputs = inputs
        n, _, rows, columns = inputs.shape
        size = self.weight.shape[2]
        outputs = np.empty((n, len(self.bias), rows - size + 1, columns - size + 1), np.float32)
        correlate(inputs, self.weight, self.bias, outputs)
        return outputs

    def backward(self, grad_output):
        size = self.weight.shape[2]
        n, _, rows, columns = grad_output.shape
        grad_input = np.zeros_like(self.inputs)
        self.grad_weight = np.zeros_like(self.weight)
        for u in range(size):
            for v in range(size):
                window = self.inputs[:, :, u : u + rows, v : v + columns]
                self.grad_weight[:, :, u, v] = np.tensordot(grad_output, window, ((0, 2, 3), (0, 2, 3)))
                part = np.tensordot(grad_output, self.weight[:, :, u, v], (1, 0))
                grad_input[:, :, u : u + rows, v : v + columns] += part.transpose(0, 3, 1, 2)
        return grad_input
