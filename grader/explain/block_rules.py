"""Rules of whole blocks that end in a ReLU, also of those that add their input: no layer of theirs is known.

Where the output y = max(F + x, 0) is positive, the branch F = y - x follows from it, whatever the layers of the
branch are. Where y is 0, F + x is not positive, which bounds what a rule may give.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison, one_or_other
from grader.explain.patterns import comparison
from grader.language.translation import _

# So many entries of each kind have to be looked at.
MIN_ENTRIES = 16
OUTPUT = "outputs"
# What checks call the array that was handed in, as it is after the call.
AFTERWARDS = re.compile(r"inputs?[ _]afterwards")


def by_blocks(runs: Sequence[CaseRun]) -> str:
    """Return what happens at the end of a block, if it gives what was returned in every case that can be told."""
    failing = [run for run in runs if not run.passed]
    if not failing or any(run.outcome.verdict is not None for run in runs):
        return ""
    if any(finding.kind != "values" or finding.output != OUTPUT for run in failing for finding in run.findings):
        return ""
    views = [comparison(run, run.findings[0]) for run in failing]
    seen = [view for view in views if view is not None and view.by_entry]
    if len(seen) < len(failing) or any(bool((view.expected < 0).any()) for view in seen):
        return ""
    if all(_is_without_relu(view) for view in seen):
        return _("Negative numbers stand where 0 is required, and all else is right: a ReLU at the end is missing.")
    identities = [view for view in seen if _adds_its_input(view)]
    alive: dict[str, str] | None = None
    for view in identities:
        fits = {name: text for name, (text, rule) in _rules().items() if _fits(view, rule)}
        alive = {name: text for name, text in (fits if alive is None else alive).items() if name in fits}
    told = one_or_other((alive or {}).values())
    if told and len(identities) < len(failing):
        return _("{text} (Seen where the input is added as it is.)", text=told)
    return told


def by_input(runs: Sequence[CaseRun]) -> str:
    """Say that a block writes into the array that it is handed, if it does in every case that fails."""
    failing = [run for run in runs if not run.passed]
    if not failing or not all(_writes_into_its_input(run) for run in failing):
        return ""
    return _(
        "The input is not the same afterwards: something writes into it, such as `+=` or an assignment to a part "
        "of it. Make a new array."
    )


def _writes_into_its_input(run: CaseRun) -> bool:
    return any(item.kind == "values" and AFTERWARDS.fullmatch(item.output) for item in run.findings)


def _is_without_relu(view: Comparison) -> bool:
    zero = view.expected == 0
    below = view.actual < -view.allowed
    return (
        bool((below == zero)[~view.right].all())
        and bool((zero | view.right).all())
        and int((below & zero).sum()) >= max(MIN_ENTRIES, int(zero.sum()) // 2)
        and int((~zero).sum()) >= MIN_ENTRIES
    )


def _adds_its_input(view: Comparison) -> bool:
    """Whether the input may be added as it is; a layer with a weight of its own in the case is no block."""
    x = view.inputs.get("x")
    positive = view.expected > 0
    return (
        x is not None
        and "weight" not in view.inputs
        and x.shape == view.expected.shape
        and view.config.get("stride", 1) == 1
        and MIN_ENTRIES <= int(positive.sum()) <= positive.size - MIN_ENTRIES
    )


def _rules() -> dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]]:
    """Return what each rule makes of the branch and the input."""
    return {
        "relu_before_the_sum": (
            _("The ReLU comes before the input is added: it belongs behind the sum."),
            lambda branch, x: np.maximum(branch, 0) + x,
        ),
        "input_left_out": (_("The input is not added to the branch."), lambda branch, x: np.maximum(branch, 0)),
        "input_subtracted": (
            _("The input is subtracted from the branch: it is added."), lambda branch, x: np.maximum(branch - x, 0)
        ),
        "input_twice": (
            _("The input is added once too often."), lambda branch, x: np.maximum(branch + 2 * x, 0)
        ),
        "relu_of_the_input": (
            _("The ReLU of the input is added: it is added as it is."),
            lambda branch, x: np.maximum(branch + np.maximum(x, 0), 0),
        ),
        "branch_left_out": (_("Only the ReLU of the input comes out, without the branch."),
                            lambda branch, x: np.maximum(x, 0)),
    }  # fmt: skip


def _fits(view: Comparison, rule: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> bool:
    """Whether a rule gives what was returned: exactly where the branch is known, in bounds where it is not."""
    x = view.inputs["x"].astype(np.float64)
    positive = view.expected > 0
    # Where the output is 0, the branch is at most -x; every rule here grows with the branch.
    made = rule(np.where(positive, view.expected, 0.0) - x, x)
    # Sums of numbers of this size round as what is required does.
    near = 4 * (view.allowed + 1e-6 * (1 + np.abs(x)))
    exact = np.abs(view.actual - made) <= near
    changed = np.abs(made - view.expected) > near
    return (
        bool(exact[positive].all())
        and bool((view.actual <= made + near)[~positive].all())
        and int((changed & positive).sum()) >= MIN_ENTRIES
    )
