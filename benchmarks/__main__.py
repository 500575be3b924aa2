"""All benchmarks in one go: ``python -m benchmarks [OPTION...]``; the options are those of ``benchmarks.engine``.

What they print goes to the terminal and to ``results/bench.txt``, below a line that says on which processor. Other
graders are measured where ``PEERS`` names an interpreter that has the extra ``peers``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from grader.jail.arithmetic import chosen_arithmetic, computer

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "results" / "bench.txt"


def suite(options: list[str]) -> Iterator[list[str]]:
    """Yield the modules with their arguments, in order."""
    yield ["benchmarks.engine", *options]
    yield ["benchmarks.jail"]
    yield ["benchmarks.grading", "lenet"]
    yield ["benchmarks.class_simulation", "lenet", "100", "1000", "10000"]
    yield ["benchmarks.scaling"]
    if os.environ.get("PEERS"):
        yield ["benchmarks.peers", "--python", os.environ["PEERS"]]


def main() -> None:
    """Run them all; the status is 1 if one has failed, after the others have run."""
    facts = computer(chosen_arithmetic())
    failed = []
    PLACE.parent.mkdir(exist_ok=True)
    with PLACE.open("w", encoding="utf-8") as file:

        def say(line: str) -> None:
            sys.stdout.write(line)
            sys.stdout.flush()
            file.write(line)

        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        say(f"{time.strftime('%Y-%m-%d')}, {facts.processor}, {processors} processors, {facts.blas}\n")
        for words in suite(sys.argv[1:]):
            say(f"\n== {' '.join(words)}\n")
            command = [sys.executable, "-m", *words]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
                for line in process.stdout or ():
                    say(line)
            if process.returncode:
                failed.append(words[0])
        if failed:
            say(f"\nfailed: {', '.join(failed)}\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
