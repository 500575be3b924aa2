"""ReLU on the engine, to compare the solution with and to time; see `exactness`."""

import numpy as np
from engine import relu, relu_backward
from engine.plain import working_type
from exactness import EXACT

DTYPE = working_type(EXACT)


class ReLULayer:
    def forward(self, input):
        self.output = relu(np.asarray(input, DTYPE))
        return self.output

    def backward(self, top_diff):
        return relu_backward(self.output, np.asarray(top_diff, DTYPE))
