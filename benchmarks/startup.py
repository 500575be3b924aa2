"""How long a student's command takes to begin, against an earlier commit, by turns.

    python -m benchmarks.startup [--lab LAB] [--before COMMIT] [--now COMMIT] [--rounds N]

A kit of the lab is built from the files here (or of a commit), and one from those of the earlier commit, both in a
temporary folder that is removed in the end; nothing else is touched. The commands run in one kit and then in the
other, the first of a round by turns: the list of options (what is imported), a check of a folder without its files
(up to where the submission is looked at), and one check of one layer of the skeleton (up to its verdict, a box
included). Printed are the medians, of the clock and of processor time with all processes that ended, and the ratio
now to before with its 95 % interval. Processor time is what a busy machine disturbs least.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from grader.timing.ratio import ratio_of

ROOT = Path(__file__).resolve().parent.parent
# The commit before `grader/` was laid out by stage.
BEFORE = "741ace2"
WARM_UP = 1


def main() -> None:
    """Build both kits, time the commands by turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", default="vgg16")
    parser.add_argument("--check", default="relu_forward", help="one check of one layer")
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT")
    parser.add_argument("--now", metavar="COMMIT", help="default the files as they lie here")
    parser.add_argument("--rounds", type=int, default=15)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="startup-") as scratch:
        kits = build_kits(Path(scratch), wanted.lab, {"before": wanted.before, "now": wanted.now})
        commands = {
            "options": ("check", "--help"),
            "no files": ("check", wanted.lab, "--submission", str(Path(scratch) / "empty")),
            "one check": ("check", wanted.lab, "--only", wanted.check),
        }
        (Path(scratch) / "empty").mkdir()
        taken = time_by_turns(kits, commands, wanted.rounds)
    now = wanted.now or "the files here"
    print(f"kit of {wanted.lab}: {now} against {wanted.before}, {wanted.rounds} rounds by turns")
    print(f"{'command':<10} {'time':<10} {'before s':>9} {'now s':>9}  ratio (95 % interval)")
    for name in commands:
        for kind in ("clock", "processor"):
            earlier_s, now_s = (taken[name, kind, tree] for tree in ("before", "now"))
            ratio = ratio_of(now_s, earlier_s)
            print(
                f"{name:<10} {kind:<10} {median(earlier_s):9.3f} {median(now_s):9.3f}  "
                f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"
            )


def build_kits(scratch: Path, lab: str, commits: dict[str, str | None]) -> dict[str, Path]:
    """Return the folders of the kits by name; of a commit that is None, of the files as they lie here."""
    kits = {}
    for name, commit in commits.items():
        kits[name] = scratch / name
        tree = ROOT if commit is None else files_of(commit, scratch / f"tree-{name}")
        subprocess.run(
            [sys.executable, "-m", "grader", "kit", lab, "--out", str(kits[name])],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        if tree is not ROOT:
            shutil.rmtree(tree)
    return kits


def files_of(commit: str, folder: Path) -> Path:
    """Unpack the files of a commit into a new folder."""
    archive = folder.with_suffix(".tar")
    subprocess.run(["git", "archive", "--output", str(archive), commit], cwd=ROOT, check=True)
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    archive.unlink()
    return folder


def time_by_turns(
    kits: dict[str, Path], commands: dict[str, tuple[str, ...]], rounds: int
) -> dict[tuple[str, str, str], list[float]]:
    """Return seconds by command, kind of time and kit; the first round only warms up."""
    taken: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for number in range(rounds + WARM_UP):
        order = sorted(kits, reverse=number % 2 == 1)
        for name, words in commands.items():
            for tree in order:
                clock_s, processor_s = run_once(kits[tree], words)
                if number >= WARM_UP:
                    taken[name, "clock", tree].append(clock_s)
                    taken[name, "processor", tree].append(processor_s)
    return taken


def run_once(kit: Path, words: tuple[str, ...]) -> tuple[float, float]:
    """Type one command in a kit; return seconds of the clock and of processors."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "grader", *words],
        cwd=kit,
        env={**os.environ, "PYTHONPATH": str(kit), "TERM": "dumb"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1, 2):
        sys.exit(f"{' '.join(words)} in {kit} ended with {process.returncode}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
