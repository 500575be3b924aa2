"""How long `check --watch` takes from a save to the verdict of one layer: ``python -m benchmarks.watch``.

The work is the lab's own solution in a folder of its own; each round saves it with another comment, as an editor
does, and waits for the line that says how many checks pass. The last part saves while a check runs into an endless
loop, and measures until the mended file's verdict is there.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAB, LAYER = "vgg16", "conv"
DONE = "checks pass"
LOOP = "\nConvolutionLayer.forward = lambda self, inputs: [None for _ in iter(int, 1)]\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("layer.py", "vgg.py"):
            shutil.copyfile(ROOT / "reference" / LAB / "variants" / "im2col_gemm" / name, work / name)
        source = (work / "layer.py").read_text()
        with watching(work) as process:
            began = time.monotonic()
            wait(process)
            print(f"first verdict {time.monotonic() - began:.2f} s after the command")
            times = [saved(process, work, f"{source}\n# {number}\n") for number in range(rounds)]
            times_s = ", ".join(f"{value:.2f}" for value in times)
            print(f"{LAYER}: median {statistics.median(times):.2f} s from save to verdict ({times_s})")
            (work / "layer.py").write_text(source + LOOP)
            time.sleep(2.0)
            print(f"out of an endless loop: {saved(process, work, source):.2f} s from save to verdict")
            process.terminate()


def watching(work: Path) -> subprocess.Popen[str]:
    """Start watching one layer."""
    command = [
        sys.executable,
        "-u",
        "-m",
        "grader",
        "check",
        LAB,
        "--layer",
        LAYER,
        "--watch",
        "--submission",
        str(work),
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def saved(process: subprocess.Popen[str], work: Path, text: str) -> float:
    """Save the file and return the seconds until its verdict."""
    began = time.monotonic()
    (work / "layer.py").write_text(text)
    wait(process)
    return time.monotonic() - began


def wait(process: subprocess.Popen[str]) -> None:
    """Wait for the end of a round."""
    assert process.stdout is not None
    for line in process.stdout:
        if DONE in line:
            return
    raise SystemExit("watching ended")


if __name__ == "__main__":
    main()
