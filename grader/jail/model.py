"""What travels between the jail and its users: levels, limits, what is to be seen, answers and endings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np

from grader.language.errors import GraderFailed
from grader.language.message import Message
from grader.verdicts import Verdict

MIB = 1 << 20


class Level(IntEnum):
    """How strongly a submission is isolated."""

    PROCESS = 1  # another process with limits: no isolation of files or network
    LANDLOCK = 2  # Landlock, seccomp and limits
    NAMESPACES = 3  # namespaces of its own, and all of level 2


class JailError(GraderFailed):
    """A box cannot be had on this host as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use. Each limit has its own verdict when it is exceeded."""

    memory_mib: int = 1024
    cpu_s: int = 600
    processes: int = 64
    open_files: int = 64
    file_mib: int = 64
    disk_mib: int = 64
    disk_entries: int = 5000
    printed_kib: int = 64
    printed_max_mib: int = 16
    reply_mib: int = 256
    reply_arrays: int = 512
    threads: int = 2


@dataclass(frozen=True)
class View:
    """All that a submission can see.

    Attributes
    ----------
    submission : folder with the collected files.
    lab : folder with the lab's public files.
    packages : import names such as ``numpy``; nothing else that is installed can be imported.
    resources : names to folders or files that are too large to copy.
    policy : plain data for the handler inside.
    """

    submission: Path
    lab: Path
    packages: tuple[str, ...]
    resources: Mapping[str, Path] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Usage:
    """What a worker has used so far."""

    peak_mib: float = 0.0
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Answer:
    """A worker's answer. With ``ok`` False ``info`` describes what was raised, and the worker lives on.

    ``arrived_s`` says when the last byte of each array came, ``seconds`` when that of the answer came, both counted
    from the first byte of the request on the grader's clock. ``used_s`` is what counts for the limit of the
    whole submission: processor time, as if no other process had been there, and a part of what it slept.
    """

    ok: bool
    info: dict[str, Any]
    arrays: dict[str, np.ndarray]
    arrived_s: dict[str, float]
    seconds: float
    used_s: float = 0.0


class Ending(Exception):
    """A worker has ended without answering; the message is for the student."""

    def __init__(
        self,
        verdict: Verdict,
        message: Message,
        *,
        arrays: Mapping[str, np.ndarray] | None = None,
        arrived_s: Mapping[str, float] | None = None,
        seconds: float = 0.0,
        used_s: float | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(f"{verdict}: {message.english}")
        self.verdict = verdict
        self.message = message
        self.arrays = dict(arrays or {})
        self.arrived_s = dict(arrived_s or {})
        self.seconds = seconds
        self.used_s = seconds if used_s is None else used_s
        self.usage = usage or Usage()


class BoxLost(Ending):
    """The whole box is gone. Nothing inside can end it at level 3: another is tried before anybody is charged."""


class HostBusy(Ending):
    """A worker was ended because this host had no time for it; nobody is charged."""
