"""Kills gradings of a class at random moments, and proves that nothing is lost, done twice or left over.

``python -m benchmarks.class_kills LAB DOWNLOAD ROSTER [--kills 50] [--cluster local:2] [--dask 2]
[--seed 1] [--seconds N] [--project FOLDER]`` grades the class once undisturbed, then again and again while
``kill -9`` hits the runner (which is scheduler and writer of the database) at any moment, the runner at a moment at
which the database's file changes, processes that grade, boxes, and runner or processes that grade at a moment at
which a document appears. With ``--dask N`` it hands gradings to a
scheduler and N workers of Dask that are processes of their own, and these are killed and started again, too. After
each run that comes through, every attempt must have exactly one current grading, equal to the undisturbed one, and
no process and no folder of it may be left.
``python -m benchmarks.class_tiny FOLDER`` makes a small class whose gradings take little.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from grader.cohort.classroom import Classroom
from grader.cohort.store.queries import current_gradings
from grader.cohort.store.tables import CheckRow, Grading, Run, Submission

LONGEST_S = 6.0
# Until what was killed of Dask is started again.
DASK_PAUSE_S = 0.5
SETTLE_S = 15.0
# How long to wait for the database or a document to be written.
WRITE_LOOK_S, WRITE_LIMIT_S = 0.0005, 3.0
# A runner that has not ended by then never will.
HANGS_S = 300.0
KINDS = ("runner", "writer", "grading", "box", "document")
DASK_KINDS = ("scheduler", "nanny")
Verdicts = dict[int, tuple[float | None, tuple[tuple[str, str], ...]]]


class Host:
    """A class in a folder of its own, and everything that runs for it, told apart by its temporary folder."""

    def __init__(
        self, lab: str, download: Path, roster: Path, place: Path, cluster: str | None, project: Path
    ) -> None:
        self.lab, self.download, self.roster, self.place = lab, download.resolve(), roster.resolve(), place
        self.project = project
        self.temporary = place / "tmp"
        self.options = ["--cluster", cluster] if cluster else []
        # With slots of its own: other gradings on this host do not count.
        self.environment = {
            **os.environ, "TMPDIR": str(self.temporary), "GRADER_CLASS": str(place / "class"),
            "GRADER_SLOTS": str(place / "slots"),
        }  # fmt: skip

    def fresh(self) -> None:
        """Make the class anew, with everything taken in and nothing graded."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.temporary.mkdir(parents=True)
        # A submission's own user must be able to walk through it.
        for folder in (self.place, self.temporary):
            folder.chmod(0o711)
        self.call("init", "Kills", "--class", str(self.place / "class"))
        self.call("roster", str(self.roster), "--yes")
        self.call("ingest", self.lab, str(self.download), "--yes", "--guesses", "--unknown", may=(0, 1))

    def call(self, *words: str, may: tuple[int, ...] = (0,)) -> None:
        """Run a command of the class to its end."""
        command = [sys.executable, "-m", "grader", "class", *words]
        done = subprocess.run(
            command, cwd=self.project, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode not in may:
            raise SystemExit(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")

    def start(self) -> subprocess.Popen[bytes]:
        """Begin or go on with grading."""
        command = [sys.executable, "-m", "grader", "class", "grade", self.lab, *self.options]
        log = (self.place / "log").open("ab")
        return subprocess.Popen(
            command, cwd=self.project, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )

    def wait_for_write(self) -> bool:
        """Wait until the database's file changes; False if it did not."""
        journal = next((self.place / "class").glob("*-wal"), None)
        return journal is not None and _changes(lambda: journal.stat().st_mtime_ns)

    def wait_for_document(self) -> bool:
        """Wait until there is one document more; False if there was none."""
        results = self.place / "class" / "results"
        return _changes(lambda: sum(name.endswith(".json") for name in os.listdir(results)))

    def processes(self) -> dict[int, str]:
        """Return every process that has this class's temporary folder in its environment, or below one that has."""
        found, parents = {}, {}
        mark = f"TMPDIR={self.temporary}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    if mark in (entry / "environ").read_bytes().split(b"\0") or str(self.temporary) in command:
                        found[int(entry.name)] = command
                except OSError:
                    continue
        for pid in list(parents):
            above = parents.get(pid)
            if above in found and pid not in found:
                found[pid] = "below"
        return found

    def folders(self) -> list[str]:
        """Return what is left in the temporary folder but for locks."""
        places = [
            path for path in self.temporary.rglob("*") if path.is_dir() and path.name.startswith(("class-", "box-"))
        ]
        drafts = (self.place / "class" / "results").glob(".*")
        running = (self.place / "class" / "running").glob("*")
        return [str(path) for path in (*places, *drafts, *running)]

    def verdicts(self) -> Verdicts:
        """Return score and verdicts of every attempt; ends the program where one has not exactly one grading."""
        room = Classroom.open(self.place / "class", Path("/"))
        with room.session() as session:
            assignment = room.assignment(session, self.lab)
            attempts = session.scalars(select(Submission.id).where(Submission.assignment_id == assignment.id)).all()
            rows = session.execute(
                select(Grading.submission_id, func.count())
                .join(Run, Run.id == Grading.run_id)
                .where(Run.applied_at.is_not(None))
                .group_by(Grading.submission_id)
            )
            counts = {row[0]: row[1] for row in rows}
            if set(counts) != set(attempts) or set(counts.values()) != {1}:
                raise SystemExit(
                    f"gradings for each attempt: {Counter(counts.values())} of {len(attempts)} attempts"
                )
            found = {}
            for number, grading in current_gradings(session, assignment.id).items():
                checks = session.execute(
                    select(CheckRow.check_id, CheckRow.verdict)
                    .where(CheckRow.grading_id == grading.id)
                    .order_by(CheckRow.check_id)
                )
                found[number] = (grading.score, tuple((str(name), str(verdict)) for name, verdict in checks))
        room.engine.dispose()
        return found


def _changes(look: Callable[[], int]) -> bool:
    """Wait until what is looked at is not what it was; False if it did not change in time, or is gone."""
    deadline = time.monotonic() + WRITE_LIMIT_S
    with contextlib.suppress(OSError):
        before = look()
        while time.monotonic() < deadline:
            if look() != before:
                return True
            time.sleep(WRITE_LOOK_S)
    return False


class Dask:
    """A scheduler of Dask and its workers, each a process of its own."""

    def __init__(self, host: Host, workers: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.host, self.address = host, f"tcp://127.0.0.1:{port}"
        worker = [self.address, "--nthreads", "1", "--memory-limit", "0", "--local-directory", str(host.temporary)]
        self._commands = {
            "scheduler": ["scheduler", "--host", "127.0.0.1", "--port", port],
            **{f"nanny {number}": ["worker", *worker] for number in range(workers)},
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def keep(self) -> None:
        """Start what does not run."""
        for name, command in self._commands.items():
            if name not in self._running or self._running[name].poll() is not None:
                with (self.host.place / "log").open("ab") as log:
                    self._running[name] = subprocess.Popen(
                        [sys.executable, "-m", "dask", *command, "--no-dashboard"],
                        cwd=self.host.project, env=self.host.environment, stdout=log, stderr=log,
                        start_new_session=True,
                    )  # fmt: skip

    def of(self, kind: str) -> list[int]:
        """Return the processes of a kind."""
        return [process.pid for name, process in self._running.items() if name.startswith(kind)]

    def close(self) -> None:
        """End all of it as an administrator would."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait()
        self._running.clear()


def victims(host: Host, runner: int, kind: str) -> list[int]:
    """Return processes of a kind that could be killed now."""
    found = {pid: command for pid, command in host.processes().items() if pid != runner}
    grading = [pid for pid, command in found.items() if "slot_process" in command or "spawn_main" in command]
    if kind == "grading":
        return grading
    if kind == "document":
        return [runner, *grading] if host.wait_for_document() else []
    if kind == "box":
        return [pid for pid, command in found.items() if "bwrap" in command or "zygote" in command]
    if kind == "writer" and not host.wait_for_write():
        return []
    return [runner]


def main() -> None:
    """Kill, resume and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lab")
    parser.add_argument("download", type=Path)
    parser.add_argument("roster", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cluster")
    parser.add_argument("--dask", type=int, default=0, help="Workers of a Dask of its own.")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="Then nothing more is killed.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--project", type=Path, default=Path(), help="Where the lab is; default here.")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        host = Host(given.lab, given.download, given.roster, Path(folder) / "host", given.cluster, given.project)
        dask = Dask(host, given.dask)
        if given.dask:
            host.options = ["--cluster", dask.address]
        kinds = KINDS + DASK_KINDS * bool(given.dask)

        def fresh() -> None:
            host.fresh()
            if given.dask:
                dask.keep()

        fresh()
        began = time.monotonic()
        host.start().wait()
        quiet_s = time.monotonic() - began
        wanted = host.verdicts()
        print(f"undisturbed: {len(wanted)} attempts in {quiet_s:.1f} s", flush=True)
        killed: Counter[str] = Counter()
        finished = 0
        dask.close()
        fresh()
        runner = host.start()
        ends = time.monotonic() + given.seconds
        enough = False
        while not enough or runner.poll() is None:
            enough = enough or sum(killed.values()) >= given.kills or time.monotonic() > ends
            try:
                runner.wait(HANGS_S if enough else chance.uniform(0.2, min(quiet_s, LONGEST_S)))
            except subprocess.TimeoutExpired:
                if enough:
                    raise SystemExit(f"after {dict(killed)} the runner hangs; see {host.place / 'log'}") from None
                kind = chance.choice(kinds)
                pids = dask.of(kind) if kind in DASK_KINDS else victims(host, runner.pid, kind)
                if not pids:
                    continue
                victim = chance.choice(pids)
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                killed[kind] += 1
                if given.dask:
                    time.sleep(DASK_PAUSE_S)
                    dask.keep()
                if victim == runner.pid:
                    runner.wait()
                    runner = host.start()
                continue
            if runner.returncode not in (0, 1):
                # Killed, or too many boxes went at once, or its cluster is gone; the same command goes on.
                runner = host.start()
                continue
            finished += 1
            dask.close()
            compare(host, wanted)
            if not enough:
                fresh()
                runner = host.start()
        print(f"{sum(killed.values())} kills ({dict(killed)}), {finished} runs came through, all as undisturbed")


def compare(host: Host, wanted: Verdicts) -> None:
    """Stop with what is wrong, if anything is."""
    found = host.verdicts()
    different = {
        number: (wanted[number], found.get(number)) for number in wanted if wanted[number] != found.get(number)
    }
    if different:
        raise SystemExit(
            f"{len(different)} gradings differ from the undisturbed ones: {list(different.items())[:2]}"
        )
    deadline = time.monotonic() + SETTLE_S
    while (host.processes() or host.folders()) and time.monotonic() < deadline:
        time.sleep(0.2)
    if host.processes() or host.folders():
        raise SystemExit(f"left over: {host.processes()} {host.folders()}")


if __name__ == "__main__":
    main()
