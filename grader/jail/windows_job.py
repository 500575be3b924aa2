"""Windows' own way to hold a process and all that it starts: a job object with limits.

Structures, constants and functions as in Microsoft's documentation of ``jobapi2.h`` and ``winnt.h``. They are
declared with sizes of their own, so that their layout can be checked on any system.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from ctypes import c_int64, c_size_t, c_uint32, c_uint64
from typing import Any

TICKS_PER_S = 10_000_000
BASIC_ACCOUNTING, EXTENDED_LIMITS = 1, 9
LIMIT_JOB_TIME = 0x4
LIMIT_ACTIVE_PROCESS = 0x8
LIMIT_JOB_MEMORY = 0x200
LIMIT_DIE_ON_UNHANDLED_EXCEPTION = 0x400
LIMIT_KILL_ON_JOB_CLOSE = 0x2000
PROCESS_TERMINATE, PROCESS_SET_QUOTA = 0x1, 0x100
KILLED_STATUS = 9


class BasicLimits(ctypes.Structure):
    """``JOBOBJECT_BASIC_LIMIT_INFORMATION``; times in units of 100 ns."""

    _fields_ = (
        ("PerProcessUserTimeLimit", c_int64),
        ("PerJobUserTimeLimit", c_int64),
        ("LimitFlags", c_uint32),
        ("MinimumWorkingSetSize", c_size_t),
        ("MaximumWorkingSetSize", c_size_t),
        ("ActiveProcessLimit", c_uint32),
        ("Affinity", c_size_t),
        ("PriorityClass", c_uint32),
        ("SchedulingClass", c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """``JOBOBJECT_EXTENDED_LIMIT_INFORMATION``; memory in bytes."""

    _fields_ = (
        ("BasicLimitInformation", BasicLimits),
        ("IoInfo", c_uint64 * 6),
        ("ProcessMemoryLimit", c_size_t),
        ("JobMemoryLimit", c_size_t),
        ("PeakProcessMemoryUsed", c_size_t),
        ("PeakJobMemoryUsed", c_size_t),
    )


class BasicAccounting(ctypes.Structure):
    """``JOBOBJECT_BASIC_ACCOUNTING_INFORMATION``; times in units of 100 ns."""

    _fields_ = (
        ("TotalUserTime", c_int64),
        ("TotalKernelTime", c_int64),
        ("ThisPeriodTotalUserTime", c_int64),
        ("ThisPeriodTotalKernelTime", c_int64),
        ("TotalPageFaultCount", c_uint32),
        ("TotalProcesses", c_uint32),
        ("ActiveProcesses", c_uint32),
        ("TotalTerminatedProcesses", c_uint32),
    )


def job_limits(limits: Mapping[str, int]) -> ExtendedLimits:
    """Return the job's limits from those of a worker, which are named like ``RLIMIT_``.

    Memory is counted as it is promised, not as it is used, so it is bounded by ``AS``, which has room for what
    libraries reserve.
    """
    wanted = ExtendedLimits()
    wanted.JobMemoryLimit = limits["AS"]
    basic = wanted.BasicLimitInformation
    basic.PerJobUserTimeLimit = limits["CPU"] * TICKS_PER_S
    basic.ActiveProcessLimit = limits["NPROC"]
    basic.LimitFlags = (
        LIMIT_JOB_TIME
        | LIMIT_ACTIVE_PROCESS
        | LIMIT_JOB_MEMORY
        | LIMIT_DIE_ON_UNHANDLED_EXCEPTION
        | LIMIT_KILL_ON_JOB_CLOSE
    )
    return wanted


class Job:
    """A job object that holds one process from its start on, and everything that it starts.

    Raises
    ------
    OSError : there are no job objects here, or the system refused; the message says which step.
    """

    def __init__(self, limits: Mapping[str, int], pid: int, system: Any = None) -> None:
        self._system = system if system is not None else _kernel32()
        self._handle: int | None = self._checked("create a job", self._system.CreateJobObjectW(None, None))
        try:
            wanted = job_limits(limits)
            done = self._system.SetInformationJobObject(
                self._handle, EXTENDED_LIMITS, ctypes.byref(wanted), ctypes.sizeof(wanted)
            )
            self._checked("set the job's limits", done)
            access = PROCESS_SET_QUOTA | PROCESS_TERMINATE
            process = self._checked("open the process", self._system.OpenProcess(access, False, pid))
            try:
                self._checked("hold the process", self._system.AssignProcessToJobObject(self._handle, process))
            finally:
                self._system.CloseHandle(process)
        except OSError:
            self.close()
            raise

    def usage(self) -> tuple[int, float]:
        """Return the peak memory in bytes and the processor time in seconds of all together; zeros if unknown."""
        memory, times = ExtendedLimits(), BasicAccounting()
        for kind, into in ((EXTENDED_LIMITS, memory), (BASIC_ACCOUNTING, times)):
            self._system.QueryInformationJobObject(
                self._handle, kind, ctypes.byref(into), ctypes.sizeof(into), None
            )
        return int(memory.PeakJobMemoryUsed), (times.TotalUserTime + times.TotalKernelTime) / TICKS_PER_S

    def terminate(self) -> None:
        """Kill everything in the job."""
        if self._handle is not None:
            self._system.TerminateJobObject(self._handle, KILLED_STATUS)

    def close(self) -> None:
        """Let go of the job, which kills whatever is left in it."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._system.CloseHandle(handle)

    def _checked(self, step: str, result: int | None) -> int:
        if not result:
            raise OSError(f"could not {step} (error {self._system.GetLastError()})")
        return result


def _kernel32() -> Any:
    if sys.platform != "win32":
        raise OSError("only Windows has job objects")
    return _declared(ctypes.WinDLL("kernel32"))


def _declared(library: Any) -> Any:
    """Give the functions their types: a handle is as wide as a pointer."""
    handle, number, place = ctypes.c_void_p, c_uint32, ctypes.c_void_p
    declarations = {
        "CreateJobObjectW": (handle, [place, ctypes.c_wchar_p]),
        "OpenProcess": (handle, [number, ctypes.c_int, number]),
        "SetInformationJobObject": (ctypes.c_int, [handle, ctypes.c_int, place, number]),
        "QueryInformationJobObject": (ctypes.c_int, [handle, ctypes.c_int, place, number, place]),
        "AssignProcessToJobObject": (ctypes.c_int, [handle, handle]),
        "TerminateJobObject": (ctypes.c_int, [handle, number]),
        "CloseHandle": (ctypes.c_int, [handle]),
        "GetLastError": (number, []),
    }
    for name, (result, arguments) in declarations.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
