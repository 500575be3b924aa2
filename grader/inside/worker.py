"""A worker: the one process in which student code runs. Locked down first, then serves requests until it ends.

From the first request on this process is the student's: nothing that it sends is trusted beyond "these are the
submission's bytes".
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import shutil
import signal
import sys
from typing import Any, Protocol

import numpy as np

from grader.inside import endings, frames
from grader.inside.lockdown import Lockdown, apply

CHANNEL = 3
HIGHEST_DESCRIPTOR = 1024
ENDED_BY_REQUEST = 0
CHANNEL_LOST = 71
# Where a submission works, in its scratch folder.
WORK = "stu_upload"
# Of the time that a request may take: then it is said where the code stands.
SHARE_OF_LIMIT = 0.97


class Connection(Protocol):
    """Bytes to and from the grader; a connected stream socket is one."""

    def send(self, data: memoryview, /) -> int:
        """Send some of the bytes; return how many."""

    def recv_into(self, buffer: memoryview, /) -> int:
        """Take in some bytes; return how many, 0 at the end."""


class Descriptor:
    """A connection used by plain reads and writes: the filter of system calls allows nothing of sockets."""

    def __init__(self, number: int) -> None:
        self.number = number

    def send(self, data: memoryview, /) -> int:
        """Send some of the bytes; return how many."""
        return os.write(self.number, data)

    def recv_into(self, buffer: memoryview, /) -> int:
        """Take in some bytes; return how many, 0 at the end."""
        return os.readv(self.number, [buffer])


def serve_forked(config: dict[str, Any], channel: int, output: int, supervisor_pid: int) -> None:
    """Become the worker in a process that was forked for it; never returns.

    Parameters
    ----------
    config : as for `serve`, with ``lockdown``.
    channel : connected stream socket to the grader.
    output : pipe that takes the place of stdout and stderr.
    """
    _take_descriptors(channel, output)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    apply(Lockdown.of(config["lockdown"]), supervisor_pid)
    serve(config, Descriptor(CHANNEL))


def serve(config: dict[str, Any], connection: Connection) -> None:
    """Say hello, then serve requests until the connection ends; never returns.

    Parameters
    ----------
    config : what the grader sent: ``handler``, ``scratch`` and the folders for the handler.
    """
    os.chdir(config["scratch"])
    _show_data(config["student"])
    # Where courses keep their data beside the folder of the work, it is read by `../name`. If an earlier worker has
    # left something else under this name, this one works without the folder.
    with contextlib.suppress(OSError):
        os.makedirs(WORK, exist_ok=True)
        os.chdir(WORK)
        _show_data(config["student"])
    # Lines reach the grader even if the process is killed; a crash leaves a traceback.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable(all_threads=False)
    sys.path.append(config["student"])
    handler = importlib.import_module(config["handler"])
    runner = handler.Runner({key: config[key] for key in ("student", "lab", "resources", "policy")})
    grader = _Grader(connection)
    grader.write(frames.HELLO)
    while True:
        try:
            nonce, head, arrays = grader.read_request()
        except EOFError:
            _flush()
            os._exit(ENDED_BY_REQUEST)
        _answer(handler, runner, grader, nonce, head, arrays, config["student"])


def _show_data(student: str) -> None:
    """Let the data beside the submission be found by its name, as where its author works."""
    for entry in os.scandir(student):
        if not entry.name.endswith(".py"):
            try:
                os.symlink(entry.path, entry.name)
            except FileExistsError:
                # From an earlier worker of this box.
                continue
            except OSError:
                # A system on which a link needs a special right.
                with contextlib.suppress(OSError):
                    shutil.copyfile(entry.path, entry.name)


def _answer(
    handler: Any,
    runner: Any,
    grader: _Grader,
    nonce: int,
    head: dict[str, Any],
    arrays: dict[str, np.ndarray],
    student: str,
) -> None:
    def emit(name: str, array: np.ndarray) -> None:
        if type(array) is not np.ndarray:
            raise TypeError(f"{name} is a {type(array).__name__}, only a plain numpy.ndarray can be sent")
        # All bytes are in our own memory before the header goes out: read later, from a mapped file, they could
        # fail half-way. What NumPy itself has set aside needs no copy: it is sent before this returns.
        own = array.flags.owndata and array.flags.c_contiguous
        header, data = frames.pack_array(name, array if own else np.array(array, order="C", copy=True))
        grader.write(frames.ANSWER.pack(frames.ARRAY_KIND, nonce, 0) + header)
        grader.write(data.data)
        grader.wait_for_receipt()

    _say_where_it_stands(head.get("limit_s"))
    try:
        kind, info = frames.DONE_KIND, runner.handle(head, arrays, emit)
        text = _json(info)
    except _ChannelLost:
        os._exit(CHANNEL_LOST)
    except BaseException as error:
        kind, text = frames.ERROR_KIND, _described(handler, error, student)
    faulthandler.cancel_dump_traceback_later()
    _flush()
    try:
        grader.write(frames.ANSWER.pack(kind, nonce, len(text)) + text)
    except _ChannelLost:
        os._exit(CHANNEL_LOST)


def _say_where_it_stands(limit_s: Any) -> None:
    """Print where the submission's code stands shortly before it is stopped for having used up its time."""
    if isinstance(limit_s, int | float) and limit_s > 0:
        # A system without room for one more thread: then the place is not told.
        with contextlib.suppress(RuntimeError, ValueError, OSError):
            faulthandler.dump_traceback_later(SHARE_OF_LIMIT * limit_s, file=2)


def _described(handler: Any, error: BaseException, student: str) -> bytes:
    # A hostile exception may raise again whenever it is looked at.
    try:
        info = handler.describe(error)
    except BaseException:
        return _json({"verdict": "exception", "type": "", "message": "the exception could not be described"})
    try:
        return _json(endings.complete(info, error, student))
    except BaseException:
        return _undescribed(info)


def _undescribed(info: dict[str, Any]) -> bytes:
    try:
        return _json(info)
    except BaseException:
        return _json({"verdict": "exception", "type": "", "message": "the exception could not be described"})


def _json(info: dict[str, Any]) -> bytes:
    text = json.dumps(info).encode("utf-8", "replace")
    if len(text) > frames.MAX_JSON_BYTES:
        raise ValueError(f"an answer's text is {len(text)} bytes long, at most {frames.MAX_JSON_BYTES} can be sent")
    return text


def _flush() -> None:
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except BaseException:
            # The submission may have replaced the stream with anything.
            continue


def _take_descriptors(channel: int, output: int) -> None:
    """Leave exactly four descriptors: nothing on stdin, the output pipe twice, the channel."""
    spare = 64
    channel, output = os.dup2(channel, spare), os.dup2(output, spare + 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(channel, CHANNEL, inheritable=False)
    os.closerange(CHANNEL + 1, HIGHEST_DESCRIPTOR)


class _ChannelLost(Exception):
    """The grader has closed the channel, or the submission has."""


class _Grader:
    """The grader as a worker sees it: whole messages over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, data: bytes | memoryview) -> None:
        """Send all bytes; raises ``_ChannelLost``."""
        view = memoryview(data).cast("B")
        try:
            while view:
                view = view[self._connection.send(view) :]
        except OSError as error:
            raise _ChannelLost from error

    def wait_for_receipt(self) -> None:
        """Wait until the grader has noted an array."""
        try:
            self._read_bytes(len(frames.RECEIPT))
        except EOFError:
            # Not raised further: the submission's own code stands above, and could catch it.
            os._exit(CHANNEL_LOST)

    def read_request(self) -> tuple[int, dict[str, Any], dict[str, np.ndarray]]:
        """Return the next request: its nonce, its head and its arrays; raises ``EOFError`` after the last one."""
        _, nonce, text_bytes, count = frames.REQUEST.unpack(self._read_bytes(frames.REQUEST.size))
        head = json.loads(bytes(self._read_bytes(text_bytes)))
        arrays = {}
        for _ in range(count):
            header = frames.unpack_array(self._read_bytes(frames.ARRAY.size))
            name = self._read_bytes(header.name_bytes).decode()
            array = np.empty(header.shape, header.dtype)
            if array.size:
                self._read(array.reshape(-1).view(np.uint8).data)
            arrays[name] = array
        return nonce, head, arrays

    def _read_bytes(self, count: int) -> bytearray:
        data = bytearray(count)
        self._read(memoryview(data))
        return data

    def _read(self, view: memoryview) -> None:
        filled = 0
        while filled < len(view):
            try:
                count = self._connection.recv_into(view[filled:])
            except OSError:
                os._exit(CHANNEL_LOST)
            if count == 0:
                raise EOFError
            filled += count
