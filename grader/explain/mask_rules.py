"""What a dropout does with the entries that its mask keeps and with those that it drops, whatever the mask is.

Masks are random, so no recorded output can be the same. What can be the same is the value of each kept and of each
dropped entry, relative to its input, and the share of those that are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from grader.explain.case_run import CaseRun
from grader.explain.comparison import one_or_other
from grader.language.translation import _

# The share of dropped entries is so near to the rate.
SHARE = 0.03
SAME = 1e-4
# What is asked of each output of a check: a sentence, and the values of dropped and of kept entries.
Rules = Mapping[str, tuple[str, float, float]]


def by_masks(runs: Sequence[CaseRun]) -> str:
    """Return what a dropout does wrong, if it explains all entries that were returned in every case."""
    failing = [run for run in runs if not run.passed]
    if not failing or any(run.outcome.verdict is not None for run in runs):
        return ""
    if any(finding.kind != "values" for run in failing for finding in run.findings):
        return ""
    output = failing[0].findings[0].output
    if any(finding.output != output for run in failing for finding in run.findings):
        return ""
    alive: dict[str, str] | None = None
    for run in runs:
        rate = run.recorded.case.config.get("rate")
        if not isinstance(rate, float) or not 0 < rate < 1:
            return ""
        values = _relative(run, output)
        if values is None or not _is_one(run, output, rate):
            return ""
        fits = {name: text for name, (text, *two) in _rules(output, rate).items() if _fits(values, two, rate)}
        alive = {name: text for name, text in (fits if alive is None else alive).items() if name in fits}
    return one_or_other((alive or {}).values())


def _rules(output: str, rate: float) -> Rules:
    factor = 1 / (1 - rate)
    if output == "factor":
        # Of dropped entries the check itself sets the right factor.
        return {
            "same": (_("What is kept comes out as it went in: in training it is to be divided by 1 - rate."),
                     factor, 1.0),
            "multiplied": (_("What is kept is multiplied by 1 - rate: it is to be divided by it."),
                           factor, 1 - rate),
            "by_rate": (_("What is kept is divided by the rate: it is to be divided by 1 - rate."),
                        factor, 1 / rate),
            "times_rate": (_("What is kept is multiplied by the rate: it is to be divided by 1 - rate."),
                           factor, rate),
            "twice": (_("What is kept is divided by 1 - rate twice."), factor, factor**2),
        }  # fmt: skip
    if output in ("outputs", "in_grad"):
        return {
            "always": (_("The mask is used also where it is not training: there nothing is to change."),
                       0.0, factor),
            "mask_only": (
                _("Where it is not training, the mask is used without its factor: there nothing is to change."),
                0.0, 1.0,
            ),
        }  # fmt: skip
    if output == "difference of masks":
        # Gradient over gradient less output over input, plus 1.
        return {
            "no_mask": (_("The gradient passes everywhere: it is to be multiplied by the mask and its factor."),
                        2.0, 2.0 - factor),
            "no_mask_but_factor": (
                _("The gradient passes everywhere, with the factor: where 0 came out, none is to."),
                1.0 + factor, 1.0,
            ),
            "no_factor": (_("The gradient has the mask, but not its factor."), 1.0, 2.0 - factor),
            "factor_twice": (_("The gradient has the factor of the mask twice."), 1.0, 1.0 + factor**2 - factor),
        }  # fmt: skip
    return {}


def _relative(run: CaseRun, output: str) -> np.ndarray | None:
    """Return what was returned, relative to what went in."""
    actual, arrays = run.output(output), run.recorded.case.arrays
    if actual is None or actual.dtype.kind != "f":
        return None
    values = actual.astype(np.float64)
    went_in = {"outputs": arrays.get("x"), "in_grad": arrays.get("out_grad")}.get(output)
    if output not in ("outputs", "in_grad"):
        return values
    if went_in is None or went_in.shape != values.shape or not went_in.all():
        return None
    return np.asarray(values / went_in)


def _is_one(run: CaseRun, output: str, rate: float) -> bool:
    """Whether what is required is what a dropout's output of this name is."""
    expected, arrays = run.recorded.expected[output].astype(np.float64), run.recorded.case.arrays
    if output in ("outputs", "in_grad"):
        return bool(np.array_equal(expected, arrays["x" if output == "outputs" else "out_grad"]))
    return bool(np.allclose(expected, 1 / (1 - rate) if output == "factor" else 1.0, rtol=SAME))


def _fits(values: np.ndarray, two: Sequence[float], rate: float) -> bool:
    """Whether all entries have one of two values, the first as often as the rate says if they are not the same."""
    dropped, kept = (np.isclose(values, value, rtol=SAME, atol=SAME) for value in two)
    if not (dropped | kept).all():
        return False
    return bool((dropped & kept).all()) or abs(float(dropped.mean()) - rate) < SHARE
