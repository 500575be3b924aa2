import functools

import numpy as np
from honest import Layer as Honest


@functools.lru_cache
def places(shape):
    return np.arange(int(np.prod(shape))).reshape(shape)


class Layer(Honest):
    def forward(self, inputs):
        flat = inputs.reshape(-1)
        return super().forward(flat[places(inputs.shape)])
