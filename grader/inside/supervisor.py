"""The first process in a box: prepared once, it forks a locked-down worker per request and never runs student code.

Run as ``python -I -S -B supervisor.py DESCRIPTOR``; the descriptor is a stream socket on which the grader sends one
JSON object a line: first the configuration, then commands. Ends when the grader closes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

DISK_LOOK_S = 0.05
END_LOOK_S = 0.002
MAX_LINE_BYTES = 1 << 20
WORKER_NOT_STARTED = 70


class Control:
    """The grader's commands, one JSON object a line, with descriptors attached to some of them."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._waiting = b""
        self._descriptors: list[int] = []

    def ready(self, timeout_s: float | None) -> bool:
        """Tell whether a command, or the end of the connection, has come within the time."""
        if b"\n" in self._waiting:
            return True
        return bool(select.select([self.connection], [], [], timeout_s)[0])

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """Return the next command and its descriptors.

        Raises
        ------
        EOFError : the grader has gone.
        """
        while b"\n" not in self._waiting:
            data, descriptors, _, _ = socket.recv_fds(self.connection, MAX_LINE_BYTES, 4)
            if not data:
                raise EOFError
            self._waiting += data
            self._descriptors += descriptors
        line, self._waiting = self._waiting.split(b"\n", 1)
        descriptors, self._descriptors = self._descriptors, []
        return json.loads(line), descriptors

    def send(self, message: dict[str, Any]) -> None:
        """Answer a command."""
        self.connection.sendall(json.dumps(message).encode() + b"\n")


class Supervisor:
    """Forks workers, watches what they write, ends them, and reports how they really ended."""

    def __init__(self, control: Control, config: dict[str, Any]) -> None:
        from grader.inside.disk import DiskCaps
        from grader.inside.worker import serve_forked

        self.control = control
        self.config = config
        self.caps = DiskCaps.of(config["disk"])
        self.serve = serve_forked
        self.worker: int | None = None
        self.exceeded = ""

    def run(self) -> None:
        """Serve commands until the grader goes."""
        while True:
            if not self.control.ready(DISK_LOOK_S if self.worker is not None else None):
                self.look_at_disk()
                continue
            command, descriptors = self.control.receive()
            if command["command"] == "fork":
                self.fork(*descriptors)
            else:
                self.end(float(command["grace_s"]))

    def fork(self, channel: int, output: int) -> None:
        """Start a worker that talks over ``channel`` and prints into ``output``."""
        supervisor_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self.control.connection.close()
                self.serve(self.config, channel, output, supervisor_pid)
            except BaseException as error:
                # Only before the worker has said hello: the grader then knows that no student code has run.
                os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
            finally:
                os._exit(WORKER_NOT_STARTED)
        os.close(channel)
        os.close(output)
        self.worker, self.exceeded = pid, ""
        self.control.send({"pid": pid})

    def look_at_disk(self) -> None:
        """Kill the worker if it has written more than it may."""
        if self.worker is not None and not self.exceeded:
            self.exceeded = self.caps.exceeded(self.worker)
            if self.exceeded:
                os.kill(self.worker, signal.SIGKILL)

    def end(self, grace_s: float) -> None:
        """Wait ``grace_s`` seconds for the worker to end, kill it then, and all that it has left behind."""
        if self.worker is None:
            self.control.send({"gone": True})
            return
        killed = False
        limit = time.monotonic() + grace_s
        while True:
            pid, status, usage = os.wait4(self.worker, os.WNOHANG)
            if pid:
                break
            if not killed and time.monotonic() >= limit:
                killed = True
                os.kill(self.worker, signal.SIGKILL)
            time.sleep(END_LOOK_S)
        sweep(self.worker)
        self.worker = None
        self.control.send(
            {
                "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                "killed": killed,
                "exceeded": self.exceeded,
                "peak_kib": usage.ru_maxrss if sys.platform == "linux" else usage.ru_maxrss // 1024,
                "cpu_s": usage.ru_utime + usage.ru_stime,
            }
        )


def sweep(worker: int) -> None:
    """Kill everything that a worker has left behind: the whole namespace, or its group and its orphans."""
    if os.getpid() == 1:
        kill_quietly(-1)
    else:
        kill_quietly(-worker)
        for _ in range(1000):
            children = orphans()
            if not children:
                break
            for child in children:
                kill_quietly(child)
            reap()
    reap()


def kill_quietly(pid: int) -> None:
    """Send SIGKILL; that there is nothing to be killed is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def orphans() -> list[int]:
    """Return the processes that the kernel has handed to this one, because their parents are gone."""
    found: list[int] = []
    try:
        for task in os.listdir("/proc/self/task"):
            found += map(int, Path(f"/proc/self/task/{task}/children").read_text().split())
    except (OSError, ValueError):
        pass
    return found


def reap() -> None:
    """Collect all children that have ended; as first process of a namespace, wait until all have."""
    try:
        while os.waitpid(-1, 0 if os.getpid() == 1 else os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def ready_to_prepare(config: dict[str, Any]) -> None:
    """Find the libraries that the grader has named, and import what every worker needs."""
    sys.path.append(config["stage"])
    sys.path.extend(config["site"])
    from grader.inside.lockdown import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, process_control
    from grader.inside.preparing import prepare

    # No process of the same user may look into this one.
    process_control(PR_SET_DUMPABLE, 0)
    process_control(PR_SET_CHILD_SUBREAPER, 1)
    prepare(config)


def serve(control: Control, config: dict[str, Any]) -> None:
    """Start workers until the grader goes."""
    supervisor = Supervisor(control, config)
    try:
        supervisor.run()
    except EOFError:
        if supervisor.worker is not None:
            kill_quietly(supervisor.worker)
            sweep(supervisor.worker)


def serve_box(descriptor: int) -> None:
    """Supervise a box in a process that is prepared already."""
    control = Control(socket.socket(fileno=descriptor))
    config, _ = control.receive()
    control.send({"ready_s": 0.0})
    serve(control, config)


def main() -> None:
    """Prepare and serve."""
    control = Control(socket.socket(fileno=int(sys.argv[1])))
    config, _ = control.receive()
    began = time.monotonic()
    ready_to_prepare(config)
    control.send({"ready_s": time.monotonic() - began})
    serve(control, config)


if __name__ == "__main__":
    main()
