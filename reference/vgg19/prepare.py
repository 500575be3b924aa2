"""Fits rows of the last layer of the seeded checkpoint, so that the lab's own pictures fall into their classes.

The network below the last layer is random, so its features are those of a random projection: enough to tell two
pictures apart, not to recognise cats. Ridge regression on them is all the "training" there is. The other rows stay
random; the fitted ones are scaled so that their picture gets a probability well below 1, which a mistake changes.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import yaml
from numpy.lib.stride_tricks import sliding_window_view

STAGES = (2, 2, 4, 4, 4)  # convolutions before each pooling
LAST_LAYER = "fc8"
SMALL_CROPS = 10  # of each picture, at the small size of the checks
LARGE_CROPS = 2
RIDGE = 1e-3  # relative to the mean squared length of the features
PROBABILITY = 0.7  # of the right class; the random rows share the rest
SEED = 3


def prepare(lab_folder: Path, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return rows ``fc8.weight[CLASS]`` of shape (4096,) and biases ``fc8.bias[CLASS]`` of shape (), float32.

    ``parameters`` maps ``<layer>.<parameter>`` to arrays, convolutions as (C_out, C_in, rows, columns).
    """
    facts = yaml.safe_load((lab_folder / "lab.yaml").read_text(encoding="utf-8"))
    checks = _load(lab_folder / "checks.py")
    pictures: Mapping[str, str] = facts["network"]["pictures"]
    features, labels = [], []
    for label, picture in enumerate(pictures):
        image = cv2.cvtColor(cv2.imread(str(lab_folder / "pictures" / picture)), cv2.COLOR_BGR2RGB)
        for scaled in _crops(image, checks):
            pool5 = checks.tiled("pool5", _pool5(checks.normalised(scaled)[0], parameters)[None])
            features.append(_features(pool5[0], parameters))
            labels.append(label)
    rows = [int(index) for index in pictures.values()]
    return _fit(np.array(features, dtype=np.float64), np.array(labels), rows, parameters[f"{LAST_LAYER}.weight"])


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("_lab_checks_for_fitting", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {file}")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _crops(image: np.ndarray, checks: ModuleType) -> Iterator[np.ndarray]:
    """Yield crops of a picture (rows, columns, 3), scaled as the checks and as the whole program do."""
    rng = np.random.Generator(np.random.Philox(SEED))
    large, small = (checks.IMAGE_SIZE, checks.IMAGE_SIZE), (checks.SMALL_COLUMNS, checks.SMALL_ROWS)
    yield cv2.resize(image, large, interpolation=cv2.INTER_LINEAR)
    height, width = image.shape[:2]
    for number in range(LARGE_CROPS + SMALL_CROPS):
        rows, columns = (int(size * rng.uniform(0.85, 1.0)) for size in (height, width))
        top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
        crop = image[top : top + rows, left : left + columns]
        crop = np.ascontiguousarray(crop[:, ::-1] if number % 2 else crop)
        yield cv2.resize(crop, large if number < LARGE_CROPS else small, interpolation=cv2.INTER_AREA)


def _pool5(x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the output of the last pooling, (512, rows / 32, columns / 32), for a picture (3, rows, columns)."""
    for stage, convolutions in enumerate(STAGES, start=1):
        for number in range(1, convolutions + 1):
            name = f"conv{stage}_{number}"
            x = _conv_relu(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])
        channels, height, width = x.shape
        x = x.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))
    return x


def _features(pool5: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the 4096 numbers that enter the last layer, for the output of the last pooling, (512, 7, 7)."""
    flat = pool5.transpose(1, 2, 0).reshape(-1)
    for name in ("fc6", "fc7"):
        flat = np.maximum(parameters[f"{name}.weight"] @ flat + parameters[f"{name}.bias"], 0)
    return flat


def _conv_relu(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """3x3 convolution with padding 1, then ReLU, as one matrix product over all windows."""
    channels, height, width = x.shape
    windows = sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2))
    columns = windows.transpose(0, 3, 4, 1, 2).reshape(channels * 9, height * width)
    result = weight.reshape(len(weight), -1) @ columns + bias[:, None]
    return np.maximum(result, 0).reshape(len(weight), height, width)


def _fit(features: np.ndarray, labels: np.ndarray, rows: list[int], last: np.ndarray) -> dict[str, np.ndarray]:
    """Solve ridge regression in its dual form: there are far fewer pictures than features."""
    # The right class gets this probability if its logit exceeds the logarithm of the others' summed exponentials by
    # the logarithm of the odds.
    random_rows = np.delete(last, rows, axis=0)
    others = np.log(np.exp(features @ random_rows.T).sum(axis=1))
    target = others + np.log(PROBABILITY / (1 - PROBABILITY))
    centre = features.mean(axis=0)
    centred = features - centre
    targets = np.where(labels[:, None] == np.arange(len(rows)), target[:, None], 0.0)
    offset = targets.mean(axis=0)
    kernel = centred @ centred.T
    kernel += RIDGE * np.trace(kernel) / len(kernel) * np.eye(len(kernel))
    weight = (centred.T @ np.linalg.solve(kernel, targets - offset)).T
    bias = offset - weight @ centre
    fitted = {}
    for position, row in enumerate(rows):
        fitted[f"{LAST_LAYER}.weight[{row}]"] = weight[position].astype(np.float32)
        fitted[f"{LAST_LAYER}.bias[{row}]"] = np.array(bias[position], dtype=np.float32)
    return fitted
