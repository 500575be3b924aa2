"""Fully connected layer, ReLU and softmax on the engine, to compare the solution with and to time; see `exactness`.

The engine has no softmax of its own: the probabilities are read off the gradient of its loss.
"""

import numpy as np
from engine import relu, softmax_cross_entropy
from engine.plain import times, working_type
from exactness import EXACT

DTYPE = working_type(EXACT)


class FullyConnectedLayer:
    def __init__(self, num_input, num_output):
        self.num_input, self.num_output = num_input, num_output

    def init_param(self, std=0.01):
        self.weight = np.zeros((self.num_input, self.num_output), np.float32)
        self.bias = np.zeros((1, self.num_output), np.float32)

    def load_param(self, weight, bias):
        assert self.weight.shape == weight.shape, f"weight: expected {self.weight.shape}, got {weight.shape}"
        assert self.bias.size == bias.size, f"bias: expected {self.bias.size} numbers, got {bias.size}"
        # In the file the first axis is the fastest.
        self.weight, self.bias = np.ascontiguousarray(weight), np.reshape(bias, -1)

    def forward(self, input):
        return times(input, self.weight, self.bias, exact=EXACT)


class ReLULayer:
    def forward(self, input):
        return relu(np.asarray(input, DTYPE))


class SoftmaxLossLayer:
    def forward(self, input):
        logits = np.ascontiguousarray(input, DTYPE)
        labels = np.zeros(len(logits), np.int64)
        # The gradient of the mean loss is (probabilities - one_hot(labels)) / N.
        probabilities = softmax_cross_entropy(logits, labels)[1] * len(logits)
        probabilities[:, 0] += 1
        return probabilities
