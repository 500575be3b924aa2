"""Scores: the tiers 60, 80 and 100 are gates, not sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.score.document import CheckResult, TierResult
from grader.verdicts import Verdict


def score_tiers(
    titles: Mapping[int, str], checks: Sequence[CheckResult], all_checks: Mapping[str, int | None]
) -> tuple[int, list[TierResult]]:
    """Return the score and the tiers.

    A tier is passed when every one of its checks was run and passed, and every tier below is passed: what was not
    measured does not score. The score is that of the highest tier passed, 0 if there is none.

    Parameters
    ----------
    titles : title of each tier.
    checks : results of the checks that were run.
    all_checks : tier of every check of the lab, by its id, in order.
    """
    results = {check.id: check for check in checks}
    tiers = []
    score = 0
    below = True
    for tier, title in sorted(titles.items()):
        own = [name for name, its_tier in all_checks.items() if its_tier == tier]
        not_run = [name for name in own if name not in results]
        lacks = [name for name in own if name in results and results[name].verdict is not Verdict.PASS]
        passed = below and bool(own) and not lacks and not not_run
        tiers.append(TierResult(score=tier, title=title, passed=passed, lacks=lacks, not_run=not_run))
        if passed:
            score = tier
        below = passed
    return score, tiers
