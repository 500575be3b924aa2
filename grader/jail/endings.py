"""Says in one verdict and one sentence how a worker ended."""

from __future__ import annotations

import signal

from grader.inside.disk import BYTES, ENTRIES, HIDDEN
from grader.jail.launcher import Status
from grader.jail.model import Limits
from grader.jail.patience import Patience, Reason
from grader.language.message import Message, sentence
from grader.verdicts import Verdict

NEAR_THE_LIMIT = 0.85
# Windows has no names for them.
KILLED, OVER_CPU_LIMIT = 9, getattr(signal, "SIGXCPU", 24)
# What allocators and libraries print before they give up.
SIGNS_OF_NO_MEMORY = (
    "MemoryError",
    "bad_alloc",
    "out of memory",
    "Out of memory",
    "Unable to allocate",
    "annot allocate",
    "llocation failed",
)
HINTS = {
    "SIGSEGV": sentence("it read or wrote outside an array; try NUMBA_BOUNDSCHECK=1"),
    "SIGBUS": sentence("it read or wrote outside an array or file"),
    "SIGFPE": sentence("an integer was divided by zero in compiled code"),
    "SIGABRT": sentence("a library gave up"),
    "SIGSYS": sentence("it made a system call that is not allowed here"),
}


def explain_ending(status: Status, limits: Limits, printed: str) -> tuple[Verdict, Message]:
    """Return verdict and message for a worker that ended, or closed its channel, without an answer.

    ``printed`` is the end of what it printed. Nothing here can be ``grader``: student code has run.
    """
    peak_mib = status.peak_kib / 1024
    if status.exceeded:
        return Verdict.FLOOD, sentence(
            "it wrote {exceeded} to disk and was stopped", exceeded=_too_much(status.exceeded, limits)
        )
    if status.signal == OVER_CPU_LIMIT or (status.signal == KILLED and status.cpu_s >= limits.cpu_s):
        return Verdict.TIMEOUT, sentence(
            "it used {cpu_s} s of processor time, {cpu_s2} s are allowed",
            cpu_s=f"{status.cpu_s:.0f}",
            cpu_s2=limits.cpu_s,
        )
    if status.killed:
        return Verdict.EXITED, sentence("it closed its connection to the grader and went on running")
    no_memory = any(sign in printed for sign in SIGNS_OF_NO_MEMORY)
    if status.signal is not None:
        name = signal_name(status.signal)
        can_be_memory = name in ("SIGKILL", "SIGABRT", "SIGSEGV", "SIGBUS")
        if can_be_memory and (no_memory or peak_mib > NEAR_THE_LIMIT * limits.memory_mib):
            return Verdict.MEMORY, _memory(peak_mib, limits)
        what = sentence("the process was ended by {name}", name=name)
        hint = HINTS.get(str(name))
        return Verdict.CRASH, sentence("{what}: {why}", what=what, why=hint) if hint is not None else what
    if no_memory and status.exit != 0:
        return Verdict.MEMORY, _memory(peak_mib, limits)
    return Verdict.EXITED, sentence(
        "the process ended itself with status {exit} before it answered; do not call exit", exit=status.exit
    )


def over_time(patience: Patience, used_s: float) -> Message:
    """Say which limit a call has passed."""
    limit, used, seconds = (f"{value:.3g}" for value in (patience.limit_s, used_s, patience.seconds))
    if patience.reason is Reason.PROCESSOR:
        return sentence("no answer within {limit} s of processor time; the process was stopped", limit=limit)
    if patience.reason is Reason.BUSY:
        return sentence(
            "this computer is too busy or too slow to judge the time: a call that may take {limit} s had {used} s "
            "of processor time in {seconds} s; nobody is charged for that",
            limit=limit,
            used=used,
            seconds=seconds,
        )
    return sentence(
        "no answer within {seconds} s by the clock, of which it worked {used} s ({limit} s are allowed); it was "
        "stopped",
        seconds=seconds,
        used=used,
        limit=limit,
    )


def _too_much(cap: str, limits: Limits) -> Message:
    if cap == ENTRIES:
        return sentence("more than {max_entries} files and folders", max_entries=limits.disk_entries)
    if cap == BYTES:
        return sentence("more than {value} MiB", value=limits.disk_mib)
    if cap == HIDDEN:
        return sentence("a folder that nobody can look into")
    return sentence("folders nested too deeply")


def signal_name(number: int) -> Message | str:
    """Return a signal's name, such as ``SIGSEGV``, or its number in words."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return sentence("signal {number}", number=number)


def _memory(peak_mib: float, limits: Limits) -> Message:
    return sentence(
        "not enough memory: {memory_mib} MiB are allowed, at most {peak_mib} MiB were in use at once",
        memory_mib=limits.memory_mib,
        peak_mib=f"{peak_mib:.0f}",
    )
