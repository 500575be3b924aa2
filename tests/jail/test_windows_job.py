"""Job objects of Windows, as far as they can be told elsewhere: layout, limits asked for, clean-up on failure."""

from __future__ import annotations

import ctypes

import pytest

from grader.jail.windows_job import (
    BASIC_ACCOUNTING,
    TICKS_PER_S,
    BasicAccounting,
    BasicLimits,
    ExtendedLimits,
    Job,
    job_limits,
)

LIMITS = {"AS": 3 << 30, "CPU": 600, "NPROC": 64}
JOB, PROCESS = 100, 200


class Windows:
    """Notes what is called; ``refuse`` names the one function that fails."""

    def __init__(self, refuse: str = "") -> None:
        self.refuse = refuse
        self.calls: list[tuple] = []

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append((name, *arguments))
            if name == "GetLastError":
                return 5
            if name == "QueryInformationJobObject":
                _answer(arguments)
            return 0 if name == self.refuse else {"CreateJobObjectW": JOB, "OpenProcess": PROCESS}.get(name, 1)

        return call


def _answer(arguments):
    _, kind, place, size, _ = arguments
    if kind == BASIC_ACCOUNTING:
        assert size == ctypes.sizeof(BasicAccounting)
        place._obj.TotalUserTime, place._obj.TotalKernelTime = 2 * TICKS_PER_S, TICKS_PER_S // 2
    else:
        assert size == ctypes.sizeof(ExtendedLimits)
        place._obj.PeakJobMemoryUsed = 123 << 20


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="sizes on 64-bit systems")
def test_structures_have_the_documented_layout():
    """Sizes and offsets are those of 64-bit Windows: 64, 144 and 48 bytes."""
    assert ctypes.sizeof(BasicLimits) == 64
    assert ctypes.sizeof(ExtendedLimits) == 144
    assert ctypes.sizeof(BasicAccounting) == 48
    assert (BasicLimits.LimitFlags.offset, BasicLimits.ActiveProcessLimit.offset) == (16, 40)
    assert (ExtendedLimits.JobMemoryLimit.offset, ExtendedLimits.PeakJobMemoryUsed.offset) == (120, 136)


def test_limits_are_asked_for():
    """Memory, processor time and processes are bounded, and what is left dies with the job's handle."""
    wanted = job_limits(LIMITS)
    basic = wanted.BasicLimitInformation
    assert wanted.JobMemoryLimit == 3 << 30
    assert basic.PerJobUserTimeLimit == 600 * 10_000_000
    assert basic.ActiveProcessLimit == 64
    assert basic.LimitFlags == 0x2000 | 0x400 | 0x200 | 0x8 | 0x4


def test_a_process_is_held_and_measured():
    """The process goes into the job by its number; usage is that of the job; closing lets go of every handle."""
    system = Windows()
    job = Job(LIMITS, 4711, system)
    assert ("AssignProcessToJobObject", JOB, PROCESS) in system.calls
    assert ("OpenProcess", 0x101, False, 4711) in system.calls
    assert job.usage() == (123 << 20, 2.5)
    job.terminate()
    job.close()
    job.close()
    closed = [call[1] for call in system.calls if call[0] == "CloseHandle"]
    assert closed == [PROCESS, JOB]
    assert ("TerminateJobObject", JOB, 9) in system.calls


@pytest.mark.parametrize(
    ("function", "step"),
    [
        ("CreateJobObjectW", "create a job"),
        ("SetInformationJobObject", "set the job's limits"),
        ("OpenProcess", "open the process"),
        ("AssignProcessToJobObject", "hold the process"),
    ],
)
def test_a_refusal_names_the_step_and_leaves_nothing_open(function, step):
    """Whatever fails, the error says where, and each handle that was opened is closed once."""
    system = Windows(function)
    with pytest.raises(OSError, match=rf"could not {step} \(error 5\)"):
        Job(LIMITS, 1, system)
    opened = 0 if function == "CreateJobObjectW" else 1 + (function == "AssignProcessToJobObject")
    assert sum(call[0] == "CloseHandle" for call in system.calls) == opened
