"""A process that trains the chapter's LeNet with one library; started by ``benchmarks.lenet``.

    python -m benchmarks.lenet_worker LIBRARY DATA PICTURES

It reads a word a line and answers with a line of JSON after ``@``: ``epoch`` trains once over the pictures,
``accuracy`` tests, ``memory`` tells how much the process has needed at most, ``arrays`` how much of that a network
and two of its steps need for arrays of NumPy. Libraries: ``loops`` and ``gemm`` (the lab's solution), ``engine``,
``torch`` (as the chapter, sigmoids) and ``torch-relu`` (as the engine).
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
BATCH, CLASSES, RATE, SEED = 64, 10, 1e-3, 7
Array = np.ndarray[Any, Any]
Trained = tuple[Callable[[Array, Array], float], Callable[[Array], Array]]


def load(file: Path, count: int) -> tuple[Array, Array, Array, Array]:
    """Return training pictures (count, 28, 28), -1 to 1, labels, and the same of all test pictures."""
    with np.load(file) as stored:
        chosen = np.random.default_rng(SEED).permutation(len(stored["x_train"]))[:count]
        x, y = stored["x_train"][chosen], stored["y_train"][chosen]
        test_x, test_y = stored["x_test"], stored["y_test"]
    return *(scaled(x), y.astype(np.int64)), *(scaled(test_x), test_y.astype(np.int64))


def scaled(pictures: Array) -> Array:
    """Scale pixels as the chapter does."""
    return (pictures.astype(np.float32) / 255 - 0.5) * 2


def solution(name: str) -> Trained:
    """The lab's solution, with loops or with matrices."""
    sys.path[:0] = [str(ROOT / "reference" / "lenet"), str(ROOT / "labs" / "lenet")]
    lenet = importlib.import_module("lenet")
    np.random.seed(SEED)
    net = getattr(lenet, name)()

    def step(x: Array, y: Array) -> float:
        net.fit(x[..., None], np.eye(CLASSES, dtype=np.float32)[y], 1, BATCH, epo_verbose=False)
        return 0.0

    def predict(x: Array) -> Array:
        logits, _ = net.forward(x[..., None])
        net.flush_gradients()
        return logits

    return step, predict


def engine() -> Trained:
    """The instructor's engine: the same sizes, with ReLU."""
    sys.path.insert(0, str(ROOT))
    from reference.engine.nets import LeNet
    from reference.engine.nets.lenet import NAMES

    net = LeNet(BATCH)
    rng = np.random.default_rng(SEED)
    shapes = {name: weight.shape for name, (weight, _) in net.get_parameters().items()}
    scale = {name: np.sqrt(2 / np.prod(shape[1:])) for name, shape in shapes.items()}
    net.set_parameters({
        name: ((rng.standard_normal(shapes[name]) * scale[name]).astype(np.float32),
               np.zeros(shapes[name][0], np.float32)) for name in NAMES})  # fmt: skip
    order = np.random.default_rng(SEED)

    def step(x: Array, y: Array) -> float:
        pictures, indices = x[:, None], order.permutation(len(x))
        for start in range(0, len(x), BATCH):
            part = indices[start : start + BATCH]
            net.train_step(pictures[part], y[part], RATE)
        return 0.0

    return step, lambda x: net.forward(np.ascontiguousarray(x[:, None]))


def torch_net(activation: str) -> Trained:
    """PyTorch, in float32 with the fused Adam."""
    import torch
    from torch import nn

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(SEED)
    bend = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}[activation]
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5), bend(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), bend(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 128), bend(), nn.Linear(128, 84), bend(), nn.Linear(84, CLASSES),
    )  # fmt: skip
    for layer in net:
        if isinstance(layer, nn.Conv2d | nn.Linear) and activation == "sigmoid":
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE, fused=True)

    def step(x: Array, y: Array) -> float:
        pictures, labels = torch.from_numpy(x[:, None]), torch.from_numpy(y)
        indices = torch.randperm(len(x))
        for start in range(0, len(x), BATCH):
            part = indices[start : start + BATCH]
            optimiser.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(net(pictures[part]), labels[part]).backward()
            optimiser.step()
        return 0.0

    def predict(x: Array) -> Array:
        with torch.no_grad():
            return np.asarray(net(torch.from_numpy(x[:, None])).numpy())

    return step, predict


LIBRARIES: dict[str, Callable[[], Trained]] = {
    "loops": lambda: solution("LeNet"),
    "gemm": lambda: solution("LeNet_gemm"),
    "engine": engine,
    "torch": lambda: torch_net("sigmoid"),
    "torch-relu": lambda: torch_net("relu"),
}


def peak_mib() -> float:
    """Return the largest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def arrays_mib(build: Callable[[], Trained], x: Array, y: Array) -> float:
    """Return the most that a fresh network and two steps hold in arrays; PyTorch's own memory is not seen."""
    tracemalloc.start()
    train, _ = build()
    train(x[: 2 * BATCH], y[: 2 * BATCH])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main(library: str, data: str, count: str) -> None:
    """Serve the requests."""
    x, y, test_x, test_y = load(Path(data), int(count))
    train, predict = LIBRARIES[library]()
    # What is compiled or allocated once is no part of an epoch.
    train(x[: 2 * BATCH], y[: 2 * BATCH])
    for line in sys.stdin:
        word = line.strip()
        if word == "epoch":
            began = time.perf_counter()
            train(x, y)
            answer: float = time.perf_counter() - began
        elif word == "accuracy":
            logits = np.concatenate([predict(test_x[at : at + BATCH]) for at in range(0, len(test_x), BATCH)])
            answer = float(np.mean(logits.argmax(axis=1) == test_y))
        else:
            answer = peak_mib() if word == "memory" else arrays_mib(LIBRARIES[library], x, y)
        print("@" + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
