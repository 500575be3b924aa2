"""Neural style transfer (Gatys et al., 2015) with VGG19 up to relu5_1, by Adam on the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..buffers import Array, aligned_copy
from ..losses import add_content_gradient, add_style_gradient, gram
from ..optimizers import Adam
from .layers import ConvolutionLayer
from .vgg import POOL, VGG

STYLE_PLAN: tuple[int | str, ...] = (
    64, 64, POOL, 128, 128, POOL, 256, 256, 256, 256, POOL, 512, 512, 512, 512, POOL, 512,
)  # fmt: skip
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"


class StyleTransfer:
    """One picture on its way from the content picture to the style.

    Parameters
    ----------
    content, style : (3, H, W) pictures of one size, float32.
    parameters : (weight, bias) of VGG19's first 13 convolutions.
    style_weight : weight of the sum of the five style losses against the content loss.
    rate : of Adam.

    Attributes
    ----------
    picture : (1, 3, H, W), the current result.
    """

    def __init__(
        self,
        content: Array,
        style: Array,
        parameters: Sequence[tuple[Array, Array]],
        *,
        style_weight: float = 1e3,
        rate: float = 0.02,
        accurate: bool = False,
        exact: bool = False,
    ) -> None:
        if content.shape != style.shape:
            raise ValueError(f"both pictures must have one size, got {content.shape} and {style.shape}: resize one")
        _, height, width = content.shape
        self.network = VGG(STYLE_PLAN, height=height, width=width, classes=None, accurate=accurate, exact=exact)
        self.network.set_parameters(parameters)
        self.style_weight = style_weight
        layers = {layer.name: layer for layer in self.network.layers if isinstance(layer, ConvolutionLayer)}
        self._style = [layers[name].target for name in STYLE_LAYERS]
        self._content = layers[CONTENT_LAYER].target
        self._run(style[None])
        self._grams = [gram(feature.value) for feature in self._style]
        self._run(content[None])
        self._wanted = self._content.value.like()
        self._wanted.buffer[...] = self._content.value.buffer
        self.picture = aligned_copy(np.ascontiguousarray(content[None], np.float32))
        self._optimizer = Adam([self.picture], rate)

    def _run(self, picture: Array) -> None:
        self.network.load(picture)
        for layer in self.network.layers:
            layer.forward()

    def gradient(self) -> tuple[float, Array]:
        """Loss of the current picture and its gradient (1, 3, H, W)."""
        self._run(self.picture)
        loss = 0.0
        for layer in reversed(self.network.layers):
            feature = layer.target
            if feature is self.network.features:
                feature.grad.buffer[...] = 0
            for wanted, styled in zip(self._grams, self._style, strict=True):
                if styled is feature:
                    loss += add_style_gradient(feature.value, wanted, feature.grad, self.style_weight)
            if feature is self._content:
                loss += add_content_gradient(feature.value, self._wanted, feature.grad, 1.0)
            if layer is not self.network.layers[0]:
                layer.backward(False, True)
        grad = self.network.finish_backward(False, True)
        assert grad is not None
        return loss, grad

    def step(self) -> float:
        """One iteration of Adam; returns the loss before it."""
        loss, grad = self.gradient()
        self._optimizer.step([grad])
        return loss
