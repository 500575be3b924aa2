"""Writes ratios, shares, durations and scores for a person."""

from __future__ import annotations

import math

from grader.language.translation import _

LEAST_ROUNDED, BEYOND_MEASURE = 10, 1e7
MINUTE_S, HOUR_S = 60, 3600


def percent(fraction: float) -> str:
    """Write a relative error for a person, to two digits."""
    if math.isnan(fraction):
        return "NaN"
    value = 100 * fraction
    if value >= 1000:
        return _("{factor} times", factor=rounded(fraction))
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %"


def rounded(number: float) -> str:
    """Write a number to two digits without an exponent, unless it is beyond all measure."""
    return f"{float(f'{number:.2g}'):.0f}" if LEAST_ROUNDED <= number < BEYOND_MEASURE else f"{number:.2g}"


def times(ratio: float) -> str:
    """Write a ratio for a person."""
    return _("{factor} times", factor=figure(ratio))


def figure(ratio: float) -> str:
    """Write a ratio with as many digits as a timing has: 7.25, 64, 107."""
    return f"{ratio:.3g}" if ratio < 10 else f"{ratio:.0f}"


def duration(seconds: float) -> str:
    """Write seconds, or milliseconds where they are few, with three digits."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def rough_duration(seconds: float) -> str:
    """Write a longer time for a person: seconds, minutes or hours."""
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE_S:.0f} min" if seconds < HOUR_S else f"{seconds / HOUR_S:.1f} h"


def points(score: float | None) -> str:
    """Write a score, or a dash where there is none."""
    return "-" if score is None else f"{score:g}"
