"""A right submission passes a timed check if it is fast enough; made-up seconds take the place of a clock."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from grader.lab.checks import Case, Speed, check, one_case
from grader.project.fixtures import RecordedCase
from grader.project.manifest import Facts, SpeedRecord
from grader.run.session import GraderFault, Outcome
from grader.timing.baseline import REPEATS, YARDSTICK_SLACK, Estimated, Measured, trusted_side
from grader.timing.ratio import ratio_of
from grader.timing.speed import MAX_ROUNDS, MIN_ROUNDS, SpeedTrial
from grader.verdicts import Verdict

CASES = [RecordedCase(Case.of(f"repeat {number}", number=number), {}, {}) for number in range(4)]


@check(tier=None, cases=one_case("loops", number=-1))
def loops(student, case):
    """With loops."""


def small(rng):
    """Make the baseline's smaller input."""
    yield Case.of("small", number=-2)


@check(tier=100, cases=one_case(), speed=Speed("loops", at_least=20, cases=small, scale=8, multiply_adds=10**9))
def fast(student, case):
    """Without loops."""


class Submission:
    """A session that answers after made-up seconds and notes what it was asked."""

    def __init__(self, seconds, wrong_at=None):
        self.seconds = itertools.cycle(seconds)
        self.wrong_at = wrong_at
        self.asked = []
        self.log = []

    def end_worker(self):
        self.log.append("rest")

    def start_over(self):
        self.log.append("new box")

    def run(self, check, case):
        self.asked.append((check.id, case.name))
        total = next(self.seconds)
        arrived = {"forward/values": 0.25 * total, "backward/values": total}
        return Outcome(None, seconds=total, arrived_s=arrived)

    def again(self, recorded):
        """Run a case once more, as `run_check` does."""
        outcome = self.run(fast, recorded.case)
        return None if len(self.asked) == self.wrong_at else outcome


class Loops:
    """A trusted side whose baseline takes one second in each part."""

    source = "measured"
    slack = 1.0

    def __init__(self, session, seconds=(2.0,)):
        self.reference = {"all": [0.02]}
        self.engine = {"all": [0.004], "backward": [0.003]}
        self.session = session
        self.seconds = itertools.cycle(seconds)
        self.baseline = {"all": [], "forward": [], "backward": []}

    def look(self):
        self.session.log.append("look")
        total = next(self.seconds)
        for part, share in (("all", 1.0), ("forward", 0.5), ("backward", 0.5)):
            self.baseline[part].append(share * total)


def decided(seconds, baseline=(2.0,), own_baseline=None, wrong_at=None):
    """Take a submission with these seconds, the first call of all included, through a timing."""
    session = Submission(seconds, wrong_at)
    trial = SpeedTrial(fast, Loops(session, baseline), session, threads=1)
    trial.begin()
    first = []
    for recorded in CASES:
        first.append(session.again(recorded))
        if trial.is_hopeless(first):
            break
    return trial.decide(CASES, first, session.again, own_baseline), session


@pytest.mark.parametrize(("seconds", "enough"), [(0.05, True), (0.099, True), (0.101, False), (0.3, False)])
def test_the_bound_decides(seconds, enough):
    """Two seconds of baseline and a bound of 20 leave a tenth of a second."""
    found, _ = decided([seconds])
    assert found.enough is enough and found.parts[0].ratio == pytest.approx(2 / seconds, rel=1e-3)


def test_parts_are_compared_one_by_one():
    """The forward pass takes a quarter of the time and gains three times as much as the rest."""
    found, _ = decided([0.04])
    ratios = {part.name: part.ratio for part in found.parts}
    assert ratios == pytest.approx({"all": 50, "forward": 100, "backward": 33.33}, rel=1e-3)
    assert found.parts[0].reference_s == 0.02 and found.parts[1].reference_s is None


def test_the_engine_is_told_of_and_decides_nothing():
    """A submission five hundred times slower than the engine passes; parts that are not known stay empty."""
    found, _ = decided([0.05])
    assert found.enough and [part.engine_s for part in found.parts] == [0.004, None, 0.003]


def test_the_engine_is_carried_over_beside_a_reference_that_runs_here():
    """What publishing measured, by the yardstick's products: here they take twice as long."""
    record = SpeedRecord(engine={"all": [0.25, 0.5, 1.0]}, yardstick={"products": [1.0], "calls": [1.0]})
    lab = SimpleNamespace(name="lab")
    trusted = trusted_side(
        lab, fast, [], Facts(speed={"fast": record}), lambda: None, lambda: {"products": [2.0], "calls": [9.0]}
    )
    assert isinstance(trusted, Measured) and trusted.engine == {"all": [0.5, 1.0, 2.0]}


def test_older_fixtures_know_no_engine():
    """Then nothing is shown, and the yardstick is not run for it."""
    facts = Facts(speed={"fast": SpeedRecord()})
    trusted = trusted_side(SimpleNamespace(name="lab"), fast, [], facts, lambda: None, None)
    assert trusted.engine == {}


def test_the_first_call_of_a_box_does_not_count():
    """Compiling in the first of the four calls costs nothing."""
    found, _ = decided([60.0, 0.05, 0.05, 0.05])
    assert found.enough and found.parts[0].submission_s == 0.05 and found.repeats == 3 * MIN_ROUNDS


def test_rounds_alternate_with_the_trusted_side_and_share_no_box():
    """Nothing of the submission runs while the baseline is timed, and every round has a box of its own."""
    _, session = decided([0.05])
    assert session.log == ["rest", "look", "rest", "look", "new box", "rest", "look"]
    assert sorted(session.asked) == sorted([("fast", recorded.case.name) for recorded in CASES] * MIN_ROUNDS)


def test_a_slowed_down_version_of_the_baseline_buys_nothing():
    """Loops of the submission that take an hour change a figure in the report, not the ratio that decides."""
    own = Outcome(None, seconds=3600.0, arrived_s={"forward/values": 1.0, "backward/values": 3600.0})
    quick, _ = decided([0.3])
    slow, _ = decided([0.3], own_baseline=own)
    assert slow.parts[0].own_baseline_s == 3600 and quick.parts[0].own_baseline_s is None
    assert not slow.enough and slow.parts[0].ratio == quick.parts[0].ratio


def test_doubt_leads_to_more_rounds_and_then_to_a_pass():
    """Repeats on both sides of the bound are continued up to a limit; what stays open is decided in favour."""
    found, session = decided([0.09, 0.08, 0.125, 0.105])
    assert found.enough and found.parts[0].low < 20 <= found.parts[0].high
    assert session.log.count("new box") == MAX_ROUNDS - 1


def test_a_hopeless_submission_is_not_asked_on():
    """After one repeat that counts it is clear that loops are no faster than loops."""
    found, session = decided([2.0])
    assert not found.enough and len(session.asked) == 2 and "new box" not in session.log


def test_a_repeat_that_is_wrong_ends_the_timing():
    """What was right once and is not when it is asked again has no speed."""
    found, session = decided([0.05], wrong_at=6)
    assert found is None and len(session.asked) == 6


def test_faster_than_any_processor_is_not_measured():
    """A thousand million multiply-adds do not come back in a tenth of a millisecond."""
    found, _ = decided([1e-4])
    assert not found.enough and found.parts[0].ratio > 20


class Reference:
    """A box with the reference."""

    def __init__(self, seconds, verdict=None):
        self.seconds = seconds
        self.verdict = verdict
        self.asked = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def run(self, check, case):
        self.asked.append((check.id, case.name))
        return Outcome(self.verdict, "it broke", seconds=self.seconds[check.id])


# As much of a lab as is needed.
LAB = SimpleNamespace(name="tiny", checks={"loops": loops, "fast": fast})


def test_the_reference_is_timed_on_the_smaller_input_and_scaled():
    """An eighth of the work counts eight times; the first call in a box does not count."""
    box = Reference({"loops": 0.25, "fast": 0.02})
    trusted = trusted_side(LAB, fast, [recorded.case for recorded in CASES], Facts(), lambda: box, None)
    trusted.look()
    assert isinstance(trusted, Measured) and trusted.source == "measured"
    assert trusted.baseline == {"all": [2.0] * REPEATS} and trusted.reference == {"all": [0.02] * REPEATS}
    assert box.asked[0] == ("loops", "small") and len(box.asked) == 2 * (REPEATS + 1)


def test_a_reference_that_fails_is_the_graders_fault():
    """Nobody is charged for it, and nobody passes."""
    box = Reference({"loops": 0.25}, Verdict.EXCEPTION)
    trusted = trusted_side(LAB, fast, [CASES[0].case], Facts(), lambda: box, None)
    with pytest.raises(GraderFault, match="reference of lab tiny ended with exception"):
        trusted.look()


def test_without_the_reference_the_record_is_scaled_by_the_yardstick():
    """On a host where small calls take half as long and products a quarter, so does what consists of them."""
    record = SpeedRecord(
        baseline={"all": [2.0]}, reference={"all": [0.04]}, yardstick={"calls": [1.0, 1.0], "products": [4.0]}
    )
    facts = Facts(speed={"fast": record})
    trusted = trusted_side(LAB, fast, [], facts, None, lambda: {"calls": [0.5], "products": [1.0]})
    trusted.look()
    assert isinstance(trusted, Estimated) and trusted.source == "estimated"
    assert trusted.baseline == {"all": [1.0]} and trusted.reference == {"all": [0.01]}
    ratio = ratio_of(trusted.baseline["all"], [0.05], trusted.slack)
    assert (ratio.low, ratio.high) == pytest.approx((20 / YARDSTICK_SLACK, 20 * YARDSTICK_SLACK))


def test_without_reference_and_record_nothing_is_decided():
    """Old fixtures without the reference are the instructor's fault, with the command that mends it."""
    with pytest.raises(GraderFault, match="grader publish tiny"):
        trusted_side(LAB, fast, [], Facts(seed=1), None, None)


def test_a_bound_of_one_is_refused():
    """A check that its own baseline would pass is no check."""
    with pytest.raises(ValueError, match="more than 1 time"):
        check(tier=100, cases=one_case(), speed=Speed("loops", at_least=np.float64(1.0)))
