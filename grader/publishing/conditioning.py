"""Draws cases that rounding does not decide, and measures for each by how much rounding moves what is compared.

A case is well conditioned if every right program gives nearly the same, whatever order it sums in. That is measured
on the reference: it runs `REPEATS` times more with every activation, forward and backward, moved at random by a few
units of float32 rounding (`grader.inside.rounding`), and with inputs moved as little. Where a near tie decides, a
maximum or a ReLU falls the other way in one of these runs, and the case is drawn again.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from grader.inside.rounding import STILL, UNIT, UNITS
from grader.lab.checks import Case, Check
from grader.project.contract import Lab
from grader.project.fixtures import RecordedRun
from grader.publishing.record_cache import digest_of_files
from grader.publishing.recording import (
    Item,
    Recorder,
    RecordingError,
    as_run,
    make_cases,
    maker_of,
    require_returned,
)
from grader.publishing.tolerances import DerivedTolerance, Output, errors
from grader.run.order import by_groups
from grader.verdicts import Verdict

REPEATS = 20
# A training is long, and the share of its right answers is a mean over many steps and pictures.
TRAINING_REPEATS = 3
SHARE_OF_TOLERANCE = 0.1
MAX_DRAWS = 40
# While cases are drawn, tolerances are not known yet: they follow from these movements, too. These bounds keep them
# far below any mistake. A near tie in an area of one colour moves a sampled gradient by half of its length; single
# ones, of which some million ReLUs and windows always have a few, move it by up to a hundredth.
DRAWN_AGAIN_ABOVE = {"max": 1e-5, "l2": 1e-2}
# What a kept measurement depends on besides the solution and the case.
MOVED = f"moved {REPEATS} times by {UNITS} units, or until an error is above {DRAWN_AGAIN_ABOVE}"
# A solution that takes longer than this for a group of checks is run by a quicker one that is right as well.
QUICK_S = 10.0

# Of the outputs of one case, the largest error that rounding caused.
Moved = dict[str, float]


@dataclass(frozen=True)
class Drawn:
    """Cases with how far rounding moves each. ``draws`` says how often a maker of cases was asked again."""

    cases: dict[str, list[Case]]
    movements: Mapping[str, Sequence[Moved]]
    draws: Mapping[str, int]


@dataclass(frozen=True)
class CaseMovement:
    """How far rounding moves one case: the largest share of a tolerance over all outputs, and in which output."""

    kind: str
    check: str
    place: int
    case: str
    output: str
    share: float


@dataclass(frozen=True)
class Conditioner:
    """Runs right solutions again and again; ``solutions`` are their folders, the reference first.

    The reference itself runs where it is quick. Where its loops take long, as in a whole network, the quickest
    right variant stands for it: what is measured belongs to the case, not to the program.
    """

    lab: Lab
    recorder: Recorder
    solutions: Sequence[Path]
    note: Callable[[str], None] = lambda text: None
    stopped: threading.Event = field(default_factory=threading.Event)

    def quickest(self, cases: Mapping[str, Sequence[Case]], slot: int = 0) -> dict[str, Path]:
        """Return for every group of checks the solution to run: the first one that is quick, or the quickest."""
        chosen = {}
        digests = [digest_of_files(sorted(solution.rglob("*.py"))) for solution in self.solutions]
        moving = [check for check in self.lab.checks.values() if not check.exact]
        for group in dict.fromkeys(check.group for check in moving):
            checks = [check for check in by_groups(moving) if check.group == group]
            items = [(check, cases[check.id][:1]) for check in checks]
            ran = [case for _, one in items for case in one]
            key = self.recorder.cache.key(" ".join(digests), f"quickest in {group}", ran)
            known = self.recorder.cache.read(key)
            if known:
                chosen[group] = self.solutions[int(known[0].outputs["number"])]
                continue
            best = (float("inf"), self.solutions[0])
            # The reference has plain loops; where checks are slow it is asked last.
            slow = any(check.slow for check in checks)
            for solution in (*self.solutions[1:], self.solutions[0]) if slow else self.solutions:
                seconds = self._seconds(solution, items, slot, best[0])
                if seconds < best[0]:
                    best = (seconds, solution)
                if seconds <= QUICK_S:
                    break
            chosen[group] = best[1]
            number = np.array(self.solutions.index(best[1]))
            self.recorder.cache.write(key, [RecordedRun(None, {"number": number})])
        return chosen

    def _seconds(self, solution: Path, items: Sequence[Item], slot: int, most: float) -> float:
        """Return how long a solution takes for these checks, compiled code included; no longer than ``most``."""
        total = 0.0
        with self.recorder.open_session(solution, slot) as session:
            for check, cases in items:
                for case in cases:
                    total += session.run(check, case).seconds
                if total > most:
                    break
        return total

    def draw(self, seed: int, chosen: Mapping[str, Path], slot: int = 0, kept_back: Path | None = None) -> Drawn:
        """Make cases from a seed; those that rounding would decide are made again from the next draw.

        Raises
        ------
        RecordingError : a solution does not come through, or no draw of a maker is well conditioned.
        """
        draws: dict[str, int] = {}
        known: dict[str, list[Moved]] = {}
        every = by_groups(list(self.lab.checks.values()))
        while True:
            cases = make_cases(self.lab, seed, draws, kept_back)
            known |= self.measure(
                [(check, cases[check.id]) for check in every if check.id not in known], chosen, slot
            )
            again = {}
            for check in every:
                for case, moved in zip(cases[check.id], known[check.id], strict=True):
                    if _is_decided(check, moved):
                        output = max(moved, key=lambda name: moved[name])
                        again[maker_of(check)] = f"{check.id}, {case.name}: {output} moves by {moved[output]:.1e}"
            if not again:
                return Drawn(cases, {check: known[check] for check in self.lab.checks}, draws)
            for maker, why in again.items():
                draws[maker] = draws.get(maker, 0) + 1
                self.note(f"draw {draws[maker]} of {maker}: rounding decides in {why}")
                if draws[maker] >= MAX_DRAWS:
                    raise RecordingError(
                        "rounding decides in all {count} draws of {maker}, in the last one {why}; choose inputs "
                        "without near ties, for example without areas of one colour",
                        count=MAX_DRAWS,
                        maker=maker,
                        why=why,
                    )
            known = {name: moved for name, moved in known.items() if maker_of(self.lab.checks[name]) not in again}

    def measure(self, items: Sequence[Item], chosen: Mapping[str, Path], slot: int = 0) -> dict[str, list[Moved]]:
        """Return how far rounding moves the outputs of checks on their cases, at most over all repeats."""
        cache = self.recorder.cache
        found: dict[str, list[Moved]] = {}
        found |= {check.id: [{} for _ in cases] for check, cases in items if check.exact}
        for members in _together([item for item in items if not item[0].exact]):
            solution = chosen.get(members[0][0].group, self.solutions[0])
            own = digest_of_files(sorted(solution.rglob("*.py"))) + f" {MOVED}"
            keys = [cache.key(own, check.id, cases) for check, cases in members]
            fresh = []
            for item, key in zip(members, keys, strict=True):
                runs = cache.read(key)
                if runs is None:
                    fresh.append((item, key))
                else:
                    found[item[0].id] = [
                        {name: float(error) for name, error in run.outputs.items()} for run in runs
                    ]
            if not fresh:
                continue
            moved = self._repeat(solution, [item for item, _ in fresh], slot)
            for ((check, _), key), one in zip(fresh, moved, strict=True):
                found[check.id] = one
                cache.write(
                    key,
                    [RecordedRun(None, {name: np.array(error) for name, error in case.items()}) for case in one],
                )
        return found

    def _repeat(self, solution: Path, members: Sequence[Item], slot: int) -> list[list[Moved]]:
        """Return the largest errors in `REPEATS` runs of some checks, or until rounding decides something.

        Those that train run `TRAINING_REPEATS` times.

        All checks follow one another in each repeat: a backward pass may build on the forward pass before it.
        """
        name = "the reference" if solution == self.solutions[0] else f"the solution {solution.name}"
        with self.recorder.open_session(solution, slot) as session:
            still = [
                [as_run(session.run(check, case, rounding=STILL)) for case in cases] for check, cases in members
            ]
            require_returned(name, {check.id: runs for (check, _), runs in zip(members, still, strict=True)})
            worst: list[list[Moved]] = [[dict.fromkeys(_compared(run), 0.0) for run in runs] for runs in still]
            for number in range(1, REPEATS + 1):
                if self.stopped.is_set():
                    raise RecordingError("drawing cases was stopped")
                for (check, cases), runs, found in zip(members, still, worst, strict=True):
                    if check.learning is not None and number > TRAINING_REPEATS:
                        continue
                    for case, run, largest in zip(cases, runs, found, strict=True):
                        if not largest:
                            continue  # Nothing of it can move: a network that was only built.
                        seed = _seed(check, case, number)
                        again = as_run(session.run(check, moved_inputs(case, seed), rounding=seed))
                        session.forget_time()
                        if again.verdict not in (None, Verdict.WRONG):
                            require_returned(f"{name}, with moved rounding,", {check.id: [again]})
                        for output, error in _errors(check, case, run, again).items():
                            largest[output] = max(largest[output], error)
                if any(
                    _is_decided(check, moved)
                    for (check, _), found in zip(members, worst, strict=True)
                    for moved in found
                ):
                    break  # It is drawn again; more repeats would not save it.
        return worst


def _together(items: Sequence[Item]) -> list[list[Item]]:
    """Part checks into those that are repeated in one worker: a group, of slow ones only those that share cases.

    A network is large, and a check that loads it with other parameters must not come between a forward pass and the
    backward pass that builds on it.
    """
    slow = {check.group for check, _ in items if check.slow}
    found: dict[tuple[str, str], list[Item]] = {}
    for check, cases in items:
        key = check.group, maker_of(check) if check.group in slow else ""
        found.setdefault(key, []).append((check, cases))
    return list(found.values())


def _is_decided(check: Check, moved: Moved) -> bool:
    """Whether rounding moves a case by so much that something fell the other way."""
    most = max(moved.values(), default=0.0)
    if check.learning is not None:
        return not most <= SHARE_OF_TOLERANCE * (1 - check.learning.at_least)
    return not most <= DRAWN_AGAIN_ABOVE[check.metric]


def _compared(run: RecordedRun) -> list[str]:
    """Return the outputs that are compared; none where rounding can move nothing, as in shapes."""
    moves = any(array.dtype.kind == "f" for array in run.outputs.values())
    return list(run.outputs) if moves or "predictions" in run.outputs else []


def _errors(check: Check, case: Case, still: RecordedRun, again: RecordedRun) -> dict[str, float]:
    if again.verdict is not None:
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
    lab: Lab, drawn: Mapping[str, Drawn], tolerances: Mapping[Output, DerivedTolerance]
) -> list[CaseMovement]:
    """Return of every case of every check by which share of a tolerance rounding moves it, at most."""
    found = []
    for kind, item in drawn.items():
        for check, movements in item.movements.items():
            for place, (case, moved) in enumerate(zip(item.cases[check], movements, strict=True)):
                by_output = {
                    name: _share(lab.checks[check], name, error, tolerances) for name, error in moved.items()
                }
                output = max(by_output, key=lambda name: by_output[name], default="")
                found.append(CaseMovement(kind, check, place, case.name, output, by_output.get(output, 0.0)))
    return found


def _share(check: Check, output: str, error: float, tolerances: Mapping[Output, DerivedTolerance]) -> float:
    if check.learning is not None:
        return error / (1 - check.learning.at_least)
    known = tolerances.get((check.id, output))
    if known is None:
        return 0.0 if error == 0 else float("inf")
    return error / known.tolerance


def largest_movements(drawn: Mapping[str, Drawn]) -> dict[Output, float]:
    """Return for every output the largest error that rounding causes in any of its cases."""
    found: dict[Output, float] = {}
    for item in drawn.values():
        for check, movements in item.movements.items():
            for moved in movements:
                for output, error in moved.items():
                    found[check, output] = max(error, found.get((check, output), 0.0))
    return found


def worst_shares(movements: Sequence[CaseMovement], kind: str) -> dict[str, float]:
    """Return for every check the largest share of a tolerance by which rounding moves a case of that kind."""
    found: dict[str, float] = {}
    for item in movements:
        if item.kind == kind:
            found[item.check] = max(found.get(item.check, 0.0), round(item.share, 4))
    return found
