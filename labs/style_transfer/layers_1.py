"""ReLU, forward and backward, written by hand with NumPy. Formulas carry the numbers of the README."""

import numpy as np


class ReLULayer:
    """Rectified linear unit: what is negative becomes zero."""

    def forward(self, input):
        """Return the output for an input of any shape: formula (6)."""
        self.input = input
        # TODO(relu_forward): set self.output by formula (6)
        raise NotImplementedError("TODO relu_forward: set self.output by formula (6)")
        return self.output

    def backward(self, top_diff):
        """Return the gradient of the input for the gradient of the output: formula (6)."""
        # TODO(relu_backward): set self.bottom_diff by formula (6)
        raise NotImplementedError("TODO relu_backward: set self.bottom_diff by formula (6)")
        return self.bottom_diff
