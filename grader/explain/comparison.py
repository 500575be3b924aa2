"""An output of a submission beside the recorded one, as the fingerprints look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from grader.compare import Tolerance
from grader.explain.orientation import is_weight
from grader.language.translation import _

# A pattern may differ from what a submission returned by a little more than the bound for a right result:
# two roundings meet, and both arrays may be larger than the expected one.
SLACK = 4.0
# Where only the length of an error is bounded, an entry follows a pattern if it is as near, relative to the scale.
SAME_ENTRY = 1e-3
MIN_ENTRIES = 4


@dataclass(frozen=True)
class Fingerprint:
    """A pattern that an error follows: a stable identifier, and a sentence for the student.

    Of ``is_exclusive`` readings only one can be true: where several fit every case, none is said.

    ``readings`` are sentences that say more, each under an identifier of its own, the likely ones first: one of
    them is said where it fits every failing case.
    """

    name: str
    text: str
    readings: dict[str, str] = field(default_factory=dict)
    is_exclusive: bool = False


@dataclass(frozen=True)
class Comparison:
    """One output of one case: two finite float64 arrays of the same shape, and what may differ.

    ``config`` holds the settings of the case, ``inputs`` its arrays.
    """

    output: str
    expected: np.ndarray
    actual: np.ndarray
    tolerance: Tolerance
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def scale(self) -> float:
        """Largest expected magnitude; 1 if everything is 0."""
        return float(np.abs(self.expected).max(initial=0.0)) or 1.0

    @cached_property
    def allowed(self) -> np.ndarray:
        """What each entry may differ by, for right and for patterns alike."""
        if self.tolerance.metric == "l2":
            norm = float(np.linalg.norm(self.expected))
            return np.full(self.expected.shape, (self.tolerance.rtol * norm + self.tolerance.atol) or 1e-12)
        bound = self.tolerance.atol + self.tolerance.rtol * np.abs(self.expected)
        return np.asarray(np.maximum(bound, 1e-12))

    @cached_property
    def right(self) -> np.ndarray:
        """Which entries are right."""
        return np.asarray(np.abs(self.actual - self.expected) <= self.allowed)

    @property
    def wrong(self) -> np.ndarray:
        """Which entries are wrong."""
        return ~self.right

    @property
    def by_entry(self) -> bool:
        """Whether every entry is right or wrong by itself, not only the length of the whole."""
        return self.tolerance.metric == "max"

    @property
    def samples(self) -> int:
        """Number of samples along the first axis; 0 where that axis is something else, such as steps."""
        if is_weight(self.output) or any(word in self.output for word in ("bias", "columns")):
            return 0
        found = [self.inputs[name] for name in ("x", "inputs", "logits") if name in self.inputs]
        shape = self.expected.shape
        if not found or not shape or not found[0].ndim or len(shape) > found[0].ndim:
            return 0
        return shape[0] if found[0].shape[0] == shape[0] else 0

    @property
    def on_grid(self) -> bool:
        """Whether the last two axes are rows and columns."""
        return self.expected.ndim == 4 and min(self.expected.shape[2:]) > 1

    def equals(self, pattern: np.ndarray) -> bool:
        """Whether the submission returned this pattern, up to rounding."""
        if pattern.shape != self.actual.shape:
            return False
        larger = max(1.0, float(np.abs(pattern).max(initial=0.0)) / self.scale)
        difference = np.abs(self.actual - pattern)
        if self.tolerance.metric == "l2":
            # What is allowed of the whole is far too much for a statement about every entry.
            return bool((difference <= SAME_ENTRY * larger * self.scale).all())
        return bool((difference <= SLACK * larger * self.allowed).all())


Family = Callable[[Comparison], Sequence[Fingerprint]]


def one_or_other(texts: Iterable[str]) -> str:
    """Return the one thing that may be the cause, or both if there are two; more than two tell nothing."""
    different = list(dict.fromkeys(text for text in texts if text))
    if len(different) == 2:
        return _("{first} Or: {second}", first=different[0], second=different[1])
    return different[0] if len(different) == 1 else ""
