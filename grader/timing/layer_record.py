"""What publishing has measured of a network's layers, the solution's and the engine's, to compare with."""

from __future__ import annotations

from collections.abc import Sequence

from grader.project.manifest import Facts
from grader.score.document import LayerTime
from grader.timing.baseline import Yardstick
from grader.timing.layers import MS_PER_S
from grader.timing.yardstick import YardstickError

PASSES = ("forward", "backward")
# Layers are mostly products; a small piece of work that is timed on both machines says how fast these are here.
WORK = "products"


def with_recorded(layers: Sequence[LayerTime], facts: Facts, yardstick: Yardstick) -> list[LayerTime]:
    """Add to the layers of a submission what the solution and the engine would need here, as far as it is known.

    The times are carried over from publishing by the fastest repeat of the yardstick on both machines. They decide
    nothing; without a yardstick they are left out.
    """
    record = facts.layers
    if not layers or record is None:
        return list(layers)
    try:
        factor = min(yardstick()[WORK]) / min(record.yardstick[WORK])
    except YardstickError:
        return list(layers)
    return [
        layer.model_copy(
            update={
                f"{solution}_{direction}_ms": round(factor * MS_PER_S * seconds[layer.name], 3)
                for solution, passes in record.solutions.items()
                for direction, seconds in passes.items()
                if layer.name in seconds
            }
        )
        for layer in layers
    ]
