"""VGG16 and VGG19 (Simonyan and Zisserman, 2014, configurations D and E).

The whole network lives in padded channel-last buffers made for one picture size; a pass converts only
the picture on the way in and the features on the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..buffers import Activation, Array, load_activation, new_activation, store_activation
from .layers import BORDER, ConvolutionLayer, Feature, LinearLayer, MaxPoolLayer
from .summary import Summary, best_seconds, summarize

POOL = "pool"
VGG16_PLAN: tuple[int | str, ...] = (
    64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL, 512, 512, 512, POOL, 512, 512, 512, POOL,
)  # fmt: skip
VGG19_PLAN: tuple[int | str, ...] = (
    64, 64, POOL, 128, 128, POOL, 256, 256, 256, 256, POOL, 512, 512, 512, 512, POOL, 512, 512, 512, 512, POOL,
)  # fmt: skip


class VGG:
    """A VGG network: convolutions and pools by ``plan``, then three fully connected layers.

    Parameters
    ----------
    plan : output channels of the convolutions, and ``"pool"``.
    batch, height, width : of the pictures, (N, 3, H, W).
    classes : outputs of the last layer; None for the features alone.
    hidden : outputs of the other two fully connected layers.
    accurate : F(2, 3) instead of F(4, 3): an error like a direct sum's, at about 1.4 times the time.
    exact : no Winograd at all.
    """

    def __init__(
        self,
        plan: Sequence[int | str] = VGG16_PLAN,
        *,
        batch: int = 1,
        height: int = 224,
        width: int = 224,
        classes: int | None = 1000,
        hidden: int = 4096,
        dtype: Any = np.float32,
        accurate: bool = False,
        exact: bool = False,
    ) -> None:
        self.dtype = np.dtype(dtype)
        self.picture = Feature(new_activation(batch, height, width, 3, dtype, border=BORDER, filled=False))
        self.layers: list[ConvolutionLayer | MaxPoolLayer] = []
        source, stage, number = self.picture, 1, 1
        for item in plan:
            if item == POOL:
                pool = MaxPoolLayer(f"pool{stage}", source)
                self.layers.append(pool)
                source, stage, number = pool.target, stage + 1, 1
            else:
                layer = ConvolutionLayer(f"conv{stage}_{number}", source, int(item), accurate=accurate, exact=exact)
                self.layers.append(layer)
                source, number = layer.target, number + 1
        self.features = source
        self._picture_gradient: Activation | None = None
        self.classifier: list[LinearLayer] = []
        if classes is not None:
            _, channels, rows, columns = source.shape
            sizes = [channels * rows * columns, hidden, hidden, classes]
            for i in range(3):
                self.classifier.append(LinearLayer(f"fc{6 + i}", sizes[i], sizes[i + 1], dtype, rectify=i < 2))

    @property
    def convolutions(self) -> list[ConvolutionLayer]:
        return [layer for layer in self.layers if isinstance(layer, ConvolutionLayer)]

    def set_parameters(self, parameters: Sequence[tuple[Array, Array]]) -> None:
        """Take (weight, bias) of all convolutions, then of all fully connected layers.

        Convolution weights are (outputs, channels, 3, 3); linear weights (outputs, inputs), the inputs
        of the first in C, H, W order.
        """
        expected = len(self.convolutions) + len(self.classifier)
        if len(parameters) != expected:
            raise ValueError(f"this network has {expected} layers with parameters, got {len(parameters)} pairs")
        for layer, (weight, bias) in zip(self.convolutions, parameters, strict=False):
            layer.convolution.set_weight(weight, bias)
        for dense, (weight, bias) in zip(self.classifier, parameters[len(self.convolutions) :], strict=True):
            if weight.shape != dense.weight.shape:
                raise ValueError(f"{dense.name}: weight must be {dense.weight.shape}, got {weight.shape}")
            dense.weight = np.ascontiguousarray(weight, self.dtype)
            dense.bias = np.ascontiguousarray(bias, self.dtype)

    def forward(self, pictures: Array) -> Array:
        """Logits (N, classes), or features (N, C, H, W) without a classifier."""
        self.load(pictures)
        for layer in self.layers:
            layer.forward()
        features = store_activation(self.features.value, "NCHW")
        if not self.classifier:
            return features
        values = features.reshape(len(features), -1)
        for dense in self.classifier:
            values = dense.forward(values)
        return values

    def load(self, pictures: Array) -> None:
        """Put pictures (N, 3, H, W) into the first buffer."""
        load_activation(pictures, "NCHW", self.picture.value, clear=False)

    def backward(self, grad_output: Array, *, parameters: bool = False, inputs: bool = True) -> Array | None:
        """Gradient with respect to the pictures, (N, 3, H, W), from that of what ``forward`` returned.

        ``parameters`` also leaves the gradients of all parameters in the layers.
        """
        grad = np.ascontiguousarray(grad_output, self.dtype)
        for dense in reversed(self.classifier):
            grad = dense.backward(grad, parameters)
        load_activation(grad.reshape(self.features.shape), "NCHW", self.features.grad, clear=False)
        return self.backward_features(parameters=parameters, inputs=inputs)

    def backward_features(self, *, parameters: bool = False, inputs: bool = True) -> Array | None:
        """The same from the gradient that is in ``features.grad``."""
        for layer in reversed(self.layers[1:]):
            layer.backward(parameters, True)
        return self.finish_backward(parameters, inputs)

    def finish_backward(self, parameters: bool, inputs: bool) -> Array | None:
        """The first layer's backward pass, into the picture's gradient."""
        first = self.layers[0]
        if parameters:
            first.backward(True, False)
        if not inputs:
            return None
        assert isinstance(first, ConvolutionLayer)
        if self._picture_gradient is None:
            self._picture_gradient = first.convolution.new_gradient()
        first.convolution.backward_input(first.target.grad, self._picture_gradient)
        return store_activation(self._picture_gradient, "NCHW")

    def summary(self, pictures: Array | None = None) -> Summary:
        """Counts of every layer and, with pictures, its share of the forward pass's time."""
        rows: list[tuple[str, tuple[int, ...], int, int, float]] = []
        if pictures is not None:
            self.forward(pictures)
        for layer in self.layers:
            seconds = best_seconds(layer.forward) if pictures is not None else 0.0
            rows.append((layer.name, layer.target.shape[1:], layer.parameter_count, layer.multiply_adds, seconds))
        values = None
        if pictures is not None:
            values = store_activation(self.features.value, "NCHW").reshape(self.picture.shape[0], -1)
        for dense in self.classifier:
            seconds = 0.0
            if values is not None:
                held = values
                seconds = best_seconds(lambda dense=dense, held=held: dense.forward(held))  # type: ignore[misc]
                values = dense.forward(held)
            rows.append((dense.name, (len(dense.bias),), dense.parameter_count, dense.multiply_adds, seconds))
        return summarize(rows, self.picture.shape[0])


def vgg16(**options: Any) -> VGG:
    """VGG16: 13 convolutions, 138 million parameters with 1000 classes. Options as for :class:`VGG`."""
    return VGG(VGG16_PLAN, **options)


def vgg19(**options: Any) -> VGG:
    """VGG19: 16 convolutions, 144 million parameters with 1000 classes. Options as for :class:`VGG`."""
    return VGG(VGG19_PLAN, **options)
