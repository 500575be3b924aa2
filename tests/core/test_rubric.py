"""Tiers are gates."""

import pytest

from grader.score.document import CheckResult
from grader.score.tiers import score_tiers
from grader.verdicts import Verdict

TITLES = {60: "builds", 80: "forward", 100: "backward"}


def results(**verdicts):
    """One check for each tier, named t60, t80, t100."""
    return [
        CheckResult(id=name, tier=int(name[1:].rstrip("ab")), title=name, verdict=verdict)
        for name, verdict in verdicts.items()
    ]


def scored(titles, checks, not_run=()):
    """Score checks of a lab that has these and ``not_run``."""
    return score_tiers(titles, checks, {**{check.id: check.tier for check in checks}, **dict(not_run)})


@pytest.mark.parametrize(
    ("verdicts", "score"),
    [
        ((Verdict.PASS, Verdict.PASS, Verdict.PASS), 100),
        ((Verdict.PASS, Verdict.PASS, Verdict.WRONG), 80),
        ((Verdict.PASS, Verdict.WRONG, Verdict.PASS), 60),
        ((Verdict.WRONG, Verdict.PASS, Verdict.PASS), 0),
        ((Verdict.UNFINISHED, Verdict.UNFINISHED, Verdict.UNFINISHED), 0),
    ],
)
def test_a_tier_needs_all_below_it(verdicts, score):
    """The score is that of the highest tier whose own and lower checks all passed."""
    checks = results(**dict(zip(("t60", "t80", "t100"), verdicts, strict=True)))
    assert scored(TITLES, checks)[0] == score


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.PASS])
def test_only_pass_passes(verdict):
    """Every other verdict, our own faults included, keeps a tier from being passed."""
    score, tiers = scored({60: "builds"}, results(t60=verdict))
    assert score == 0
    assert tiers[0].lacks == ["t60"]


def test_a_tier_without_checks_is_not_passed():
    """What was not measured does not score."""
    score, tiers = scored(TITLES, results(t80=Verdict.PASS))
    assert score == 0
    assert [tier.passed for tier in tiers] == [False, False, False]


def test_a_tier_with_a_check_that_was_not_run_is_not_passed():
    """The checks that were run all pass, and the tier still is not reached; what is missing is named."""
    score, tiers = scored(TITLES, results(t60=Verdict.PASS), [("t60b", 60)])
    assert score == 0
    assert (tiers[0].passed, tiers[0].lacks, tiers[0].not_run) == (False, [], ["t60b"])


def test_exercises_do_not_score():
    """A check without a tier neither helps nor harms."""
    extra = CheckResult(id="extra", tier=None, title="extra", verdict=Verdict.WRONG)
    checks = [*results(t60=Verdict.PASS, t80=Verdict.PASS, t100=Verdict.PASS), extra]
    assert scored(TITLES, checks)[0] == 100
