"""A convolutional network in 8-bit integers, as accelerators run it: bytes in, sums in 32 bits, bytes out.

Between layers numbers are rounded to float16 and then to bytes (``requantize``). With VGG19's plan it is the
network of the lab ``vgg19_dlp``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..buffers import Array, round_up
from ..geometry import window_of
from ..integer import IntegerConvolution, Method
from ..requantize import LANES, to_bytes, to_halves
from .vgg import POOL


class QuantizedLayer(NamedTuple):
    """Parameters of a convolution (outputs, channels, 3, 3) or of a dense layer (outputs, inputs).

    Attributes
    ----------
    weight : int8.
    bias : (outputs,) float32.
    scale : bytes per unit of the layer's input.
    unit : what one unit of the weight stands for.
    """

    weight: Array
    bias: Array
    scale: float
    unit: float


class QuantizedNetwork:
    """3 x 3 convolutions with ReLU, 2 x 2 pools, and dense layers with ReLU but for the last, for one picture.

    Parameters
    ----------
    plan : outputs of each convolution and ``POOL``, as of a :class:`VGG`; no pool comes first.
    layers : parameters of all convolutions, then of all dense layers, whose inputs are in H, W, C order.
    height, width : of the picture.
    method : see :class:`integer.IntegerConvolution`.
    """

    def __init__(
        self,
        plan: Sequence[int | str],
        layers: Sequence[QuantizedLayer],
        height: int = 224,
        width: int = 224,
        method: Method | None = None,
    ) -> None:
        self._layers = list(layers)
        self._plans: list[IntegerConvolution] = []
        self._biases: list[Array] = []
        self._pools: list[bool] = []
        for item in plan:
            if item == POOL:
                self._pools[-1] = True
                height, width = height // 2, width // 2
                continue
            layer = layers[len(self._plans)]
            self._add(layer, window_of((1, layer.weight.shape[1], height, width), 3, 1, 1), method)
        for layer in layers[len(self._plans) :]:
            samples = layer._replace(weight=layer.weight[:, :, None, None])
            self._add(samples, window_of((1, layer.weight.shape[1], 1, 1), 1, 1, 0), method)

    def _add(self, layer: QuantizedLayer, window: Any, method: Method | None) -> None:
        outputs = len(layer.weight)
        self._plans.append(IntegerConvolution(window, layer.weight, method))
        bias = np.zeros(round_up(outputs, LANES), np.float32)
        bias[:outputs] = layer.bias
        self._biases.append(bias)
        self._pools.append(False)

    def forward(self, picture: Array) -> Array:
        """The last layer's numbers (outputs,), float32 that hold float16, of a picture (C, H, W)."""
        first = self._layers[0]
        scaled = picture.astype(np.float16).astype(np.float32) * np.float32(first.scale)
        clipped = np.clip(scaled.transpose(1, 2, 0), -128, 127).astype(np.float64)
        values: Array = (np.sign(clipped) * np.floor(np.abs(clipped) + 0.5)).astype(np.int8)[None]
        last = len(self._plans) - 1
        for number, (plan, layer, bias, pool) in enumerate(
            zip(self._plans, self._layers, self._biases, self._pools, strict=True)
        ):
            if layer.weight.ndim == 2:
                values = values.reshape(1, 1, 1, -1)[..., : layer.weight.shape[1]]
            plan.load(values[..., : layer.weight.shape[1]])
            sums, factor = plan.run(), layer.unit / layer.scale
            if number < last:
                values = to_bytes(sums, factor, bias, self._layers[number + 1].scale, rectify=True, pool=pool)
        return to_halves(sums, factor, bias)[: len(self._layers[-1].weight)]
