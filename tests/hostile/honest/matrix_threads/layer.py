from concurrent.futures import ThreadPoolExecutor

import numpy as np
from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        square = np.ones((600, 600), np.float32)
        square @ square
        with ThreadPoolExecutor(2) as pool:
            parts = pool.map(super().forward, [inputs[i : i + 1] for i in range(len(inputs))])
            found = np.concatenate(list(parts))
        self.inputs = inputs
        return found
