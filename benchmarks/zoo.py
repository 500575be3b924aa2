"""Time a step of ResNet18 (batch 128) and an epoch of Baseline: the lab's solution, the engine, PyTorch, in turn.

    python -m benchmarks.zoo [--rounds 3] [--threads 2] [--batch 128] [--out results/zoo]

Every library runs in a process of its own, and they take turns, so that whatever else the machine does troubles all
of them. ``engine`` is the solution with the engine's operators, layer by layer; ``engine-net`` is the engine's own
ResNet18, which never leaves its layout (SGD, because that is what it steps with).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

LIBRARIES = ("solution", "engine", "engine-net", "torch")
WORK = {
    "solution": ("step", "epoch"),
    "engine": ("step", "epoch"),
    "engine-net": ("step",),
    "torch": ("step", "epoch"),
}
NAMES = {"step": "a step of ResNet18", "epoch": "an epoch of Baseline, 1000 pictures"}


class Worker:
    """A library's process."""

    def __init__(self, library: str, batch: int, threads: int) -> None:
        names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(threads))}
        command = [sys.executable, "-m", "benchmarks.zoo_worker", library, str(batch)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, word: str) -> float:
        """Send a request and wait for its answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("@"):
                return float(json.loads(line[1:]))
        raise RuntimeError("a library's process ended; its error is above")

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def measure(batch: int, rounds: int, threads: int) -> dict[str, Any]:
    """Return medians of seconds by work and library, and the peak memory of each process."""
    workers = {name: Worker(name, batch, threads) for name in LIBRARIES}
    seconds: dict[str, dict[str, list[float]]] = {work: {} for work in NAMES}
    for number in range(rounds + 1):
        for work, times in seconds.items():
            for name in LIBRARIES:
                if work in WORK[name]:
                    took = workers[name].ask(work)
                    # The first round compiles.
                    if number:
                        times.setdefault(name, []).append(took)
    found: dict[str, Any] = {
        work: {name: statistics.median(times) for name, times in by_name.items()}
        for work, by_name in seconds.items()
    }
    found["peak_mib"] = {name: worker.ask("memory") for name, worker in workers.items()}
    for worker in workers.values():
        worker.close()
    return found


def report(found: dict[str, Any], batch: int, threads: int) -> str:
    """Return the table."""
    lines = [
        f"Batch {batch} for ResNet18, 32 for Baseline, Adam, {threads} threads; medians.",
        "",
        "| | " + " | ".join(f"{name}, s | times PyTorch" for name in NAMES.values()) + " | MiB: process |",
        "|" + "---|" * (2 * len(NAMES) + 2),
    ]
    for name in LIBRARIES:
        cells = []
        for work in NAMES:
            took = found[work].get(name)
            cells += [f"{took:.3g}", f"{took / found[work]['torch']:.3g}"] if took is not None else ["", ""]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {found['peak_mib'][name]:.0f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="that are timed, after one that is not")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--batch", type=int, default=128, help="pictures in a step of ResNet18")
    parser.add_argument("--out", type=Path, default=Path("results/zoo"))
    options = parser.parse_args()
    found = measure(options.batch, options.rounds, options.threads)
    text = report(found, options.batch, options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "zoo.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (options.out / "zoo.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
