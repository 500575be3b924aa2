"""Given: initial weights, random with a variance that suits the number of inputs and outputs."""

import numpy as np


def fans(shape):
    """Return how many numbers go into one output of a layer, and how many outputs one input goes to.

    Fully connected: (inputs, outputs). Convolution: (rows, columns, input channels, output channels).
    """
    places = int(np.prod(shape[:-2]))
    return shape[-2] * places, shape[-1] * places


class WeightInitializer:
    """Makes weights of a given shape, as in ``WeightInitializer(mode="glorot_uniform")((5, 5, 1, 6))``.

    Modes: ``glorot_normal``, ``glorot_uniform`` (Glorot and Bengio, 2010), ``he_normal``, ``he_uniform`` (He and
    others, 2015), ``std_normal``.
    """

    def __init__(self, mode="he_normal"):
        if mode not in ("glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "std_normal"):
            raise ValueError(f"unknown mode {mode!r}; known: glorot_normal, glorot_uniform, he_normal, he_uniform")
        self.mode = mode

    def __call__(self, weight_shape):
        fan_in, fan_out = fans(weight_shape)
        variance = {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in, "std": 1.0}[self.mode.partition("_")[0]]
        if self.mode.endswith("uniform"):
            bound = np.sqrt(3 * variance)
            return np.random.uniform(-bound, bound, size=weight_shape).astype(np.float32)
        return np.random.normal(0, np.sqrt(variance), size=weight_shape).astype(np.float32)
