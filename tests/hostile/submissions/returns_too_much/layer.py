import numpy as np
from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        return np.zeros((64, 256, 256), np.float32)
