"""Errors that look like lost digits."""

from __future__ import annotations

import numpy as np

from grader.explain.comparison import MIN_ENTRIES, Comparison, Fingerprint
from grader.language.translation import _

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
        if near.all():
            text = _(
                "All entries are whole numbers, as if fractions were rounded or cut off: keep float32 everywhere."
            )
        else:
            text = _(
                "All entries are whole numbers, as if fractions were computed with whole numbers on the way: keep "
                "float32 everywhere."
            )
        return [Fingerprint("whole_numbers", text)]
    error = float(np.abs(actual - view.expected).max()) / view.scale
    if error <= SINGLE_PRECISION_ERROR:
        return [
            Fingerprint(
                "single_precision",
                _(
                    "The error is small everywhere, a little more than rounding of float32 explains: look for sums "
                    "of large numbers that cancel, and add up in float64."
                ),
            )
        ]
    with np.errstate(over="ignore"):
        halved = np.array_equal(actual, actual.astype(np.float16).astype(np.float64))
    if error <= HALF_PRECISION_ERROR:
        if halved:
            text = _("The error is small everywhere, the result has only the digits of a float16: keep float32.")
        else:
            text = _("The error is small everywhere, as large as rounding to float16 makes it: keep float32.")
        return [Fingerprint("half_precision", text)]
    if error <= BRAIN_FLOAT_ERROR and view.wrong.mean() > 0.2:
        return [
            Fingerprint(
                "low_precision",
                _(
                    "The error is small everywhere, as if digits were lost on the way: look for float16, integers, "
                    "or a constant that is only nearly right."
                ),
            )
        ]
    return []
