"""A process that holds one library's cases and times them when told to; started by ``benchmarks.engine``.

One process per library, because two thread pools in one process ruin each other's times.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .engine_cases import Case

OTHERS_SHARE = 0.05
"""A sample counts as clean when other processes used less than this share of one core meanwhile."""

CLOCK_RESOLUTION_S = 0.025
"""/proc/stat counts in hundredths of a second per core."""

MAX_DIRTY = 3
"""Give up on clean samples after this many times the wanted number."""


PROCESSOR_TIME = os.environ.get("BENCH_CLOCK") == "processor"
"""Measure the processor time of one thread: other processes lengthen it little, so samples need not be clean."""


def busy_seconds() -> float:
    """Processor seconds that all processes of the machine have used; 0 where the system does not tell."""
    try:
        fields = [int(v) for v in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def make(library: str, case: str, variant: str) -> Case:
    """One library's side of a case, with the library imported only now."""
    if library == "ours":
        from . import engine_ours

        return engine_ours.make(case)
    if library == "torch":
        import torch

        from . import engine_torch

        torch.set_num_threads(int(os.environ["NUMBA_NUM_THREADS"]))
        return engine_torch.make(case, variant)
    if library == "style":
        from . import style_baselines

        return Case(style_baselines.make(case, variant), dict)
    from . import engine_baselines

    return engine_baselines.make(case, variant)


def samples(work: Callable[[], Any], count: int, patience: int = MAX_DIRTY) -> list[float]:
    """Seconds of ``count`` runs during which the machine was quiet, as far as that can be had.

    On a busy machine up to ``patience`` times as many are made; 1 for works that take long.
    """
    if PROCESSOR_TIME:
        return [processor_seconds(work) for _ in range(count)]
    clean: list[float] = []
    dirty: list[float] = []
    while len(clean) < count and len(dirty) < patience * count:
        others, own = busy_seconds(), sum(os.times()[:2])
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        used = busy_seconds() - others - (sum(os.times()[:2]) - own)
        (clean if used < OTHERS_SHARE * seconds + CLOCK_RESOLUTION_S else dirty).append(seconds)
    return clean + sorted(dirty)[: count - len(clean)]


def processor_seconds(work: Callable[[], Any]) -> float:
    """Processor time of one run."""
    start = time.process_time()
    work()
    return time.process_time() - start


def describe(library: str) -> str:
    """The instructions that a library says it uses."""
    if library == "torch":
        import torch

        return f"PyTorch's kernels for {torch.backends.cpu.get_cpu_capability()}"
    return ""


def serve(library: str) -> None:
    """Answer requests, one JSON object a line, until the input ends."""
    made: dict[tuple[str, str], Case] = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = request.get("case", ""), request.get("variant", "")
        answer: Any = True
        if request["do"] == "make":
            made[key] = make(library, *key)
            if request.get("warm", True):
                made[key].work()
        elif request["do"] == "result":
            np.savez(request["file"], **made[key].result())
        elif request["do"] == "drop":
            made.clear()
        elif request["do"] == "describe":
            answer = describe(library)
        else:
            answer = samples(made[key].work, request["count"], request.get("patience", MAX_DIRTY))
        print("@" + json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
