"""Whether the reference's gradients, of inputs and of parameters, agree with central differences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from grader.lab.checks import Check
from grader.language.message import english
from grader.project.contract import Lab
from grader.publishing.certificate import Condition
from grader.publishing.workbench import HIDDEN, Found
from grader.run.properties import EXACT_DIFFERENCES, PropertyResult, gradients_of, layers

NAME = "reference gradients agree with central differences"


def gradient_condition(lab: Lab, found: Found) -> Condition | None:
    """Require that every gradient that a backward check returns was compared and agrees; None if there are none.

    A backward check is compared with the forward check of its name that has the same cases. What it returns under
    a name such as ``d_weight`` or ``bias_grad``, or declares as a gradient, is one.
    """
    bad = [*_not_compared(lab, found), *(_said(item) for item in found.gradients if not _agrees(item))]
    if not bad and not found.gradients:
        return None
    inputs = [item for item in found.gradients if "," not in item.layer]
    worst = max((item.error for item in found.gradients), default=0.0)
    held = f"{len(inputs)} layers and {len(found.gradients) - len(inputs)} gradients of parameters"
    return Condition(NAME, not bad, "; ".join(bad) or f"{held}, worst error {worst:.1e} in float64")


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
    paired = set()
    for layer in layers(lab.checks):
        if layer.backward is None:
            continue
        paired.add(layer.backward.id)
        if layer.name not in compared:
            yield f"{layer.name}: could not be compared"
        of_input = _of_input(lab, layer.backward, found)
        for output in _returned(layer.backward, found):
            if output not in of_input and f"{layer.name}, {output}" not in compared:
                yield (
                    f"{layer.name}, {output}: returned, but not compared; say with `gradients=` of which "
                    "array it is the gradient"
                )
    for check in lab.checks.values():
        if check.gradients and check.id not in paired:
            yield (
                f"{check.id} declares gradients, but no quick forward check has its name and the same cases, "
                "so they cannot be compared"
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
