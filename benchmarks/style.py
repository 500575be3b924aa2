"""Time one iteration of style transfer at 192 x 320: the reference's loops, its faster layers, the engine.

    python -m benchmarks.style [--rounds 3] [--out results/style]

The engine and the reference run in a process each, in turn. An iteration with loops takes ten minutes or more, so
it is added up from its layers, each measured on 8 x 8 pixels: a loop's time is proportional to the entries it
visits. How far that holds is measured, too, on the layer that the course times.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from pathlib import Path
from typing import Any

from .engine import Worker, wait_until_quiet
from .style_baselines import COLUMNS, CONTENT_LAYER, ROWS, STYLE_LAYERS

STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
SMALL = 8
CHECKED = ("conv", 256, 256, 24, 40)
# From a public log of a class's own faster layers on the course's server, another machine than this one.
PUBLISHED_S = 37.0
Layer = tuple[str, str, int, int, int, int]  # name, kind, channels in and out, rows and columns of the output


def network() -> list[Layer]:
    """Return VGG19's convolutions and poolings for the experiment's picture."""
    layers: list[Layer] = []
    channels, rows, columns = 3, ROWS, COLUMNS
    for stage, (width, count) in enumerate(STAGES, start=1):
        for number in range(1, count + 1):
            layers.append((f"relu{stage}_{number}", "conv", channels, width, rows, columns))
            channels = width
        rows, columns = rows // 2, columns // 2
        layers.append((f"pool{stage}", "pool", width, width, rows, columns))
    return layers


def passes() -> dict[str, tuple[int, int]]:
    """Return how many forward and backward passes each layer sees in one iteration of the handout."""
    names = [layer[0] for layer in network()]
    found = {}
    for place, name in enumerate(names):
        starts = [names.index(end) for end in (CONTENT_LAYER, *STYLE_LAYERS)]
        found[name] = (1, sum(start >= place for start in starts))
    return found


def loops_seconds(worker: Worker, rounds: int) -> tuple[float, dict[str, float]]:
    """Return the seconds of an iteration with loops, added up, and how the estimate of one layer fits its time."""
    per_entry: dict[tuple[str, int, int, str], float] = {}

    def entry(kind: str, c_in: int, c_out: int, direction: str) -> float:
        """Seconds for one entry of the output."""
        if (kind, c_in, c_out, direction) not in per_entry:
            side = SMALL * (2 if kind == "pool" else 1)
            case = f"{kind} {c_in} {c_out} {side} {side}"
            worker.ask(do="make", case=case, variant=direction)
            times = worker.ask(do="time", case=case, variant=direction, count=rounds, patience=1)
            worker.ask(do="drop")
            per_entry[kind, c_in, c_out, direction] = statistics.median(times) / (c_out * SMALL * SMALL)
            print(f"loops, {case}, {direction}: {statistics.median(times):.3g} s", flush=True)
        return per_entry[kind, c_in, c_out, direction]

    counts = passes()
    total = 0.0
    for name, kind, c_in, c_out, rows, columns in network():
        for direction, count in zip(("forward", "backward"), counts[name], strict=True):
            total += count * entry(kind, c_in, c_out, direction) * c_out * rows * columns
    kind, c_in, c_out, rows, columns = CHECKED
    fits = {}
    for direction in ("forward", "backward"):
        case = f"{kind} {c_in} {c_out} {rows} {columns}"
        worker.ask(do="make", case=case, variant=direction)
        print(f"loops, {case}, {direction}: measured as a whole", flush=True)
        (measured,) = worker.ask(do="time", case=case, variant=direction, count=1, patience=1)
        fits[direction] = entry(kind, c_in, c_out, direction) * c_out * rows * columns / measured
    return total, fits


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="samples of each")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--out", type=Path, default=Path("results/style"))
    options = parser.parse_args()
    workers = {name: Worker(name, options.threads) for name in ("style", "ours")}
    entries = {
        "reference's faster layers, six backward passes": ("style", "iteration", "separate"),
        "the same layers, gradients joined in one pass": ("style", "iteration", "joined"),
        "engine, gradients joined in one pass": ("ours", "style", ""),
    }
    times: dict[str, list[float]] = {title: [] for title in entries}
    noisy = 0
    try:
        for library, case, variant in entries.values():
            workers[library].ask(do="make", case=case, variant=variant)
        for _ in range(options.rounds):
            for title, (library, case, variant) in entries.items():
                noisy += not wait_until_quiet()
                times[title] += workers[library].ask(do="time", case=case, variant=variant, count=1, patience=1)
                print(f"{title}: {times[title][-1]:.3g} s", flush=True)
        workers["style"].ask(do="drop")
        loops_s, fits = loops_seconds(workers["style"], options.rounds)
    finally:
        for worker in workers.values():
            worker.close()
    seconds = {"reference's loops, added up from its layers": loops_s}
    seconds |= {title: statistics.median(found) for title, found in times.items()}
    lines = [f"| one iteration at {ROWS} x {COLUMNS} | seconds | faster than the loops |", "|---|---|---|"]
    lines += [f"| {title} | {value:.3g} | {loops_s / value:.3g} x |" for title, value in seconds.items()]
    lines.append(f"| a class's own faster layers, published log, course's server | {PUBLISHED_S:g} | |")
    _, c_in, c_out, rows, columns = CHECKED
    fit = ", ".join(f"{direction} {ratio:.2f}" for direction, ratio in fits.items())
    lines += ["", f"Estimate over measurement for {c_in} to {c_out} channels on {rows} x {columns}: {fit}."]
    if noisy:
        lines.append(f"The machine was busy before {noisy} of {options.rounds * len(entries)} samples.")
    print("\n".join(lines))
    facts: dict[str, Any] = {
        "seconds": seconds,
        "samples": times,
        "estimate_over_measurement": fits,
        "noisy": noisy,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "style.md").write_text("\n".join(lines) + "\n")
    (options.out / "style.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
