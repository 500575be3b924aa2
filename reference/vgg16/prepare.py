"""Fits the last layer of the seeded checkpoint, so that the lab's own pictures fall into their classes.

The network below the last layer is random, so its features are those of a random projection: enough to tell a few
pictures apart, not to recognise flowers. Solving ridge regression on them is all the "training" there is.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import yaml
from numpy.lib.stride_tricks import sliding_window_view

STAGES = (2, 2, 3, 3, 3)  # convolutions before each pooling
LAST_LAYER = "fullyconnect3"
CROPS_PER_PICTURE = 6
RIDGE = 1e-3  # relative to the mean squared length of the features
MARGIN = 4.0  # logit of the right class; the others get MARGIN / -3 each, so that a row sums to zero
SEED = 3


def prepare(lab_folder: Path, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weight (4, 4096) and bias (4,), float32, of the last layer.

    ``parameters`` maps ``<layer>.<parameter>`` to arrays; those of the last layer are not read.
    """
    facts = yaml.safe_load((lab_folder / "lab.yaml").read_text(encoding="utf-8"))
    classes = facts["classes"]
    main = _load(lab_folder / "main.py")
    features, labels = [], []
    for picture, name in facts["network"]["pictures"].items():
        for image in _crops(main.read_image(lab_folder / "pictures" / picture)):
            scaled = main.resize_image(np.ascontiguousarray(image), main.IMAGE_SIZE).astype(np.float32)
            tensor = (scaled - main.IMAGE_MEAN) / main.IMAGE_DEVIATION
            features.append(_features(tensor.transpose(2, 0, 1).astype(np.float32), parameters))
            labels.append(classes.index(name))
    return _fit(np.array(features, dtype=np.float64), np.array(labels), len(classes))


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("_lab_main", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {file}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _crops(image: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the whole picture (rows, columns, 3), then crops of it, some of them mirrored."""
    yield image
    rng = np.random.Generator(np.random.Philox(SEED))
    height, width = image.shape[:2]
    for number in range(CROPS_PER_PICTURE):
        rows, columns = (int(size * rng.uniform(0.85, 1.0)) for size in (height, width))
        top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
        crop = image[top : top + rows, left : left + columns]
        yield crop[:, ::-1] if number % 2 else crop


def _features(x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the 4096 numbers that enter the last layer, for one picture (3, 224, 224)."""
    for stage, convolutions in enumerate(STAGES, start=1):
        for index in range(1, convolutions + 1):
            name = f"layer{stage}_conv{index}"
            x = _conv_relu(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])
        channels, height, width = x.shape
        x = x.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))
    flat = x.reshape(-1)
    for name in ("fullyconnect1", "fullyconnect2"):
        flat = np.maximum(parameters[f"{name}.weight"] @ flat + parameters[f"{name}.bias"], 0)
    return flat


def _conv_relu(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """3x3 convolution with padding 1, then ReLU, as one matrix product over all windows."""
    channels, height, width = x.shape
    windows = sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2))
    columns = windows.transpose(0, 3, 4, 1, 2).reshape(channels * 9, height * width)
    result = weight.reshape(len(weight), -1) @ columns + bias[:, None]
    return np.maximum(result, 0).reshape(len(weight), height, width)


def _fit(features: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """Solve ridge regression in its dual form: there are far fewer pictures than features."""
    centre = features.mean(axis=0)
    centred = features - centre
    targets = np.full((len(labels), classes), -MARGIN / (classes - 1))
    targets[np.arange(len(labels)), labels] = MARGIN
    offset = targets.mean(axis=0)
    kernel = centred @ centred.T
    kernel += RIDGE * np.trace(kernel) / len(kernel) * np.eye(len(kernel))
    weight = (centred.T @ np.linalg.solve(kernel, targets - offset)).T
    return {
        f"{LAST_LAYER}.weight": weight.astype(np.float32),
        f"{LAST_LAYER}.bias": (offset - weight @ centre).astype(np.float32),
    }
