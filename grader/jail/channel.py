"""The grader's end of a worker's channel: never blocks, one deadline for all, printed text drained beside it."""

from __future__ import annotations

import contextlib
import io
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable
from typing import Protocol

from grader.inside import frames
from grader.jail.model import MIB, Limits
from grader.language.text import printable

READ_BYTES = 64 * 1024
TAIL_BYTES = 4096
CREDENTIALS = struct.Struct("3i")  # process, user, group; struct ucred


class Closed(Exception):
    """The other end has closed the channel."""


class Late(Exception):
    """The deadline has passed."""


class Flooded(Exception):
    """More was printed than is allowed."""


class Deadline(Protocol):
    """How long to wait; may grant more time when it is asked again."""

    def left_s(self) -> float:
        """Return seconds until to ask again; not above 0 when it is too late."""


class Printed:
    """What a worker printed: the beginning, the very end, and how much it was."""

    def __init__(self, limits: Limits) -> None:
        self.keep_bytes = limits.printed_kib * 1024
        self.max_bytes = limits.printed_max_mib * MIB
        self.head = bytearray()
        self.tail = b""
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take in what was read."""
        self.total += len(data)
        self.head += data[: self.keep_bytes - len(self.head)]
        self.tail = (self.tail + data)[-TAIL_BYTES:]

    @property
    def flooded(self) -> bool:
        """Whether more came than is allowed."""
        return self.total > self.max_bytes

    def text(self) -> str:
        """Return the beginning, as harmless text."""
        return printable(self.head.decode("utf-8", "replace"), self.keep_bytes)

    def last(self) -> str:
        """Return the end, as harmless text."""
        return printable(self.tail.decode("utf-8", "replace"), TAIL_BYTES)


def _ready(
    readers: Iterable[socket.socket | io.RawIOBase], writers: Iterable[socket.socket], timeout_s: float
) -> list[int]:
    """Return the descriptors of those that can be read or written, after ``timeout_s`` at the latest."""
    if not hasattr(select, "poll"):
        # Windows has only this, and only for sockets; elsewhere it fails for descriptors from 1024 on.
        found = select.select(list(readers), list(writers), [], timeout_s)
        return [one.fileno() for one in (*found[0], *found[1])]
    poll = select.poll()
    for reader in readers:
        poll.register(reader, select.POLLIN)
    for writer in writers:
        poll.register(writer, select.POLLOUT)
    return [descriptor for descriptor, _ in poll.poll(timeout_s * 1000)]


def _left_s(deadline: Deadline | float) -> float:
    return deadline - time.monotonic() if isinstance(deadline, float) else deadline.left_s()


class Channel:
    """A worker's socket and output; owns both. ``output`` must not block, and on Windows be a socket's file."""

    def __init__(self, connection: socket.socket, output: io.RawIOBase, printed: Printed) -> None:
        self.connection = connection
        self.output: io.RawIOBase | None = output
        self.printed = printed
        connection.setblocking(False)

    def close(self) -> None:
        """Close both."""
        self.connection.close()
        self._close_output()

    def _close_output(self) -> None:
        if self.output is not None:
            self.output.close()
            self.output = None

    def greeting(self, deadline: float) -> int | None:
        """Wait until the worker is locked down; return its process id as seen from here, where the kernel tells.

        Raises
        ------
        Closed, Late, Flooded : it did not start.
        """
        self.wait_readable(deadline)
        if sys.platform != "linux":
            if self.connection.recv(len(frames.HELLO)) != frames.HELLO:
                raise Closed
            return None
        data, ancillary, _, _ = self.connection.recvmsg(len(frames.HELLO), socket.CMSG_SPACE(CREDENTIALS.size))
        if data != frames.HELLO:
            raise Closed
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
                return int(CREDENTIALS.unpack(content[: CREDENTIALS.size])[0]) or None
        return None

    def finish(self) -> None:
        """Tell the worker that no request will come any more."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)

    def has_unasked_bytes(self) -> bool:
        """Tell whether bytes have come that no request asked for.

        Raises
        ------
        Closed : the channel has been closed.
        """
        try:
            data = self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError as error:
            raise Closed from error
        if not data:
            raise Closed
        return True

    def send(self, parts: Iterable[bytes | memoryview], deadline: Deadline | float) -> None:
        """Send all parts.

        Raises
        ------
        Closed, Late, Flooded : instead of waiting for ever.
        """
        for part in parts:
            view = memoryview(part).cast("B")
            while view:
                try:
                    view = view[self.connection.send(view) :]
                except BlockingIOError:
                    self._wait(deadline, writing=True)
                except OSError as error:
                    raise Closed from error

    def read_into(self, view: memoryview, deadline: Deadline | float) -> None:
        """Fill ``view``.

        Raises
        ------
        Closed, Late, Flooded : instead of waiting for ever.
        """
        filled = 0
        while filled < len(view):
            try:
                count = self.connection.recv_into(view[filled:])
            except BlockingIOError:
                self._wait(deadline)
                continue
            except OSError as error:
                raise Closed from error
            if count == 0:
                raise Closed
            filled += count
            # A sender that never pauses must not get past the clock.
            if filled < len(view) and _left_s(deadline) <= 0:
                raise Late

    def wait_readable(self, deadline: Deadline | float) -> None:
        """Return when something can be read, the end included.

        Raises
        ------
        Closed, Late, Flooded : instead of waiting for ever.
        """
        while True:
            try:
                self.connection.recv(1, socket.MSG_PEEK)
                return
            except BlockingIOError:
                self._wait(deadline)
            except OSError as error:
                raise Closed from error

    def read(self, count: int, deadline: Deadline | float) -> bytearray:
        """Return exactly ``count`` bytes; raises as ``read_into`` does."""
        data = bytearray(count)
        self.read_into(memoryview(data), deadline)
        return data

    def drain(self, deadline: float) -> None:
        """Take in what was printed until the last writer is gone, the deadline passes or it is too much."""
        while self.output is not None and not self.printed.flooded:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return
            if _ready([self.output], [], left_s):
                self._take_output()

    def take_waiting_output(self) -> None:
        """Take in what has been printed by now, without waiting."""
        while self.output is not None and not self.printed.flooded:
            before = self.printed.total
            self._take_output()
            if self.printed.total == before:
                return

    def _wait(self, deadline: Deadline | float, *, writing: bool = False) -> None:
        left_s = _left_s(deadline)
        if left_s <= 0:
            raise Late
        outputs = [self.output] if self.output is not None else []
        waiting = [self.connection]
        # Rounded up, or the last millisecond would be spent in looking over and over.
        found = _ready(outputs if writing else [*waiting, *outputs], waiting if writing else [], left_s + 0.001)
        if self.output is not None and self.output.fileno() in found:
            self._take_output()
        if self.printed.flooded:
            raise Flooded

    def _take_output(self) -> None:
        if self.output is None:
            return
        try:
            data = self.output.read(READ_BYTES)
        except OSError:
            data = b""
        if data:
            self.printed.add(data)
        elif data is not None:
            # Nothing more will come; None means nothing yet.
            self._close_output()
