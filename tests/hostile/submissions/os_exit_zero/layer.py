import os

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        os._exit(0)
