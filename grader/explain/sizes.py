"""Products of sizes by which a result may be too large or too small, such as N, 1 / (C H W) or 4 C²."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

MAX_POWER = 2
CONSTANTS = (1.0, 2.0, 4.0, 8.0, 0.5, 0.25, 0.125)
# Far below what two different products of small sizes are apart, far above what rounding leaves.
SAME = 2e-5
SUPERSCRIPTS = {1: "", 2: "²"}


@dataclass(frozen=True)
class Product:
    """A constant times powers of sizes, which stand in the order of their names."""

    constant: float = 1.0
    powers: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def key(self) -> tuple[float, tuple[tuple[str, int], ...]]:
        """What makes two products equal."""
        return self.constant, tuple(sorted((name, power) for name, power in self.powers.items() if power))

    @property
    def is_one(self) -> bool:
        """Whether it changes nothing."""
        return self.key == (1.0, ())

    @property
    def complexity(self) -> int:
        """How many factors it has."""
        return sum(abs(power) for power in self.powers.values()) + (self.constant != 1)

    def value(self, sizes: Mapping[str, int]) -> float:
        """Return what it is for these sizes."""
        return self.constant * math.prod(float(sizes[name]) ** power for name, power in self.powers.items())

    @property
    def text(self) -> str:
        """Return it as it is written in a formula."""
        sign, size = ("-" if self.constant < 0 else ""), abs(self.constant)
        above = [f"{size:.4g}"] if size > 1 else []
        below = [f"{1 / size:.4g}"] if size < 1 else []
        for name, power in self.powers.items():
            if power:
                (above if power > 0 else below).append(name + SUPERSCRIPTS[abs(power)])
        top, bottom = " ".join(above) or "1", " ".join(below)
        if not bottom:
            return sign + top
        return f"{sign}{top} / ({bottom})" if len(below) > 1 else f"{sign}{top} / {bottom}"


NONE = Product()


def products_equal_to(factor: float, sizes: Mapping[str, int]) -> list[Product]:
    """Return the products of these sizes that are this factor."""
    if factor == 0 or not math.isfinite(factor):
        return []
    found = []
    sign = math.copysign(1.0, factor)
    for powers in product(range(-MAX_POWER, MAX_POWER + 1), repeat=len(sizes)):
        value = math.prod(float(size) ** power for size, power in zip(sizes.values(), powers, strict=True))
        for constant in CONSTANTS:
            if abs(constant * value - abs(factor)) <= SAME * abs(factor):
                found.append(Product(sign * constant, dict(zip(sizes, powers, strict=True))))
    return found


def common_product(found: Sequence[Sequence[Product]], *, any_of_equals: bool = False) -> Product | None:
    """Return the simplest product that all cases share; None if there is none.

    Of several as simple, the cases cannot tell which it is: None, unless ``any_of_equals`` will do.
    """
    if not found or not all(found):
        return None
    shared = set.intersection(*({item.key for item in items} for items in found))
    ranked = sorted((item for item in found[0] if item.key in shared), key=lambda item: item.complexity)
    several = len(ranked) > 1 and ranked[1].complexity == ranked[0].complexity
    return None if not ranked or (several and not any_of_equals) else ranked[0]
