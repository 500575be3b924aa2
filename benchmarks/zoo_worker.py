"""A process that trains with one library; started by ``benchmarks.zoo``.

    python -m benchmarks.zoo_worker LIBRARY BATCH

It reads a word a line and answers with a line of JSON after ``@``: ``step`` times a step of ResNet18, ``epoch`` an
epoch of Baseline, ``memory`` tells how much the process has needed at most.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
LAB = "cifar10_zoo"
STAGES = [2, 2, 2, 2]
EPOCH_BATCH = 32
Work = Callable[[], Any]


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Return the vendored training pictures, scaled, and their labels."""
    with np.load(ROOT / "labs" / LAB / "cifar10_subset.npz") as stored:
        x, y = (
            stored["x_train"].astype(np.float32) / np.float32(255),
            stored["y_train"].reshape(-1).astype(np.int64),
        )
    return x, y


def labs_own(engine: bool, batch: int) -> dict[str, Work]:
    """Return the work with the lab's solution, or with its version on the engine."""
    folder = Path(tempfile.mkdtemp(prefix="zoo-"))
    for source in (ROOT / "reference" / LAB).glob("*.py"):
        shutil.copy(source, folder)
    if engine:
        shutil.copy(ROOT / "reference" / LAB / "engine" / "layers.py", folder)
        (folder / "exactness.py").write_text("EXACT = False\n")
        sys.path.append(str(ROOT / "reference"))
    sys.path[:0] = [str(folder), str(ROOT / "labs" / LAB)]
    import layers
    import nets

    x, y = pictures()
    made: dict[str, Any] = {}

    def net(name: str, *arguments: Any) -> Any:
        if name not in made:
            made[name] = getattr(nets, name)(*arguments)
            made[name].compile(layers.Adam(), layers.SparseCategoricalCrossentropy(from_logits=False))
        return made[name]

    def epoch() -> None:
        for start in range(0, len(x), EPOCH_BATCH):
            net("Baseline").train_on_batch(x[start : start + EPOCH_BATCH], y[start : start + EPOCH_BATCH])

    return {"step": lambda: net("ResNet18", STAGES).train_on_batch(x[:batch], y[:batch]), "epoch": epoch}


def engines_net(batch: int) -> dict[str, Work]:
    """Return a step of the engine's own ResNet18."""
    sys.path.append(str(ROOT / "reference"))
    from engine import SGD
    from engine.nets.resnet import ResNet18

    x, y = pictures()
    nchw = np.ascontiguousarray(x[:batch].transpose(0, 3, 1, 2))
    net = ResNet18(batch)
    rng = np.random.default_rng(0)
    for parameter in net.parameters():
        if parameter.ndim > 1:
            parameter[...] = rng.standard_normal(parameter.shape, np.float32) * np.float32(0.05)
    optimizer = SGD(net.parameters(), 0.01)
    return {"step": lambda: net.train_step(nchw, y[:batch], optimizer)}


def torchs(batch: int) -> dict[str, Work]:
    """Return the work with PyTorch."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.main = nn.Sequential(
                nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after, 1e-3, 0.01), nn.ReLU(),
                nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after, 1e-3, 0.01),
            )  # fmt: skip
            self.short = nn.Sequential()
            if stride != 1:
                self.short = nn.Sequential(
                    nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after, 1e-3, 0.01)
                )

        def forward(self, x: Any) -> Any:
            return torch.relu(self.main(x) + self.short(x))

    blocks = [
        Block(64 * 2 ** (stage - (number == 0 and stage > 0)), 64 * 2**stage, 2 if stage and not number else 1)
        for stage, count in enumerate(STAGES)
        for number in range(count)
    ]
    deep = nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64, 1e-3, 0.01), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    small = nn.Sequential(
        nn.Conv2d(3, 6, 5, padding=2), nn.BatchNorm2d(6, 1e-3, 0.01), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2),
        nn.Flatten(), nn.Linear(1536, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10),
    )  # fmt: skip
    x, y = pictures()
    inputs, labels = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(y)
    optimizers = {id(net): torch.optim.Adam(net.parameters(), 0.001, eps=1e-7) for net in (deep, small)}

    def train(net: Any, first: int, last: int) -> None:
        optimizers[id(net)].zero_grad()
        nn.functional.cross_entropy(net(inputs[first:last]), labels[first:last]).backward()
        optimizers[id(net)].step()

    def epoch() -> None:
        for start in range(0, len(x), EPOCH_BATCH):
            train(small, start, start + EPOCH_BATCH)

    return {"step": lambda: train(deep, 0, batch), "epoch": epoch}


def main() -> None:
    """Serve requests until the input ends."""
    library, batch = sys.argv[1], int(sys.argv[2])
    makers: dict[str, Callable[[], dict[str, Work]]] = {
        "solution": lambda: labs_own(False, batch),
        "engine": lambda: labs_own(True, batch),
        "engine-net": lambda: engines_net(batch),
        "torch": lambda: torchs(batch),
    }
    work = makers[library]()
    for line in sys.stdin:
        word = line.strip()
        if word == "memory":
            answer = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        else:
            began = time.perf_counter()
            work[word]()
            answer = time.perf_counter() - began
        print("@" + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
