"""What travels between scheduler and back end: a task, and what became of it. Both are plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Protocol

from grader.cohort.running.keys import Conditions


@dataclass(frozen=True)
class Task:
    """One grading.

    Attributes
    ----------
    key : see `grader.cohort.running.keys`.
    classroom, project : folders.
    files : originals by path, as hashes.
    conditions : of the run, pinned.
    run : number of the run.
    session : the scheduler that asks.
    language : of messages.
    release_folder, weights : fixtures of an earlier release, and a course's own checkpoint; empty for neither.
    """

    key: str
    classroom: str
    project: str
    files: Mapping[str, str]
    conditions: Conditions
    run: int
    session: str
    language: str = "en"
    release_folder: str = ""
    weights: str = ""
    again: bool = False
    allow_weak_jail: bool = False

    def to_json(self) -> str:
        """Write it in one line."""
        return json.dumps({**asdict(self), "conditions": self.conditions.as_data()})

    @classmethod
    def from_json(cls, line: str) -> Task:
        """Read what `to_json` has written."""
        data = json.loads(line)
        return cls(**{**data, "conditions": Conditions.of(data["conditions"])})


class State(str, Enum):
    """What became of a task."""

    DONE = "done"  # its document is written, whatever the score
    FAILED = "failed"  # tried often enough; a document with the verdict `grader` is written
    DIED = "died"  # its process ended; try again
    FAULT = "fault"  # the grader failed; try again
    BUSY = "busy"  # another process grades the same key; ask again later
    CROWDED = "crowded"  # all processors there are taken; ask again later, here or elsewhere
    ENVIRONMENT = "environment"  # the machine is at fault; hand out nothing more
    REFUSED = "refused"  # going on would mix what must not be mixed


@dataclass(frozen=True)
class Outcome:
    """What became of the task with this key; ``detail`` is for a person."""

    key: str
    state: State
    detail: str = ""

    def as_data(self) -> dict[str, str]:
        """Return it as plain data."""
        return {"key": self.key, "state": self.state.value, "detail": self.detail}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Outcome:
        """Read it from plain data."""
        return cls(str(data["key"]), State(data["state"]), str(data.get("detail", "")))


class Backend(Protocol):
    """Runs tasks somewhere. Never more than ``width`` at once; each ends in one outcome."""

    @property
    def width(self) -> int:
        """How many tasks it runs at once."""

    def submit(self, task: Task) -> None:
        """Start a task; only while fewer than ``width`` run."""

    def next(self, timeout_s: float) -> Outcome | None:
        """Return what has become of one of them, or None if nothing has ended within the time."""

    def close(self) -> None:
        """End everything that runs, and return when nothing is left of it."""
