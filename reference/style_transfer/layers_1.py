"""ReLU, forward and backward, written by hand with NumPy. Formulas carry the numbers of the README."""

import numpy as np


class ReLULayer:
    """Rectified linear unit: what is negative becomes zero."""

    def forward(self, input):
        """Return the output for an input of any shape: formula (6)."""
        self.input = input
        ### BEGIN SOLUTION relu_forward: set self.output by formula (6)
        self.output = np.maximum(self.input, 0)
        ### END SOLUTION
        return self.output

    def backward(self, top_diff):
        """Return the gradient of the input for the gradient of the output: formula (6)."""
        ### BEGIN SOLUTION relu_backward: set self.bottom_diff by formula (6)
        self.bottom_diff = np.where(self.input > 0, top_diff, 0)
        ### END SOLUTION
        return self.bottom_diff
