"""Starts a new process for every worker, and the next one beforehand: what is left where nothing can fork."""

from __future__ import annotations

import contextlib
import hmac
import io
import json
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from grader.inside.alone import GO, THIS_COMPUTER
from grader.inside.disk import DiskCaps
from grader.jail.channel import Channel, Printed
from grader.jail.endings import KILLED
from grader.jail.launcher import LauncherLost, Status
from grader.jail.windows_job import Job

TOKEN_BYTES = 32
LOOK_S = 0.05
TOKEN_LIMIT_S = 2.0
CARRY_LIMIT_S = 0.5
CLOSE_LIMIT_S = 20.0
READ_BYTES = 64 * 1024
# What Windows gives as exit status of a process that it ended itself, and the signal that means the same elsewhere.
SIGNAL_OF_STATUS = {
    0xC0000005: signal.SIGSEGV,  # access violation
    0xC00000FD: signal.SIGSEGV,  # stack overflow
    0xC0000094: signal.SIGFPE,  # integer division by zero
    0xC000001D: signal.SIGILL,
    0xC0000374: signal.SIGABRT,  # heap corruption
    0xC0000409: signal.SIGABRT,  # the C library's abort
    0xC0000017: signal.SIGABRT,  # no memory
    1816: KILLED,  # the job's processor time was used up
}


class Spawner:
    """A :class:`launcher.Launcher` whose workers are processes of their own.

    A worker needs a second or two to import its libraries, so the next one is started while one is at work; it
    waits for the word before it looks at the submission. They connect to a port of this computer that is open to
    every program on it, and name themselves by a token that only they were given.

    Parameters
    ----------
    command : runs ``grader.inside.alone``.
    configuration : as for a supervisor.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], configuration: Mapping[str, Any]
    ) -> None:
        self.unlimited = ""
        self._command = list(command)
        self._environment = dict(environment)
        self._configuration = dict(configuration)
        self._caps = DiskCaps.of(configuration["disk"])
        self._listener: socket.socket | None = socket.create_server((THIS_COMPUTER, 0))
        self._worker: _Process | None = None
        self._next: _Process | None = self._spawn()

    @property
    def running(self) -> bool:
        """Whether workers can still be started."""
        return self._listener is not None

    def wait_until_ready(self, limit_s: float) -> None:
        """Wait until the next worker has imported its libraries.

        Raises
        ------
        LauncherLost : it did not start; the message holds the end of what it printed.
        """
        self._connect(self._prepared(), time.monotonic() + limit_s)

    def start(self, printed: Printed, limit_s: float) -> tuple[Channel, None]:
        """Give the next worker the word; see :class:`launcher.Launcher`."""
        process = self._prepared()
        connection = self._connect(process, time.monotonic() + limit_s)
        self._worker, self._next = process, None
        try:
            connection.sendall(GO)
        except OSError as error:
            raise LauncherLost(f"a worker has ended before it began: {process.said()}") from error
        threading.Thread(target=process.watch_disk, args=(self._caps,), daemon=True).start()
        self._next = self._spawn()
        return Channel(connection, process.take_output(), printed), None

    def end(self, grace_s: float, limit_s: float) -> Status:
        """Kill the worker, and all that it has started, after ``grace_s`` seconds unless it has ended."""
        worker, self._worker = self._worker, None
        if worker is None:
            raise LauncherLost("there is no worker")
        return worker.end(grace_s, limit_s)

    def kill(self) -> None:
        """Kill all workers, without waiting."""
        for process in (self._worker, self._next):
            if process is not None:
                process.kill()

    def close(self) -> None:
        """Kill all workers and return when nothing is left of them."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for process in (self._worker, self._next):
            if process is not None:
                with contextlib.suppress(LauncherLost):
                    process.end(0.0, CLOSE_LIMIT_S)
        self._worker = self._next = None

    def _prepared(self) -> _Process:
        if self._next is None:
            self._next = self._spawn()
        return self._next

    def _spawn(self) -> _Process:
        if self._listener is None:
            raise LauncherLost("the box is closed")
        lockdown = self._configuration["lockdown"]
        try:
            process = _Process(self._command, self._environment, self._configuration["stage"], lockdown["limits"])
        except OSError as error:
            raise LauncherLost(f"no process could be started: {error}") from error
        self.unlimited = process.unlimited
        port = self._listener.getsockname()[1]
        process.tell(self._configuration | {"port": port, "token": process.token.hex()})
        return process

    def _connect(self, process: _Process, deadline: float) -> socket.socket:
        """Return the connection of a worker, which may have been made before; callers of others are sent away."""
        while process.connection is None:
            listener = self._listener
            if listener is None or process.ended:
                raise LauncherLost(f"a worker has ended before it began: {process.said()}")
            if time.monotonic() >= deadline:
                raise LauncherLost("a worker did not get ready in time")
            listener.settimeout(LOOK_S)
            try:
                caller, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                raise LauncherLost("the box does not listen any more") from error
            if hmac.compare_digest(_token_of(caller), process.token):
                caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                caller.settimeout(CLOSE_LIMIT_S)
                process.connection = caller
            else:
                caller.close()
        return process.connection


def _token_of(caller: socket.socket) -> bytes:
    """Return the first bytes that a caller sends; too few when it is not one of ours."""
    caller.settimeout(TOKEN_LIMIT_S)
    received = b""
    with contextlib.suppress(OSError):
        while len(received) < TOKEN_BYTES and (data := caller.recv(TOKEN_BYTES - len(received))):
            received += data
    return received


class _Process:
    """A worker's process, what holds it, and a thread that carries what it prints into a socket.

    On Windows only sockets can be waited for, and only pipes can be a process's output.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: str, limits: Mapping[str, int]
    ) -> None:
        self.token = secrets.token_bytes(TOKEN_BYTES)
        self.connection: socket.socket | None = None
        self.unlimited = ""
        self._exceeded = ""
        self._last = b""
        self._job: Job | None = None
        # Ctrl-C is for the grader, which ends its workers.
        flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            creationflags=flags,
        )
        try:
            # It waits for its first line, so it does nothing before it is held.
            self._job = Job(limits, self._process.pid)
        except OSError as error:
            self.unlimited = str(error)
        output, self._into = socket.socketpair()
        output.setblocking(False)
        self._output: io.RawIOBase | None = output.makefile("rb", buffering=0)
        output.close()  # the file keeps it open
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def tell(self, configuration: Mapping[str, Any]) -> None:
        """Send the one line that it waits for."""
        stdin = self._process.stdin
        if stdin is not None:
            # If it is gone already, connecting says so.
            with contextlib.suppress(OSError), stdin:
                stdin.write(json.dumps(configuration).encode() + b"\n")

    def take_output(self) -> io.RawIOBase:
        """Hand over what it prints, to one who will close it."""
        if self._output is None:
            raise RuntimeError("the output was taken before")
        output, self._output = self._output, None
        return output

    def said(self) -> str:
        """Return the end of what it printed."""
        self._carrier.join(CARRY_LIMIT_S)
        return self._last.decode("utf-8", "replace").strip()[-600:] or "it said nothing"

    def watch_disk(self, caps: DiskCaps) -> None:
        """Kill the process when it has written more than it may; returns when it has ended."""
        while not self.ended:
            self._exceeded = self._exceeded or caps.exceeded(self._process.pid)
            if self._exceeded:
                self.kill()
            time.sleep(LOOK_S)

    def kill(self) -> None:
        """Kill it with all that it has started, as far as the system can; does not wait."""
        if self._job is not None:
            self._job.terminate()
        self._process.kill()

    def end(self, grace_s: float, limit_s: float) -> Status:
        """Kill it after ``grace_s`` seconds unless it has ended; return how it ended."""
        killed = False
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            killed = True
            self.kill()
            try:
                self._process.wait(limit_s)
            except subprocess.TimeoutExpired as error:
                raise LauncherLost("a worker could not be killed") from error
        peak_bytes, cpu_s = (0, 0.0)
        if self._job is not None:
            peak_bytes, cpu_s = self._job.usage()
            self._job.close()
        # What it printed last must have arrived when this returns.
        self._carrier.join(CARRY_LIMIT_S)
        if self._output is not None:
            # It never began, so nobody else has output and connection.
            self._output.close()
            if self.connection is not None:
                self.connection.close()
        return _status(self._process.returncode, killed, self._exceeded, peak_bytes // 1024, cpu_s)

    def _carry(self) -> None:
        stdout = self._process.stdout
        with self._into:
            while stdout is not None and (data := stdout.read(READ_BYTES)):
                self._last = (self._last + data)[-READ_BYTES:]
                try:
                    self._into.sendall(data)
                except OSError:
                    # Nobody listens; the process must not stand still for that.
                    continue
            if stdout is not None:
                stdout.close()


def _status(code: int, killed: bool, exceeded: str, peak_kib: int, cpu_s: float) -> Status:
    number = -code if code < 0 else SIGNAL_OF_STATUS.get(code)
    return Status(None if number is not None else code, number, killed, exceeded, peak_kib, cpu_s)
