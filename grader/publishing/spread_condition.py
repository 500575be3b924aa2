"""How far right solutions lie from the reference, and which of them lies so far that it cannot be right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.project.contract import Lab
from grader.publishing.arithmetics import FLOAT64
from grader.publishing.certificate import Condition
from grader.publishing.conditioning import DRAWN_AGAIN_ABOVE
from grader.publishing.tolerances import MARGIN, DerivedTolerance, Output, measure_spreads
from grader.publishing.workbench import Found

# A solution further away than this is not right, or the check is ill-conditioned; either way it needs a look.
LARGEST_SPREAD = {"max": 1e-4, "l2": 5e-2}
MAX_LISTED = 6
NAME = f"tolerances at least {MARGIN:g} times above the spread of variants"


@dataclass(frozen=True)
class Outlier:
    """A variant too far from the reference in an output; ``error`` is infinite for another shape or kind."""

    name: str
    check: str
    output: str
    error: float

    def __str__(self) -> str:
        if not math.isfinite(self.error):
            return f"{self.name} returns another shape or kind of {self.output} in {self.check}"
        return f"{self.name} is {self.error:.1e} away in {self.check}, {self.output}"


def measure(lab: Lab, found: Found) -> tuple[dict[Output, tuple[float, str]], list[Outlier]]:
    """Return the largest distance of a right solution from the reference in every output, under all arithmetics.

    A solution that is too far away to be right widens no tolerance: it is returned as an outlier, so that it is
    named itself, and not the mistakes that a wide tolerance would let pass.
    """
    spreads: dict[Output, tuple[float, str]] = {}
    outliers: dict[tuple[str, Output], Outlier] = {}
    for kind, runs in found.reference.items():
        for place in measure_spreads(lab, runs, {}):
            spreads.setdefault(place, (0.0, ""))
        others = {
            name: kinds[kind] for name, kinds in {**found.variants, **found.elsewhere}.items() if kind in kinds
        }
        for name, own in others.items():
            for place, (error, _) in measure_spreads(lab, runs, {name: own}).items():
                check = lab.checks[place[0]]
                # What a training returns besides its predictions is not compared.
                if error <= LARGEST_SPREAD[check.metric] or check.learning is not None:
                    spreads[place] = max((error, name if error else ""), spreads[place])
                elif error > outliers.get((name, place), Outlier(name, *place, 0.0)).error:
                    outliers[name, place] = Outlier(name, *place, error)
        if kind in found.engine:
            # More than rounding may move a case is a slip of one of the two, which no tolerance should cover.
            for place, worst in measure_spreads(lab, runs, {FLOAT64: found.engine[kind]}).items():
                if worst[0] <= DRAWN_AGAIN_ABOVE[lab.checks[place[0]].metric]:
                    spreads[place] = max(worst, spreads[place])
    return spreads, list(outliers.values())


def spread_condition(
    tolerances: Mapping[Output, DerivedTolerance], outliers: Sequence[Outlier]
) -> Condition | None:
    """Require that no right solution is an outlier, and that tolerances leave a margin; None without fractions."""
    if not tolerances:
        return None
    low = [item for item in tolerances.values() if item.above_spread < MARGIN]
    wide = [*map(str, outliers), *(str(Outlier(i.widest, i.check, i.output, i.spread)) for i in low)]
    least = min((item.above_spread for item in tolerances.values()), default=math.inf)
    held = f"at least {least:.3g} times" if math.isfinite(least) else "all variants return the same numbers"
    return Condition(NAME, not wide, "; ".join(wide[:MAX_LISTED]) or f"{held}, {len(tolerances)} outputs")
