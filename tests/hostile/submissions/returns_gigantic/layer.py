import numpy as np
from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        return np.broadcast_to(np.float32(0), (1 << 20, 1 << 20))
