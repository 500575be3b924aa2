"""Takes from the worker's process all that student code must not have, in the one order that works.

Own session → processors → user id → death with the supervisor → limits → Landlock → seccomp. Any step that fails
raises: a worker that is not locked down never loads anything.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from grader.inside import landlock, seccomp

if sys.platform != "win32":
    import resource

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522
CPU_LIMIT_GRACE_S = 5


@dataclass(frozen=True)
class Lockdown:
    """What is taken away.

    Attributes
    ----------
    uid : user and group id to become; None keeps the present one.
    keep_read : keep the right to read past file permissions (Landlock alone then decides what can be read).
    processors : the only processors to run on; empty leaves them alone.
    limits : ``RLIMIT_`` names without the prefix, to bytes, seconds or counts.
    read, write : folders and files for Landlock; both empty leaves it off.
    filter_calls : whether seccomp is on.
    """

    uid: int | None
    keep_read: bool
    processors: tuple[int, ...]
    limits: dict[str, int]
    read: tuple[str, ...]
    write: tuple[str, ...]
    filter_calls: bool

    @classmethod
    def of(cls, data: dict[str, Any]) -> Lockdown:
        """Read what the grader sent."""
        return cls(
            data["uid"],
            data["keep_read"],
            tuple(data["processors"]),
            dict(data["limits"]),
            tuple(data["read"]),
            tuple(data["write"]),
            data["filter_calls"],
        )


def process_control(option: int, value: int) -> None:
    """Call ``prctl`` where the platform has it.

    Raises
    ------
    OSError : the kernel refused.
    """
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")


def apply(lockdown: Lockdown, supervisor_pid: int) -> None:
    """Lock this process down; there is no way back.

    Raises
    ------
    OSError, ValueError : a step was refused; the process must end.
    """
    os.setsid()
    if lockdown.processors and sys.platform == "linux":
        os.sched_setaffinity(0, lockdown.processors)
    if lockdown.uid is not None:
        _become(lockdown.uid, lockdown.keep_read)
    if sys.platform == "linux":
        # Whoever keeps the user id, as root of a namespace of one user must, would keep its capabilities too.
        _give_up_capabilities(CAP_DAC_READ_SEARCH if lockdown.keep_read else None)
    # A change of user clears both, so they come after it. The supervisor looks at what the worker holds open.
    process_control(PR_SET_PDEATHSIG, signal.SIGKILL)
    process_control(PR_SET_DUMPABLE, 1)
    if os.getppid() != supervisor_pid:
        raise OSError("the supervisor is gone")
    for name, value in lockdown.limits.items():
        _limit(name, value)
    process_control(PR_SET_NO_NEW_PRIVS, 1)
    if lockdown.read or lockdown.write:
        landlock.restrict(lockdown.read, lockdown.write)
    # Last: the filter refuses most of the calls above.
    if lockdown.filter_calls:
        seccomp.install(seccomp.program(os.getpid()))


def _become(uid: int, keep_read: bool) -> None:
    if keep_read:
        process_control(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _give_up_capabilities(kept: int | None) -> None:
    """Give up all capabilities of this process, or all but one."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 0 if kept is None else 1 << kept
    # Two sets of (effective, permitted, inheritable), 32 capabilities each.
    sets = (ctypes.c_uint32 * 6)(bit, bit, 0, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, sets):
        code = ctypes.get_errno()
        raise OSError(code, f"could not give up capabilities: {os.strerror(code)}")


def _limit(name: str, value: int) -> None:
    number = getattr(resource, f"RLIMIT_{name}", None)
    if number is None:
        return
    _, hard = resource.getrlimit(number)
    # At the soft CPU limit comes SIGXCPU, which says what happened; at the hard one SIGKILL, never ignored.
    upper = value + CPU_LIMIT_GRACE_S if name == "CPU" else value
    if hard != resource.RLIM_INFINITY:
        value, upper = min(value, hard), min(upper, hard)
    try:
        resource.setrlimit(number, (value, upper))
    except (ValueError, OSError) as error:
        # macOS knows limits that it does not let anyone set.
        if sys.platform == "linux":
            raise OSError(f"could not set the limit {name} to {value}: {error}") from error
