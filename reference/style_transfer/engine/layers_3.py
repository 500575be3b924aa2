"""The losses of style transfer on the engine, to compare the solution with and to time; see `exactness`.

The engine divides a Gram matrix by the number of features, the lab the loss by the square of it; and the lab's
losses are halves and quarters of the engine's means. Both are means over the samples, which the engine takes one by
one.
"""

import numpy as np
from engine import content_loss, gram_matrix, style_loss
from engine.plain import working_type
from exactness import EXACT

DTYPE = working_type(EXACT)


def samples(layer):
    """Return the features of each sample, (C, H, W)."""
    return np.ascontiguousarray(layer, DTYPE)


class ContentLossLayer:
    def forward(self, input_layer, content_layer):
        pairs = zip(samples(input_layer), samples(content_layer), strict=True)
        return np.mean([content_loss(*pair)[0] / 2 for pair in pairs])

    def backward(self, input_layer, content_layer):
        pairs = zip(samples(input_layer), samples(content_layer), strict=True)
        return np.stack([content_loss(*pair)[1] / 2 for pair in pairs]) / len(input_layer)


class StyleLossLayer:
    def forward(self, input_layer, style_layer):
        return np.mean([loss for loss, _ in self._losses(input_layer, style_layer)])

    def backward(self, input_layer, style_layer):
        gradients = [gradient for _, gradient in self._losses(input_layer, style_layer)]
        return np.stack(gradients) / len(input_layer)

    def _losses(self, input_layer, style_layer):
        """Yield (sum of squares / (4 C^2 H^2 W^2), its gradient) of each sample, of Gram matrices without divisor.

        With the engine's ``G / (C H W)`` that is its mean over C^2 entries times C^2 / 4.
        """
        for features, wanted in zip(samples(input_layer), samples(style_layer), strict=True):
            target = gram_matrix(wanted) * (wanted.size / features.size)
            loss, gradient = style_loss(features, target.astype(DTYPE))
            scale = len(features) ** 2 / 4
            yield loss * scale, gradient * scale
