"""Scores: the tiers 60, 80 and 100 are gates, not sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.score.document import CheckResult, TierResult
from grader.verdicts import Verdict


def score_tiers(titles: Mapping[int, str], checks: Sequence[CheckResult]) -> tuple[int, list[TierResult]]:
    """Return the score and the tiers.

    A tier is passed when every one of its checks passed and every tier below is passed. A tier without a check
    that was run is not passed: what was not measured does not score. The score is that of the highest tier
    passed, 0 if there is none. ``lacks`` names, in order, the checks of the tier that did not pass.
    """
    tiers = []
    score = 0
    below = True
    for tier, title in sorted(titles.items()):
        own = [check for check in checks if check.tier == tier]
        lacks = [check.id for check in own if check.verdict is not Verdict.PASS]
        passed = below and bool(own) and not lacks
        tiers.append(TierResult(score=tier, title=title, passed=passed, lacks=lacks))
        if passed:
            score = tier
        below = passed
    return score, tiers
