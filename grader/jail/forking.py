"""Starts a box's supervisor, which forks the workers, and talks with it. It is ours; what it reports is true."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from grader.jail.channel import Channel, Printed
from grader.jail.launcher import LauncherLost, Status

READ_BYTES = 64 * 1024
LOG_BYTES = 8 * 1024
CLOSE_LIMIT_S = 20.0
STARTING_THREAD = "launcher"
# What may be under way between grader and worker. Of 10 MB that a bare echo sends over a socket, 1 MiB took 0.8
# of the time that the usual 208 KiB take, and 2 MiB often took longer than both.
UNDER_WAY_BYTES = 1 << 20


@functools.lru_cache(maxsize=4)
def _starting_thread(process_id: int) -> ThreadPoolExecutor:
    # The kernel kills a box when the *thread* that started it ends, not the process: all are started by one thread
    # that lives as long as the grader. After a fork the child needs a thread of its own.
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=STARTING_THREAD)


class Supervisor:
    """The process that a box is: a :class:`launcher.Launcher` for systems that can fork."""

    unlimited = ""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], configuration: Mapping[str, Any]
    ) -> None:
        with self._connections(configuration) as (inside, log):
            starting = _starting_thread(os.getpid()).submit(self._start, command, environment, inside, log)
            self.process = starting.result()

    @contextlib.contextmanager
    def _connections(self, configuration: Mapping[str, Any]) -> Iterator[tuple[socket.socket, int]]:
        """Make the connection and the log; the process that gets their inner ends here is then told its work."""
        self.control, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.log, log_inside = os.pipe()
        os.set_blocking(self.log, False)
        self._received = b""
        self._logged = b""
        self.ready = False
        try:
            yield inside, log_inside
        except BaseException:
            self.control.close()
            os.close(self.log)
            raise
        finally:
            inside.close()
            os.close(log_inside)
        # If it could not even start, waiting for it to be ready says why.
        with contextlib.suppress(LauncherLost):
            self._send(dict(configuration))

    @staticmethod
    def _start(
        command: Sequence[str], environment: Mapping[str, str], inside: socket.socket, log: int
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, str(inside.fileno())],
            env=dict(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[inside.fileno()],
            start_new_session=True,
        )

    def wait_until_ready(self, limit_s: float) -> None:
        """Wait for the supervisor to be prepared; returns at once if it is.

        Raises
        ------
        LauncherLost : it did not start; the message holds the end of its log.
        """
        if not self.ready:
            self._receive(limit_s)
            self.ready = True

    @property
    def running(self) -> bool:
        """Whether workers can still be started."""
        return self.process.poll() is None

    def start(self, printed: Printed, limit_s: float) -> tuple[Channel, int]:
        """Have a worker forked; return its channel and its process id as the supervisor sees it.

        Raises
        ------
        LauncherLost : no answer.
        """
        connection, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for end in (connection, inside):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNDER_WAY_BYTES)
        output, output_inside = os.pipe()
        os.set_blocking(output, False)
        channel = Channel(connection, io.FileIO(output), printed)
        try:
            if sys.platform == "linux":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._send({"command": "fork"}, [inside.fileno(), output_inside])
            return channel, int(self._receive(limit_s)["pid"])
        except BaseException:
            channel.close()
            raise
        finally:
            inside.close()
            os.close(output_inside)

    def end(self, grace_s: float, limit_s: float) -> Status:
        """Have the worker killed after ``grace_s`` seconds unless it has ended; return how it ended.

        Raises
        ------
        LauncherLost : no answer.
        """
        self._send({"command": "end", "grace_s": grace_s})
        return Status(**self._receive(grace_s + limit_s))

    def kill(self) -> None:
        """Kill the box as a whole, without waiting."""
        if self.process.poll() is None:
            self._kill_group()

    def _kill_group(self) -> None:
        """Kill a process that is not waited for yet, and all of its group.

        While bubblewrap sets a box up, its second process does not die with the first yet: left alone, it would
        wait for ever. Later the box has a session of its own, and dies with the first.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()

    def close(self) -> None:
        """Kill the box as a whole and return when nothing of it is left."""
        self.control.close()
        self.kill()
        self.process.wait()
        # The log's last writer is gone when the last process of the box is.
        deadline = time.monotonic() + CLOSE_LIMIT_S
        while self._read_log(deadline):
            pass
        os.close(self.log)

    def _send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        data = json.dumps(message).encode() + b"\n"
        try:
            self.control.settimeout(CLOSE_LIMIT_S)
            sent = socket.send_fds(self.control, [data], list(descriptors)) if descriptors else 0
            self.control.sendall(data[sent:])
        except OSError as error:
            raise LauncherLost("the supervisor of the box has gone") from error

    def _receive(self, limit_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + limit_s
        while b"\n" not in self._received:
            self.control.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self.control.recv(READ_BYTES)
            except TimeoutError as error:
                raise LauncherLost(f"the supervisor of the box did not answer within {limit_s:g} s") from error
            except OSError as error:
                raise LauncherLost("the supervisor of the box has gone") from error
            if not data:
                raise LauncherLost(f"the supervisor of the box has ended: {self._log_tail()}")
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def _log_tail(self) -> str:
        deadline = time.monotonic() + 1.0
        while self._read_log(deadline):
            pass
        return self._logged.decode("utf-8", "replace").strip()[-600:]

    def _read_log(self, deadline: float) -> bool:
        """Read a piece of the log; return False at its end or at the deadline."""
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([self.log], [], [], left_s)[0]:
            return False
        data = os.read(self.log, READ_BYTES)
        self._logged = (self._logged + data)[-LOG_BYTES:]
        return bool(data)
