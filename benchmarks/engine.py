"""Measure the engine against PyTorch and against simpler code, alternating, on the same cores.

    python -m benchmarks.engine [--only PREFIX ...] [--rounds N] [--quick] [--busy] [--out results/engine]

Every library runs in a process of its own. For each sample the driver waits until the machine is quiet,
then asks the libraries in turn, so that what changes slowly (clock, temperature, neighbours) hits all of
them. Figures are medians of clean samples; ratios are PyTorch's best memory format over ours.

Before anything is timed both libraries' results are compared. A result that differs gets no time, and the
command ends with an error.

``ENGINE_INSTRUCTION_SET=avx2`` measures the engine as it is on processors without AVX-512, against PyTorch held
to AVX2.

On a machine that is never quiet, ``--busy`` measures the processor time of one thread instead.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from reference.engine.integer import METHODS, available_methods
from reference.engine.processor import INSTRUCTION_SETS, PROCESSOR, SWITCH

from . import engine_cases as cases
from .engine_report import write_report
from .engine_worker import busy_seconds

QUIET_SHARE = 0.1
GATE_S = 0.05
MAX_WAIT_S = 4.0
TARGET_SAMPLE_S = 0.3
"""Runs of one sample together take about this long."""


@dataclass
class Worker:
    """A library's process."""

    library: str
    threads: int
    busy: bool = False

    def __post_init__(self) -> None:
        environment = {**os.environ, "NUMBA_NUM_THREADS": str(self.threads), "OMP_NUM_THREADS": str(self.threads),
                       "OPENBLAS_NUM_THREADS": str(self.threads)}  # fmt: skip
        if os.environ.get(SWITCH):
            environment |= INSTRUCTION_SETS[PROCESSOR.instruction_set].limits
        if self.busy:
            environment["BENCH_CLOCK"] = "processor"
        else:
            environment["OMP_PROC_BIND"] = "true"
        command = [sys.executable, "-m", "benchmarks.engine_worker", self.library]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, **request: Any) -> Any:
        """Send one request and wait for its answer."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("@"):
                return json.loads(line[1:])
        raise RuntimeError(f"the {self.library} process ended while working on {request}; its error is above")

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def wait_until_quiet() -> bool:
    """Wait until other processes leave the processors alone; False when they do not."""
    start = time.perf_counter()
    while time.perf_counter() - start < MAX_WAIT_S:
        before, at = busy_seconds(), time.perf_counter()
        time.sleep(GATE_S)
        if busy_seconds() - before <= QUIET_SHARE * (time.perf_counter() - at) + 0.01:
            return True
    return False


Entry = tuple[str, str]  # library and memory format


def entries_of(workers: dict[str, Worker], case: str) -> list[Entry]:
    """Whose times a case has."""
    theirs = [("torch", "nchw")] + ([] if case.startswith("linear") else [("torch", "channels-last")])
    return [("ours", ""), *(theirs if "torch" in workers else [])]


def result_of(worker: Worker, case: str, variant: str, folder: Path) -> dict[str, cases.Array]:
    """The arrays that a library computes for a case."""
    file = folder / "result.npz"
    worker.ask(do="result", case=case, variant=variant, file=str(file))
    with np.load(file) as arrays:
        return dict(arrays)


def compare(
    workers: dict[str, Worker], case: str, folder: Path
) -> tuple[dict[str, Any] | None, dict[str, cases.Array] | None]:
    """Make a case, and compare our result with PyTorch's in each memory format.

    Returns
    -------
    verdict, wanted : the measure, its bound and the largest difference, and PyTorch's result; None without PyTorch.
    """
    alone = "torch" not in workers
    for library, variant in entries_of(workers, case):
        # Results first: what is trained is compared from the same beginning.
        workers[library].ask(do="make", case=case, variant=variant, warm=alone)
    if alone:
        return None, None
    measure, bound = cases.limit_of(case)
    ours = result_of(workers["ours"], case, "", folder)
    worst, wanted = 0.0, None
    for library, variant in entries_of(workers, case)[1:]:
        theirs = result_of(workers[library], case, variant, folder)
        wanted = wanted or theirs
        worst = max(worst, cases.difference(measure, ours, theirs))
    return {"measure": measure, "bound": bound, "difference": worst, "right": worst <= bound}, wanted


def measure(workers: dict[str, Worker], case: str, rounds: int) -> dict[str, Any]:
    """Median, best and number of samples for every library and memory format, and how often the gate failed."""
    entries = entries_of(workers, case)
    times: dict[Entry, list[float]] = {entry: [] for entry in entries}
    counts: dict[Entry, int] = {}
    for library, variant in entries:
        first = min(workers[library].ask(do="time", case=case, variant=variant, count=2))
        counts[library, variant] = max(2, min(15, int(TARGET_SAMPLE_S / first)))
    noisy = 0
    for _ in range(rounds):
        for library, variant in entries:
            noisy += not (workers[library].busy or wait_until_quiet())
            times[library, variant] += workers[library].ask(
                do="time", case=case, variant=variant, count=counts[library, variant]
            )
    result: dict[str, Any] = {" ".join(filter(None, entry)): summary(values) for entry, values in times.items()}
    return {"times": result, "noisy": noisy}


def summary(values: list[float]) -> dict[str, Any]:
    """What is kept of a library's samples."""
    return {"median": statistics.median(values), "best": min(values), "samples": len(values)}


def measure_baselines(
    worker: Worker, case: str, wanted: dict[str, cases.Array] | None, folder: Path, busy: bool
) -> dict[str, Any]:
    """Times of the simpler code for a case; one whose result is wrong has none."""
    times = {}
    bound = cases.limit_of(case)[1]
    for method in ("textbook", "im2col"):
        worker.ask(do="make", case=case, variant=method)
        if not busy:
            wait_until_quiet()
        found = worker.ask(do="time", case=case, variant=method, count=1 if method == "textbook" else 3)
        result = result_of(worker, case, method, folder)
        if wanted is not None and cases.difference("largest", result, wanted) > bound:
            print(f"{case:32} {method} is WRONG: no time", flush=True)
            continue
        times[method] = summary(found)
    worker.ask(do="drop")
    return times


def second_process(threads: int) -> float:
    """Seconds from starting a process to VGG16's first logits, kernels from the disk cache, weights in memory."""
    program = (
        "import time; start = time.perf_counter()\n"
        "import numpy as np\nfrom reference.engine.nets import vgg16\n"
        "net = vgg16(); net.forward(np.zeros((1, 3, 224, 224), np.float32))\n"
        "print(time.perf_counter() - start)"
    )
    environment = {**os.environ, "NUMBA_NUM_THREADS": str(threads)}
    runs = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        runs.append(float(done.stdout))
    return min(runs[1:])


def main() -> None:
    """Parse the command line, measure, write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], help="measure cases that start with one of these")
    parser.add_argument("--quick", action="store_true", help="two rounds, no textbook loops")
    parser.add_argument("--rounds", type=int, default=5, help="how often every library is asked for samples")
    parser.add_argument("--busy", action="store_true", help="processor time of one thread, for a busy machine")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--out", type=Path, default=Path("results/engine"))
    options = parser.parse_args()
    lacking = [method for method in METHODS if method not in available_methods()]
    absent = tuple(f"{kind}/{method}" for kind in ("int8", "dlp") for method in lacking)
    chosen = [c for c in cases.CASES if c.startswith(tuple(options.only) or "") and not c.startswith(absent)]
    if options.busy:
        options.threads = 1
    workers = {"ours": Worker("ours", options.threads, options.busy)}
    if find_spec("torch"):
        workers["torch"] = Worker("torch", options.threads, options.busy)
    else:
        print("PyTorch is not installed: only our own times are measured. Install torch to compare.")
    print(f"{PROCESSOR.model}, {PROCESSOR.instruction_set} in use: {' '.join(PROCESSOR.features) or 'no feature'}")
    extra: dict[str, Any] = {"clock": "processor time" if options.busy else "time"}
    if "torch" in workers:
        extra["torch_kernels"] = workers["torch"].ask(do="describe")
        print(extra["torch_kernels"])
    results = measure_all(workers, chosen, options)
    if not options.only:
        extra["second_process_s"] = second_process(options.threads)
    print(write_report(results, options.threads, extra, options.out))
    wrong = [case for case, result in results.items() if not result["times"]]
    if wrong:
        sys.exit(f"the engine's result differs from PyTorch's: {', '.join(wrong)}")


def measure_all(workers: dict[str, Worker], chosen: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Compare and time every case; a case whose result is wrong has no times."""
    results: dict[str, Any] = {}
    loops = [c for c in chosen if c.startswith("conv/") and c.endswith("/forward")]
    wanted: dict[str, cases.Array] | None
    kept: dict[str, dict[str, cases.Array] | None] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            for case in chosen:
                verdict, wanted = compare(workers, case, folder)
                results[case] = {"times": {}, "noisy": 0, "compared": verdict}
                if verdict and not verdict["right"]:
                    line = f"WRONG: differs by {verdict['difference']:.1e}, {verdict['bound']:.0e} allowed"
                else:
                    results[case] |= measure(workers, case, 2 if options.quick else options.rounds)
                    times = results[case]["times"]
                    line = ", ".join(f"{name} {value['median'] * 1e3:.2f} ms" for name, value in times.items())
                    line += f"; differs by {verdict['difference']:.1e}" if verdict else "; not compared"
                    if case in loops:
                        kept[case] = wanted
                print(f"{case:32} {line}", flush=True)
                for worker in workers.values():
                    worker.ask(do="drop")
        finally:
            for worker in workers.values():
                worker.close()
        if not options.quick and not options.only:
            baselines = Worker("baselines", options.threads, options.busy)
            for case, right in kept.items():
                results[case]["times"] |= measure_baselines(baselines, case, right, folder, options.busy)
                print(f"{case:32} baselines measured", flush=True)
            baselines.close()
    return results


if __name__ == "__main__":
    main()
