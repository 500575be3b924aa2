"""What a shortcut is worth over many seeds, and the time of a training step: solution, variant, engine, PyTorch.

    python -m benchmarks.resnet18 shortcut [--seeds 12] [--variant im2col] [--out fixtures/resnet18]
    python -m benchmarks.resnet18 step [--width 64] [--batch 64] [--rounds 5] [--threads 2]
    python -m benchmarks.resnet18 forward [--out labs/resnet18]

``shortcut`` trains the narrow ResNet18 of the check `shortcut_training` with and without its shortcuts, as that
check does, and writes a table and a picture; seeds that are in the table's data already are not run again.
``step`` lets every library take a step of training in turn, each in a process of its own: the solution, its fastest
variant, the solution over the engine's operators, the engine's own net, PyTorch.
``forward`` times both networks on one picture, as the course does, and on a batch, with the solution's operators
and with the engine's, one thread each, and writes what the handout's `questions.py` shows beside a student's time.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

from benchmarks.resnet18_worker import FULL_WIDTH, LIBRARIES, Worker, run_seed

ROOT = Path(__file__).resolve().parents[1]
DATA, TABLE, PICTURE = "shortcut.json", "shortcut.md", "shortcut.png"
COMMAND = "python -m benchmarks.resnet18 shortcut"
STEPS_AN_EPOCH = 16
FORWARD, FORWARD_DATA = {"solution": "reference", "engine": "engine"}, "engine_times.json"
FORWARD_PICTURES, FORWARD_RUNS, FORWARD_DISCARDED = (1, 64), 30, 5


def shortcut(seeds: int, variant: str, out: Path) -> None:
    """Train with every seed that is not there yet; write the data, the table and the picture after each."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / DATA
    runs: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for seed in range(seeds):
        if str(seed) in runs:
            continue
        runs[str(seed)] = run_seed(seed, variant)
        file.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
        (out / TABLE).write_text(table(runs), encoding="utf-8")
        picture(runs, out / PICTURE)
        print(row(seed, runs[str(seed)]), flush=True)


def ratio(run: dict[str, Any]) -> float:
    """Return the loss of the last epoch with shortcuts over that without."""
    last = {kind: statistics.fmean(run[kind]["loss"][-STEPS_AN_EPOCH:]) for kind in ("with", "without")}
    return last["with"] / last["without"]


def row(seed: int, run: dict[str, Any]) -> str:
    """Return a line of the table."""
    cells = [str(seed)]
    for kind in ("with", "without"):
        cells.append(f"{statistics.fmean(run[kind]['loss'][-STEPS_AN_EPOCH:]):.3f}")
        cells.append(" ".join(f"{score:.3f}" for score in run[kind]["accuracy"]))
    return f"| {' | '.join([*cells, f'{ratio(run):.3f}'])} |"


def table(runs: dict[str, Any]) -> str:
    """Return the table with what it shows."""
    ratios = [ratio(run) for run in runs.values()]
    finals = {kind: [run[kind]["accuracy"][-1] for run in runs.values()] for kind in ("with", "without")}
    losses = sum(a < b for a, b in zip(finals["with"], finals["without"], strict=True))
    spread = statistics.stdev(ratios) if len(ratios) > 1 else 0.0
    return "\n".join(
        [
            "# With and without shortcuts",
            "",
            f"`{COMMAND}` made this page and `{PICTURE}`.",
            "",
            "ResNet18 of width 16 learns from 1000 digits: rate 0.01, batches of 64, 5 epochs. Both nets have the",
            "same first weights, the same rate and the same order of digits. The accuracy is that on "
            "the 500 digits",
            "of the check, after each epoch (standard error about 0.02).",
            "",
            "| seed | loss of epoch 5, with | accuracy, with | loss of epoch 5, without | accuracy, "
            "without | ratio |",
            "|---|---|---|---|---|---|",
            *(row(int(seed), run) for seed, run in runs.items()),
            "",
            f"Ratio of the losses: mean {statistics.fmean(ratios):.3f}, standard deviation {spread:.3f}, "
            f"smallest {min(ratios):.3f}, largest {max(ratios):.3f}; the check asks for at most 0.6.",
            f"After epoch 5 the net with shortcuts was the less accurate one in {losses} of {len(runs)} seeds.",
            "",
        ]
    )


def picture(runs: dict[str, Any], file: Path) -> None:
    """Draw the training loss of every step and seed, and the accuracy after every epoch, both nets in one plot."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for kind, colour in (("with", "#0072B2"), ("without", "#D55E00")):
        for number, run in enumerate(runs.values()):
            label = f"{kind} shortcuts" if number == 0 else None
            loss = run[kind]["loss"]
            epochs = [(step + 1) / STEPS_AN_EPOCH for step in range(len(loss))]
            left.plot(epochs, loss, color=colour, alpha=0.4, linewidth=0.8, label=label)
            scores = run[kind]["accuracy"]
            right.plot(range(1, len(scores) + 1), scores, color=colour, alpha=0.5, marker=".", label=label)
    left.set(xlabel="epoch", ylabel="training loss of a batch", yscale="log")
    right.set(xlabel="epoch", ylabel="accuracy on 500 test digits")
    for panel in (left, right):
        panel.grid(alpha=0.3)
        panel.legend()
    figure.suptitle(f"ResNet18 of width 16, {len(runs)} seeds")
    figure.savefig(file, dpi=100, metadata={"Software": None})
    pyplot.close(figure)


def step(width: int, batch: int, rounds: int, threads: int) -> None:
    """Let every library take steps in turn; print the fastest and the median time of each."""
    libraries = [name for name in LIBRARIES if name != "engine-net" or width == FULL_WIDTH]
    workers = [Worker(library, width, batch, threads) for library in libraries]
    seconds: dict[str, list[float]] = {library: [] for library in libraries}
    losses: dict[str, float] = {}
    for turn in range(rounds + 1):
        for worker in workers:
            took, losses[worker.library] = worker.step()
            if turn:
                # The first step compiles.
                seconds[worker.library].append(took)
    for worker in workers:
        worker.close()
    print(f"one step of training: ResNet18, width {width}, batch {batch}, 1 x 32 x 32, {threads} threads")
    best = {library: min(values) for library, values in seconds.items()}
    for library, values in seconds.items():
        times = f"{best[library] * 1e3:9.1f} ms fastest {statistics.median(values) * 1e3:9.1f} ms median"
        compared = f"{best[library] / best['torch']:8.2f} x PyTorch"
        print(f"  {library:<12}{times}{compared}    loss after {rounds + 1} steps {losses[library]:.4f}")


def forward(out: Path) -> None:
    """Let both read pictures in turn; print and write the median processor times in milliseconds."""
    workers = {name: Worker(library, FULL_WIDTH, FORWARD_PICTURES[-1], 1) for name, library in FORWARD.items()}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for net in ("lenet5", "resnet18"):
        for count in FORWARD_PICTURES:
            times: dict[str, list[float]] = {name: [] for name in workers}
            for turn in range(FORWARD_RUNS):
                sums = {}
                for name, worker in workers.items():
                    took, sums[name] = worker.forward(net, count)
                    if turn >= FORWARD_DISCARDED:
                        times[name].append(took * 1e3)
                if not math.isclose(*sums.values(), rel_tol=1e-3, abs_tol=1e-2):
                    raise SystemExit(f"{net}: the logits differ: {sums}")
            medians = {name: round(statistics.median(values), 2) for name, values in times.items()}
            found.setdefault(net, {})[str(count)] = medians
            print(f"{net}, {count} pictures: {medians}", flush=True)
    for worker in workers.values():
        worker.close()
    (out / FORWARD_DATA).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("shortcut")
    first.add_argument("--seeds", type=int, default=12)
    first.add_argument("--variant", default="im2col")
    first.add_argument("--out", type=Path, default=ROOT / "fixtures" / "resnet18")
    second = commands.add_parser("step")
    second.add_argument("--width", type=int, default=64)
    second.add_argument("--batch", type=int, default=64)
    second.add_argument("--rounds", type=int, default=5)
    second.add_argument("--threads", type=int, default=2)
    third = commands.add_parser("forward")
    third.add_argument("--out", type=Path, default=ROOT / "labs" / "resnet18")
    given = parser.parse_args()
    if given.command == "shortcut":
        shortcut(given.seeds, given.variant, given.out)
    elif given.command == "forward":
        forward(given.out)
    else:
        step(given.width, given.batch, given.rounds, given.threads)


if __name__ == "__main__":
    main()
