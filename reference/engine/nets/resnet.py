"""ResNet18 (He et al., 2015): training and inference, for 32 x 32 pictures or with ImageNet's stem."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import global_pooling, linear
from ..buffers import Activation, Array, add_into, load_activation, new_activation, round_up, vector_lanes
from ..elementwise import softmax_cross_entropy
from ..normalization import BatchNorm
from ..optimizers import SGD
from ..processor import thread_count
from .layers import ConvolutionLayer, Feature, MaxPoolLayer
from .summary import Summary, best_seconds, summarize

STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
"""Channels and first stride of the four stages of two blocks each."""


class NormalizedConvolution:
    """Convolution without bias, batch norm, and optionally a residual and ReLU on the way out."""

    def __init__(self, name: str, source: Feature, outputs: int, *, rectify: bool, **options: Any) -> None:
        self.name = name
        self.layer = ConvolutionLayer(name, source, outputs, rectify=False, has_bias=False, **options)
        self.norm = BatchNorm(outputs, source.value.buffer.dtype)
        self.rectify = rectify
        raw = self.layer.target.value
        self.target = Feature(
            Activation(raw.like().buffer, raw.top, raw.left, raw.height, raw.width, outputs, rectify)
        )

    @property
    def parameter_count(self) -> int:
        return self.layer.parameter_count + 2 * self.norm.channels

    def forward(self, training: bool, residual: Feature | None = None) -> None:
        self.layer.forward()
        self.norm.forward(self.layer.target.value, self.target.value, training=training,
                          residual=None if residual is None else residual.value, rectify=self.rectify)  # fmt: skip

    def backward_norm(self, keep: Activation | None = None, training: bool = True) -> None:
        """From ``target.grad`` (not masked yet) to the gradient of the raw convolution."""
        mask = self.target.value if self.rectify else None
        self.norm.backward(self.target.grad, self.layer.target.value, self.layer.target.grad, mask=mask,
                           masked_gradient=keep, training=training)  # fmt: skip

    def backward_convolution(self, into: Activation | None) -> None:
        """The weight's gradient, and the source's unmasked gradient into ``into``."""
        convolution = self.layer.convolution
        convolution.backward_weight(self.layer.source.value, self.layer.target.grad, bias=False)
        if into is not None:
            convolution.backward_input(self.layer.target.grad, into)


class Block:
    """Two normalized convolutions and a shortcut, which is projected where shapes change."""

    def __init__(self, name: str, source: Feature, outputs: int, stride: int, **options: Any) -> None:
        self.source = source
        self.first = NormalizedConvolution(f"{name}.conv1", source, outputs, rectify=True, stride=stride, **options)
        self.second = NormalizedConvolution(f"{name}.conv2", self.first.target, outputs, rectify=True, **options)
        self.projection: NormalizedConvolution | None = None
        if stride != 1 or source.shape[1] != outputs:
            self.projection = NormalizedConvolution(f"{name}.shortcut", source, outputs, rectify=False, kernel=1,
                                                    stride=stride, padding=0, **options)  # fmt: skip
        self.target = self.second.target
        self._kept = self.target.value.like()
        self._extra = source.value.like() if self.projection else None

    @property
    def units(self) -> list[NormalizedConvolution]:
        return [self.first, self.second, *([self.projection] if self.projection else [])]

    def forward(self, training: bool) -> None:
        self.first.forward(training)
        if self.projection:
            self.projection.forward(training)
        self.second.forward(training, self.projection.target if self.projection else self.source)

    def backward(self) -> None:
        self.second.backward_norm(self._kept)
        self.second.backward_convolution(self.first.target.grad)
        self.first.backward_norm()
        self.first.backward_convolution(self.source.grad)
        shortcut = self._kept
        if self.projection and self._extra:
            norm = self.projection.norm
            norm.backward(self._kept, self.projection.layer.target.value, self.projection.layer.target.grad)
            self.projection.backward_convolution(self._extra)
            shortcut = self._extra
        total = self.source.grad
        add_into(total.flat, shortcut.flat, total.flat.size, thread_count())


class ResNet18:
    """ResNet18 made for one batch size.

    Parameters
    ----------
    batch, side : of the pictures, (N, 3, side, side).
    stem : "cifar" (3 x 3, no pool; 11.2 million parameters with 10 classes) or "imagenet" (7 x 7 with
        stride 2 and a 3 x 3 pool; 11.7 million with 1000).
    """

    def __init__(
        self,
        batch: int,
        *,
        side: int = 32,
        classes: int = 10,
        stem: str = "cifar",
        dtype: Any = np.float32,
        exact: bool = False,
        accurate: bool = False,
    ) -> None:
        if stem not in ("cifar", "imagenet"):
            raise ValueError(f"stem must be 'cifar' or 'imagenet', got {stem!r}")
        options = {"exact": exact, "accurate": accurate}
        wide = 3 if stem == "imagenet" else 1
        self.picture = Feature(new_activation(batch, side, side, 3, dtype, border=(wide,) * 4, filled=False))
        if stem == "imagenet":
            self.stem = NormalizedConvolution(
                "stem", self.picture, 64, rectify=True, kernel=7, stride=2, padding=3, **options
            )
            self.pool: MaxPoolLayer | None = MaxPoolLayer("pool", self.stem.target, 3, 2, 1)
            source = self.pool.target
        else:
            self.stem = NormalizedConvolution("stem", self.picture, 64, rectify=True, **options)
            self.pool = None
            source = self.stem.target
        self.blocks: list[Block] = []
        for stage, (channels, stride) in enumerate(STAGES, 1):
            for number in (1, 2):
                block = Block(f"stage{stage}.{number}", source, channels, stride if number == 1 else 1, **options)
                self.blocks.append(block)
                source = block.target
        self.features = source
        self.weight = np.zeros((classes, source.shape[1]), dtype)
        self.bias = np.zeros(classes, dtype)
        self.weight_gradient, self.bias_gradient = self.weight.copy(), self.bias.copy()
        self._means = np.zeros((batch, round_up(source.shape[1], vector_lanes(dtype))), dtype)

    @property
    def units(self) -> list[NormalizedConvolution]:
        """All normalized convolutions in the order of their parameters: stem, then conv1, conv2, shortcut."""
        return [self.stem, *(unit for block in self.blocks for unit in block.units)]

    def parameters(self) -> list[Array]:
        """All parameters, in place: taps, gamma, beta of every unit; weight and bias of the classifier."""
        own = [a for unit in self.units for a in (unit.layer.convolution.taps, unit.norm.gamma, unit.norm.beta)]
        return [*own, self.weight, self.bias]

    def gradients(self) -> list[Array]:
        """Gradients in the order of :meth:`parameters`, after a backward pass."""
        own = []
        for unit in self.units:
            taps = unit.layer.convolution.taps_gradient
            if taps is None:
                raise RuntimeError("there are no gradients yet: call backward first")
            own += [taps, unit.norm.gamma_gradient, unit.norm.beta_gradient]
        return [*own, self.weight_gradient, self.bias_gradient]

    def forward(self, pictures: Array, training: bool = False) -> Array:
        """Logits (N, classes); in training with the batch's statistics."""
        load_activation(pictures, "NCHW", self.picture.value, clear=False)
        self.stem.forward(training)
        if self.pool:
            self.pool.forward()
        for block in self.blocks:
            block.forward(training)
        return self._classify()

    def _classify(self) -> Array:
        global_pooling.global_average(self.features.value, self._means)
        return linear.forward(self._means[:, : self.weight.shape[1]], self.weight, self.bias)

    def backward(self, grad_logits: Array) -> None:
        """Gradients of all parameters of the last forward pass in training."""
        means = np.ascontiguousarray(self._means[:, : self.weight.shape[1]])
        self.weight_gradient = linear.backward_weight(grad_logits, means)
        self.bias_gradient = grad_logits.sum(0)
        grad_means = np.zeros_like(self._means)
        grad_means[:, : self.weight.shape[1]] = linear.backward_input(grad_logits, self.weight)
        value = self.features.value
        unmasked = Activation(value.buffer, value.top, value.left, value.height, value.width, value.channels)
        global_pooling.global_average_backward(grad_means, unmasked, self.features.grad)
        for block in reversed(self.blocks):
            block.backward()
        if self.pool:
            self.pool.backward(False, True)
        self.stem.backward_norm()
        self.stem.backward_convolution(None)

    def train_step(self, pictures: Array, labels: Array, optimizer: SGD) -> float:
        """One step on the mean cross-entropy; the optimizer is made from :meth:`parameters`."""
        loss, grad = softmax_cross_entropy(self.forward(pictures, training=True), labels)
        self.backward(grad)
        optimizer.step(self.gradients())
        for unit in self.units:
            unit.layer.convolution.weight_changed()
        return loss

    def summary(self, pictures: Array | None = None) -> Summary:
        """Counts of every layer and, with pictures, the time of its forward pass, normalization included."""
        timed = pictures is not None
        if pictures is not None:
            self.forward(pictures)
        rows: list[tuple[str, tuple[int, ...], int, int, float]] = []
        for unit in self.units:
            seconds = best_seconds(lambda unit=unit: unit.forward(False)) if timed else 0.0  # type: ignore[misc]
            rows.append((unit.name, unit.target.shape[1:], unit.parameter_count, unit.layer.multiply_adds, seconds))
        seconds = best_seconds(self._classify) if timed else 0.0
        rows.append(("classifier", self.bias.shape, self.weight.size + self.bias.size, self.weight.size, seconds))
        return summarize(rows, self.picture.shape[0])
