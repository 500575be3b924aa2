"""What grading costs beyond the submission's own compute: wall time against time inside the submission.

    python -m benchmarks.grading [LAB] [SUBMISSION] [REPEATS]

The submission is graded several times in a row by the command line, as CI does it. Printed for each run: wall time
of the command, time spent in the submission's own code (on the grader's clock), the difference, and the bound that
the project sets itself: the submission's own time plus 10 % and 3 s; then the peak memory of grader and worker.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(lab: str = "vgg16", submission: str = "", repeats: str = "3") -> None:
    """Grade and print a table."""
    source = submission or str(ROOT / "reference" / lab)
    print(f"{'run':>3} {'wall s':>8} {'own s':>8} {'beyond s':>9} {'bound s':>8} {'worker MiB':>11} {'own MiB':>8}")
    for number in range(1, int(repeats) + 1):
        with tempfile.TemporaryDirectory() as folder:
            document = Path(folder) / "result.json"
            command = [
                sys.executable,
                "-m",
                "grader",
                "grade",
                lab,
                "--submission",
                source,
                "--json",
                str(document),
            ]
            started = time.monotonic()
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            wall_s = time.monotonic() - started
            if not document.is_file():
                sys.exit(done.stderr)
            result = json.loads(document.read_text())
        own_s = result["times"]["student"]
        memory = result["memory"]
        print(
            f"{number:>3} {wall_s:8.2f} {own_s:8.2f} {wall_s - own_s:9.2f} {0.1 * own_s + 3:8.2f} "
            f"{memory['worker_peak_mib']:11.0f} {memory['grader_peak_mib']:11.0f}   score {result['score']}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
