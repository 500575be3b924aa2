"""Train the lower blocks of VGG19 with the engine, for pictures worth looking at without the real file.

    python -m benchmarks.trained_blocks cifar10.npz --out labs/style_transfer/weights/trained_blocks.npz

The network has VGG19's layers `conv1_1` to `conv3_1`, each with a batch norm, and then the average of each map.
From it one linear layer tells the class of a picture of CIFAR-10 (A. Krizhevsky, "Learning multiple layers of
features from tiny images", 2009).

Then the batch norms are folded into weights and biases, and every map is scaled so that its mean after the ReLU
over the pictures of the labs is 1 (L. Gatys et al., "Texture synthesis using convolutional neural networks", 2015,
section 2), or 2 at `conv1_1` and `conv2_1`: there a style loss then counts 16 times, without which `conv3_1` leaves
no room for the palette. The first layer takes pixels from 0 to 255 less VGG19's mean.

The file has `x_train`, `y_train`, `x_test`, `y_test`: pictures, uint8 (N, 32, 32, 3), red first, and labels. The
same seed gives the same file with equally many threads on the same kind of processor.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PICTURES = (
    "style_transfer/pictures/china.jpg",
    "style_transfer/pictures/starry_night.jpg",
    "vgg16/pictures/chelsea.png",
    "vgg16/pictures/flower.jpg",
)
ROWS, COLUMNS = 192, 320
MEAN = np.array([123.68, 116.779, 103.939], np.float32)
UNIT = 64.0  # pixels less the mean are divided by it while the network learns
POOL = "pool"
LAYERS: tuple[tuple[str, int], ...] = (
    ("conv1_1", 64),
    ("conv1_2", 64),
    (POOL, 0),
    ("conv2_1", 128),
    ("conv2_2", 128),
    (POOL, 0),
    ("conv3_1", 256),
)
CLASSES = 10
BATCH = 100
MOMENTUM, DECAY, SMOOTHING = 0.9, 5e-4, 0.1
PEAK_RATE, WARM_UP = 0.1, 0.2  # the rate rises over this part of the steps and falls to 0 over the rest
# A map that is hardly ever positive would be blown up to noise: its mean counts as so much of its layer's or more.
LEAST_MEAN = 0.1
# What the means of some layers are; a style loss grows with the fourth power.
LOUDER = {"conv1_1": 2.0, "conv2_1": 2.0}
Parameters = dict[str, np.ndarray]


class Net:
    """The blocks for crops of one size, on the engine."""

    def __init__(self, side: int) -> None:
        from reference.engine.buffers import new_activation, round_up, vector_lanes
        from reference.engine.nets.layers import Feature, MaxPoolLayer
        from reference.engine.nets.resnet import NormalizedConvolution

        self.side = side
        self.picture = Feature(new_activation(BATCH, side, side, 3, np.float32, border=(1,) * 4, filled=False))
        source = self.picture
        self.layers: list[Any] = []
        for name, outputs in LAYERS:
            layer = (
                MaxPoolLayer(name, source)
                if name == POOL
                else NormalizedConvolution(name, source, outputs, rectify=True)
            )
            self.layers.append(layer)
            source = layer.target
        self.convolutions = [layer for layer in self.layers if layer.name != POOL]
        self.features = source
        channels = source.shape[1]
        self.weight = np.zeros((CLASSES, channels), np.float32)
        self.bias = np.zeros(CLASSES, np.float32)
        self.means = np.zeros((BATCH, round_up(channels, vector_lanes(np.float32))), np.float32)

    def draw(self, rng: np.random.Generator) -> None:
        """Give it random weights: K. He et al., "Delving deep into rectifiers", 2015, equation 10."""
        for unit in self.convolutions:
            convolution = unit.layer.convolution
            shape = (convolution.outputs, convolution.window.channels, 3, 3)
            scale = np.sqrt(2 / np.prod(shape[1:]))
            convolution.set_weight((rng.standard_normal(shape) * scale).astype(np.float32))
        self.weight[:] = rng.standard_normal(self.weight.shape) * 0.05

    def parameters(self) -> list[np.ndarray]:
        """All that is learnt, in place."""
        own = [(unit.layer.convolution.taps, unit.norm.gamma, unit.norm.beta) for unit in self.convolutions]
        return [*(array for arrays in own for array in arrays), self.weight, self.bias]

    def forward(self, x: np.ndarray, training: bool) -> np.ndarray:
        """Return the logits of a batch (N, 3, side, side)."""
        from reference.engine import global_pooling, linear
        from reference.engine.buffers import load_activation

        load_activation(x, "NCHW", self.picture.value, clear=False)
        for layer in self.layers:
            if layer.name == POOL:
                layer.forward()
            else:
                layer.forward(training)
        global_pooling.global_average(self.features.value, self.means)
        return linear.forward(self.means[:, : self.weight.shape[1]], self.weight, self.bias)

    def gradients(self, grad_logits: np.ndarray) -> list[np.ndarray]:
        """Return the gradients of the last forward pass in the order of `parameters`."""
        from reference.engine import global_pooling, linear
        from reference.engine.buffers import Activation

        channels = self.weight.shape[1]
        means = np.ascontiguousarray(self.means[:, :channels])
        own = [linear.backward_weight(grad_logits, means), grad_logits.sum(0)]
        grad_means = np.zeros_like(self.means)
        grad_means[:, :channels] = linear.backward_input(grad_logits, self.weight)
        value = self.features.value
        unmasked = Activation(value.buffer, value.top, value.left, value.height, value.width, value.channels)
        global_pooling.global_average_backward(grad_means, unmasked, self.features.grad)
        for layer in reversed(self.layers):
            if layer.name == POOL:
                layer.backward(False, True)
            else:
                layer.backward_norm()
                layer.backward_convolution(None if layer is self.layers[0] else layer.layer.source.grad)
        found = []
        for unit in self.convolutions:
            convolution = unit.layer.convolution
            convolution.taps_gradient += DECAY * convolution.taps
            found += [convolution.taps_gradient, unit.norm.gamma_gradient, unit.norm.beta_gradient]
        return [*found, *own]

    def changed(self) -> None:
        """Say that the weights were written to."""
        for unit in self.convolutions:
            unit.layer.convolution.weight_changed()

    def folded(self) -> Parameters:
        """Return weights and biases with the batch norms and the unit of the pixels folded in."""
        found: Parameters = {}
        for unit in self.convolutions:
            norm, outputs = unit.norm, unit.norm.channels
            factor = (norm.gamma / np.sqrt(norm.running_variance + norm.epsilon))[:outputs].astype(np.float64)
            weight = unit.layer.convolution.weight() * factor[:, None, None, None]
            found[f"{unit.name}.weight"] = weight / UNIT if unit.name == "conv1_1" else weight
            found[f"{unit.name}.bias"] = norm.beta[:outputs] - norm.running_mean[:outputs] * factor
        return found


def as_input(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (N, rows, columns, 3), uint8, as the network takes them."""
    return ((pictures.astype(np.float32) - MEAN) / np.float32(UNIT)).transpose(0, 3, 1, 2)


def crops(x: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random crop of each picture, every other one mirrored, with other colours and contrast."""
    count, _, rows, columns = x.shape
    top, left = (rng.integers(0, size - side + 1, count) for size in (rows, columns))
    across = left[:, None] + np.arange(side)
    mirrored = rng.random(count) < 0.5
    across[mirrored] = across[mirrored, ::-1]
    down = top[:, None] + np.arange(side)
    cut = x[np.arange(count)[:, None, None], :, down[:, :, None], across[:, None, :]].transpose(0, 3, 1, 2)
    gain = rng.uniform(0.8, 1.2, (count, 3, 1, 1))
    shift = rng.normal(0, 0.2, (count, 3, 1, 1))
    return np.ascontiguousarray(cut * gain + shift, np.float32)


def batches(count: int, epochs: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the places of the pictures of each batch."""
    for _ in range(epochs):
        order = rng.permutation(count)
        yield from (order[first : first + BATCH] for first in range(0, count - BATCH + 1, BATCH))


def accuracy(net: Net, x: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of pictures whose middle the network knows."""
    edge = (x.shape[2] - net.side) // 2
    middle = np.ascontiguousarray(x[:, :, edge : edge + net.side, edge : edge + net.side])
    hits = [
        net.forward(middle[first : first + BATCH], False).argmax(1) == labels[first : first + BATCH]
        for first in range(0, len(x) - BATCH + 1, BATCH)
    ]
    return float(np.mean(hits))


def learn(file: Path, epochs: int, side: int, seed: int) -> Parameters:
    """Train, and return the folded parameters."""
    from reference.engine.elementwise import softmax_cross_entropy
    from reference.engine.optimizers import SGD

    with np.load(file) as stored:
        x, labels = as_input(stored["x_train"]), stored["y_train"].astype(np.int64)
        x_test, labels_test = as_input(stored["x_test"]), stored["y_test"].astype(np.int64)
    rng = np.random.default_rng(seed)
    net = Net(side)
    net.draw(rng)
    optimizer = SGD(net.parameters(), 0.0, MOMENTUM)
    per_epoch = len(x) // BATCH
    steps = epochs * per_epoch
    started, losses = time.process_time(), []
    for step, places in enumerate(batches(len(x), epochs, rng), start=1):
        part = step / steps
        optimizer.rate = PEAK_RATE * min(part / WARM_UP, (1 - part) / (1 - WARM_UP))
        loss, grad = softmax_cross_entropy(net.forward(crops(x[places], side, rng), True), labels[places])
        # Labels are smoothed: SMOOTHING of each is spread over all classes.
        grad[np.arange(BATCH), labels[places]] += np.float32(SMOOTHING / BATCH)
        grad -= np.float32(SMOOTHING / CLASSES / BATCH)
        optimizer.step(net.gradients(grad))
        net.changed()
        losses.append(loss)
        if step in (1, 5) or step % per_epoch == 0:
            line = f"step {step} of {steps}: loss {np.mean(losses[-per_epoch:]):.3f}"
            if step % (2 * per_epoch) == 0 or step == steps:
                line += f", test accuracy {accuracy(net, x_test, labels_test):.3f}"
            print(f"{line}, {time.process_time() - started:.0f} s of processor", flush=True)
    return net.folded()


def picture(file: Path, rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    """Return a picture as the lab's network takes it, (1, 3, rows, columns)."""
    import cv2

    image = cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray((image.astype(np.float32) - MEAN).transpose(2, 0, 1)[None])


def scaled(parameters: Parameters) -> Parameters:
    """Return the same network with maps whose mean over the pictures of the labs is 1.

    A ReLU passes a positive factor on: what a map is divided by is multiplied to the weights that read it.
    """
    from reference.engine import conv2d, max_pool2d, relu

    seen = [picture(ROOT / "labs" / name) for name in PICTURES]
    found: Parameters = {}
    divisors = np.ones(3)
    for name, _ in LAYERS:
        if name == POOL:
            seen = [max_pool2d(x, 2, 2) for x in seen]
            continue
        weight, bias = (parameters[f"{name}.{kind}"].astype(np.float64) for kind in ("weight", "bias"))
        weight = weight * divisors[None, :, None, None]
        outputs = [relu(conv2d(x, weight.astype(np.float32), bias.astype(np.float32), padding=1)) for x in seen]
        means = np.mean([output.mean((0, 2, 3), dtype=np.float64) for output in outputs], axis=0)
        divisors = np.maximum(means, LEAST_MEAN * means.mean()) / LOUDER.get(name, 1.0)
        found[f"{name}.weight"] = weight / divisors[:, None, None, None]
        found[f"{name}.bias"] = bias / divisors
        seen = [np.ascontiguousarray(output / divisors[:, None, None], np.float32) for output in outputs]
        print(f"{name}: mean {np.mean([x.mean(dtype=np.float64) for x in seen]):.3f}", flush=True)
    return found


def main() -> None:
    """Train and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", type=Path, help="pictures and labels, .npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--side", type=int, default=24, help="rows and columns of the crops")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    learnt = learn(options.file, options.epochs, options.side, options.seed)
    blocks = {name: array.astype(np.float16) for name, array in scaled(learnt).items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out, **blocks)  # type: ignore[arg-type]
    print(f"{options.out}: {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
