import numpy as np
from numba import njit


@njit
def relu(x, out):
    for i in range(x.size):
        out[i] = max(x[i], np.float32(0))


@njit
def relu_back(x, g, out):
    for i in range(x.size):
        out[i] = g[i] if x[i] > 0 else np.float32(0)


def flat(a):
    return np.ascontiguousarray(a, dtype=np.float32).ravel()


class ReLULayer(object):
    def forward(self, input):
        self.input = flat(input)
        out = np.empty(input.shape, np.float32)
        relu(self.input, out.reshape(-1))
        return out

    def backward(self, top_diff):
        out = np.empty(top_diff.shape, np.float32)
        relu_back(self.input, flat(top_diff), out.reshape(-1))
        return out
