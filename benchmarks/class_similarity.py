"""Calibrates `grader.cohort.view.similarity` on planted copies among independent works.

``python -m benchmarks.class_similarity [COUNT] [COPIES] [--csv FILE]`` plants copies of each kind, and writes
for each how many of the pairs that are shown are copies (precision) and how many of the copies are shown (recall),
from the most surprising pair on.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.class_similarity_works import CHANGES, WRITERS
from grader.cohort.view.holes import Region
from grader.cohort.view.similarity import Work, compare_works

SEEDS = (1,)
RECALLS = (0.5, 0.8, 0.9, 1.0)
Change = Callable[[str, random.Random], str]
Point = tuple[float, float, float]


def plant(count: int, copies: int, change: Change, seed: int, holes: int) -> tuple[list[Work], set[frozenset[str]]]:
    """Return ``count`` independent works and copies of the first in ``holes`` of their holes; and the pairs."""
    chance = random.Random(seed)
    regions = {name: Region((name,), "layer.py", name, "") for name in WRITERS}
    works = [
        Work(f"w{number:03}", {regions[name]: write(chance) for name, write in WRITERS.items()})
        for number in range(count)
    ]
    planted = set()
    for number in range(copies):
        chosen = chance.sample(list(WRITERS), holes)
        bodies = {
            region: change(body, chance) if region.function in chosen else WRITERS[region.function](chance)
            for region, body in works[number].bodies.items()
        }
        works.append(Work(f"c{number:03}", bodies))
        planted.add(frozenset((works[number].name, works[-1].name)))
    return works, planted


def curve(works: list[Work], planted: set[frozenset[str]]) -> list[Point]:
    """Return surprise, precision and recall after each copy that is found, the most surprising first."""
    pairs = sorted(compare_works(works, most=50 * len(planted)).pairs, key=lambda pair: -pair.surprise)
    found, points = 0, []
    for shown, pair in enumerate(pairs, start=1):
        if frozenset((pair.first, pair.second)) not in planted:
            continue
        found += 1
        points.append((pair.surprise, found / shown, found / len(planted)))
        if found == len(planted):
            break
    return points


def main() -> None:
    """Print a table, and write the curves if asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", nargs="?", type=int, default=200)
    parser.add_argument("copies", nargs="?", type=int, default=20)
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args()
    rows = []
    print(f"{given.copies} copies among {given.count} independent works, {len(WRITERS)} holes; seeds {SEEDS}")
    for holes in (len(WRITERS), 1):
        for name, change in CHANGES.items():
            began = time.monotonic()
            curves = [curve(*plant(given.count, given.copies, change, seed, holes)) for seed in SEEDS]
            spent = (time.monotonic() - began) / len(SEEDS)
            cells = []
            for recall in RECALLS:
                reached = [next((p for _s, p, r in one if r >= recall), 0.0) for one in curves]
                cells.append(f"{min(reached):.2f}")
            print(
                f"{holes} holes {name:15} precision at recall {RECALLS}: {' '.join(cells)} ({spent:.1f} s)",
                flush=True,
            )
            rows += [(holes, name, seed, *point) for seed, one in zip(SEEDS, curves, strict=True) for point in one]
    if given.csv:
        with given.csv.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["holes", "change", "seed", "surprise", "precision", "recall"])
            writer.writerows([*row[:3], *(f"{value:.4g}" for value in row[3:])] for row in rows)


if __name__ == "__main__":
    main()
