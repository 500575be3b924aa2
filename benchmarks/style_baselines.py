"""One iteration of style transfer with the layers of ``reference/style_transfer``, and its loops layer by layer."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]
REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "style_transfer"
ROWS, COLUMNS = 192, 320
RAW = 0
CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_WEIGHT, STYLE_WEIGHT = 1.0, 500.0


def reference(name: str) -> Any:
    """Import a file of the reference as a submission imports it, from inside its folder."""
    if str(REFERENCE) not in sys.path:
        sys.path.insert(0, str(REFERENCE))
    return importlib.import_module(name)


class Iteration:
    """The handout's iteration at full size with random weights, which cost the same as trained ones."""

    def __init__(self) -> None:
        program, losses = reference("exp_3_3_style_transfer"), reference("layers_3")
        rng = np.random.default_rng(19)
        self.network = program.VGG19()
        self.network.build_model()
        for layer in self.network.layers.values():
            if hasattr(layer, "channel_in"):
                layer.init_param(std=float(np.sqrt(2 / (9 * layer.channel_in))))
        content, style, self.picture = (rng.standard_normal((1, 3, ROWS, COLUMNS)) for _ in range(3))
        self.wanted = {CONTENT_LAYER: self.network.forward(content, [CONTENT_LAYER])[CONTENT_LAYER]}
        self.wanted |= self.network.forward(style, list(STYLE_LAYERS))
        self.content_loss, self.style_loss = losses.ContentLossLayer(), losses.StyleLossLayer()
        self.optimiser = program.AdamOptimizer(1.0, self.picture.shape)

    def gradients(self) -> dict[str, np.ndarray]:
        """Run forward and return the gradient of each weighted loss at its layer."""
        seen = self.network.forward(self.picture, [CONTENT_LAYER, *STYLE_LAYERS])
        found = {}
        for name, wanted in self.wanted.items():
            content = name == CONTENT_LAYER
            loss, weight = (
                (self.content_loss, CONTENT_WEIGHT)
                if content
                else (self.style_loss, STYLE_WEIGHT / len(STYLE_LAYERS))
            )
            loss.forward(seen[name], wanted)
            found[name] = weight * loss.backward(seen[name], wanted)
        return found

    def separate(self) -> None:
        """Bring each gradient back to the picture by a pass of its own, as the handout does."""
        gradient = np.zeros(self.picture.shape)
        for name, share in self.gradients().items():
            gradient += self.network.backward(share, name)
        self.picture = self.optimiser.update(self.picture, gradient)

    def joined(self) -> None:
        """Add each gradient where it arises, in a single pass from the last layer to the picture."""
        found = self.gradients()
        names = self.network.param_layer_name
        current: Any = 0.0
        for name in reversed(names[: names.index(STYLE_LAYERS[-1]) + 1]):
            if name in found:
                current = current + found[name]
            current = self.network.layers[name].backward(current)
        self.picture = self.optimiser.update(self.picture, current)


def layer_with_loops(
    kind: str, channels_in: int, channels_out: int, rows: int, columns: int, direction: str
) -> Work:
    """Return the work of one layer with loops on a picture of ``rows`` x ``columns``."""
    layers = reference("layers_2")
    rng = np.random.default_rng(5)
    x = rng.standard_normal((1, channels_in, rows, columns))
    if kind == "conv":
        layer = layers.ConvolutionalLayer(3, channels_in, channels_out, 1, 1, RAW)
        layer.init_param()
    else:
        layer = layers.MaxPoolingLayer(2, 2, RAW)
    if direction == "forward":
        return lambda: layer.forward(x)
    top_diff = rng.standard_normal(layer.forward(x).shape)
    return lambda: layer.backward(top_diff)


def make(case: str, variant: str) -> Work:
    """Return a work: ``iteration`` by variant ``separate`` or ``joined``, or ``conv 64 128 8 8`` by direction."""
    if case == "iteration":
        iteration = Iteration()
        return iteration.separate if variant == "separate" else iteration.joined
    kind, *sizes = case.split()
    return layer_with_loops(kind, *(int(size) for size in sizes), direction=variant)  # type: ignore[misc]
