"""Whether the reference's gradients, of inputs and of parameters, agree with central differences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from grader.lab.checks import Check
from grader.language.message import english
from grader.project.contract import Lab
from grader.publishing.certificate import Condition
from grader.publishing.exemptions import PROOF_NAME, Exempt
from grader.publishing.workbench import HIDDEN, Found
from grader.run.properties import BACKWARD, PropertyResult, gradients_of, layers
from grader.run.property_rules import EXACT_DIFFERENCES

NAME = "reference gradients agree with central differences"


def gradient_condition(lab: Lab, found: Found) -> tuple[Condition | None, list[Exempt]]:
    """Require that every gradient that a backward check returns was compared and agrees; None if there are none.

    A backward check is compared with the forward check of its name that has the same cases. What it returns under
    a name such as ``d_weight`` or ``bias_grad``, or declares as a gradient, is one. The second value are the checks
    that are left out with a reason.
    """
    reasons = found.exemptions.reasons("not_compared")
    alone = _without_partner(lab)
    exempt = [Exempt("not_compared", check, reasons[check]) for check in alone if check in reasons]
    bad = [*_not_compared(lab, found), *(_said(item) for item in found.gradients if not _agrees(item))]
    bad += [
        f"{check}: no quick forward check has its name and the same cases, so its gradients cannot be compared; "
        f"mend it, or say why not in {PROOF_NAME}"
        for check in alone
        if check not in reasons
    ]
    if not bad and not found.gradients:
        return None, exempt
    inputs = [item for item in found.gradients if "," not in item.layer]
    worst = max((item.error for item in found.gradients), default=0.0)
    held = f"{len(inputs)} layers and {len(found.gradients) - len(inputs)} gradients of parameters"
    detail = "; ".join(bad) or f"{held}, worst error {worst:.1e} in float64"
    if exempt and not bad:
        detail += f"; {len(exempt)} checks left out, with reasons below"
    return Condition(NAME, not bad, detail), exempt


def _without_partner(lab: Lab) -> list[str]:
    """Return the scored backward checks of layers that have no forward check to be compared with."""
    paired = {layer.backward.id for layer in layers(lab.checks) if layer.backward is not None}
    return [
        check.id
        for check in lab.checks.values()
        if (check.id.endswith(BACKWARD) or check.gradients)
        and check.id not in paired
        and check.tier is not None
        and not check.slow
    ]


def _agrees(item: PropertyResult) -> bool:
    return item.holds and item.bound <= EXACT_DIFFERENCES[1]


def _said(item: PropertyResult) -> str:
    reason = str(english(item.message))
    if not item.message:
        if not math.isfinite(item.error):
            reason = "it has another shape than what it is the gradient of"
        elif item.holds:
            reason = f"only {item.bound:.0e} can be told, because it is computed in float32 when given float64"
        else:
            reason = f"off by {item.error:.1e} of its length in the case {item.case!r}"
    return f"{item.layer}: {reason}"


def _not_compared(lab: Lab, found: Found) -> Iterator[str]:
    compared = {item.layer for item in found.gradients}
    for layer in layers(lab.checks):
        if layer.backward is None:
            continue
        if layer.name not in compared:
            yield f"{layer.name}: could not be compared"
        of_input = _of_input(lab, layer.backward, found)
        for output in _returned(layer.backward, found):
            if output not in of_input and f"{layer.name}, {output}" not in compared:
                yield (
                    f"{layer.name}, {output}: returned, but not compared; say with `gradients=` of which "
                    "array it is the gradient"
                )


def _returned(backward: Check, found: Found) -> list[str]:
    """Return the outputs that are gradients by their name or by what the check declares."""
    runs = found.reference[HIDDEN].get(backward.id, ())
    names = dict.fromkeys(name for run in runs for name in run.outputs)
    return [name for name in names if name in backward.gradients or name.startswith("d_") or name.endswith("_grad")]


def _of_input(lab: Lab, backward: Check, found: Found) -> set[str]:
    """Return the outputs that are gradients of the first array of the cases."""
    cases = found.cases[HIDDEN].get(backward.id, ())
    return {
        output
        for case in cases
        for output, array in gradients_of(backward, case).items()
        if case.arrays and array == next(iter(case.arrays))
    }
