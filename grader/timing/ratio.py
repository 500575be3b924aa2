"""How many times as fast: the ratio of two medians, with an interval that a noisy machine makes wider.

The interval comes from the bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, section 13.3): both
samples are drawn again many times, with replacement, and the middle of the ratios so found is kept. Its ends move
only downwards when a repeat of the submission takes longer, so that nobody gains by being slow now and then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 20


@dataclass(frozen=True)
class Ratio:
    """A ratio and the ends of its confidence interval."""

    value: float
    low: float
    high: float

    def straddles(self, bound: float) -> bool:
        """Whether it cannot be said on which side of ``bound`` the ratio lies."""
        return self.low < bound <= self.high

    def reaches(self, bound: float) -> bool:
        """Whether it may be at ``bound`` or above; what cannot be said counts in favour."""
        return self.high >= bound


def ratio_of(over_s: Sequence[float], under_s: Sequence[float], slack: float = 1.0) -> Ratio:
    """Return median(over) / median(under) with its interval.

    Parameters
    ----------
    over_s, under_s : seconds of repeats, all positive; at least one of each.
    slack : factor of at least 1 by which each end is moved outwards, for what repeats do not show.
    """
    if not over_s or not under_s or min(*over_s, *under_s) <= 0:
        raise ValueError("a ratio needs at least one positive time on each side")
    generator = np.random.Generator(np.random.Philox(SEED))
    over, under = (_medians(np.asarray(sample, np.float64), generator) for sample in (over_s, under_s))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(over / under, (tail, 100 - tail))
    value = median(over_s) / median(under_s)
    return Ratio(value, min(float(low), value) / slack, max(float(high), value) * slack)


def _medians(sample: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    drawn = generator.integers(len(sample), size=(RESAMPLES, len(sample)))
    return np.asarray(np.median(sample[drawn], axis=1))
