"""What those who drive a submission need of a session, so that tests can put something simpler in its place."""

from __future__ import annotations

from typing import Protocol

from grader.checks import Case, Check
from grader.session import Outcome


class Running(Protocol):
    """What is needed of `grader.session.Session`."""

    def run(self, check: Check, case: Case) -> Outcome:
        """Run a check on a case and return what came of it."""
