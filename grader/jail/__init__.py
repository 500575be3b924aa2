"""The jail: runs a submission's code where it can change nothing but its own answers."""

from grader.jail.arithmetic import Arithmetic
from grader.jail.box import Box
from grader.jail.model import Answer, BoxLost, Ending, HostBusy, JailError, Level, Limits, Usage, View
from grader.jail.probe import HostReport, probe
from grader.jail.worker import Worker

__all__ = [
    "Answer",
    "Arithmetic",
    "Box",
    "BoxLost",
    "Ending",
    "HostBusy",
    "HostReport",
    "JailError",
    "Level",
    "Limits",
    "Usage",
    "View",
    "Worker",
    "probe",
]
