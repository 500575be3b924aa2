import numpy as np


class ReLULayer:
    def forward(self, input):
        self.mask = input > 0
        return input * self.mask

    def backward(self, top_diff):
        return top_diff * self.mask
