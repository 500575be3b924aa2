"""Measures what the jail costs: start-up at each level, a fresh worker, and passing arrays.

Run as ``python benchmarks/jail.py [REPEATS]``. Medians, with the smallest in brackets.
"""

from __future__ import annotations

import functools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from grader.jail import Box, Level, Limits, View, probe

PACKAGES = ("numpy", "numba", "llvmlite")
ARRAY_MB = (1, 10, 100)
HANDLER = """
class Runner:
    def __init__(self, config): pass
    def handle(self, head, arrays, emit):
        for name, array in arrays.items(): emit(name, array)
        return {}
def describe(error): return {"message": repr(error)}
"""


def main() -> None:
    """Print the table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    report = probe()
    print(f"{report.system}, {'root' if report.root else 'ordinary user'}, median of {repeats}\n")
    bare = [sys.executable, "-c", "import numpy, numba; numba.njit(lambda x: x + 1)(1.0)"]
    show("bare interpreter with numpy, numba and one JIT call", lambda: subprocess.run(bare, check=True), repeats)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "echo.py").write_text(HANDLER)
        view = View(Path(folder), Path(folder), PACKAGES)
        limits = Limits(memory_mib=2048, reply_mib=512)
        for level in reversed(report.levels):
            measure_level(view, limits, level, repeats)


def measure_level(view: View, limits: Limits, level: Level, repeats: int) -> None:
    """Print the part of the table for one level."""
    print(f"\nlevel {level.value}")
    show("  box started, first worker ready", lambda: open_and_close(view, limits, level), repeats, inner=True)
    with Box(view, limits, level, handler="echo") as box:
        show("  fresh worker in a running box", box.worker, repeats)
        worker = box.worker()
        show("  empty request", lambda: worker.call({}, deadline_s=60), repeats)
        for size_mb in ARRAY_MB:
            array = np.random.default_rng(0).random(size_mb * 250_000, dtype=np.float32)
            copy_ms = statistics.median(measure(array.copy, repeats))
            trips = measure(functools.partial(worker.call, {}, {"x": array}, deadline_s=60), repeats)
            trip_ms = statistics.median(trips)
            print(
                f"  {f'{size_mb} MB there and back':50s} {trip_ms:8.2f} ms  ({min(trips):.2f})"
                f"   {trip_ms / copy_ms:.1f} times one memcpy of {copy_ms:.2f} ms"
            )


def open_and_close(view: View, limits: Limits, level: Level) -> float:
    """Start a box and its first worker, close it; return the seconds until the worker was ready."""
    began = time.perf_counter()
    with Box(view, limits, level, handler="echo") as box:
        box.worker()
        return time.perf_counter() - began


def show(title: str, action: Callable[[], object], repeats: int, *, inner: bool = False) -> None:
    """Print the median of an action; with ``inner`` the action returns its own seconds."""
    times = measure(action, repeats, inner=inner)
    print(f"{title:52s} {statistics.median(times):8.2f} ms  ({min(times):.2f})", flush=True)


def measure(action: Callable[[], object], repeats: int, *, inner: bool = False) -> list[float]:
    """Return the milliseconds of each repeat, after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        result = action()
        seconds = result if inner and isinstance(result, float) else time.perf_counter() - began
        times.append(seconds * 1000)
    return times[1:]


if __name__ == "__main__":
    main()
