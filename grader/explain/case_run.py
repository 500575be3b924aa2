"""One run of a check on one case, as explanations look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from grader.compare import Finding, compare
from grader.language.message import Message
from grader.project.fixtures import RecordedCase
from grader.run.answers import Frame
from grader.run.session import Outcome
from grader.verdicts import Verdict


class Ran(Protocol):
    """What is needed of `grader.run.session.Outcome`."""

    @property
    def verdict(self) -> Verdict | None:
        """None if the check ran and returned its outputs."""

    @property
    def message(self) -> Message | str:
        """Of the error, if it did not."""

    @property
    def error_type(self) -> str:
        """Type of the error."""

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Where in the submission the error was raised, outermost first."""

    @property
    def outputs(self) -> Mapping[str, np.ndarray]:
        """What was returned."""

    @property
    def observed(self) -> Mapping[str, np.ndarray]:
        """What was returned and is not compared: the course of a training."""


@dataclass(frozen=True)
class CaseRun:
    """A recorded case, what a submission did on it, and what of that is wrong."""

    recorded: RecordedCase
    outcome: Ran
    findings: Sequence[Finding] = field(default_factory=tuple)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.outcome.verdict is None and not self.findings

    def output(self, name: str) -> np.ndarray | None:
        """Return an output of the submission."""
        return self.outcome.outputs.get(name)


def differences(recorded: RecordedCase, outcome: Outcome) -> list[Finding]:
    """Return what differs from the recorded outputs; nothing if the run did not get that far."""
    if outcome.verdict is not None:
        return []
    return compare(recorded.expected, outcome.outputs, recorded.tolerances)
