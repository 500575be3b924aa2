"""The cases of the engine's benchmark: names, shapes, seeded data. No library is imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """One library's side of a case.

    Attributes
    ----------
    work : what is timed.
    result : the arrays that both libraries must agree in, by name; asked for once, before anything is timed.
    """

    work: Callable[[], Any]
    result: Callable[[], dict[str, Array]]


VGG16_LAYERS = {
    "conv1_1": (3, 64, 224), "conv1_2": (64, 64, 224), "conv2_1": (64, 128, 112), "conv2_2": (128, 128, 112),
    "conv3_1": (128, 256, 56), "conv3_2": (256, 256, 56), "conv4_1": (256, 512, 28), "conv4_2": (512, 512, 28),
    "conv5_1": (512, 512, 14),
}  # fmt: skip
"""Different convolutions of VGG16: input channels, output channels, height and width; all 3 x 3, padding 1."""

LAYER_REPEATS = {"conv3_2": 2, "conv4_2": 2, "conv5_1": 3}
"""How often VGG16 has a layer of this shape; once where not listed."""

DEEP_LAYERS = tuple(name for name, (channels, _, _) in VGG16_LAYERS.items() if channels >= 64)

OTHER_CONVOLUTIONS = {
    "1x1 256>64 56": (256, 64, 56, 1, 1, 0),
    "3x3/2 128>256 56": (128, 256, 56, 3, 2, 1),
    "1x1/2 256>512 28": (256, 512, 28, 1, 2, 0),
    "5x5 32>64 28": (32, 64, 28, 5, 1, 2),
    "7x7/2 3>64 224": (3, 64, 224, 7, 2, 3),
}
"""Channels in, channels out, size, kernel, stride, padding."""

POOLS = {"64 224": (64, 224), "128 112": (128, 112), "256 56": (256, 56), "512 28": (512, 28)}

NORMS = {"128x64 32": (128, 64, 32), "128x512 4": (128, 512, 4)}
"""Batch, channels, height and width of batch normalizations of ResNet18 on CIFAR."""

INCEPTION = (8, 192, 28, (64, 96, 128, 16, 32, 32))
"""Batch, channels, size of GoogLeNet's first block; outputs of 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, pooled."""

BASELINE_BATCH, BASELINE_PICTURES = 32, 3200
"""Of an epoch of the first network of the lab ``cifar10_zoo``; its whole data set has 50000 pictures."""

VGG19_STACK = ((3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), *[(256, 256, 56)] * 3,
               (256, 512, 28), *[(512, 512, 28)] * 3, *[(512, 512, 14)] * 4)  # fmt: skip

DIRECTIONS = ("forward", "input", "weight")

CASES = (
    *(f"conv/{name}/{direction}" for direction in DIRECTIONS for name in VGG16_LAYERS),
    *(
        f"other/{name}/{direction}"
        for direction in DIRECTIONS
        for name in OTHER_CONVOLUTIONS
        if not ("3>64" in name and direction == "input")
    ),
    *(f"pool/{name}/{direction}" for direction in ("forward", "input") for name in POOLS),
    "linear/64 4096>1000/forward",
    *(f"norm/{name}/{direction}" for direction in ("forward", "backward") for name in NORMS),
    "inception/both",
    "vgg16/forward",
    "vgg16/both",
    "vgg16/accurate",
    "lenet/epoch",
    "lenet5/epoch",
    "baseline/epoch",
    "resnet18/128",
    "style/iteration",
    "int8/amx",
    "int8/vnni",
    "int8/float32",
    "dlp/amx",
    "dlp/vnni",
    "dlp/float32",
)


LIMITS = (
    ("conv/", "largest", 5e-5),  # Winograd's F(4, 3)
    ("other/", "largest", 2e-5),
    ("pool/", "largest", 0.0),
    ("linear/", "largest", 2e-5),
    ("norm/", "largest", 5e-5),
    ("inception/", "norm", 1e-3),
    ("vgg16/forward", "largest", 1e-4),
    ("vgg16/accurate", "largest", 1e-5),
    # Rounding lets some ReLUs and maxima of a deep network fall the other way: the gradient is compared as a whole.
    ("vgg16/both", "norm", 3e-2),
    # Losses of training: their own roundings lead two libraries slowly apart.
    ("lenet/", "norm", 5e-3),
    ("lenet5/", "norm", 5e-3),
    ("baseline/", "norm", 5e-3),
    ("resnet18/", "norm", 2e-3),
    ("style/", "norm", 1e-3),
    ("int8/", "largest", 0.0),
    ("dlp/", "largest", 0.0),
)  # fmt: skip
"""Beginning of a case's name, measure and bound of the difference to PyTorch, as a part of PyTorch's result."""

TRAINING_STEPS = 3
"""Steps of a large network whose losses are compared."""

EPOCH_STEPS = 20
"""Steps at the beginning of an epoch whose losses are compared one by one."""


def epoch_result(losses: list[float]) -> dict[str, Array]:
    """What is compared of an epoch: its first losses, and the mean of all."""
    return {"first losses": np.array(losses[:EPOCH_STEPS]), "mean loss": np.array([np.mean(losses)])}


def difference(measure: str, actual: dict[str, Array], wanted: dict[str, Array]) -> float:
    """Largest difference of an array, by its largest entry or norm, over that of ``wanted``; inf if not finite."""
    if actual.keys() != wanted.keys():
        raise ValueError(f"results must have the same names, got {sorted(actual)} and {sorted(wanted)}")
    worst = 0.0
    for name, theirs in wanted.items():
        ours, true = actual[name].astype(np.float64), theirs.astype(np.float64)
        if ours.shape != true.shape:
            raise ValueError(f"{name} must have shape {true.shape}, got {ours.shape}")
        if measure == "norm":
            found, size = np.linalg.norm(ours - true), np.linalg.norm(true)
        else:
            found, size = np.abs(ours - true).max(), np.abs(true).max()
        error = float(found / size)
        worst = max(worst, error if np.isfinite(error) else np.inf)
    return worst


def limit_of(case: str) -> tuple[str, float]:
    """Measure and bound for a case."""
    return next((measure, bound) for start, measure, bound in LIMITS if case.startswith(start))


def convolution_data(
    channels: int, outputs: int, size: int, kernel: int = 3, batch: int = 1
) -> tuple[Array, Array, Array]:
    """Inputs (N, C, H, W), weight, bias."""
    rng = np.random.default_rng(0)
    scale = np.float32(np.sqrt(2 / (channels * kernel * kernel)))
    return (rng.standard_normal((batch, channels, size, size), dtype=np.float32),
            rng.standard_normal((outputs, channels, kernel, kernel), dtype=np.float32) * scale,
            rng.standard_normal(outputs, dtype=np.float32) * np.float32(0.1))  # fmt: skip


def gradient_data(shape: tuple[int, ...], seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def byte_data(channels: int, outputs: int, size: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(2)
    return (rng.integers(-127, 128, (1, channels, size, size), dtype=np.int8),
            rng.integers(-127, 128, (outputs, channels, 3, 3), dtype=np.int8))  # fmt: skip


DLP_RANGE = 5.0
"""Largest number that a layer of the quantized network takes; beyond, bytes saturate."""

DLP_DENSE = ((4096, 25088), (4096, 4096), (1000, 4096))


def dlp_layer(number: int) -> tuple[Array, Array, float]:
    """Layer ``number`` of VGG19 in bytes: weight, bias, and what a unit of the weight stands for."""
    shapes = [(outputs, channels, 3, 3) for channels, outputs, _ in VGG19_STACK] + list(DLP_DENSE)
    rng = np.random.default_rng((17, number))
    weight = rng.integers(-127, 128, shapes[number], dtype=np.int8)
    bias = (0.1 * rng.standard_normal(len(weight))).astype(np.float16).astype(np.float32)
    return weight, bias, float(np.sqrt(2 / np.prod(shapes[number][1:])) / 73.3)


def vgg_parameters(plan: tuple[int | str, ...], classes: int | None = 1000) -> list[tuple[Array, Array]]:
    """(weight, bias) of all layers, He-normal."""
    rng, channels, result = np.random.default_rng(3), 3, []
    shapes: list[tuple[int, ...]] = []
    for item in plan:
        if not isinstance(item, str):
            shapes.append((item, channels, 3, 3))
            channels = item
    if classes is not None:
        shapes += [(4096, 25088), (4096, 4096), (classes, 4096)]
    for shape in shapes:
        scale = np.float32(np.sqrt(2 / np.prod(shape[1:])))
        result.append((rng.standard_normal(shape, dtype=np.float32) * scale, np.zeros(shape[0], np.float32)))
    return result


LENET_SHAPES = ((6, 1, 5, 5), (16, 6, 5, 5), (128, 256), (84, 128), (10, 84))
"""Weights of the net of the lab ``lenet``: 28 x 28 pictures, two maximum pools."""

LENET5_SHAPES = ((6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84))
"""Weights of that of ``resnet18``: 28 x 28 pictures in a border of 2; the second pool takes the mean."""


BASELINE_SHAPES = ((6, 3, 5, 5), (128, 1536), (10, 128))


def inception_weights() -> list[Array]:
    """Weights of the block's convolutions in the order of ``INCEPTION``."""
    _, channels, _, (one, reduce3, three, reduce5, five, pooled) = INCEPTION
    return he_normal(
        (
            (one, channels, 1, 1),
            (reduce3, channels, 1, 1),
            (three, reduce3, 3, 3),
            (reduce5, channels, 1, 1),
            (five, reduce5, 5, 5),
            (pooled, channels, 1, 1),
        ),
        14,
    )


def he_normal(shapes: tuple[tuple[int, ...], ...], seed: int) -> list[Array]:
    """Weights whose variance is 2 over the terms of a sum."""
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal(s) * np.sqrt(2 / np.prod(s[1:]))).astype(np.float32) for s in shapes]


def picture(height: int = 224, width: int = 224, seed: int = 4) -> Array:
    return np.random.default_rng(seed).standard_normal((1, 3, height, width), dtype=np.float32)


def digits() -> tuple[Array, Array]:
    """10000 pictures of noise with a pattern per class, as MNIST is shaped."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 10, 10000)
    patterns = rng.standard_normal((10, 1, 28, 28), dtype=np.float32)
    return rng.standard_normal((10000, 1, 28, 28), dtype=np.float32) + np.float32(0.5) * patterns[labels], labels


def cifar(batch: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(6)
    return rng.standard_normal((batch, 3, 32, 32), dtype=np.float32), rng.integers(0, 10, batch)


def multiply_adds(case: str) -> int:
    """Multiply-adds of a convolution case, 0 for the others."""
    kind, name, *_ = case.split("/", 2)
    if kind == "conv":
        channels, outputs, size = VGG16_LAYERS[name]
        return 9 * channels * outputs * size * size
    return 0
