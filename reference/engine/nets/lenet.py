"""LeNet-5 on one-channel pictures, trained in one parallel kernel per step.

    convolution 5 x 5 - ReLU - max 2 x 2 - convolution 5 x 5 - ReLU - max 2 x 2 - dense - dense - dense

``padding=2`` with ``hidden=(120, 84)`` is LeCun's network on 28 x 28 pictures (61,706 parameters); without
padding the maps are 24, 12, 8 and 4 pixels wide. The second pool may take the mean instead of the maximum.
"""

from __future__ import annotations

import numpy as np

from ..buffers import Array, aligned_zeros, round_up
from ..processor import thread_count
from .lenet_kernels import LAYERS, forward_pass, train_step
from .lenet_layout import Offsets, Places, Sizes, Transposed
from .lenet_steps import ADAM_STEP, GRADIENT_STEP, NO_STEP
from .summary import Summary, best_seconds, summarize

LINE = 16
"""Lanes of a float32 vector."""

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

STEPS = {"adam": ADAM_STEP, "sgd": GRADIENT_STEP}

NAMES = ("conv1", "conv2", "dense1", "dense2", "dense3")


class LeNet:
    """LeNet-5 in float32.

    Parameters
    ----------
    batch : largest batch.
    side : height and width of the pictures.
    padding : zeros around the picture for the first convolution.
    channels : maps of the two convolutions, at most 16 each.
    hidden : outputs of the first two dense layers.
    classes : outputs of the last one.
    second_pool : "max" or "average".
    optimizer : "adam", or "sgd" for plain steps along the gradient.

    Attributes
    ----------
    step : number of updates so far.
    """

    def __init__(
        self,
        batch: int = 64,
        *,
        side: int = 28,
        padding: int = 0,
        channels: tuple[int, int] = (6, 16),
        hidden: tuple[int, int] = (128, 84),
        classes: int = 10,
        kernel: int = 5,
        second_pool: str = "max",
        optimizer: str = "adam",
    ) -> None:
        if second_pool not in ("max", "average") or optimizer not in STEPS:
            raise ValueError(
                f"second_pool must be 'max' or 'average' and optimizer one of {', '.join(STEPS)}; "
                f"got {second_pool!r} and {optimizer!r}"
            )
        self._update = STEPS[optimizer]
        if max(channels) > LINE:
            raise ValueError(f"the convolutions may have at most {LINE} maps, got {channels}")
        padded = side + 2 * padding
        side1 = padded - kernel + 1
        side2 = side1 // 2 - kernel + 1
        if side1 % 2 or side2 < 2:
            raise ValueError(
                f"pictures of {side} with padding {padding} do not fit: maps of {side1} and {side2} pixels"
            )
        self.batch, self.side, self.padding, self.hidden, self.channels = batch, side, padding, hidden, channels
        flat = (side2 // 2) ** 2 * LINE
        self.sizes = z = Sizes(
            padded,
            side1,
            side1 // 2,
            side2,
            side2 // 2,
            kernel,
            channels[0],
            channels[1],
            flat,
            round_up(hidden[0], LINE),
            round_up(hidden[1], LINE),
            classes,
            round_up(classes, LINE),
            int(second_pool == "average"),
        )
        run = kernel * channels[0]
        self.offsets = Offsets(
            *_starts(
                [
                    kernel * kernel * LINE,
                    LINE,
                    kernel * run * LINE,
                    LINE,
                    flat * z.dense1,
                    z.dense1,
                    z.dense1 * z.dense2,
                    z.dense2,
                    z.dense2 * z.classes_filled,
                    z.classes_filled,
                ]
            )
        )
        filled = round_up(run, LINE)
        self._transposed_at = Transposed(
            *_starts([kernel * LINE * filled, flat * z.dense1, z.dense1 * z.dense2, z.dense2 * z.classes_filled])
        )
        self._threads = thread_count()
        share = -(-batch // self._threads)
        dense = (flat, z.dense1, z.dense2, z.classes_filled)
        self._places = Places(
            *_starts(
                [
                    share * side1 * side1 * LINE,
                    share * z.pooled1**2 * channels[0] + LINE,
                    share * side2 * side2 * LINE,
                ]
                + [share * size for size in dense]
                + [share * size for size in dense[::-1]]
                + [
                    side2 * side2 * LINE,
                    z.pooled1**2 * channels[0] + 2 * filled,
                    side1 * side1 * LINE,
                    side2 * side2 * kernel * filled,
                ],
                slack=LINE,
            )
        )
        self.parameters = aligned_zeros(self.offsets.total)
        self.gradients = aligned_zeros(self.offsets.total * self._threads)
        self._moments = aligned_zeros(self.offsets.total), aligned_zeros(self.offsets.total)
        self._transposed = aligned_zeros(self._transposed_at.total)
        self._workspace = aligned_zeros(self._places.total * self._threads)
        self._pictures = aligned_zeros((batch, padded, padded))
        self._labels = np.zeros(batch, np.int64)
        self._zeros = aligned_zeros(max(kernel * filled, *dense))
        self._losses = np.zeros(8 * self._threads)
        self._taps1 = np.arange(kernel, dtype=np.int64) * padded
        self._taps2 = np.arange(kernel, dtype=np.int64) * z.pooled1 * channels[0]
        self.step = 0

    def _views(self, flat: Array) -> dict[str, tuple[Array, Array]]:
        """Weight and bias of every layer inside a flat vector, true sizes, in the usual order of axes."""
        z, o = self.sizes, self.offsets
        k, (c1, c2), (h1, h2) = z.kernel, self.channels, self.hidden
        first = flat[o.weight1 : o.bias1].reshape(k, k, 1, LINE)[..., :c1].transpose(3, 2, 0, 1)
        second = flat[o.weight2 : o.bias2].reshape(k, k, c1, LINE)[..., :c2].transpose(3, 2, 0, 1)
        dense1 = (
            flat[o.weight3 : o.bias3]
            .reshape(z.pooled2, z.pooled2, LINE, z.dense1)[:, :, :c2, :h1]
            .transpose(3, 2, 0, 1)
        )
        dense2 = flat[o.weight4 : o.bias4].reshape(z.dense1, z.dense2)[:h1, :h2].T
        dense3 = flat[o.weight5 : o.bias5].reshape(z.dense2, z.classes_filled)[:h2, : z.classes].T
        biases = [(o.bias1, c1), (o.bias2, c2), (o.bias3, h1), (o.bias4, h2), (o.bias5, z.classes)]
        weights = (first, second, dense1, dense2, dense3)
        return {
            name: (weight, flat[start : start + size])
            for name, weight, (start, size) in zip(NAMES, weights, biases, strict=True)
        }

    def set_parameters(self, parameters: dict[str, tuple[Array, Array]]) -> None:
        """Take {layer: (weight, bias)}: (outputs, inputs, rows, columns) or (outputs, inputs) in C, H, W order."""
        for name, (weight, bias) in self._views(self.parameters).items():
            given, given_bias = parameters[name]
            weight[...] = given.reshape(weight.shape)
            bias[...] = given_bias

    def get_parameters(self) -> dict[str, tuple[Array, Array]]:
        """Copies of all parameters, dense weights as (outputs, inputs)."""
        return self._copies(self.parameters)

    def get_gradients(self) -> dict[str, tuple[Array, Array]]:
        """Copies of the gradients of the last :meth:`train_step` or :meth:`backward`."""
        return self._copies(self.gradients[: self.offsets.total])

    def _copies(self, flat: Array) -> dict[str, tuple[Array, Array]]:
        return {
            name: (np.array(w).reshape(len(b), -1) if name.startswith("dense") else np.array(w), np.array(b))
            for name, (w, b) in self._views(flat).items()
        }

    def _load(self, pictures: Array) -> int:
        count = len(pictures)
        if not 1 <= count <= self.batch:
            raise ValueError(f"this network was made for 1 to {self.batch} pictures, got {count}")
        inside = slice(self.padding, self.padding + self.side)
        self._pictures[:count, inside, inside] = pictures.reshape(count, self.side, self.side)
        return count

    def forward(self, pictures: Array) -> Array:
        """Logits (N, classes) of pictures (N, 1, side, side)."""
        count = self._load(pictures)
        return np.ascontiguousarray(self._run_layers(count, 0, LAYERS)[:, : self.sizes.classes])

    def _run_layers(self, count: int, first: int, last: int) -> Array:
        logits = aligned_zeros((count, self.sizes.classes_filled))
        forward_pass(self._pictures.reshape(-1), count, self.parameters, self._workspace, self.sizes, self.offsets,
                     self._places, self._taps1, self._taps2, first, last, logits.reshape(-1),
                     self._threads)  # fmt: skip
        return logits

    def train_step(self, pictures: Array, labels: Array, rate: float = 1e-3) -> float:
        """One step on the mean cross-entropy of a batch; returns the loss before it."""
        self.step += 1
        return self._run(pictures, labels, rate, update=True)

    def backward(self, pictures: Array, labels: Array) -> float:
        """The loss; its gradients are then in :meth:`get_gradients`."""
        return self._run(pictures, labels, 0.0, update=False)

    def _run(self, pictures: Array, labels: Array, rate: float, update: bool) -> float:
        count = self._load(pictures)
        if labels.shape != (count,) or labels.min() < 0 or labels.max() >= self.sizes.classes:
            raise ValueError(f"labels must be ({count},) integers from 0 to {self.sizes.classes - 1}")
        self._labels[:count] = labels
        # Adam's bias corrections, moved from the moments to the rate and to epsilon.
        correction = np.sqrt(1 - BETA2 ** max(1, self.step))
        scaled = np.float32(rate * correction / (1 - BETA1 ** max(1, self.step)))
        if self._update == GRADIENT_STEP:
            scaled = np.float32(rate)
        return float(
            train_step(
                self._pictures.reshape(-1),
                self._labels,
                count,
                self.parameters,
                *self._moments,
                self._transposed,
                self._workspace,
                self.gradients,
                self._zeros,
                self._losses,
                self.sizes,
                self.offsets,
                self._transposed_at,
                self._places,
                self._taps1,
                self._taps2,
                np.float32(BETA1),
                np.float32(BETA2),
                scaled,
                np.float32(EPSILON * correction),
                self._update if update else NO_STEP,
                self._threads,
            )
        )

    def summary(self, pictures: Array | None = None) -> Summary:
        """Counts of every layer with parameters and, with pictures, its time (pooling included) and share."""
        z = self.sizes
        shapes = [(self.channels[0], z.side1, z.side1), (self.channels[1], z.side2, z.side2), (self.hidden[0],),
                  (self.hidden[1],), (z.classes,)]  # fmt: skip
        if pictures is not None:
            self.forward(pictures)
        rows: list[tuple[str, tuple[int, ...], int, int, float]] = []
        parameters = self.get_parameters().items()
        for number, (shape, (name, (weight, bias))) in enumerate(zip(shapes, parameters, strict=True)):
            positions = int(np.prod(shape[1:])) if len(shape) == 3 else 1
            seconds = 0.0
            if pictures is not None:
                count = len(pictures)
                seconds = best_seconds(lambda n=number, c=count: self._run_layers(c, n, n + 1))  # type: ignore[misc]
            rows.append((name, shape, weight.size + bias.size, weight.size * positions, seconds))
        return summarize(rows, self.batch if pictures is None else len(pictures))


def _starts(sizes: list[int], slack: int = 0) -> list[int]:
    """Offsets of consecutive blocks, each filled up to whole vectors plus ``slack``, and the total."""
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + round_up(size, LINE) + slack)
    return starts
