"""How long it takes to explain a failed check, and what that costs a right submission.

    python -m benchmarks.causes_time [--lab vgg16] [--slow]

For each check, hidden cases, three ways to fail are explained: as each known mistake did, and with numbers that
nothing explains (the expected ones bent entry by entry), so that every rule and every mutant is asked. The time,
the processor's, holds what is read of recorded mistakes and mutants. A right submission is never explained; it is
timed all the same.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.compare import compare
from grader.explain import CaseRun, explain
from grader.lab.checks import Check
from grader.project.fixtures import Fixture, RecordedCase, RecordedMistake, RecordedRun, read_fixture
from grader.project.library import read_mistakes
from grader.project.places import Project
from grader.run.answers import frames_at
from grader.run.session import Outcome
from grader.verdicts import Verdict

ROOT = Path(__file__).resolve().parent.parent
BOUND_S = 2.0
NOTHING = "nothing explains it"


def run_of(recorded: RecordedCase, run: RecordedRun) -> CaseRun:
    """Return a recorded run as one of a submission."""
    if run.verdict is Verdict.PASS:
        return CaseRun(recorded, Outcome(None, outputs=dict(recorded.expected)))
    if run.outputs:
        findings = compare(recorded.expected, run.outputs, recorded.tolerances)
        return CaseRun(recorded, Outcome(None, outputs=run.outputs), findings)
    return CaseRun(recorded, Outcome(run.verdict, run.message, run.error_type, frames_at(run.place)))


def bent(recorded: RecordedCase) -> CaseRun:
    """Return a run whose numbers are wrong in every entry, each in a way of its own."""
    outputs: dict[str, Any] = {}
    for name, array in recorded.expected.items():
        steps = np.sin(7.0 * np.arange(array.size).reshape(array.shape))
        scale = float(np.abs(array.astype(np.float64)).max(initial=1.0))
        outputs[name] = (array + scale * steps).astype(array.dtype) if array.dtype.kind == "f" else array
    return CaseRun(
        recorded, Outcome(None, outputs=outputs), compare(recorded.expected, outputs, recorded.tolerances)
    )


def ways(check: Check, fixture: Fixture, mistakes: Sequence[RecordedMistake]) -> list[tuple[str, list[CaseRun]]]:
    """Return the runs to be explained, each with its name."""
    cases = fixture.checks[check.id]
    found = [
        (mistake.name, [run_of(recorded, run) for recorded, run in zip(cases, mistake.runs, strict=True)])
        for mistake in mistakes
    ]
    return [*found, (NOTHING, [bent(recorded) for recorded in cases])]


def seconds(work: Callable[[], object]) -> float:
    """Return how long a processor works on something: other programs beside it do not count."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Print a row for each lab: checks and ways, the median, the longest and which that was, and a right one's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", action="append", default=[])
    parser.add_argument("--slow", action="store_true", help="also checks of whole networks")
    options = parser.parse_args()
    project = Project(ROOT)
    over = False
    print(f"{'lab':<16}{'checks':>7}{'ways':>6}{'median':>10}{'bent':>10}{'longest':>10}{'right':>12}   which")
    for name in options.lab or sorted(folder.name for folder in (ROOT / "labs").iterdir() if folder.is_dir()):
        lab = project.lab(name)
        fixture = read_fixture(ROOT / "fixtures" / name / "hidden")
        rows: list[tuple[float, str]] = []
        worst: list[float] = []
        right: list[float] = []
        checks = [check for check in lab.checks.values() if options.slow or not check.slow]
        for check in checks:
            for way, runs in ways(check, fixture, read_mistakes(fixture, check.id)):
                if any(not run.passed for run in runs):
                    rows.append((seconds(partial(explain, check, runs, fixture, lab.folder)), f"{check.id}: {way}"))
                    if way == NOTHING:
                        worst.append(rows[-1][0])
            passed = [
                CaseRun(case, Outcome(None, outputs=dict(case.expected))) for case in fixture.checks[check.id]
            ]
            right.append(seconds(partial(explain, check, passed, fixture, lab.folder)))
        longest, which = max(rows)
        over |= longest > BOUND_S
        median = float(np.median([took for took, _which in rows]))
        print(
            f"{name:<16}{len(checks):>7}{len(rows):>6}{median:>9.3f}s{float(np.median(worst)):>9.3f}s{longest:>9.3f}s"
            f"{1000 * max(right):>10.2f}ms   {which}",
            flush=True,
        )
    if over:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
