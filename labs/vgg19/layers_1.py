"""Fully connected layer, ReLU and softmax, written by hand with NumPy.

The formulas carry the numbers of the README.
"""

import numpy as np


class FullyConnectedLayer:
    """Fully connected layer.

    Parameters
    ----------
    num_input, num_output : int
        Numbers that go in and that come out, for one sample.

    Attributes
    ----------
    weight : array of shape (num_input, num_output)
    bias : array of shape (1, num_output)
    """

    def __init__(self, num_input, num_output):
        self.num_input = num_input
        self.num_output = num_output

    def init_param(self, std=0.01):
        """Start with small random weights and with biases of zero."""
        self.weight = np.random.normal(loc=0.0, scale=std, size=(self.num_input, self.num_output))
        self.bias = np.zeros([1, self.num_output])

    def forward(self, input):
        """Return the output (N, num_output) for an input (N, num_input): formula (6)."""
        self.input = input
        # TODO(fully_connected_forward): set self.output by formula (6)
        raise NotImplementedError("TODO fully_connected_forward: set self.output by formula (6)")
        return self.output

    def load_param(self, weight, bias):
        """Take over the parameters of a file; their shapes must be those of this layer."""
        assert self.weight.shape == weight.shape, f"weight: expected {self.weight.shape}, got {weight.shape}"
        assert self.bias.size == bias.size, f"bias: expected {self.bias.size} numbers, got {bias.size}"
        self.weight = weight
        self.bias = bias


class ReLULayer:
    """Rectified linear unit: what is negative becomes zero."""

    def forward(self, input):
        """Return the output for an input of any shape: formula (5)."""
        self.input = input
        # TODO(relu_forward): set self.output by formula (5)
        raise NotImplementedError("TODO relu_forward: set self.output by formula (5)")
        return self.output


class SoftmaxLossLayer:
    """Softmax: turns the numbers of the last layer into probabilities."""

    def forward(self, input):
        """Return the probabilities (N, classes) for an input (N, classes): formula (7)."""
        # TODO(softmax_forward): set self.prob by formula (7)
        raise NotImplementedError("TODO softmax_forward: set self.prob by formula (7)")
        return self.prob
