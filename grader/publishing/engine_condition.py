"""Whether the engine's version of a lab returns what the reference returned: a wrong reference is not published."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase, RecordedRun
from grader.publishing.certificate import Condition
from grader.publishing.tolerances import DerivedTolerance, Output, errors
from grader.publishing.trials import judged
from grader.publishing.workbench import Found
from grader.verdicts import Verdict

CONDITION_NAME = "the engine, a second implementation in float64, agrees with the reference"
MAX_LISTED = 4


@dataclass
class _Comparison:
    """What was compared so far; ``worst`` is the largest share of its tolerance that an error takes, and where."""

    checks: int = 0
    arrays: int = 0
    worst: float = 0.0
    place: str = ""


def engine_condition(
    lab: Lab,
    found: Found,
    recorded: Mapping[str, Mapping[str, Sequence[RecordedCase]]],
    tolerances: Mapping[Output, DerivedTolerance],
) -> Condition:
    """Require that the engine passes every check, as a submission would, on the cases of both kinds.

    Tolerances do not follow from what it returns: it is no variant.
    """
    seen = _Comparison()
    wrong: dict[str, str] = {}
    compared: set[str] = set()
    for kind, runs in found.engine.items():
        for check, own in runs.items():
            compared.add(check)
            for case, run in zip(recorded[kind][check], own, strict=True):
                if judged(case, run).verdict is not Verdict.PASS:
                    wrong.setdefault(check, _difference(lab, check, case, run, tolerances))
                elif lab.checks[check].learning is None:
                    _count(seen, lab, check, case, run, tolerances)
    seen.checks = len(compared)
    if wrong:
        listed = list(wrong.values())[:MAX_LISTED]
        more = [f"and {len(wrong) - MAX_LISTED} more checks"] if len(wrong) > MAX_LISTED else []
        advice = "either the reference is wrong there, or the lab's version on the engine"
        return Condition(CONDITION_NAME, False, "; ".join([*listed, *more, advice]))
    share = f"the largest error is {seen.worst:.1%} of its tolerance" + (f" ({seen.place})" if seen.place else "")
    return Condition(CONDITION_NAME, True, f"{seen.checks} checks, {seen.arrays} arrays; {share}")


def _count(
    seen: _Comparison,
    lab: Lab,
    check: str,
    case: RecordedCase,
    run: RecordedRun,
    tolerances: Mapping[Output, DerivedTolerance],
) -> None:
    expected = RecordedRun(None, case.expected)
    for output, error in errors(expected, run, lab.checks[check].metric).items():
        seen.arrays += 1
        known = tolerances.get((check, output))
        if known is not None and error / known.tolerance > seen.worst:
            seen.worst, seen.place = error / known.tolerance, f"{check}, {output}"


def _difference(
    lab: Lab, check: str, case: RecordedCase, run: RecordedRun, tolerances: Mapping[Output, DerivedTolerance]
) -> str:
    """Say in a few words how the engine and the reference differ in a check."""
    if run.verdict is not None:
        return f"{check}: the engine ended with {run.verdict}: {run.error_type} {run.message}".rstrip()
    if lab.checks[check].learning is not None:
        return f"{check}: the engine does not learn it"
    found = errors(RecordedRun(None, case.expected), run, lab.checks[check].metric)

    def share(output: str) -> float:
        known = tolerances.get((check, output))
        return found[output] / known.tolerance if known is not None else found[output] * float("inf")

    output = max(found, key=lambda name: share(name) if found[name] else 0.0)
    if not math.isfinite(found[output]):
        return f"{check}, {output}: of another shape or kind, or with other special values"
    if (check, output) not in tolerances:
        return f"{check}, {output}: {found[output]:.1e} apart, where everything must be equal"
    return f"{check}, {output}: {found[output]:.1e} apart, {share(output):.2g} times the tolerance"
