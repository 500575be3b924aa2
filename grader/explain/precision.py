"""Errors that look like lost digits."""

from __future__ import annotations

import numpy as np

from grader.explain.comparison import MIN_ENTRIES, Comparison, Fingerprint
from grader.language.numbers import percent
from grader.language.translation import _

# Relative to the largest magnitude: rounding to float16 (11 bits), a few times over.
HALF_PRECISION_ERROR = 2e-3
SMALL_ERROR = 1e-4
# A whole number happens by chance, and so does 0 or 1 in a mask.
MIN_WHOLE_NUMBERS = 4


def precision(view: Comparison) -> list[Fingerprint]:
    """Find whole numbers, numbers with the digits of a float16, or a small error that spares no part."""
    if view.expected.size < MIN_ENTRIES or not view.actual.any():
        return []
    actual = view.actual
    if _are_whole(actual) and not np.array_equal(view.expected, np.round(view.expected)):
        near = np.abs(actual - view.expected) <= 1.0 + view.allowed
        if near.all():
            text = _("All entries are whole numbers next to the right ones: keep float32 everywhere.")
        else:
            text = _("All entries are whole numbers.")
        return [Fingerprint("whole_numbers", text)]
    with np.errstate(over="ignore"):
        halved = np.array_equal(actual, actual.astype(np.float16).astype(np.float64))
        is_half = halved and not np.array_equal(view.expected, view.expected.astype(np.float16).astype(np.float64))
    error = float(np.abs(actual - view.expected).max()) / view.scale
    if is_half and error <= HALF_PRECISION_ERROR:
        return [Fingerprint("half_precision", _("The result has only the digits of a float16: keep float32."))]
    if error <= SMALL_ERROR:
        text = _("The error is small everywhere: at most {error} of the largest value.", error=percent(error))
        return [Fingerprint("small_error", text)]
    return []


def _are_whole(array: np.ndarray) -> bool:
    return np.array_equal(array, np.round(array)) and np.unique(array).size >= MIN_WHOLE_NUMBERS
