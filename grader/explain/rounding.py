"""Failures that rounding alone may have caused: they are said to be that, and no cause is named.

Two things look like it. Either everything is off by little: publishing makes sure that every known mistake exceeds
a tolerance at least `SMALLEST_MISTAKE` times where it shows best. Or, in the gradients of a deep network, few
entries are wrong and the rest is right: so it is when the maximum of a window or a ReLU stands so near a tie that
the last digits decide it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.compare import Finding
from grader.explain.case_run import CaseRun
from grader.explain.network import first_divergence
from grader.jail.arithmetic import chosen_arithmetic, computer
from grader.language.numbers import percent
from grader.language.translation import _
from grader.project.manifest import Facts

SMALLEST_MISTAKE = 10.0
# Relative to the largest entry: rounding stays below it, and what falls the other way does not.
SAME_ENTRY = 1e-3
FEW_ENTRIES = 0.1
SAME_COMPUTER = ("features", "blas", "arithmetic")


def could_be_rounding(
    failing: Sequence[CaseRun], *, has_mistakes: bool, check: str = "", facts: Facts | None = None
) -> list[str]:
    """Return sentences that say why failed runs could be rounding; none if they could not.

    ``has_mistakes`` says whether known mistakes of the check were recorded; ``facts`` are those of the fixture.
    """
    if not failing or any(not _only_values(run) for run in failing):
        return []
    found = [few for run in failing if (few := _few_entries(run))]
    if len(found) == len(failing):
        return [found[0], *_measured(check, facts or Facts())]
    worst = max(finding.error / finding.allowed for run in failing for finding in run.findings)
    # Of a deep gradient far more is allowed than rounding explains; there only the few entries count.
    if worst < SMALLEST_MISTAKE and not any(_is_loose(run, finding) for run in failing for finding in run.findings):
        text = _("This could be rounding: the error is {times} times what is allowed.", times=f"{worst:.2g}")
        more = [_("Every known mistake gives a larger one.")] if has_mistakes else []
        return [text, *more, *_measured(check, facts or Facts())]
    return []


def _only_values(run: CaseRun) -> bool:
    return run.outcome.verdict is None and all(
        finding.kind == "values" and finding.allowed > 0 and np.isfinite(finding.error) for finding in run.findings
    )


def _few_entries(run: CaseRun) -> str:
    """Look at the layer whose gradient is the first that is wrong, in the sample of it."""
    if not all(_is_loose(run, finding) for finding in run.findings):
        return ""
    divergence = first_divergence(run)
    name = f"{divergence.layer}/values" if divergence is not None and divergence.layer else ""
    expected, actual = run.recorded.expected.get(name), run.output(name)
    if expected is None or actual is None or expected.shape != actual.shape:
        return ""
    scale = float(np.abs(expected).max(initial=0.0))
    entries = int(np.count_nonzero((expected != 0) | (actual != 0)))
    wrong = int(np.count_nonzero(np.abs(actual.astype(np.float64) - expected) > SAME_ENTRY * scale))
    if not 0 < wrong <= FEW_ENTRIES * entries:
        return ""
    return _(
        "This could be rounding: in `{layer}`, the first whose gradient differs, only {wrong} of {entries} sampled "
        "entries that are not zero are wrong. So it is when the last digits decide which entry of a window is the "
        "maximum, or whether an input of a ReLU is positive.",
        layer=name.split("/")[0],
        wrong=wrong,
        entries=entries,
    )


def _is_loose(run: CaseRun, finding: Finding) -> bool:
    """Whether only the length of an output's error is bounded."""
    return run.recorded.tolerances[finding.output].metric == "l2"


def _measured(check: str, facts: Facts) -> list[str]:
    """Say what publishing measured for this check, and whether it computed in another way."""
    found = []
    share = facts.conditioning.get(check)
    if share is not None:
        found.append(
            _(
                "When the lab was published, rounding changed at random moved the results by at most {share} of "
                "what is allowed.",
                share=percent(share),
            )
        )
    published = facts.computer
    here = computer(chosen_arithmetic())
    if published is not None and any(
        list(getattr(published, name)) != list(getattr(here, name)) for name in SAME_COMPUTER
    ):
        found.append(
            _(
                "It was published with {there}, and this ran with {here}, which rounds in another order.",
                there=published.blas,
                here=here.blas,
            )
        )
    found.append(_("If the difference stays when you compute in float64, it is no rounding."))
    return found
