"""A small network for 32 x 32 colour pictures: one normalized convolution and two dense layers, with dropout.

    convolution 5 x 5 - batch norm - ReLU - max 2 x 2 - dropout - dense - ReLU - dropout - dense

It is the first network of the lab ``cifar10_zoo`` (198,506 parameters with 128 hidden units).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..buffers import Array, load_activation, new_activation, store_activation
from ..elementwise import dropout, softmax_cross_entropy
from ..normalization import BatchNorm
from ..optimizers import Adam
from .layers import ConvolutionLayer, Feature, LinearLayer, MaxPoolLayer

KERAS_EPSILON, KERAS_MOMENTUM = 1e-3, 0.01


class Baseline:
    """The network and its training with Adam.

    Parameters
    ----------
    batch : pictures of a step.
    drop : probability of both dropouts.
    seed : of the dropouts' masks.
    """

    def __init__(
        self,
        batch: int = 32,
        *,
        side: int = 32,
        maps: int = 6,
        hidden: int = 128,
        classes: int = 10,
        drop: float = 0.2,
        seed: int = 0,
        dtype: Any = np.float32,
    ) -> None:
        self.drop, self._generator = drop, np.random.default_rng(seed)
        self.picture = Feature(new_activation(batch, side, side, 3, dtype, border=(2, 2, 2, 2), filled=False))
        self.convolution = ConvolutionLayer("convolution", self.picture, maps, kernel=5, padding=2, rectify=False)
        self.norm = BatchNorm(maps, dtype, momentum=KERAS_MOMENTUM, epsilon=KERAS_EPSILON)
        raw = self.convolution.target.value
        self._active = Feature(raw.like(rectified=True))
        self._pool = MaxPoolLayer("pool", self._active)
        self._size = maps * (side // 2) ** 2
        self.dense = [
            LinearLayer("dense", self._size, hidden, dtype, True),
            LinearLayer("classifier", hidden, classes, dtype, False),
        ]
        self._factors: list[Array] = []

    def parameters(self) -> list[Array]:
        """All parameters, in place."""
        convolution = self.convolution.convolution
        dense = [a for layer in self.dense for a in (layer.weight, layer.bias)]
        return [convolution.taps, convolution.bias, self.norm.gamma, self.norm.beta, *dense]

    def gradients(self) -> list[Array]:
        """Gradients in the order of :meth:`parameters`, after a backward pass."""
        convolution = self.convolution.convolution
        dense = [a for layer in self.dense for a in (layer.weight_gradient, layer.bias_gradient)]
        found = [
            convolution.taps_gradient,
            convolution.bias_gradient,
            self.norm.gamma_gradient,
            self.norm.beta_gradient,
            *dense,
        ]
        if any(gradient is None for gradient in found):
            raise RuntimeError("there are no gradients yet: call backward first")
        return [gradient for gradient in found if gradient is not None]

    def forward(self, pictures: Array, training: bool = False) -> Array:
        """Logits (N, classes) of pictures (N, 3, side, side)."""
        load_activation(pictures, "NCHW", self.picture.value, clear=False)
        self.convolution.forward()
        self.norm.forward(self.convolution.target.value, self._active.value, training=training, rectify=True)
        self._pool.forward()
        values = store_activation(self._pool.target.value, "NHWC").reshape(len(pictures), self._size)
        self._factors = []
        for layer in self.dense:
            values, factors = dropout(values, self.drop, self._generator, training)
            self._factors.append(factors)
            values = layer.forward(values)
        return values

    def backward(self, grad: Array) -> None:
        """Gradients of all parameters of the last forward pass in training."""
        for layer, factors in zip(reversed(self.dense), reversed(self._factors), strict=True):
            grad = layer.backward(grad, True) * factors
        pooled = self._pool.target
        load_activation(
            grad.reshape(len(grad), pooled.shape[2], pooled.shape[3], -1), "NHWC", pooled.grad, clear=False
        )
        self._pool.backward(False, True)
        self.norm.backward(self._active.grad, self.convolution.target.value, self.convolution.target.grad)
        self.convolution.backward(parameters=True, inputs=False)

    def train_step(self, pictures: Array, labels: Array, optimizer: Adam) -> float:
        """One step on the mean cross-entropy; the optimizer is made from :meth:`parameters`."""
        loss, grad = softmax_cross_entropy(self.forward(pictures, training=True), labels)
        self.backward(grad)
        optimizer.step(self.gradients())
        self.convolution.convolution.weight_changed()
        return loss
