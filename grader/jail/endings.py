"""Says in one verdict and one sentence how a worker ended."""

from __future__ import annotations

import signal

from grader.jail.launcher import Status
from grader.jail.model import Limits
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
    "SIGSEGV": "it read or wrote outside an array; try NUMBA_BOUNDSCHECK=1",
    "SIGBUS": "it read or wrote outside an array or file",
    "SIGFPE": "an integer was divided by zero in compiled code",
    "SIGABRT": "a library gave up",
    "SIGSYS": "it made a system call that is not allowed here",
}


def explain_ending(status: Status, limits: Limits, printed: str) -> tuple[Verdict, str]:
    """Return verdict and message for a worker that ended, or closed its channel, without an answer.

    ``printed`` is the end of what it printed. Nothing here can be ``grader``: student code has run.
    """
    peak_mib = status.peak_kib / 1024
    if status.exceeded:
        return Verdict.FLOOD, f"it wrote {status.exceeded} to disk and was stopped"
    if status.signal == OVER_CPU_LIMIT or (status.signal == KILLED and status.cpu_s >= limits.cpu_s):
        return Verdict.TIMEOUT, f"it used {status.cpu_s:.0f} s of processor time, {limits.cpu_s} s are allowed"
    if status.killed:
        return Verdict.EXITED, "it closed its connection to the grader and went on running"
    no_memory = any(sign in printed for sign in SIGNS_OF_NO_MEMORY)
    if status.signal is not None:
        name = signal_name(status.signal)
        can_be_memory = name in ("SIGKILL", "SIGABRT", "SIGSEGV", "SIGBUS")
        if can_be_memory and (no_memory or peak_mib > NEAR_THE_LIMIT * limits.memory_mib):
            return Verdict.MEMORY, _memory(peak_mib, limits)
        what = f"the process was ended by {name}"
        return Verdict.CRASH, f"{what}: {HINTS[name]}" if name in HINTS else what
    if no_memory and status.exit != 0:
        return Verdict.MEMORY, _memory(peak_mib, limits)
    return (
        Verdict.EXITED,
        f"the process ended itself with status {status.exit} before it answered; do not call exit",
    )


def signal_name(number: int) -> str:
    """Return a signal's name, such as ``SIGSEGV``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _memory(peak_mib: float, limits: Limits) -> str:
    return f"not enough memory: {limits.memory_mib} MiB are allowed, at most {peak_mib:.0f} MiB were in use at once"
