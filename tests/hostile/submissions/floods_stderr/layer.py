import os

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        while True:
            os.write(2, b"\0" * (1 << 16))
