import numpy as np
from honest import Layer as Honest


class Layer(Honest):
    buffer = None

    def forward(self, inputs):
        if Layer.buffer is None:
            Layer.buffer = np.ones((50, 1 << 20), np.float32)
        size = self.weight.shape[2]
        n, channels, rows, columns = inputs.shape
        rows, columns = rows - size + 1, columns - size + 1
        length = channels * size * size
        unrolled = Layer.buffer.reshape(-1)[: n * length * rows * columns].reshape(n, channels, size, size, rows, columns)
        for u in range(size):
            for v in range(size):
                unrolled[:, :, u, v] = inputs[:, :, u : u + rows, v : v + columns]
        flat = unrolled.reshape(n, length, rows * columns)
        self.inputs = inputs
        found = self.weight.reshape(len(self.bias), length) @ flat + self.bias[:, None]
        return found.reshape(n, len(self.bias), rows, columns)
