"""Grades a class and says how well the host was used: student time, the grader's own time, memory.

    python -m benchmarks.class_load LAB FOLDER [--count 200] [--jobs 2 | --cluster local:4] [--piece SECONDS]
        [--project FOLDER] [--against OTHER]

Makes the class in FOLDER, its submissions by ``benchmarks.class_submissions`` unless FOLDER has a download and a
roster already (``benchmarks.class_tiny`` makes small ones, with a project of their own), and grades it. After
``--piece`` seconds it stops cleanly; the same command goes on. When all are graded it prints the share of the
processors' time that was student code, what a grading costs beside it, and the memory of the grader's own processes
in the first and in the last third. ``--against`` another such folder compares the documents of both, but for times.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.class_submissions import write_class, writers
from benchmarks.documents import differences, settled
from grader.project.places import Project

LOOK_S = 1.0
# Student time up to which a submission is tiny: nearly all of its grading is the grader's own time.
TINY_S = 1.0
SHOWN = 5
OF_THE_GRADER = ("slot_process", "distributed", "spawn_main")
TICKS_S = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20
Sample = dict[str, Any]


class Load:
    """One class in a folder, and what was measured while it was graded, in pieces."""

    def __init__(self, lab: str, folder: Path, project: Path) -> None:
        self.lab, self.folder, self.project = lab, folder.resolve(), project.resolve()
        self.room = self.folder / "class"
        self.samples = self.folder / "samples.jsonl"
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        # A submission's own user must be able to walk through it.
        for place in (self.folder, temporary):
            place.chmod(0o711)
        self.environment = {**os.environ, "TMPDIR": str(temporary), "GRADER_CLASS": str(self.room)}

    def prepare(self, count: int) -> None:
        """Make the submissions and take them in, unless that was done."""
        if not (self.folder / "roster.csv").is_file():
            project = Project(self.project)
            lab = project.lab(self.lab)
            write_class(lab, writers(project, lab), self.folder, count)
        if not self.room.is_dir():
            self._call("init", "Load", "--class", str(self.room))
            self._call("roster", str(self.folder / "roster.csv"), "--yes")
            self._call("ingest", self.lab, str(self.folder / "download"), "--yes", "--guesses", "--unknown")

    def grade(self, options: Iterable[str], piece_s: float) -> bool:
        """Grade until the end or for so long; tell whether all is graded."""
        command = [sys.executable, "-m", "grader", "class", "grade", self.lab, *options]
        began = time.monotonic()
        with (self.folder / "log").open("ab") as log, self.samples.open("a") as samples:
            runner = subprocess.Popen(command, cwd=self.project, env=self.environment, stdout=log, stderr=log)
            asked = False
            while runner.poll() is None:
                time.sleep(LOOK_S)
                if not asked:
                    sample = own_processes(runner.pid) | {"piece": runner.pid, "at": time.monotonic() - began}
                    samples.write(json.dumps(sample) + "\n")
                    samples.flush()
                if not asked and time.monotonic() - began > piece_s:
                    asked = True
                    runner.send_signal(signal.SIGINT)
            status = runner.returncode
            samples.write(json.dumps({"piece": runner.pid, "wall_s": time.monotonic() - began}) + "\n")
        if status not in (0, 1, 130):
            raise SystemExit(f"grading ended with status {status}; see {self.folder / 'log'}")
        return status != 130

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return the result documents by key."""
        files = sorted((self.room / "results").glob("*.json"))
        return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}

    def _call(self, *words: str) -> None:
        command = [sys.executable, "-m", "grader", "class", *words]
        done = subprocess.run(
            command, cwd=self.project, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 1):
            raise SystemExit(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")


def own_processes(runner: int) -> Sample:
    """Return memory in MiB and processor time in s of the runner and of the processes that grade; boxes not."""
    parents, facts = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                pages = int((entry / "statm").read_text().split()[1])
                command = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            pid = int(entry.name)
            parents[pid] = int(fields[1])
            facts[pid] = (pages * os.sysconf("SC_PAGE_SIZE") / MIB, sum(map(int, fields[11:13])) / TICKS_S, command)
    below = {runner}
    for _ in range(3):
        below |= {pid for pid, above in parents.items() if above in below}
    grading = [pid for pid in below if any(word in facts.get(pid, (0, 0, ""))[2] for word in OF_THE_GRADER)]
    return {
        "runner_mib": facts.get(runner, (0.0, 0.0, ""))[0],
        "runner_s": facts.get(runner, (0.0, 0.0, ""))[1],
        "grading_mib": max((facts[pid][0] for pid in grading), default=0.0),
        "grading_s": sum(facts[pid][1] for pid in grading),
    }


def report(load: Load, slots: int) -> None:
    """Print what the class has cost."""
    lines = [json.loads(line) for line in load.samples.read_text().splitlines()]
    walls = [line["wall_s"] for line in lines if "wall_s" in line]
    samples = [line for line in lines if "wall_s" not in line]
    documents = list(load.documents().values())
    wall_s = sum(walls)
    student = [document["times"]["student"] for document in documents]
    beside = [document["times"]["total"] - document["times"]["student"] for document in documents]
    # Of every piece the most: at its end the processes that graded are gone.
    spent: dict[int, float] = {}
    for sample in samples:
        spent[sample["piece"]] = max(spent.get(sample["piece"], 0.0), sample["runner_s"] + sample["grading_s"])
    own_s = sum(spent.values())
    count = len(documents)
    print(f"{count} gradings in {wall_s:.0f} s, {len(walls)} pieces, {slots} slots")
    print(f"student time / (wall x slots): {sum(student) / (wall_s * slots):.3f}  ({sum(student):.0f} s)")
    print(f"beside the student's time, by the clock: median {median(beside):.2f} s a grading")
    tiny = [extra for own, extra in zip(student, beside, strict=True) if own < TINY_S]
    if tiny:
        print(f"the same of {len(tiny)} tiny ones (below {TINY_S:g} s): median {median(tiny):.2f} s")
    print(f"processor time of the grader's own processes: {own_s / count:.3f} s a grading")
    third = max(1, len(samples) // 3)
    for name in ("runner_mib", "grading_mib"):
        first = median(sample[name] for sample in samples[:third])
        final = median(sample[name] for sample in samples[-third:])
        print(f"{name.replace('_mib', '')} memory, first and last third: {first:.0f} and {final:.0f} MiB")


def compare(load: Load, other: Path) -> int:
    """Compare documents with those of another folder; return how many differ."""
    mine, others = load.documents(), Load(load.lab, other, load.project).documents()
    found = 0
    if mine.keys() != others.keys():
        found += len(mine.keys() ^ others.keys())
        print(f"{found} gradings are in one class only")
    for key in sorted(mine.keys() & others.keys()):
        places = list(differences(settled(mine[key]), settled(others[key])))
        found += bool(places)
        for place in places[:SHOWN]:
            print(f"  {key[:12]} {place}")
    print(f"{len(mine.keys() & others.keys())} documents compared, {found} differ")
    return found


def main() -> None:
    """Grade, measure, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lab")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cluster")
    parser.add_argument("--piece", type=float, default=float("inf"))
    parser.add_argument("--project", type=Path, default=Path())
    parser.add_argument("--against", type=Path)
    given = parser.parse_args()
    load = Load(given.lab, given.folder, given.project)
    load.prepare(given.count)
    options = ["--cluster", given.cluster] if given.cluster else ["--jobs", str(given.jobs)]
    if not load.grade(options, given.piece):
        print(f"{len(load.documents())} documents; give the same command again to go on")
        return
    report(load, int(given.cluster.rpartition(":")[2]) if given.cluster else given.jobs)
    if given.against is not None and compare(load, given.against):
        sys.exit(1)


if __name__ == "__main__":
    main()
