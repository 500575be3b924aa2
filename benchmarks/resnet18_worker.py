"""One library's process of `benchmarks.resnet18`: ``python -m benchmarks.resnet18_worker LIBRARY WIDTH BATCH``.

It answers every line ``step`` with the seconds of a training step and its loss, and ``forward NET COUNT`` with the
processor's seconds of a forward pass of so many pictures and the sum of its logits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
LAB, REFERENCE = ROOT / "labs" / "resnet18", ROOT / "reference" / "resnet18"
LIBRARIES = ("reference", "im2col", "engine", "engine-net", "torch")
SOLUTION = ("nndl", "edge", "op", "lenet5", "resnet")
RATE, SEED, FULL_WIDTH = 0.01, 3, 64


class Worker:
    """A library's process, seen from outside."""

    def __init__(self, library: str, width: int, batch: int, threads: int) -> None:
        self.library = library
        names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        command = [sys.executable, "-m", "benchmarks.resnet18_worker", library, str(width), str(batch)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # A cache of its own: here the engine goes by the name that it has beside a lab's solution.
            env={
                **os.environ,
                **dict.fromkeys(names, str(threads)),
                "BENCHMARK_THREADS": str(threads),
                "ENGINE_CACHE_DIR": str(ROOT / ".cache" / "resnet18-benchmark"),
            },
        )

    def step(self) -> tuple[float, float]:
        """Let it take a step; return its seconds and the loss before it."""
        return self._ask("step")

    def forward(self, net: str, count: int) -> tuple[float, float]:
        """Let ``lenet5`` or ``resnet18`` read pictures; return the processor's seconds and the logits' sum."""
        return self._ask(f"forward {net} {count}")

    def _ask(self, line: str) -> tuple[float, float]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"the process of {self.library} has ended; see above")
        seconds, value = json.loads(answer)
        return seconds, value

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def solution(variant: str) -> Any:
    """Import the lab's solution, or a variant of it, or that on the engine; return its modules by name."""
    from grader.project.solution import write_solution

    folder = Path(tempfile.mkdtemp(prefix="resnet18-"))
    write_solution(REFERENCE, None if variant in ("reference", "engine") else variant, folder)
    if variant == "engine":
        (folder / "op.py").write_text(
            (REFERENCE / "engine" / "op.py").read_text(encoding="utf-8"), encoding="utf-8"
        )
        (folder / "exactness.py").write_text("EXACT = False\n", encoding="utf-8")
        sys.path.insert(0, str(ROOT / "reference"))
    sys.path[:0] = [str(folder), str(LAB)]
    return SimpleNamespace(**{name: __import__(name) for name in SOLUTION})


def training_of_the_checks() -> Any:
    """Return the module of the lab's checks that trains."""
    from grader.inside.runner import load_checks

    load_checks(LAB / "checks.py")
    return sys.modules["_lab_checks.checks_training"]


def run_seed(seed: int, variant: str) -> dict[str, Any]:
    """Train both nets as the check `shortcut_training` does; return losses and accuracies of each."""
    if "resnet" not in sys.modules:
        solution(variant)
    modules = {name: sys.modules[name] for name in SOLUTION}

    def require(condition: bool, template: str, **values: Any) -> None:
        if not condition:
            raise SystemExit(template.format(**values))

    student = SimpleNamespace(**modules, require=require)
    checks = training_of_the_checks()
    (case,) = checks.training_cases(np.random.default_rng(seed))
    found = {}
    for kind, residual in (("with", True), ("without", False)):
        learner, _ = checks.narrow_net(student, case, residual)
        losses: list[float] = []
        _, progress = checks.trained(student, learner, case, losses)
        found[kind] = {
            "loss": [round(loss, 5) for loss in losses],
            "accuracy": [round(float(np.mean(said == case.predictions)), 4) for said in progress],
        }
    return found


class Solution:
    """The lab's nets, learning from one batch."""

    def __init__(self, variant: str, width: int, batch: int) -> None:
        self.student = SimpleNamespace(
            **vars(solution(variant)), require=lambda condition, template, **values: None
        )
        checks = training_of_the_checks()
        checks.WIDTH = width
        self.learner, _ = checks.narrow_net(self.student, SimpleNamespace(seed=SEED), True)
        data = self.student.nndl.MNIST_dataset("train", batch)
        self.x, self.labels = data.images, data.labels
        self.nets: dict[str, Any] = {}

    def step(self) -> float:
        """Take a step; return the loss before it."""
        return float(self.learner.step(self.student, self.x, self.labels))

    def forward(self, name: str, count: int) -> float:
        """Read the first pictures with a network of full width, always the same; return the sum of the logits."""
        if name not in self.nets:
            np.random.seed(SEED)
            student = self.student
            net = student.lenet5.Model_LeNet(1) if name == "lenet5" else student.resnet.Model_ResNet18(1)
            net.eval()
            self.nets[name] = net
        return float(np.sum(self.nets[name](self.x[:count]), dtype=np.float64))


class Torch:
    """The same net in PyTorch, with the same first weights."""

    def __init__(self, width: int, batch: int) -> None:
        import torch

        from tests.labs import resnet18_oracle as oracle

        torch.set_num_threads(int(os.environ.get("BENCHMARK_THREADS", "2")))
        student = solution("reference")
        training_of_the_checks()
        values = sys.modules["_lab_checks.checks_values"]
        self.net = oracle.resnet(1, 10, width, True)
        shapes = values.resnet_shapes(1, 10, width)
        oracle.load(self.net, values.values_of(shapes, SEED, biased={"net.0.0"}, fresh=True))
        self.net.float().train()
        data = student.nndl.MNIST_dataset("train", batch)
        self.x, self.labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=RATE)

    def step(self) -> float:
        """Take a step; return the loss before it."""
        import torch

        self.optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(self.net(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


class EngineNet:
    """The engine's own ResNet18, whose activations never leave its layout, with the same first weights.

    It takes three channels, of which two are zeros here, and has no bias in the first convolution; before a batch
    norm that bias changes nothing.
    """

    def __init__(self, width: int, batch: int) -> None:
        if width != FULL_WIDTH:
            raise SystemExit(f"the engine's ResNet18 has width {FULL_WIDTH}")
        student = solution("engine")
        from engine.nets.resnet import ResNet18
        from engine.optimizers import SGD

        training_of_the_checks()
        values = sys.modules["_lab_checks.checks_values"]
        weights = values.values_of(values.resnet_shapes(1, 10, width), SEED, biased={"net.0.0"}, fresh=True)
        self.net = ResNet18(batch, stem="imagenet")
        convolutions = [value["weight"] for value in weights.values() if value["weight"].ndim == 4]
        convolutions[0] = np.concatenate([convolutions[0], np.zeros((width, 2, 7, 7), np.float32)], axis=1)
        for unit, weight in zip(self.net.units, convolutions, strict=True):
            unit.layer.convolution.set_weight(np.ascontiguousarray(weight))
        self.net.weight[:] = weights["net.7"]["weight"].T
        data = student.nndl.MNIST_dataset("train", batch)
        zeros = np.zeros_like(data.images)
        self.x, self.labels = np.concatenate([data.images, zeros, zeros], axis=1), data.labels
        self.optimizer = SGD(self.net.parameters(), RATE)

    def step(self) -> float:
        """Take a step; return the loss before it."""
        return float(self.net.train_step(self.x, self.labels, self.optimizer))


def main(library: str, width: int, batch: int) -> None:
    """Answer every line of standard input with a step."""
    others = {"torch": Torch, "engine-net": EngineNet}
    thing = others[library](width, batch) if library in others else Solution(library, width, batch)
    for line in sys.stdin:
        word, *rest = line.split()
        clock = time.process_time if word == "forward" else time.perf_counter
        started = clock()
        value = thing.forward(rest[0], int(rest[1])) if word == "forward" else thing.step()
        print(json.dumps([clock() - started, value]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
