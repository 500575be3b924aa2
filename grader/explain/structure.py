"""What is wrong with the form of an output: its shape, its type, NaN, never filled, the input handed back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.checks import Case
from grader.compare import Finding
from grader.explain.comparison import Fingerprint

LAST_AXES = ("rows", "columns")


def structure(
    finding: Finding, expected: np.ndarray | None, actual: np.ndarray | None, case: Case
) -> Fingerprint | None:
    """Return what is structurally wrong with one output, or None if only its numbers are."""
    if expected is None or actual is None:
        return None
    if finding.kind == "shape":
        return _shape(expected.shape, actual.shape, case.arrays)
    if finding.kind == "dtype":
        if expected.dtype.kind == "f" and actual.dtype.kind in "iu":
            return Fingerprint(
                "integers", "Whole numbers cut off every fraction: make the array with dtype=inputs.dtype."
            )
        return Fingerprint("other_dtype", f"Its dtype is {actual.dtype}; keep the dtype of the inputs.")
    if finding.kind == "nonfinite":
        return _not_finite(expected, actual)
    if actual.size and not actual.any() and expected.any():
        if "grad" in finding.output:
            return Fingerprint("zero_gradient", "It is zero everywhere: no gradient comes through.")
        return Fingerprint("never_filled", "It is zero everywhere: is it never filled, or overwritten at the end?")
    for name, array in case.arrays.items():
        if array.shape == actual.shape and array.size > 1 and np.array_equal(array, actual):
            return Fingerprint("input_returned", f"It is the array `{name}` that was handed in, unchanged.")
    if actual.size > 2 and expected.std() > 0 and np.ptp(actual.astype(np.float64)) == 0:
        return Fingerprint("constant", "All entries are the same number.")
    return None


def _shape(
    expected: tuple[int, ...], actual: tuple[int, ...], inputs: Mapping[str, np.ndarray]
) -> Fingerprint | None:
    if len(actual) == len(expected) - 1 and actual == expected[1:]:
        return Fingerprint("batch_axis_missing", "The batch axis is missing: it must stay, even for one sample.")
    if len(actual) != len(expected):
        return Fingerprint("axes_count", f"It has {len(actual)} axes instead of {len(expected)}.")
    if sorted(actual) == sorted(expected):
        if len(actual) == 4 and actual[:2] == expected[:2]:
            return Fingerprint("rows_and_columns", "Rows and columns are exchanged: the order is (N, C, H, W).")
        if len(actual) == 4 and actual == (expected[0], *expected[2:], expected[1]):
            return Fingerprint("channels_last", "The channels stand last: the order is (N, C, H, W).")
        return Fingerprint("axes_exchanged", "Its axes are exchanged.")
    for name, array in inputs.items():
        if array.shape == actual:
            return Fingerprint("shape_of_input", f"That is the shape of `{name}`.")
    if len(actual) == 4 and actual[:2] == expected[:2]:
        return _size(expected, actual)
    if actual[1:] == expected[1:]:
        return Fingerprint("samples_count", f"It holds {actual[0]} samples instead of {expected[0]}.")
    return None


def _size(expected: tuple[int, ...], actual: tuple[int, ...]) -> Fingerprint:
    parts = []
    for what, wanted, seen in zip(LAST_AXES, expected[2:], actual[2:], strict=True):
        if seen != wanted:
            parts.append(f"{abs(seen - wanted)} {what} too {'many' if seen > wanted else 'few'}")
    excess = (actual[2] - expected[2], actual[3] - expected[3])
    if excess[0] == excess[1] and abs(excess[0]) == 1:
        hint = "look at the + 1 and at the rounding in the formula of the output size"
    elif excess[0] == excess[1] and excess[0] > 0 and excess[0] % 2 == 0:
        hint = f"as much as padding of {excess[0] // 2} on all sides"
    else:
        hint = "check the formula of the size with the settings of this case"
    return Fingerprint("size", f"It has {' and '.join(parts)}: {hint}.")


def _not_finite(expected: np.ndarray, actual: np.ndarray) -> Fingerprint:
    bad = ~np.isfinite(actual.astype(np.float64))
    what = "NaN" if np.isnan(actual.astype(np.float64)).any() else "infinite"
    if bad.all():
        return Fingerprint(
            "all_nonfinite", f"Every entry is {what}: a division by zero, or an overflow in exp or log."
        )
    if bad.ndim > 1:
        samples = bad.reshape(len(bad), -1)
        if samples.all(axis=1).any() and not samples[~samples.all(axis=1)].any():
            return Fingerprint("samples_nonfinite", f"Whole samples are {what}, others are not.")
    first = tuple(int(i) for i in np.argwhere(bad)[0]) if bad.any() else ()
    return Fingerprint(
        "some_nonfinite",
        f"The first {what} entry is at index {first}: np.empty leaves arbitrary numbers, exp overflows above 88.",
    )
