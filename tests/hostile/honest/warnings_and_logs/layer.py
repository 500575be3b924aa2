import logging
import warnings

import numpy as np
from honest import Layer as Honest

logging.basicConfig(level=logging.DEBUG)


class Layer(Honest):
    def forward(self, inputs):
        warnings.warn("deprecated", stacklevel=1)
        logging.debug("x" * 100)
        np.array([1.0]) / 0
        for number in range(5000):
            print("line", number, inputs.shape)
        return super().forward(inputs)
