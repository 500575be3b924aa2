"""The default back end: one process for each slot of this host. A killed one costs its own grading, no other."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

from grader.cohort.running.household import no_interrupt
from grader.cohort.running.tasks import Outcome, State, Task

END_LIMIT_S = 20.0
READ_BYTES = 1 << 16


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    task: Task | None = None
    deadline: float = 0.0
    received: bytes = b""
    late: bool = False


@dataclass
class Pool:
    """A :class:`grader.cohort.running.tasks.Backend` on this host.

    Attributes
    ----------
    width : number of processes.
    threads : of one grading, which is what a slot has.
    module : how tasks are graded, see `grader.cohort.running.perform.Grader`.
    limit_s : after this time a grading is taken for hung, and its process killed.
    """

    width: int
    threads: int
    module: str
    limit_s: float
    _workers: list[_Worker] = field(default_factory=list)
    _lost: list[_Worker] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def submit(self, task: Task) -> None:
        """Give a task to a process that has none, which is started if there is none yet."""
        worker = next((one for one in self._workers if one.task is None and one.process.poll() is None), None)
        worker = worker or self._start()
        worker.task = task
        worker.deadline = time.monotonic() + self.limit_s
        # That it has died meanwhile is found out when its answer is read.
        with contextlib.suppress(OSError):
            stdin = worker.process.stdin
            if stdin is not None:
                stdin.write(task.to_json().encode() + b"\n")
                stdin.flush()

    def next(self, timeout_s: float) -> Outcome | None:
        """Return the next answer, or that a process has died with its task."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = self._answered()
            if found is not None:
                return found
            self._kill_overdue()
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            for key, _ in self._selector.select(min(left_s, 1.0)):
                self._read(key.data)

    def close(self) -> None:
        """End all processes, each with its box and its folder."""
        for worker in self._workers:
            worker.process.send_signal(signal.SIGTERM)
        for worker in self._workers:
            try:
                worker.process.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            self._forget_pipes(worker)
        self._workers.clear()
        self._selector.close()

    def _start(self) -> _Worker:
        arguments = [str(os.getpid()), str(self.threads), str(self.width), self.module]
        # A box dies with the thread that has started its parent, so this is only ever called by the main thread.
        with no_interrupt():
            process = subprocess.Popen(
                [sys.executable, "-m", "grader.cohort.running.slot_process", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        worker = _Worker(process)
        self._workers.append(worker)
        if process.stdout is not None:
            self._selector.register(process.stdout, selectors.EVENT_READ, worker)
        return worker

    def _read(self, worker: _Worker) -> None:
        stdout = worker.process.stdout
        data = os.read(stdout.fileno(), READ_BYTES) if stdout is not None else b""
        if data:
            worker.received += data
            return
        worker.process.wait()
        self._forget_pipes(worker)
        self._workers.remove(worker)
        if worker.task is not None:
            self._lost.append(worker)

    def _answered(self) -> Outcome | None:
        for worker in self._workers:
            if b"\n" in worker.received:
                line, worker.received = worker.received.split(b"\n", 1)
                worker.task = None
                return Outcome.of(json.loads(line))
        if self._lost:
            worker = self._lost.pop(0)
            if worker.task is not None:
                return Outcome(worker.task.key, State.DIED, _how(worker))
        return None

    def _kill_overdue(self) -> None:
        for worker in self._workers:
            if worker.task is not None and not worker.late and time.monotonic() > worker.deadline:
                worker.late = True
                worker.process.kill()

    def _forget_pipes(self, worker: _Worker) -> None:
        for pipe in (worker.process.stdin, worker.process.stdout):
            if pipe is not None:
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(pipe)
                with contextlib.suppress(OSError):
                    pipe.close()


def _how(worker: _Worker) -> str:
    code = worker.process.returncode
    if worker.late:
        return "it did not end and was killed"
    return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with status {code}"
