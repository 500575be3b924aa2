"""What publishing has measured of a network's layers, the solution's and the engine's, to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grader.score.document import LayerTime
from grader.timing.baseline import Yardstick
from grader.timing.layers import MS_PER_S
from grader.timing.yardstick import Seconds, YardstickError

LAYERS_NAME = "layers"
PASSES = ("forward", "backward")
# Layers are mostly products; a small piece of work that is timed on both machines says how fast these are here.
WORK = "products"


@dataclass(frozen=True)
class LayerRecord:
    """Seconds of each layer by solution (``reference``, ``engine``) and pass, and the yardstick beside them."""

    solutions: Mapping[str, Mapping[str, Mapping[str, float]]]
    yardstick: Seconds

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> LayerRecord:
        """Read it from the facts of a fixture."""
        return cls(data["solutions"], data["yardstick"])

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def with_recorded(layers: Sequence[LayerTime], facts: Mapping[str, Any], yardstick: Yardstick) -> list[LayerTime]:
    """Add to the layers of a submission what the solution and the engine would need here, as far as it is known.

    The times are carried over from publishing by the fastest repeat of the yardstick on both machines. They decide
    nothing; without a yardstick they are left out.
    """
    if not layers or LAYERS_NAME not in facts:
        return list(layers)
    record = LayerRecord.of(facts[LAYERS_NAME])
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
