"""Properties that right layers have whatever their numbers are: no expected value is needed to test them.

A lab's own checks are run on cases made for the purpose: scaled, added, shifted inputs. A layer is a pair of checks
``<layer>_forward`` and ``<layer>_backward`` with the same cases; its input is the case's first array, its
parameters are the arrays ``weight`` and ``bias``, the gradient that arrives is ``out_grad`` (none for a loss),
window and stride are the settings ``k``, ``stride`` and ``padding``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grader.lab.checks import Case, Check
from grader.language.message import Message, sentence
from grader.run.property_rules import PROPERTIES, DidNotRun, Layer, Probe, Property, gradient
from grader.run.session import Running

FORWARD, BACKWARD = "_forward", "_backward"


@dataclass(frozen=True)
class PropertyResult:
    """One property of one layer over all cases to which it applies.

    ``error`` is the worst, ``bound`` what it may be, both relative; ``case`` is the worst case; ``skipped`` counts
    directions across a kink (of ReLU or of a maximum), where there is no derivative to compare.
    """

    layer: str
    name: str
    error: float
    bound: float
    cases: int
    case: str = ""
    skipped: int = 0
    message: Message | str = ""

    @property
    def tested(self) -> bool:
        """Whether the layer ran and there was something to compare."""
        return not self.message

    @property
    def holds(self) -> bool:
        """Whether it holds; NaN does not."""
        return self.tested and self.error <= self.bound


def layers(checks: Mapping[str, Check]) -> list[Layer]:
    """Return the layers that have checks of their own; the full network is none."""
    found = []
    for check in checks.values():
        if check.id.endswith(FORWARD) and not check.slow:
            name = check.id[: -len(FORWARD)]
            backward = checks.get(name + BACKWARD)
            found.append(
                Layer(name, check, backward if backward is not None and backward.cases is check.cases else None)
            )
    return found


def gradients_of(backward: Check, case: Case) -> dict[str, str]:
    """Return which output of a backward check is the gradient of which array of its case.

    What the check declares counts; else ``in_grad`` is that of the first array, ``x_grad`` and ``d_x`` of ``x``,
    and ``d_kernel`` of ``weight``, as Keras calls it.
    """
    if backward.gradients:
        return dict(backward.gradients)
    found = {"in_grad": next(iter(case.arrays))}
    for name in case.arrays:
        found |= {f"{name}_grad": name, f"d_{name}": name}
    if "weight" in case.arrays:
        found["d_kernel"] = "weight"
    return found


def run_properties(
    session: Running, checks: Mapping[str, Check], cases: Mapping[str, Sequence[Case]], only: Sequence[str] = ()
) -> list[PropertyResult]:
    """Return every property of every layer for which it can be asked; ``only`` names properties."""
    results = []
    for layer in layers(checks):
        for name, ask in PROPERTIES.items():
            if only and name not in only:
                continue
            result = _over_cases(session, layer, name, ask, cases.get(layer.forward.id, ()))
            if result is not None:
                results.append(result)
    return results


def _over_cases(
    session: Running, layer: Layer, name: str, ask: Property, cases: Sequence[Case]
) -> PropertyResult | None:
    worst: tuple[float, float] | None = None
    where, used, skipped = "", 0, list[int]()
    for number, case in enumerate(cases):
        rng = np.random.Generator(np.random.Philox(key=number))
        probe = Probe(session, layer, case)
        asked = gradient(probe, rng, skipped) if ask is gradient else ask(probe, rng)
        try:
            found = list(asked)
        except DidNotRun as error:
            return PropertyResult(layer.name, name, float("nan"), 0.0, used, case.name, 0, error.message)
        used += bool(found)
        for one in found:
            if worst is None or is_worse(one, worst):
                worst, where = one, case.name
    if not used and skipped:
        message = nothing_to_compare(layer.name)
        return PropertyResult(layer.name, name, float("nan"), 0.0, 0, "", len(skipped), message)
    if worst is None:
        return None
    return PropertyResult(layer.name, name, *worst, used, where, len(skipped))


def is_worse(one: tuple[float, float], known: tuple[float, float]) -> bool:
    """Whether an error is larger than one known, each by its bound; nothing is worse than what is no number."""
    ratio, most = (error / (bound or np.finfo(float).tiny) for error, bound in (one, known))
    return not np.isnan(most) and not ratio <= most


def nothing_to_compare(name: str) -> Message:
    """Say that no direction gave a derivative."""
    return sentence("{name}: every direction crosses a kink, so there is no derivative to compare", name=name)
