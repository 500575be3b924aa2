"""The trusted side of a timing: what the lab's own solution needs, measured here or carried over from publishing.

Where the solution is at hand it runs in a box of its own, on the same processors as the submission and never at the
same time. Where it is not, in a student's kit or an autograder, the seconds that publishing recorded are scaled by
the yardstick, which publishing timed next to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Literal, Protocol

import numpy as np

from grader.jail.host import processors
from grader.jail.layout import thread_counts
from grader.lab.checks import Case, Check, Speed
from grader.project.contract import Lab
from grader.project.manifest import Facts, SpeedRecord
from grader.run.session import GraderFault, Outcome, Running
from grader.timing import yardstick
from grader.timing.layers import steps
from grader.timing.yardstick import Seconds, YardstickError

WHOLE = "all"
# Repeats that count in one look; one more before them does not.
REPEATS = 2
# How far the yardstick may be off where processors, not only their clocks, differ.
YARDSTICK_SLACK = 1.3
CASE_SEED = 1
CLOCK_TICK_S = 1e-9
Source = Literal["measured", "estimated"]
Yardstick = Callable[[], Seconds]
OpenReference = Callable[[], AbstractContextManager[Running]]


class Trusted(Protocol):
    """The trusted side of one check's timing. Seconds are listed by part, ``all`` first."""

    @property
    def source(self) -> Source:
        """Where its seconds come from."""

    @property
    def slack(self) -> float:
        """Factor by which they may be off."""

    @property
    def baseline(self) -> Seconds:
        """Of the check that it is compared with, scaled to the work of the check."""

    @property
    def reference(self) -> Seconds:
        """Of the reference in the check itself."""

    @property
    def engine(self) -> Seconds:
        """Of the engine in the check itself; empty where it is not known. It decides nothing."""

    def look(self) -> None:
        """Measure once more; nothing of the submission may run meanwhile."""


@dataclass
class Measured:
    """The reference, run here: ``open_session`` starts a box with it, ``cases`` are those of the check.

    ``record`` is what publishing has kept, from which only the engine's time is carried over.

    Raises
    ------
    GraderFault : from ``look``, if the reference does not come through.
    """

    lab: Lab
    check: Check
    cases: Sequence[Case]
    open_session: OpenReference
    baseline: Seconds = field(default_factory=dict)
    reference: Seconds = field(default_factory=dict)
    source: Source = "measured"
    slack: float = 1.0
    record: SpeedRecord | None = None
    yardstick: Yardstick | None = None

    @property
    def engine(self) -> Seconds:
        """Carried over from publishing: to time it again would take longer than the submission."""
        if self.record is None or not self.record.engine or self.yardstick is None:
            return {}
        try:
            return carried_over(self.record.engine, self.record.yardstick, self.yardstick(), "products")
        except YardstickError:
            return {}

    def look(self) -> None:
        """Run baseline and check a few times each, in a fresh box."""
        speed = required_speed(self.check)
        against = self.lab.checks[speed.against]
        case = baseline_case(speed, against)
        with self.open_session() as session:
            for number in range(REPEATS + 1):
                self._take(self.baseline, number, session.run(against, case), speed.scale)
            for number in range(REPEATS + 1):
                self._take(self.reference, number, session.run(self.check, self.cases[number % len(self.cases)]))

    def _take(self, samples: Seconds, number: int, outcome: Outcome, scale: float = 1.0) -> None:
        if outcome.verdict is not None:
            raise GraderFault(
                "the reference of lab {name} ended with {value} while it was timed for {id}: {message}",
                name=self.lab.name,
                value=outcome.verdict.value,
                id=self.check.id,
                message=outcome.message,
            )
        if number:
            add(samples, outcome, scale)


@dataclass
class Estimated:
    """Recorded seconds of the reference, carried over to this machine.

    Raises
    ------
    GraderFault : from ``look``, if the yardstick does not run.
    """

    record: SpeedRecord
    yardstick: Yardstick
    here: Seconds = field(default_factory=dict)
    source: Source = "estimated"
    slack: float = YARDSTICK_SLACK

    def look(self) -> None:
        """Time the yardstick."""
        try:
            measured = self.yardstick()
        except YardstickError as error:
            raise GraderFault(error.message) from None
        for name, values in measured.items():
            self.here.setdefault(name, []).extend(values)

    @property
    def baseline(self) -> Seconds:
        """Loops are scaled by the yardstick's small calls."""
        return carried_over(self.record.baseline, self.record.yardstick, self.here, "calls")

    @property
    def reference(self) -> Seconds:
        """Fast layers are scaled by its matrix products."""
        return carried_over(self.record.reference, self.record.yardstick, self.here, "products")

    @property
    def engine(self) -> Seconds:
        """The engine as well."""
        return carried_over(self.record.engine, self.record.yardstick, self.here, "products")


def trusted_side(
    lab: Lab,
    check: Check,
    cases: Sequence[Case],
    facts: Facts,
    open_reference: OpenReference | None,
    yardstick: Yardstick,
) -> Trusted:
    """Return the best that there is: the reference itself, else what the fixture's ``facts`` say of it.

    Raises
    ------
    GraderFault : there is neither.
    """
    recorded = facts.speed.get(check.id)
    if open_reference is not None:
        return Measured(lab, check, cases, open_reference, record=recorded, yardstick=yardstick)
    if recorded is None:
        raise GraderFault(
            "the fixtures of lab {name} do not say how long the reference takes for {id}, and the reference "
            "is not here: publish the lab again with `python -m grader publish {name}`",
            name=lab.name,
            id=check.id,
        )
    return Estimated(recorded, yardstick)


def carried_over(samples: Seconds, there: Seconds, here: Seconds, work: str) -> Seconds:
    """Return seconds that were measured elsewhere as they would be here, by one work of the yardstick on both."""
    factor = median(here[work]) / median(there[work])
    return {part: [factor * value for value in values] for part, values in samples.items()}


def required_speed(check: Check) -> Speed:
    """Return the speed that a check asks for; only for checks that ask for one."""
    if check.speed is None:
        raise ValueError(f"{check.id} asks for no speed")
    return check.speed


def baseline_case(speed: Speed, against: Check) -> Case:
    """Make the input on which the baseline is timed, the same every time."""
    generator = np.random.Generator(np.random.Philox(CASE_SEED))
    return next(iter((speed.cases or against.cases)(generator)))


def add(samples: Seconds, outcome: Outcome, scale: float = 1.0) -> None:
    """Add the seconds of one call: the whole, and each part whose outputs were sent on their own."""
    parts = steps(outcome.arrived_s)
    found = {WHOLE: outcome.seconds, **(parts if len(parts) > 1 else {})}
    for part, value in found.items():
        # Two parts may reach the grader at the same moment of its clock.
        samples.setdefault(part, []).append(max(value, CLOCK_TICK_S) * scale)


def yardstick_for(lab: Lab, slot: int) -> Yardstick:
    """Return the yardstick, held to the processors and threads of a submission in ``slot``."""
    threads = lab.facts.limits.threads
    return partial(yardstick.measure, processors(slot, threads), thread_counts(threads))
