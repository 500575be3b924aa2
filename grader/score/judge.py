"""From one run and what differs in it to a verdict and its message."""

from __future__ import annotations

from collections.abc import Sequence

from grader.compare import Finding
from grader.explain.messages import describe_finding, describe_outcome
from grader.project.contract import Lab
from grader.run.session import Outcome
from grader.verdicts import Verdict


def judge(lab: Lab, outcome: Outcome, findings: Sequence[Finding]) -> tuple[Verdict, str]:
    """Return the verdict on one run and, if it did not pass, the message."""
    if outcome.verdict is not None:
        return outcome.verdict, describe_outcome(outcome, lab.folder)
    if not findings:
        return Verdict.PASS, ""
    unusable = [finding for finding in findings if not finding.is_number]
    return Verdict.OUTPUT if unusable else Verdict.WRONG, describe_finding((unusable or findings)[0])
