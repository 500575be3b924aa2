"""A fixed piece of public work, by which a time that was measured on one machine is carried over to another.

``calls`` asks NumPy for very little, many times, as loops around array operations do; ``products`` multiplies
matrices, as fast layers do. It runs as a process of its own, so that it can be held to the same processors and
threads as a submission: ``python yardstick.py 0,1 perf_counter`` prints the seconds of each
repeat as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from grader.language.errors import GraderFailed

REPEATS = 5
CALLS = 1500
CHANNELS, ROWS, COLUMNS, SIZE = 256, 4, 42, 3
LIMIT_S = 300.0
Seconds = dict[str, list[float]]


class YardstickError(GraderFailed):
    """The yardstick did not run; no time can be carried over."""


def measure(processors: tuple[int, ...], threads: dict[str, str]) -> Seconds:
    """Return the seconds of each repeat by the name of the work.

    Parameters
    ----------
    processors : those to run on; empty for any.
    threads : environment variables that say how many threads to start.

    Raises
    ------
    YardstickError : it failed or took too long.
    """
    return _run(processors, threads, time.perf_counter)


def measure_processor(processors: tuple[int, ...], threads: dict[str, str]) -> list[float]:
    """Return the seconds of processor time of each repeat of ``calls``, which has one thread.

    What else runs on this host lengthens them little, so they say how fast it is, not how busy.

    Raises
    ------
    YardstickError : it failed or took too long.
    """
    return _run(processors, threads, time.process_time)[calls.__name__]


def _run(processors: tuple[int, ...], threads: dict[str, str], clock: Callable[[], float]) -> Seconds:
    command = [sys.executable, "-I", __file__, ",".join(map(str, processors)), clock.__name__]
    try:
        done = subprocess.run(
            command, env={**os.environ, **threads}, capture_output=True, text=True, timeout=LIMIT_S, check=True
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise YardstickError("the yardstick did not run: {error}", error=error) from None
    return {str(name): [float(value) for value in values] for name, values in found.items()}


def calls() -> None:
    """Sum and add small pieces of arrays, cut out of larger ones."""
    picture = np.ones((CHANNELS, ROWS, COLUMNS))
    weight = np.ones((CHANNELS, SIZE, SIZE, CHANNELS), np.float32)
    for number in range(CALLS):
        column = number % (COLUMNS - SIZE)
        window = picture[:, :SIZE, column : column + SIZE]
        kernel = weight[:, :, :, number % CHANNELS]
        total = np.sum(kernel * window)
        window += 1e-9 * total * kernel


def products() -> None:
    """Multiply matrices of the size that a middle layer of VGG19 leads to."""
    left = np.ones((CHANNELS, CHANNELS * SIZE * SIZE), np.float32)
    right = np.ones((CHANNELS * SIZE * SIZE, 960), np.float32)
    left @ right


def seconds_of(work: Callable[[], None], clock: Callable[[], float]) -> list[float]:
    """Return the seconds of each repeat; the first run of all does not count."""
    found = []
    for _ in range(REPEATS + 1):
        started = clock()
        work()
        found.append(clock() - started)
    return found[1:]


def main() -> None:
    """Run and print."""
    wanted = {int(number) for number in sys.argv[1].split(",") if number}
    if wanted and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, wanted)
    if sys.argv[2] == time.process_time.__name__:
        found = {calls.__name__: seconds_of(calls, time.process_time)}
    else:
        found = {work.__name__: seconds_of(work, time.perf_counter) for work in (calls, products)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
