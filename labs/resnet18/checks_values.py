"""Parameters of whole networks: their names in the handout's order, and values that follow from a seed.

Eleven million numbers are not stored in a case; every worker makes them anew from raw words of a counter-based bit
generator, which are the same with every version of NumPy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from .checks_access import Part, matched

STAGES = 4
Values = dict[str, dict[str, np.ndarray]]


def seeded(seed: int, name: str, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """Return float32 numbers between ``low`` and ``high`` that follow from seed and name."""
    key = int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:16], "little")
    words = np.random.Philox(key=key).random_raw(int(np.prod(shape))) >> np.uint64(40)
    return (
        (low + (high - low) * (words.astype(np.float32) * np.float32(2.0**-24))).astype(np.float32).reshape(shape)
    )


def block_shapes(prefix: str, c_in: int, c_out: int, stride: int, shortcut: bool) -> dict[str, tuple[int, ...]]:
    """Return the weight's shape of every layer of a block, by the handout's names."""
    found = {
        f"{prefix}conv1": (c_out, c_in, 3, 3),
        f"{prefix}bn1": (c_out,),
        f"{prefix}conv2": (c_out, c_out, 3, 3),
        f"{prefix}bn2": (c_out,),
    }
    if shortcut and (c_in != c_out or stride != 1):
        found |= {f"{prefix}shortcut": (c_out, c_in, 1, 1), f"{prefix}bn3": (c_out,)}
    return found


def resnet_shapes(in_channels: int, classes: int, width: int, shortcut: bool = True) -> dict[str, tuple[int, ...]]:
    """Return the same of the whole net: ``net.0.0``, ..., ``net.7``."""
    found: dict[str, tuple[int, ...]] = {"net.0.0": (width, in_channels, 7, 7), "net.0.1": (width,)}
    channels = width
    for stage in range(1, STAGES + 1):
        wide = width * 2 ** (stage - 1)
        for block in range(2):
            stride = 2 if block == 0 and stage > 1 else 1
            found |= block_shapes(f"net.{stage}.{block}.", channels, wide, stride, shortcut)
            channels = wide
    return found | {"net.7": (channels, classes)}


def lenet_shapes(in_channels: int, classes: int) -> dict[str, tuple[int, ...]]:
    """Return the same of LeNet-5."""
    return {
        "conv1": (6, in_channels, 5, 5),
        "conv3": (16, 6, 5, 5),
        "conv5": (120, 16, 5, 5),
        "linear6": (120, 84),
        "linear7": (84, classes),
    }


def values_of(shapes: Mapping[str, tuple[int, ...]], seed: int, *, biased: set[str], fresh: bool = False) -> Values:
    """Return weight, bias and statistics of every layer.

    ``biased`` names the convolutions with a bias. With ``fresh``, batch norms and biases are as when a layer is
    made; else no number is 0 or 1, so that each is seen to be used.
    """
    found: Values = {}
    for name, shape in shapes.items():
        if len(shape) == 1:
            found[name] = _norm(name, shape, seed, fresh)
            continue
        fan_in = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
        bound = np.sqrt(6 / fan_in if len(shape) == 4 else 6 / sum(shape))
        found[name] = {"weight": seeded(seed, f"{name}.weight", shape, -bound, bound)}
        if len(shape) == 2 or name in biased:
            outputs = shape[1] if len(shape) == 2 else shape[0]
            bias = seeded(seed, f"{name}.bias", (outputs,), -0.3, 0.3)
            found[name]["bias"] = np.zeros_like(bias) if fresh else bias
    return found


def _norm(name: str, shape: tuple[int, ...], seed: int, fresh: bool) -> dict[str, np.ndarray]:
    if fresh:
        zeros, ones = np.zeros(shape, np.float32), np.ones(shape, np.float32)
        return {"weight": ones, "bias": zeros, "mean": zeros, "variance": ones}
    ranges = {"weight": (0.6, 1.4), "bias": (-0.3, 0.3), "mean": (-0.3, 0.3), "variance": (0.7, 2.5)}
    return {key: seeded(seed, f"{name}.{key}", shape, *ends) for key, ends in ranges.items()}


def kind_of(shape: tuple[int, ...]) -> str:
    """Return the kind of a layer with a weight of this shape."""
    return {1: "norm", 2: "linear", 4: "conv"}[len(shape)]


def load(student: Any, thing: Any, values: Values, what: str) -> dict[str, Part]:
    """Put values into the layers of a submission's network; return the layers by the handout's names.

    Layers of shortcuts that are not in ``values`` may be there all the same; they keep what they have.
    """
    wanted = [(name, kind_of(part["weight"].shape)) for name, part in values.items()]
    parts = matched(student, thing, wanted, what)
    for name, part in parts.items():
        for key, value in values[name].items():
            own = part.get(key)
            student.require(
                part.put(key, value),
                "{name} of {what} has shape {shape}, expected {wanted}",
                name=f"{name}.{key}",
                what=what,
                shape=None if own is None else np.shape(own),
                wanted=value.shape,
            )
    return parts


def gradients(student: Any, parts: Mapping[str, Part], values: Values) -> dict[str, np.ndarray]:
    """Return the gradients of all parameters by name, in the handout's shapes."""
    found = {}
    for name, part in parts.items():
        for key in ("weight", "bias"):
            if key in values[name]:
                gradient = part.gradient(key, values[name][key].shape)
                student.require(
                    gradient is not None, "the gradient of {name} is not in `grads`", name=f"{name}.{key}"
                )
                found[f"{name}.{key}"] = gradient
    return found


def biased_statistics(student: Any) -> bool:
    """Return whether a submission's batch norm takes the biased variance into its running one; both are right."""
    layer = student.op.BatchNorm2D(1)
    layer.forward(np.array([-1.0, 1.0], np.float32).reshape(2, 1, 1, 1))
    # Biased the variance is 1, unbiased 2: the running one stays 1 or becomes 1.1.
    return bool(np.reshape(Part("", layer).get("variance"), -1)[0] < 1.05)
