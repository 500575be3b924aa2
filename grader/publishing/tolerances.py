"""Tolerances, each derived from what was measured: the spread among right variants and the nearest mistake.

Errors and tolerances are relative: to the largest expected magnitude of an array (metric ``max``) or to its norm
(``l2``). A tolerance must be at least `MARGIN` times the spread, so that no right program is rejected, and every
mistake that a check must notice must exceed a tolerance of it at least `MARGIN` times in one of the cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grader.compare import Tolerance, spread
from grader.lab.checks import Case, Check
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase, RecordedRun
from grader.publishing.recording import Runs

MARGIN = 10.0
SAFETY_FACTOR = {"max": 20.0, "l2": 12.0}
# They hold where the measured spread is smaller. ``max``: far above float32 rounding in sums of a few thousand
# terms, far below any mistake. ``l2``: in a deep network, rounding makes a near tie of a ReLU or of a maximum fall
# the other way now and then, which moves a sampled gradient by a few thousandths even in a case chosen against it.
FLOOR = {"max": 1e-5, "l2": 5e-2}

Output = tuple[str, str]


@dataclass(frozen=True)
class DerivedTolerance:
    """The tolerance of one output of a check and what it was derived from.

    Attributes
    ----------
    spread : largest error of a right variant, and ``widest`` its name.
    nearest : smallest error of a mistake that the check must notice, each in the case that shows it best, and
        ``mistake`` its name; infinite where every mistake shows in another way than by numbers.
    """

    check: str
    output: str
    metric: str
    tolerance: float
    spread: float
    widest: str
    nearest: float = float("inf")
    mistake: str = ""

    @property
    def above_spread(self) -> float:
        """How many times the spread the tolerance is."""
        return self.tolerance / self.spread if self.spread else float("inf")


def measure_spreads(lab: Lab, reference: Runs, variants: Mapping[str, Runs]) -> dict[Output, tuple[float, str]]:
    """Return, for every output with fractions, the largest error of a variant over all cases, and whose it is."""
    worst: dict[Output, tuple[float, str]] = {}
    for check, recorded in reference.items():
        for expected in recorded:
            for output, array in expected.outputs.items():
                if array.dtype.kind == "f":
                    worst.setdefault((check, output), (0.0, ""))
        for name, runs in variants.items():
            for expected, actual in zip(recorded, runs.get(check, ()), strict=False):
                for output, error in errors(expected, actual, lab.checks[check].metric).items():
                    if (check, output) in worst and error > worst[check, output][0]:
                        worst[check, output] = (error, name)
    return worst


def errors(expected: RecordedRun, actual: RecordedRun, metric: str) -> dict[str, float]:
    """Return the error of every output; infinite where one is missing or of another shape or kind."""
    found = {}
    for output, array in expected.outputs.items():
        other = actual.outputs.get(output)
        if other is None or (other.dtype.kind == "f") != (array.dtype.kind == "f"):
            found[output] = float("inf")
        else:
            found[output] = spread(array, other, metric)
    return found


def derive(
    lab: Lab, spreads: Mapping[Output, tuple[float, str]], movements: Mapping[Output, float]
) -> dict[Output, DerivedTolerance]:
    """Return the tolerance of every output, before mistakes are looked at.

    ``movements`` says how far moved rounding moves it; cases in which that is much were drawn again.
    """
    found = {}
    for (check, output), (error, widest) in spreads.items():
        metric = lab.checks[check].metric
        moved = movements.get((check, output), 0.0)
        tolerance = max(FLOOR[metric], SAFETY_FACTOR[metric] * max(error, moved))
        found[check, output] = DerivedTolerance(
            check=check, output=output, metric=metric, tolerance=tolerance, spread=error, widest=widest
        )
    return found


def detection(
    check: Check,
    reference: Sequence[RecordedRun],
    wrong: Sequence[RecordedRun],
    measured: Mapping[Output, DerivedTolerance],
) -> tuple[float, str, float]:
    """Return by how many times its tolerance a mistake exceeds it where it shows best: (times, output, error).

    Infinite, with an empty output, where it shows by more than numbers: an exception, a shape, a NaN, a message.
    """
    best = (0.0, "", 0.0)
    for expected, actual in zip(reference, wrong, strict=False):
        if actual.verdict is not None or list(actual.outputs) != list(expected.outputs):
            return float("inf"), "", float("inf")
        for output, error in errors(expected, actual, check.metric).items():
            known = measured.get((check.id, output))
            if known is None:
                if error > 0:
                    return float("inf"), "", float("inf")
            elif error / known.tolerance > best[0]:
                best = (error / known.tolerance, output, error)
    return best if np.isfinite(best[0]) else (float("inf"), "", float("inf"))


def with_nearest(
    measured: Mapping[Output, DerivedTolerance], detections: Iterable[tuple[str, str, str, float]]
) -> dict[Output, DerivedTolerance]:
    """Add the nearest mistakes, given as (check, output that shows it best, name, error)."""
    found = dict(measured)
    for check, output, name, error in detections:
        known = found.get((check, output))
        if known is not None and error < known.nearest:
            found[check, output] = DerivedTolerance(
                check=check,
                output=output,
                metric=known.metric,
                tolerance=known.tolerance,
                spread=known.spread,
                widest=known.widest,
                nearest=error,
                mistake=name,
            )
    return found


def tolerance_of(array: np.ndarray, measured: DerivedTolerance | None) -> Tolerance:
    """Turn a relative tolerance into that of one recorded array; whole numbers must be equal."""
    if array.dtype.kind != "f" or measured is None:
        return Tolerance(0.0, 0.0, "max")
    if measured.metric == "l2":
        return Tolerance(0.0, measured.tolerance, "l2")
    finite = array[np.isfinite(array)]
    scale = float(np.abs(finite).max(initial=0.0)) or 1.0
    return Tolerance(measured.tolerance * scale, 0.0, "max")


def with_tolerances(
    lab: Lab, cases: Mapping[str, Sequence[Case]], reference: Runs, measured: Mapping[Output, DerivedTolerance]
) -> dict[str, list[RecordedCase]]:
    """Join cases, expected outputs and tolerances into what a fixture stores."""
    return {
        check: [
            _recorded(lab.checks[check], case, run, measured)
            for case, run in zip(cases[check], recorded, strict=True)
        ]
        for check, recorded in reference.items()
    }


def _recorded(
    check: Check, case: Case, run: RecordedRun, measured: Mapping[Output, DerivedTolerance]
) -> RecordedCase:
    if check.learning is not None:
        # What is right is known; the reference need not know it.
        name = check.learning.predictions
        inputs = {key: array for key, array in case.arrays.items() if key != name}
        tolerance = Tolerance(0.0, 1 - check.learning.at_least, "share")
        return RecordedCase(replace(case, arrays=inputs), {name: case.arrays[name]}, {name: tolerance})
    tolerances = {name: tolerance_of(array, measured.get((check.id, name))) for name, array in run.outputs.items()}
    return RecordedCase(case, run.outputs, tolerances)
