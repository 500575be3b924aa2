"""One worker as the grader sees it: sends a request, takes in the answer, and says how it ended if none came."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.inside import frames
from grader.jail.channel import Channel, Closed, Deadline, Flooded, Late
from grader.jail.endings import explain_ending, over_time
from grader.jail.launcher import Launcher, LauncherLost, Status
from grader.jail.model import MIB, Answer, BoxLost, Ending, HostBusy, Limits, Usage
from grader.jail.patience import Cancelled, Patience, Reason, Slowness, Wanted, as_fast
from grader.jail.text import HostileText, parse_object
from grader.language.message import Message, Words, sentence
from grader.verdicts import Verdict

POLITE_END_S = 0.5
CONTROL_LIMIT_S = 15.0


class _Broken(Exception):
    """The answer does not follow the layout, or is over a cap."""

    def __init__(self, verdict: Verdict, template: str, /, **values: Any) -> None:
        super().__init__(template, values)
        self.verdict = verdict
        self.message = Message(template, values)


class Worker:
    """A locked-down process with the submission. Not shared between threads."""

    def __init__(self, launcher: Launcher, channel: Channel, limits: Limits, pid: int | None) -> None:
        self._launcher = launcher
        self._channel = channel
        self._limits = limits
        self._pidfd = _open_process(pid)
        self._pid = pid
        self._usage = Usage()
        self.alive = True
        self.left_full_disk = False

    @property
    def usage(self) -> Usage:
        """Peak memory and processor time, so far or in all."""
        if self.alive and self._pid is not None:
            self._usage = _usage_of(self._pid) or self._usage
        return self._usage

    def printed(self) -> str:
        """Return the beginning of what it wrote to stdout and stderr, as harmless text."""
        self._channel.take_waiting_output()
        return self._channel.printed.text()

    def call(
        self,
        head: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray] | None = None,
        *,
        deadline_s: float,
        slowness: Slowness = as_fast,
        cancelled: Callable[[], bool] | None = None,
    ) -> Answer:
        """Send one request and return its answer; the worker runs only while a request is under way.

        ``deadline_s`` is what the call may take with its processors to itself on the host of publishing, and
        ``slowness`` how many times slower this one is; see `grader.jail.patience`. ``cancelled`` is asked several
        times a second whether the answer is not wanted any more.

        Raises
        ------
        Ending : no proper answer came; the worker is gone.
        HostBusy : the same, and the host is to blame.
        Cancelled : nobody wants the answer any more; the worker is gone.
        """
        if not self.alive:
            raise RuntimeError("this worker has ended; ask the box for a new one")
        nonce = secrets.randbits(64)
        parts = _request(nonce, head, arrays or {})
        reply = _Reply(self._channel, self._limits, nonce)
        started = time.monotonic()
        reply.started = started
        patience = Patience(self._pid, self._limits.threads, deadline_s, partial(self._while_stopped, slowness))
        deadline = patience if cancelled is None else Wanted(patience, cancelled)
        try:
            # Looked at while it still stands still: what it sends from now on could be an answer.
            if self._channel.has_unasked_bytes():
                raise _Broken(Verdict.PROTOCOL, "it sent data that nobody asked for")
            self._signal("SIGCONT")
            self._channel.send(parts, deadline)
            ok, info = reply.read(deadline)
        except Late:
            used_s, charged_s = patience.used_s, patience.charged_s
            status = self._end(0.0)
            if status is not None and status.exceeded:
                raise self._ending(*explain_ending(status, self._limits, ""), reply, charged_s) from None
            if patience.reason is Reason.BUSY:
                raise HostBusy(
                    Verdict.GRADER,
                    over_time(patience, used_s),
                    seconds=patience.seconds,
                    used_s=0.0,
                    usage=self._usage,
                ) from None
            raise self._ending(Verdict.TIMEOUT, over_time(patience, used_s), reply, charged_s) from None
        except Cancelled:
            self._end(0.0)
            raise
        except Flooded:
            self._end(0.0)
            raise self._flooded(reply) from None
        except Closed:
            raise self._explained(reply) from None
        except _Broken as broken:
            self._end(0.0)
            raise self._ending(broken.verdict, broken.message, reply) from None
        seconds = time.monotonic() - started
        self._signal("SIGSTOP")
        return Answer(ok, info, reply.arrays, reply.arrived_s, seconds, patience.charged_s)

    def close(self) -> Usage:
        """End it, politely at first, with all that it has started; return what it has used."""
        if self.alive:
            self._signal("SIGCONT")
            self._channel.finish()
            self._channel.drain(time.monotonic() + POLITE_END_S)
            self._end(POLITE_END_S)
        return self._usage

    def _end(self, grace_s: float) -> Status | None:
        """End it and take in its last words; None if the whole box was lost."""
        self.alive = False
        try:
            status: Status | None = self._launcher.end(grace_s, CONTROL_LIMIT_S)
        except (LauncherLost, TypeError):
            self._launcher.kill()
            status = None
        if status is not None:
            self._usage = Usage(status.peak_kib / 1024, status.cpu_s)
            self.left_full_disk = bool(status.exceeded)
        self._channel.take_waiting_output()
        self._channel.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        return status

    def _explained(self, reply: _Reply) -> Ending:
        self._channel.drain(time.monotonic() + POLITE_END_S)
        status = self._end(POLITE_END_S)
        if self._channel.printed.flooded:
            return self._flooded(reply)
        if status is None:
            message = sentence("the whole box came to an end while the submission was running")
            return self._ending(Verdict.CRASH, message, reply, kind=BoxLost)
        verdict, message = explain_ending(status, self._limits, self._channel.printed.last())
        return self._ending(verdict, message, reply)

    def _flooded(self, reply: _Reply) -> Ending:
        most = self._limits.printed_max_mib
        what = sentence(
            "more than {printed_max_mib} MiB were printed; the process was stopped", printed_max_mib=most
        )
        return self._ending(Verdict.FLOOD, what, reply)

    def _ending(
        self,
        verdict: Verdict,
        message: Message,
        reply: _Reply,
        used_s: float | None = None,
        kind: type[Ending] = Ending,
    ) -> Ending:
        return kind(
            verdict,
            message,
            arrays=reply.arrays,
            arrived_s=reply.arrived_s,
            seconds=time.monotonic() - reply.started,
            used_s=used_s,
            usage=self._usage,
        )

    def _while_stopped(self, measure: Slowness) -> float:
        """Measure this host while the submission does not run."""
        self._signal("SIGSTOP")
        try:
            return measure()
        finally:
            self._signal("SIGCONT")

    def _signal(self, name: str) -> None:
        """Stop or continue it. Between requests it stands still, so that its threads slow nobody else's timing."""
        if self._pidfd is not None:
            try:
                signal.pidfd_send_signal(self._pidfd, getattr(signal, name))
            except (ProcessLookupError, PermissionError):
                return


class _Reply:
    """Takes in one answer; every size is checked before anything is allocated."""

    def __init__(self, channel: Channel, limits: Limits, nonce: int) -> None:
        self.channel = channel
        self.limits = limits
        self.nonce = nonce
        self.started = 0.0
        self.arrays: dict[str, np.ndarray] = {}
        self.arrived_s: dict[str, float] = {}
        self._bytes = 0

    def read(self, deadline: Deadline) -> tuple[bool, dict[str, Any]]:
        """Return whether the request was done, and what was said."""
        while True:
            kind, nonce, length = frames.ANSWER.unpack(self.channel.read(frames.ANSWER.size, deadline))
            if nonce != self.nonce or kind not in (frames.ARRAY_KIND, frames.DONE_KIND, frames.ERROR_KIND):
                raise _Broken(
                    Verdict.PROTOCOL, "its answer is malformed: something wrote into the grader's channel"
                )
            if kind == frames.ARRAY_KIND:
                self._read_array(deadline)
                self.channel.send([frames.RECEIPT], deadline)
                continue
            if length > frames.MAX_JSON_BYTES:
                raise _Broken(
                    Verdict.PROTOCOL,
                    "the text of its answer is over {MAX_JSON_BYTES} bytes",
                    MAX_JSON_BYTES=frames.MAX_JSON_BYTES,
                )
            try:
                info = parse_object(bytes(self.channel.read(length, deadline)))
            except HostileText as error:
                raise _Broken(
                    Verdict.PROTOCOL, "the text of its answer cannot be read: {error}", error=error
                ) from error
            return kind == frames.DONE_KIND, info

    def _read_array(self, deadline: Deadline) -> None:
        try:
            header = frames.unpack_array(self.channel.read(frames.ARRAY.size, deadline))
        except frames.FrameError as error:
            raise _Broken(Verdict.PROTOCOL, "an array in its answer is malformed: {error}", error=error) from error
        if len(self.arrays) >= self.limits.reply_arrays:
            raise _Broken(
                Verdict.OUTPUT, "it returned more than {reply_arrays} arrays", reply_arrays=self.limits.reply_arrays
            )
        name = self.channel.read(header.name_bytes, deadline).decode("utf-8", "replace")
        if not name.isprintable() or name in self.arrays:
            raise _Broken(Verdict.PROTOCOL, "its answer has an array with an unusable name, or the same one twice")
        self._bytes += header.nbytes
        if self._bytes > self.limits.reply_mib * MIB:
            raise _Broken(
                Verdict.OUTPUT,
                "its answer is too large: {name} of shape {shape} brings it to {value} MiB, at most {reply_mib} "
                "MiB are allowed",
                name=Words(name),
                shape=Words(_shape(header.shape)),
                value=f"{self._bytes / MIB:.0f}",
                reply_mib=self.limits.reply_mib,
            )
        array = self._take(header, deadline)
        self.arrays[name] = array
        self.arrived_s[name] = time.monotonic() - self.started

    def _take(self, header: frames.ArrayHeader, deadline: Deadline) -> np.ndarray:
        try:
            flat = np.empty(header.nbytes, np.uint8)
            if header.nbytes:
                self.channel.read_into(flat.data, deadline)
            # A bool that is neither 0 nor 1 would not behave like one.
            if header.dtype.kind == "b":
                flags: np.ndarray = (flat != 0).reshape(header.shape)
                return flags
            return flat.view(header.dtype).reshape(header.shape)
        except (ValueError, OverflowError) as error:
            raise _Broken(Verdict.PROTOCOL, "an array in its answer has an impossible shape") from error


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _request(nonce: int, head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[bytes | memoryview]:
    text = json.dumps(dict(head)).encode()
    parts: list[bytes | memoryview] = [
        frames.REQUEST.pack(frames.REQUEST_MAGIC, nonce, len(text), len(arrays)) + text
    ]
    for name, array in arrays.items():
        header, data = frames.pack_array(name, array)
        parts.append(header)
        if data.size:
            parts.append(data.data)
    return parts


def _open_process(pid: int | None) -> int | None:
    """Return a handle that keeps naming the same process even if its number is used again; None without one."""
    try:
        return os.pidfd_open(pid) if pid is not None else None
    except (AttributeError, OSError):
        return None


def _usage_of(pid: int) -> Usage | None:
    """Read a process's peak memory and processor time; None where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        peak_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
        ticks = int(fields[11]) + int(fields[12])
        return Usage(peak_kib / 1024, ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None
