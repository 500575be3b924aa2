"""Train LeNet as the chapter does, and time an epoch: the lab's solution, the engine, PyTorch, in turn.

    python -m benchmarks.lenet --data mnist.npz [--epochs 15] [--rounds 3] [--threads 2] [--out results/lenet]

The file has all of MNIST (``x_train``, ``y_train``, ``x_test``, ``y_test``); 10000 pictures of it are trained with,
and all test pictures tested with. Every library runs in a process of its own, and they take turns, an epoch each.
With loops an epoch takes many minutes, so a small part of one is timed and multiplied.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PICTURES, LOOP_PICTURES = 10_000, 64
# The chapter's own figures, on its author's machine.
PUBLISHED = {"loops": (17.3 * 60, 0.959), "gemm": (5.3 * 60, 0.9567)}
LIBRARIES = ("gemm", "torch", "engine", "torch-relu")
GOALS = (
    ("engine", "torch-relu", "at least 3 times as fast as PyTorch"),
    ("gemm", "torch", "at most 5 times its time"),
)


@dataclass
class Worker:
    """A library's process."""

    library: str
    data: Path
    pictures: int
    threads: int

    def __post_init__(self) -> None:
        names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(self.threads))}
        command = [
            sys.executable,
            "-m",
            "benchmarks.lenet_worker",
            self.library,
            str(self.data),
            str(self.pictures),
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, word: str) -> float:
        """Send a request and wait for its answer."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("@"):
                return float(json.loads(line[1:]))
        raise RuntimeError(f"the process of {self.library} ended; its error is above")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def measure(data: Path, epochs: int, rounds: int, threads: int) -> dict[str, Any]:
    """Return seconds of an epoch, peak memory and test accuracy of every library."""
    found: dict[str, Any] = {}
    workers = {name: Worker(name, data, PICTURES, threads) for name in LIBRARIES}
    seconds: dict[str, list[float]] = {name: [] for name in LIBRARIES}
    for number in range(max(epochs, rounds)):
        # Only the solution must reach the chapter's accuracy; the others train as long as they are timed.
        for name in LIBRARIES if number < rounds else ("gemm",):
            seconds[name].append(workers[name].ask("epoch"))
            print(f"epoch {number + 1}, {name}: {seconds[name][-1]:.2f} s", flush=True)
    for name, worker in workers.items():
        found[name] = {
            "epoch_s": statistics.median(seconds[name][:rounds]),
            "epochs": len(seconds[name]),
            "accuracy": worker.ask("accuracy"),
            "peak_mib": worker.ask("memory"),
            "arrays_mib": worker.ask("arrays") if "torch" not in name else None,
        }
        worker.close()
    loops = Worker("loops", data, LOOP_PICTURES, threads)
    loops_s = loops.ask("epoch") * PICTURES / LOOP_PICTURES
    found["loops"] = {"epoch_s": loops_s, "peak_mib": loops.ask("memory"), "arrays_mib": loops.ask("arrays")}
    loops.close()
    return found


def report(found: dict[str, Any], threads: int) -> str:
    """Return the table and how the goals stand."""
    lines = [
        f"LeNet on {PICTURES} digits, batch 64, Adam, {threads} threads; medians.",
        "",
        "| | s an epoch | chapter's | times PyTorch | epochs | test accuracy | MiB: arrays | MiB: process |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, own in found.items():
        rival = found["torch-relu" if name in ("engine", "torch-relu") else "torch"]["epoch_s"]
        published = f"{PUBLISHED[name][0]:.0f}" if name in PUBLISHED else ""
        accuracy = f"{own['accuracy']:.2%}" if "accuracy" in own else ""
        times = f"{own['epoch_s']:.3g} | {published} | {own['epoch_s'] / rival:.3g}"
        arrays = "" if own["arrays_mib"] is None else f"{own['arrays_mib']:.1f}"
        lines.append(
            f"| {name} | {times} | {own.get('epochs', '')} | {accuracy} | {arrays} | {own['peak_mib']:.0f} |"
        )
    lines.append("")
    for name, rival, goal in GOALS:
        share = found[name]["epoch_s"] / found[rival]["epoch_s"]
        seen = f"{1 / share:.3g} times as fast" if share < 1 else f"{share:.3g} times the time"
        lines.append(f"{name}: {seen}, compared with {rival}; the goal is {goal}.")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="all of MNIST in one .npz file")
    parser.add_argument("--epochs", type=int, default=15, help="that the solution trains")
    parser.add_argument("--rounds", type=int, default=3, help="epochs that are timed")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("results/lenet"))
    options = parser.parse_args()
    if not options.data.is_file():
        parser.error(f"{options.data} is no file; name the usual mnist.npz with all 70000 pictures")
    found = measure(options.data.resolve(), options.epochs, options.rounds, options.threads)
    text = report(found, options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "lenet.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (options.out / "lenet.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
