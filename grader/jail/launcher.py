"""What starts and ends the workers of a box: a supervisor that forks, or new processes where nothing can fork."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from grader.jail.channel import Channel, Printed


class LauncherLost(Exception):
    """Workers cannot be started or ended any more; the box must be thrown away."""


@dataclass(frozen=True)
class Status:
    """How a worker ended, as its parent process saw it; ``exceeded`` is a cap of `grader.inside.disk`, or empty."""

    exit: int | None
    signal: int | None
    killed: bool
    exceeded: str
    peak_kib: int
    cpu_s: float


class Launcher(Protocol):
    """One worker at a time. Not shared between threads."""

    @property
    def running(self) -> bool:
        """Whether workers can still be started."""

    @property
    def unlimited(self) -> str:
        """Why nothing bounds memory, processor time and processes here; empty where they are bounded."""

    def wait_until_ready(self, limit_s: float) -> None:
        """Wait until a worker can be started at once; raises ``LauncherLost``."""

    def start(self, printed: Printed, limit_s: float) -> tuple[Channel, int | None]:
        """Start a worker; return its channel, which the caller closes, and its process id if it can be watched.

        What it prints goes into ``printed``. Raises ``LauncherLost``.
        """

    def end(self, grace_s: float, limit_s: float) -> Status:
        """Kill the worker after ``grace_s`` seconds unless it has ended; return how. Raises ``LauncherLost``."""

    def kill(self) -> None:
        """Kill the box as a whole, without waiting."""

    def close(self) -> None:
        """Kill the box as a whole and return when nothing of it is left."""
