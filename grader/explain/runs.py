"""One run of a check on one case, as explanations look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from grader.compare import Finding
from grader.fixtures import RecordedCase
from grader.verdicts import Verdict


class Ran(Protocol):
    """What is needed of `grader.session.Outcome`."""

    @property
    def verdict(self) -> Verdict | None:
        """None if the check ran and returned its outputs."""

    @property
    def message(self) -> str:
        """Of the error, if it did not."""

    @property
    def error_type(self) -> str:
        """Type of the error."""

    @property
    def outputs(self) -> Mapping[str, np.ndarray]:
        """What was returned."""

    @property
    def noted(self) -> Mapping[str, np.ndarray]:
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
