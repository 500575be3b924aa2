import os

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        while True:
            os.write(3, os.urandom(1 << 16))
