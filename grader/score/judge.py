"""The one rule by which what was found becomes a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from grader.compare import Finding
from grader.verdicts import Verdict


def verdict_of(ended: Verdict | None, findings: Sequence[Finding]) -> Verdict:
    """Return the verdict on one run.

    Parameters
    ----------
    ended : how it ended, None if it returned its outputs.
    findings : what differs in them from the recorded ones.
    """
    if ended is not None:
        return ended
    if not findings:
        return Verdict.PASS
    return Verdict.WRONG if all(finding.is_number for finding in findings) else Verdict.OUTPUT
