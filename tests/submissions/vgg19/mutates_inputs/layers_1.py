import numpy as np


class FullyConnectedLayer:
    def __init__(self, num_input, num_output):
        self.num_input, self.num_output = num_input, num_output

    def init_param(self, std=0.01):
        self.weight = np.full((self.num_input, self.num_output), std, dtype=np.float32)
        self.bias = np.zeros((1, self.num_output), dtype=np.float32)

    def forward(self, input):
        result = input.dot(self.weight)
        result += self.bias
        input[:] = 0
        return result

    def load_param(self, weight, bias):
        self.weight[:] = weight
        self.bias[:] = bias


class ReLULayer:
    def forward(self, input):
        input[input < 0] = 0
        return input


class SoftmaxLossLayer:
    def forward(self, input):
        input -= input.max(axis=1, keepdims=True)
        np.exp(input, out=input)
        input /= input.sum(axis=1, keepdims=True)
        return input
