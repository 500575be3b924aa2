"""The grader's end of a worker's channel: never blocks, one deadline for all, printed text drained beside it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Iterable

from grader.jail.model import MIB, Limits
from grader.jail.text import clean_text

READ_BYTES = 64 * 1024
TAIL_BYTES = 4096


class Closed(Exception):
    """The other end has closed the channel."""


class Late(Exception):
    """The deadline has passed."""


class Flooded(Exception):
    """More was printed than is allowed."""


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
        return clean_text(self.head.decode("utf-8", "replace"), self.keep_bytes)

    def last(self) -> str:
        """Return the end, as harmless text."""
        return clean_text(self.tail.decode("utf-8", "replace"), TAIL_BYTES)


class Channel:
    """A worker's socket and output pipe. Owns both descriptors."""

    def __init__(self, connection: socket.socket, output: int, printed: Printed) -> None:
        self.connection = connection
        self.output: int | None = output
        self.printed = printed
        connection.setblocking(False)
        os.set_blocking(output, False)

    def close(self) -> None:
        """Close both descriptors."""
        self.connection.close()
        if self.output is not None:
            os.close(self.output)
            self.output = None

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

    def send(self, parts: Iterable[bytes | memoryview], deadline: float) -> None:
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
                    self._wait(select.POLLOUT, deadline)
                except OSError as error:
                    raise Closed from error

    def read_into(self, view: memoryview, deadline: float) -> None:
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
                self._wait(select.POLLIN, deadline)
                continue
            except OSError as error:
                raise Closed from error
            if count == 0:
                raise Closed
            filled += count
            # A sender that never pauses must not get past the clock.
            if filled < len(view) and time.monotonic() >= deadline:
                raise Late

    def wait_readable(self, deadline: float) -> None:
        """Return when something can be read, the end included.

        Raises
        ------
        Late, Flooded : instead of waiting for ever.
        """
        while True:
            try:
                self.connection.recv(1, socket.MSG_PEEK)
                return
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)

    def read(self, count: int, deadline: float) -> bytearray:
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
            poll = select.poll()
            poll.register(self.output, select.POLLIN)
            if poll.poll(left_s * 1000):
                self._take_output()

    def take_waiting_output(self) -> None:
        """Take in what has been printed by now, without waiting."""
        while self.output is not None and not self.printed.flooded:
            before = self.printed.total
            self._take_output()
            if self.printed.total == before:
                return

    def _wait(self, event: int, deadline: float) -> None:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise Late
        poll = select.poll()
        poll.register(self.connection, event)
        if self.output is not None:
            poll.register(self.output, select.POLLIN)
        for descriptor, _ in poll.poll(left_s * 1000 + 1):
            if descriptor == self.output:
                self._take_output()
        if self.printed.flooded:
            raise Flooded

    def _take_output(self) -> None:
        if self.output is None:
            return
        try:
            data = os.read(self.output, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.printed.add(data)
        else:
            os.close(self.output)
            self.output = None
