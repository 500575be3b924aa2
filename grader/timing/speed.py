"""Decides whether a right submission is fast enough: repeats on fresh values, between looks at the trusted side.

Only the grader's clock counts, from request to last byte. Every case is one repeat and every output is compared.
The first call of each worker is like the others but does not count, so that compiling costs nothing. While the
trusted side is timed, no process of the submission exists. As long as the interval straddles the bound there is
another round, in a new box; after the last one the submission has the benefit of the doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

import numpy as np

from grader.lab.checks import Check
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase
from grader.project.manifest import Facts
from grader.run.session import Outcome, Running
from grader.score.document import SpeedPart, SpeedResult
from grader.timing.baseline import WHOLE, OpenReference, Trusted, Yardstick, add, required_speed, trusted_side
from grader.timing.ratio import CONFIDENCE, Ratio, ratio_of
from grader.timing.yardstick import Seconds

MIN_ROUNDS = 2
MAX_ROUNDS = 4
# A submission that is slower than the bound by this factor is not asked any more.
HOPELESS = 4.0
# 16 lanes, a multiplication and an addition, twice in a cycle, 4 GHz.
FLOPS_OF_A_THREAD = 256e9
# Winograd's and Fourier's ways need fewer multiplications than the textbook's.
FEWER_MULTIPLICATIONS = 8.0
RunCase = Callable[[RecordedCase], Outcome | None]


class Timed(Running, Protocol):
    """What is needed of `grader.run.session.Session`."""

    def end_worker(self) -> None:
        """End the submission's worker."""

    def start_over(self) -> None:
        """Put a new box in the place of the old one."""


@dataclass(frozen=True)
class Timing:
    """What timing needs: ``facts`` are those of the fixture; ``open_reference`` is None without a solution."""

    lab: Lab
    facts: Facts
    open_reference: OpenReference | None
    yardstick: Yardstick

    def trial(self, check: Check, cases: Sequence[RecordedCase], session: Timed) -> SpeedTrial:
        """Prepare the timing of one check.

        Raises
        ------
        GraderFault : nothing is known of the baseline.
        """
        inputs = [recorded.case for recorded in cases]
        trusted = trusted_side(self.lab, check, inputs, self.facts, self.open_reference, self.yardstick)
        return SpeedTrial(check, trusted, session, self.lab.facts.limits.threads)


@dataclass
class SpeedTrial:
    """One submission at one timed check. ``threads`` is how many it may use."""

    check: Check
    trusted: Trusted
    session: Timed
    threads: int
    submission: Seconds = field(default_factory=dict)

    @property
    def least_s(self) -> float:
        """A time below which no processor does the work of one call, by a wide margin."""
        work = 2 * required_speed(self.check).multiply_adds
        return work / (FLOPS_OF_A_THREAD * self.threads * FEWER_MULTIPLICATIONS)

    @property
    def hint(self) -> str:
        """What to do about a version that is right but too slow."""
        return required_speed(self.check).hint

    def begin(self) -> None:
        """Look at the trusted side for the first time."""
        self._look()

    def is_hopeless(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether the repeats of a round are so slow that more of them would not change anything."""
        if len(outcomes) < 2:
            return False
        least_s = min(outcome.seconds for outcome in outcomes[1:])
        best = median(self.trusted.baseline[WHOLE]) * self.trusted.slack / least_s
        return best * HOPELESS < required_speed(self.check).at_least

    def decide(
        self,
        cases: Sequence[RecordedCase],
        outcomes: Sequence[Outcome],
        run_case: RunCase,
        own_baseline: Outcome | None = None,
    ) -> SpeedResult | None:
        """Go on after a first round that was right, until it is clear how fast the submission is.

        Parameters
        ----------
        cases : all of the check.
        outcomes : those of the first round, in order.
        run_case : runs a case again; returns None if it is not right this time.
        own_baseline : what the submission itself did in the check that it is compared with.

        Returns
        -------
        the finding; None as soon as a repeat was not right.
        """
        bound = required_speed(self.check).at_least
        ratio = self._after(outcomes)
        # Every round another order, so that what comes before a case is not the same again.
        shuffled = np.random.default_rng()
        number = 1
        while not self.is_hopeless(outcomes) and (
            number < MIN_ROUNDS or (ratio.straddles(bound) and number < MAX_ROUNDS)
        ):
            self.session.start_over()
            again = []
            for index in shuffled.permutation(len(cases)):
                outcome = run_case(cases[index])
                if outcome is None:
                    return None
                again.append(outcome)
            ratio = self._after(again)
            number += 1
        return self._result(ratio, own_baseline)

    def _after(self, outcomes: Sequence[Outcome]) -> Ratio:
        """Count a round, look at the trusted side again, and return the ratio so far."""
        for outcome in outcomes[1:]:
            add(self.submission, outcome)
        self._look()
        return self._ratio(WHOLE)

    def _look(self) -> None:
        self.session.end_worker()
        self.trusted.look()

    def _ratio(self, part: str) -> Ratio:
        return ratio_of(self.trusted.baseline[part], self.submission[part], self.trusted.slack)

    def _result(self, ratio: Ratio, own_baseline: Outcome | None) -> SpeedResult:
        speed = required_speed(self.check)
        own: Seconds = {}
        if own_baseline is not None and own_baseline.verdict is None:
            add(own, own_baseline)
        engine = self.trusted.engine
        parts = []
        for name, seconds in self.submission.items():
            if name not in self.trusted.baseline:
                continue
            found = ratio if name == WHOLE else self._ratio(name)
            parts.append(
                SpeedPart(
                    name=name,
                    submission_s=rounded(median(seconds)),
                    baseline_s=rounded(median(self.trusted.baseline[name])),
                    reference_s=_median_of(self.trusted.reference, name),
                    engine_s=_median_of(engine, name),
                    own_baseline_s=_median_of(own, name),
                    ratio=rounded(found.value),
                    low=rounded(found.low),
                    high=rounded(found.high),
                )
            )
        return SpeedResult(
            against=speed.against,
            at_least=speed.at_least,
            enough=ratio.reaches(speed.at_least) and not self.is_impossible(),
            baseline=self.trusted.source,
            confidence=CONFIDENCE,
            repeats=len(self.submission[WHOLE]),
            parts=parts,
        )

    def is_impossible(self) -> bool:
        """Whether a repeat was faster than any processor is: nothing was measured then."""
        return min(self.submission[WHOLE]) < self.least_s


def rounded(value: float) -> float:
    """Keep four digits: no timing has more."""
    return float(f"{value:.4g}")


def _median_of(samples: Seconds, name: str) -> float | None:
    return rounded(median(samples[name])) if name in samples else None
