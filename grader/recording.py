"""Runs a trusted or a trial submission over freshly made cases, as publishing does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.checks import Case, Check
from grader.compare import Tolerance, spread
from grader.contract import Lab
from grader.fixtures import RecordedCase
from grader.grading import open_session
from grader.messages import describe_outcome
from grader.progress import Progress
from grader.session import Outcome

# Relative to the largest expected magnitude (max) or to the expected norm (l2). The floors are far above float32
# rounding in sums of a few thousand terms, far below any mistake, and hold where the measured spread is tiny.
FLOOR = {"max": 1e-5, "l2": 1e-3}
SAFETY_FACTOR = 20.0


class RecordingError(Exception):
    """The reference or a variant does not run through a check."""


@dataclass(frozen=True)
class Recording:
    """Outputs of one submission: check id to one mapping of named arrays per case."""

    outputs: Mapping[str, Sequence[Mapping[str, np.ndarray]]]
    seconds: float


def make_cases(lab: Lab, seed: int) -> dict[str, list[Case]]:
    """Make the cases of every check; a check's cases depend only on the seed and its own id."""
    cases = {}
    for check in lab.checks.values():
        key = hashlib.sha256(f"{seed}:{check.id}".encode()).digest()[:16]
        generator = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
        cases[check.id] = list(check.cases(generator))
    return cases


def record(
    lab: Lab,
    submission: Path,
    cases: Mapping[str, Sequence[Case]],
    resources: Mapping[str, Path],
    progress: Progress,
    only: Sequence[Check] | None = None,
) -> Recording:
    """Run all checks of ``submission``, which must get through all of them.

    Raises
    ------
    RecordingError : a check did not run; the message is what a student would read.
    """
    outputs: dict[str, list[Mapping[str, np.ndarray]]] = {}
    with open_session(lab, submission, resources) as session:
        for check in only if only is not None else lab.checks.values():
            progress.step(f"{submission.name}: {check.title}")
            outputs[check.id] = [
                _outputs(lab, submission, check, case, session.run(check, case)) for case in cases[check.id]
            ]
    return Recording(outputs, session.student_s)


def _outputs(lab: Lab, submission: Path, check: Check, case: Case, outcome: Outcome) -> Mapping[str, np.ndarray]:
    if outcome.verdict is not None:
        text = describe_outcome(outcome)
        raise RecordingError(f"{submission}: check {check.id}, case {case.name!r}: {outcome.verdict}: {text}")
    return outcome.outputs


def measure_spread(lab: Lab, reference: Recording, variant: Recording) -> dict[tuple[str, str], float]:
    """Return the largest relative difference for every check and output over all cases."""
    worst: dict[tuple[str, str], float] = {}
    for name, recorded in reference.outputs.items():
        metric = lab.checks[name].metric
        for expected, actual in zip(recorded, variant.outputs.get(name, ()), strict=False):
            for output, array in expected.items():
                other = actual.get(output)
                error = spread(array, other, metric) if other is not None else float("inf")
                worst[name, output] = max(error, worst.get((name, output), 0.0))
    return worst


def tolerance_for(expected: np.ndarray, metric: str, relative: float) -> Tolerance:
    """Turn a relative tolerance into that of one recorded array; whole numbers must be equal."""
    if expected.dtype.kind != "f":
        return Tolerance(0.0, 0.0, "max")
    if metric == "l2":
        return Tolerance(0.0, relative, "l2")
    finite = expected[np.isfinite(expected)]
    scale = float(np.abs(finite).max(initial=0.0)) or 1.0
    return Tolerance(relative * scale, 0.0, "max")


def with_tolerances(
    lab: Lab,
    cases: Mapping[str, Sequence[Case]],
    reference: Recording,
    relative: Mapping[tuple[str, str], float],
) -> dict[str, list[RecordedCase]]:
    """Join cases, expected outputs and tolerances into what a fixture stores."""
    checks = {}
    for name, recorded in reference.outputs.items():
        metric = lab.checks[name].metric
        checks[name] = [
            RecordedCase(
                case,
                expected,
                {o: tolerance_for(array, metric, relative[name, o]) for o, array in expected.items()},
            )
            for case, expected in zip(cases[name], recorded, strict=True)
        ]
    return checks


def relative_tolerances(lab: Lab, spreads: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Derive the relative tolerance of every check and output from the measured spread of correct variants."""
    return {
        (name, output): max(FLOOR[lab.checks[name].metric], SAFETY_FACTOR * error)
        for (name, output), error in spreads.items()
    }
