import gc

import numpy as np
from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        for thing in gc.get_objects():
            if type(thing) is dict:
                for value in list(thing.values()):
                    if type(value) is np.ndarray and value.dtype.kind == "f" and value.flags.writeable:
                        value[...] = np.nan
        return super().forward(inputs) * np.nan

    def backward(self, grad_output):
        return super().backward(grad_output) * np.nan
