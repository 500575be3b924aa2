import ctypes

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        ctypes.string_at(0)
