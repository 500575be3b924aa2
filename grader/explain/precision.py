"""Errors that look like lost digits."""

from __future__ import annotations

import numpy as np

from grader.explain.comparison import MIN_ENTRIES, Comparison, Fingerprint

# Relative to the largest magnitude: rounding to float16 (11 bits) and to bfloat16 (8 bits), a few times over.
HALF_PRECISION_ERROR = 2e-3
BRAIN_FLOAT_ERROR = 1.6e-2
SINGLE_PRECISION_ERROR = 1e-4


def precision(view: Comparison) -> list[Fingerprint]:
    """Find whole numbers, numbers of few bits, or a small error that spares no part."""
    if view.expected.size < MIN_ENTRIES or not view.actual.any():
        return []
    actual = view.actual
    if np.array_equal(actual, np.round(actual)) and not np.array_equal(view.expected, np.round(view.expected)):
        near = np.abs(actual - view.expected) <= 1.0 + view.allowed
        how = "rounded or cut off" if near.all() else "computed with whole numbers on the way"
        return [
            Fingerprint(
                "whole_numbers",
                f"All entries are whole numbers, as if fractions were {how}: keep float32 everywhere.",
            )
        ]
    error = float(np.abs(actual - view.expected).max()) / view.scale
    if error <= SINGLE_PRECISION_ERROR:
        return [
            Fingerprint(
                "single_precision",
                "The error is small everywhere, a little more than rounding of float32 explains: look for sums of "
                "large numbers that cancel, and add up in float64.",
            )
        ]
    with np.errstate(over="ignore"):
        halved = np.array_equal(actual, actual.astype(np.float16).astype(np.float64))
    if error <= HALF_PRECISION_ERROR:
        where = (
            "the result has only the digits of a float16" if halved else "as large as rounding to float16 makes it"
        )
        return [Fingerprint("half_precision", f"The error is small everywhere, {where}: keep float32.")]
    if error <= BRAIN_FLOAT_ERROR and view.wrong.mean() > 0.2:
        return [
            Fingerprint(
                "low_precision",
                "The error is small everywhere, as if digits were lost on the way: look for float16, integers, or "
                "a constant that is only nearly right.",
            )
        ]
    return []
