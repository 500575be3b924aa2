import numpy as np

class ReLULayer:
    def forward(self, input):
        input[input < 0] = 0
        self.dead = input == 0
        return input

    def backward(self, top_diff):
        top_diff[self.dead] = 0
        return top_diff
