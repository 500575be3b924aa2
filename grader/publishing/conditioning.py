"""Draws cases that rounding does not decide, and measures for each by how much rounding moves what is compared.

A case is well conditioned if every right program gives nearly the same, whatever order it sums in. That is measured
on the reference: it runs `REPEATS` times more with every activation, forward and backward, moved at random by a few
units of float32 rounding (`grader.inside.rounding`), and with inputs moved as little. Where a near tie decides, a
maximum or a ReLU falls the other way in one of these runs, and the case is drawn again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader.checking import by_groups
from grader.checks import Case, Check
from grader.contract import Lab
from grader.fixtures import RecordedRun
from grader.inside.rounding import UNIT, UNITS
from grader.publishing.record_cache import digest_of_files
from grader.publishing.recording import RETURNED, Recorder, RecordingError, as_run, make_cases, maker_of
from grader.publishing.tolerances import FLOOR, Measured, Output, errors

REPEATS = 20
SHARE_OF_TOLERANCE = 0.1
MAX_DRAWS = 12
# While cases are drawn, tolerances are not known yet. A flip moves a sampled gradient by far more than rounding
# itself does, which is what this separates; the proof afterwards asks for the share of the real tolerance.
DRAWN_AGAIN_ABOVE = {"max": 1e-5, "l2": SHARE_OF_TOLERANCE * FLOOR["l2"]}

# By check, for each of its cases: output to the largest error that rounding caused.
Movements = Mapping[str, Sequence[Mapping[str, float]]]


@dataclass(frozen=True)
class Drawn:
    """Cases with what rounding moves in them. ``draws`` says how often a maker of cases was asked again."""

    cases: dict[str, list[Case]]
    movements: Movements
    draws: Mapping[str, int]


@dataclass(frozen=True)
class CaseMovement:
    """How far rounding moves one case: the largest share of a tolerance over all outputs, and in which output."""

    kind: str
    check: str
    case: str
    output: str
    share: float


@dataclass(frozen=True)
class Conditioner:
    """Runs the reference, in ``reference``, again and again; ``slot`` is that of its box."""

    lab: Lab
    recorder: Recorder
    reference: Path
    slot: int = 0
    note: Callable[[str], None] = lambda text: None

    def draw(self, seed: int) -> Drawn:
        """Make cases from a seed; those that rounding would decide are made again from the next draw.

        Raises
        ------
        RecordingError : the reference does not come through, or no draw of a maker is well conditioned.
        """
        draws: dict[str, int] = {}
        known: dict[str, Sequence[Mapping[str, float]]] = {}
        while True:
            cases = make_cases(self.lab, seed, draws)
            open_ = [check for check in by_groups(list(self.lab.checks.values())) if check.id not in known]
            known |= self.measure([(check, cases[check.id]) for check in open_])
            again = {}
            for check in self.lab.checks.values():
                for case, moved in zip(cases[check.id], known[check.id], strict=True):
                    for output, error in moved.items():
                        if not error <= DRAWN_AGAIN_ABOVE[check.metric] and check.learning is None:
                            again[maker_of(check)] = f"{check.id}, {case.name}: {output} moves by {error:.1e}"
            if not again:
                return Drawn(cases, {check: known[check] for check in self.lab.checks}, draws)
            for maker, why in again.items():
                draws[maker] = draws.get(maker, 0) + 1
                self.note(f"{maker} is drawn again: {why}")
                if draws[maker] >= MAX_DRAWS:
                    raise RecordingError(f"rounding decides what {maker} makes, in {MAX_DRAWS} draws: {why}")
            known = {name: moved for name, moved in known.items() if maker_of(self.lab.checks[name]) not in again}

    def measure(self, items: Sequence[tuple[Check, Sequence[Case]]]) -> dict[str, list[dict[str, float]]]:
        """Return how far rounding moves the outputs of checks on their cases, at most over all repeats."""
        own = digest_of_files(sorted(self.reference.rglob("*.py")))
        own += f" moved {REPEATS} times by {UNITS} units"
        keys = {check.id: self.recorder.cache.key(own, check.id, cases) for check, cases in items}
        found: dict[str, list[dict[str, float]]] = {}
        for check, _ in items:
            runs = self.recorder.cache.read(keys[check.id])
            if runs is not None:
                found[check.id] = [{name: float(array) for name, array in run.outputs.items()} for run in runs]
        fresh = [(check, cases) for check, cases in items if check.id not in found]
        for group in dict.fromkeys(check.group for check, _ in fresh):
            members = [item for item in fresh if item[0].group == group]
            still = self.recorder.run(self.reference, members, self.slot)
            for (check, _), moved in zip(members, self._repeat(members, still), strict=True):
                found[check.id] = moved
                runs = [RecordedRun(RETURNED, {name: np.array(error) for name, error in one.items()}) for one in moved]
                self.recorder.cache.write(keys[check.id], runs)
        return found

    def _repeat(
        self, members: Sequence[tuple[Check, Sequence[Case]]], still: Sequence[Sequence[RecordedRun]]
    ) -> list[list[dict[str, float]]]:
        """Run checks of one group `REPEATS` times, as far as nothing is out of hand; return the largest errors."""
        worst = [[dict.fromkeys(_compared(run), 0.0) for run in runs] for runs in still]
        with self.recorder.open_session(self.reference, self.slot) as session:
            for number in range(1, REPEATS + 1):
                for (check, cases), runs, errors_ in zip(members, still, worst, strict=True):
                    for place, (case, run) in enumerate(zip(cases, runs, strict=True)):
                        if run.verdict != RETURNED:
                            raise RecordingError(
                                f"the reference must come through every check, but {check.id}, {case.name}, ended "
                                f"with {run.verdict}: {run.error_type} {run.message}".rstrip()
                            )
                        if not errors_[place]:
                            continue  # Nothing of it can be moved: shapes, or a network that was only built.
                        seed = _seed(check, case, number)
                        again = as_run(session.run(check, moved_inputs(case, seed), rounding=seed))
                        session.student_s = 0.0
                        for output, error in _errors(check, case, run, again).items():
                            errors_[place][output] = max(errors_[place][output], error)
                if any(
                    not error <= DRAWN_AGAIN_ABOVE[check.metric]
                    for (check, _), cases_ in zip(members, worst, strict=True)
                    if check.learning is None
                    for one in cases_
                    for error in one.values()
                ):
                    break  # The case is drawn again; more repeats would not save it.
        return worst


def _compared(run: RecordedRun) -> list[str]:
    """Return the outputs to look at; none where there is no fraction that rounding could move."""
    if any(array.dtype.kind == "f" for array in run.outputs.values()):
        return list(run.outputs)
    return list(run.outputs) if "predictions" in run.outputs else []


def _errors(check: Check, case: Case, still: RecordedRun, again: RecordedRun) -> dict[str, float]:
    if again.verdict != RETURNED:
        return dict.fromkeys(still.outputs, float("inf"))
    if check.learning is not None:
        name = check.learning.predictions
        right = [float(np.mean(run.outputs[name] == case.arrays[name])) for run in (still, again)]
        return {name: abs(right[1] - right[0])}
    found = errors(still, again, check.metric)
    for name, array in still.outputs.items():
        if array.dtype.kind != "f" and found[name] > 0:
            found[name] = float("inf")
    return found


def _seed(check: Check, case: Case, number: int) -> int:
    digest = hashlib.sha256(f"{check.id}:{case.name}:{number}".encode()).digest()
    return int.from_bytes(digest[:7], "little")


def moved_inputs(case: Case, seed: int) -> Case:
    """Return a case whose fractions are moved by a few units of rounding, relative to each of them.

    Equal numbers stay equal: a tie in the input is one for every program, and is there on purpose.
    """
    rng = np.random.Generator(np.random.Philox(key=seed + 1))

    def moved(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            return array
        values, places = np.unique(array, return_inverse=True)
        factors = 1 + UNITS * UNIT * rng.uniform(-1.0, 1.0, len(values))
        return (values.astype(np.float64) * factors).astype(array.dtype)[places].reshape(array.shape)

    return replace(case, arrays={name: moved(array) for name, array in case.arrays.items()})


def shares(
    lab: Lab, drawn: Mapping[str, Drawn], tolerances: Mapping[Output, Measured]
) -> list[CaseMovement]:
    """Return of every case of every check which share of a tolerance rounding moves it by, at most."""
    found = []
    for kind, item in drawn.items():
        for check, cases in item.movements.items():
            for case, moved in zip(item.cases[check], cases, strict=True):
                by_output = {name: _share(lab.checks[check], name, error, tolerances) for name, error in moved.items()}
                if by_output:
                    output = max(by_output, key=lambda name: by_output[name])
                    found.append(CaseMovement(kind, check, case.name, output, by_output[output]))
                else:
                    found.append(CaseMovement(kind, check, case.name, "", 0.0))
    return found


def _share(check: Check, output: str, error: float, tolerances: Mapping[Output, Measured]) -> float:
    if check.learning is not None:
        return error / (1 - check.learning.at_least)
    known = tolerances.get((check.id, output))
    if known is None:
        return 0.0 if error == 0 else float("inf")
    return error / known.tolerance
