import numpy as np


class FullyConnectedLayer:
    def __init__(self, num_input, num_output):
        self.num_input, self.num_output = num_input, num_output
        self.weight = self.bias = None

    def init_param(self, std=0.01):
        rng = np.random.default_rng(1)
        self.weight = rng.standard_normal((self.num_input, self.num_output), dtype=np.float32) * np.float32(std)
        self.bias = np.zeros((1, self.num_output), np.float32)

    def forward(self, input):
        return input.astype(np.float32) @ self.weight + self.bias

    def load_param(self, weight, bias):
        self.weight = np.asarray(weight, np.float32).reshape(self.num_input, self.num_output)
        self.bias = np.asarray(bias, np.float32).reshape(1, self.num_output)


class ReLULayer:
    def forward(self, input):
        return input * (input > 0)


class SoftmaxLossLayer:
    def forward(self, input):
        e = np.exp((input.T - input.max(axis=1)).T)
        return (e.T / e.sum(axis=1)).T
