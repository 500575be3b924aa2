"""What several calls of one layer on the same input, or a call after another input, say about state and threads.

Calls that differ have several causes which the numbers do not tell apart: threads that write to one place, what is
kept, and memory that was never filled or lies beyond an array, which compiled code reads without complaint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from grader.compare import Finding
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison
from grader.explain.patterns import comparison
from grader.language.translation import _

NEXT_CALL = ", call "
# Arrays of a case that are given to the layer before what is compared.
EARLIER = "earlier_"
EARLIER_INPUT = f"{EARLIER}x"


def once_named(output: str) -> str:
    """Return the name of an output without the number of the call."""
    return output.partition(NEXT_CALL)[0]


def between_calls(runs: Sequence[CaseRun]) -> str:
    """Return why calls that should give the same do not; empty if they do, or if nothing was called twice."""
    failing = [run for run in runs if not run.passed]
    for run in failing:
        text = _differing_calls(run)
        if text:
            return text
    if failing and all(_replaces_gradients(run) for run in failing):
        return _(
            "There are gradients of an earlier batch already, and those of this one have to be added to them: they "
            "replace them, with `=` where `+=` is needed."
        )
    if failing and all(_adds_up(run) for run in failing):
        return _(
            "The gradients of a parameter grow from call to call: set them to 0 at the beginning of every backward "
            "pass, or assign them."
        )
    earlier = [EARLIER_INPUT in run.recorded.case.arrays for run in failing]
    alone = [run.passed and EARLIER_INPUT not in run.recorded.case.arrays for run in runs]
    if failing and all(earlier) and any(alone) and failing[0].outcome.verdict is None:
        return _(
            "The layer is right when it is called for the first time, and wrong after a call with another input: "
            "it keeps something of the first call, such as a shape or a sum that is not set back."
        )
    return ""


def _replaces_gradients(run: CaseRun) -> bool:
    """Whether every wrong output is what it should be without the earlier gradients that it has to be added to."""
    if run.outcome.verdict is not None or not run.findings:
        return False
    for finding in run.findings:
        view = comparison(run, finding)
        earlier = run.recorded.case.arrays.get(f"{EARLIER}{finding.output}")
        if view is None or earlier is None or earlier.shape != view.expected.shape:
            return False
        if not earlier.any() or not view.equals(view.expected - earlier):
            return False
    return True


def _adds_up(run: CaseRun) -> bool:
    """Whether every wrong output is right but for a factor, the number of calls, before which it was never 0."""
    calls = run.recorded.case.config.get("calls", 1)
    if run.outcome.verdict is not None or not run.findings or not isinstance(calls, int) or calls < 2:
        return False
    views = [comparison(run, finding) for finding in run.findings if NEXT_CALL not in finding.output]
    if len(views) < len(run.findings):
        return False
    return all(view is not None and view.equals(calls * view.expected) for view in views)


def _differing_calls(run: CaseRun) -> str:
    """Compare the calls of one case with one another: threads get other entries wrong each time."""
    first = next((name.partition(NEXT_CALL)[0] for name in run.recorded.expected if NEXT_CALL in name), "")
    if not first or run.outcome.verdict is not None:
        return ""
    views = [view for view in _views(run, first) if view is not None]
    wrong = [view.wrong for view in views]
    if not any(mask.any() for mask in wrong) or all(np.array_equal(mask, wrong[0]) for mask in wrong[1:]):
        return ""
    if any((a & ~b).any() and (b & ~a).any() for a, b in combinations(wrong, 2)):
        return _(
            "Called {count} times with the same input, it gets other entries wrong each time. Either threads "
            "write to the same place at the same time: in a loop over prange, each turn may only write where no "
            "other one does. Or numbers are read that nobody has written: of an array by np.empty, or, in a "
            "compiled loop, at an index beyond the end.",
            count=len(views),
        )
    if not wrong[0].any():
        return _(
            "The first call is right, and another one with the same input is wrong: something is kept from one "
            "call to the next, or an array by np.empty is read before it is filled."
        )
    return _(
        "Called {count} times with the same input, it does not return the same: threads write to the same place, "
        "something is kept from one call to the next, or numbers are read that nobody has written: of an array by "
        "np.empty, or, in a compiled loop, at an index beyond the end.",
        count=len(views),
    )


def _views(run: CaseRun, first: str) -> Iterator[Comparison | None]:
    for name in run.recorded.expected:
        if name == first or name.startswith(first + NEXT_CALL):
            yield comparison(run, Finding(name, "values"))
