"""Times right solutions when a lab is published: what is recorded of them, and whether a bound is fair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from grader.lab.checks import Case, Check
from grader.project.contract import Lab
from grader.project.manifest import SpeedRecord
from grader.project.solution import write_solution
from grader.publishing.certificate import Condition, SpeedRow
from grader.publishing.engine import ENGINE_NAME, EngineVersion
from grader.publishing.recording import OpenInSlot, RecordingError
from grader.report.progress import Progress
from grader.timing.baseline import WHOLE, Measured, Yardstick, add, required_speed
from grader.timing.ratio import ratio_of
from grader.timing.yardstick import Seconds

# Right variants must reach the bound this many times, and the baseline must miss it as many times.
SPEED_MARGIN = 2.0
MIN_CASES = 4
REFERENCE = "reference"


@dataclass(frozen=True)
class SpeedBench:
    """What is needed to time solutions one after the other. ``cases`` are those of every check.

    ``engine`` writes the lab's version on the engine, if it has one; it is timed like a right variant, in boxes of
    ``open_watched``, which leave out the time that it takes to sample what it returns.
    """

    lab: Lab
    reference: Path
    variants: Sequence[str]
    cases: Mapping[str, Sequence[Case]]
    open_session: OpenInSlot
    open_watched: OpenInSlot
    yardstick: Yardstick
    scratch: Path
    progress: Progress
    engine: EngineVersion | None = None

    def run(self) -> tuple[dict[str, SpeedRecord], list[SpeedRow]]:
        """Time every check that asks for a speed; nothing else should run on this machine.

        Raises
        ------
        RecordingError : a solution does not come through, or the check has too few cases.
        """
        records, rows = {}, []
        for check in self.lab.checks.values():
            if check.speed is not None:
                records[check.id], found = self._time(check)
                rows += found
        return records, rows

    def _time(self, check: Check) -> tuple[SpeedRecord, list[SpeedRow]]:
        speed = required_speed(check)
        if len(self.cases[check.id]) < MIN_CASES:
            raise RecordingError(
                "{id} asks for a speed and has {cases} cases; each is one repeat and the first does not count, "
                "so make at least {MIN_CASES}",
                id=check.id,
                cases=len(self.cases[check.id]),
                MIN_CASES=MIN_CASES,
            )
        against = self.lab.checks[speed.against]
        own = self._solution(None)
        trusted = Measured(self.lab, check, self.cases[check.id], lambda: self.open_session(own))
        yardstick = self.yardstick()
        trusted.look()
        samples: dict[str, Seconds] = {REFERENCE: trusted.reference}
        for variant in self.variants:
            self.progress.step(f"speed of {variant} in {check.id}")
            samples[variant] = self._repeats(self._solution(variant), check, skipped=1)
            trusted.look()
        if self.engine is not None:
            self.progress.step(f"speed of the engine in {check.id}")
            samples[ENGINE_NAME] = self._repeats(
                self._on_engine(self.engine), check, skipped=1, open_session=self.open_watched
            )
            trusted.look()
        # Its own cases do the whole work: the smaller input of the baseline must lead to the same time.
        self.progress.step(f"speed of {against.id}")
        samples[against.id] = self._repeats(own, against, skipped=0)
        trusted.look()
        for name, seconds in self.yardstick().items():
            yardstick[name] += seconds
        rows = []
        for name, found in samples.items():
            ratio = ratio_of(trusted.baseline[WHOLE], found[WHOLE])
            seconds_ = median(found[WHOLE])
            rows.append(
                SpeedRow(
                    check=check.id,
                    against=against.id,
                    at_least=speed.at_least,
                    solution=name,
                    seconds=seconds_,
                    ratio=ratio.value,
                    low=ratio.low,
                    high=ratio.high,
                )
            )
        record = SpeedRecord(
            baseline=trusted.baseline,
            reference=trusted.reference,
            yardstick=yardstick,
            engine=samples.get(ENGINE_NAME, {}),
        )
        return record, rows

    def _solution(self, variant: str | None) -> Path:
        folder = self.scratch / f"speed-{variant}"
        write_solution(self.reference, variant, folder)
        return folder

    def _on_engine(self, version: EngineVersion) -> Path:
        folder = self.scratch / "speed-engine"
        if not folder.is_dir():
            version.write(folder, exact=False)
        return folder

    def _repeats(self, folder: Path, check: Check, skipped: int, open_session: OpenInSlot | None = None) -> Seconds:
        """Run every case of a check in one worker and return the seconds, without those of the first ones."""
        samples: Seconds = {}
        with (open_session or self.open_session)(folder) as session:
            for number, case in enumerate(self.cases[check.id]):
                outcome = session.run(check, case)
                if outcome.verdict is not None:
                    raise RecordingError(
                        "{name} ended with {value} in {id} while it was timed: {message}",
                        name=folder.name,
                        value=outcome.verdict.value,
                        id=check.id,
                        message=outcome.message,
                    )
                if number >= skipped:
                    add(samples, outcome)
        return samples


def speed_condition(rows: Sequence[SpeedRow]) -> Condition:
    """Require that every right solution is far above the bound, and the baseline far below it."""
    wrong = []
    for row in rows:
        if row.is_baseline and row.ratio * SPEED_MARGIN > row.at_least:
            wrong.append(f"{row.solution} itself is at {row.ratio:.3g}, too near to {row.at_least:g}")
        if not row.is_baseline and row.ratio < row.at_least * SPEED_MARGIN:
            wrong.append(f"{row.solution} reaches only {row.ratio:.3g} of {row.at_least:g} in {row.check}")
    fast = [row.ratio / row.at_least for row in rows if not row.is_baseline]
    detail = "; ".join(wrong) or f"right solutions at least {min(fast):.2g} times above it"
    return Condition(
        f"bounds on speed leave a factor of at least {SPEED_MARGIN:g} on both sides", not wrong, detail
    )
