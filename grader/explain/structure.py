"""What is wrong with the form of an output: its shape, its type, NaN, never filled, the input handed back."""

from __future__ import annotations

import numpy as np

from grader.compare import Finding
from grader.explain.comparison import Fingerprint
from grader.explain.conditions import INPUT_NAMES
from grader.explain.orientation import SHOWN, is_weight, layout_of, shape_channels_first
from grader.explain.size_rules import sizes_that_give
from grader.lab.checks import CHANNELS_FIRST, CHANNELS_LAST, Case
from grader.language.translation import _, listed, ngettext

# exp of a larger number is infinite in float32.
LARGEST_EXPONENT = 88.0


def structure(
    finding: Finding, expected: np.ndarray | None, actual: np.ndarray | None, case: Case
) -> Fingerprint | None:
    """Return what is structurally wrong with one output, or None if only its numbers are."""
    if expected is None or actual is None:
        return None
    if finding.kind == "shape":
        # What has no entries can have axes of any size.
        return _shape(finding.output, expected.shape, actual.shape, case) if actual.size else None
    if finding.kind == "dtype":
        if expected.dtype.kind == "f" and actual.dtype.kind in "iu":
            return Fingerprint(
                "integers", _("Whole numbers cut off every fraction: make the array with dtype=np.float32.")
            )
        return Fingerprint(
            "other_dtype", _("Its dtype is {dtype}; keep that of what is handed in.", dtype=actual.dtype)
        )
    if finding.kind == "nonfinite":
        return _not_finite(expected, actual, case)
    if actual.size and not actual.any() and expected.any():
        if "grad" in finding.output:
            return Fingerprint("zero_gradient", _("It is zero everywhere: no gradient comes through."))
        return Fingerprint("never_filled", _("It is zero everywhere."))
    for name, array in case.arrays.items():
        if array.shape == actual.shape and array.size > 1 and np.array_equal(array, actual):
            return Fingerprint(
                "input_returned", _("It is the array `{name}` that was handed in, unchanged.", name=name)
            )
    if actual.size > 2 and expected.std() > 0 and np.ptp(actual.astype(np.float64)) == 0:
        return Fingerprint("constant", _("All entries are the same number."))
    return None


def _shape(name: str, expected: tuple[int, ...], actual: tuple[int, ...], case: Case) -> Fingerprint | None:
    if len(expected) > 1 and actual == expected[1:] and _counts_samples(name, expected[0], len(expected), case):
        return Fingerprint("batch_axis_missing", _("The batch axis is missing: it must stay, even for one sample."))
    if len(actual) != len(expected):
        return Fingerprint(
            "axes_count", _("It has {seen} axes instead of {required}.", seen=len(actual), required=len(expected))
        )
    wanted, seen = (shape_channels_first(name, shape, case) for shape in (expected, actual))
    if sorted(actual) == sorted(expected):
        return _exchanged(wanted, seen, layout_of(case))
    for other, array in case.arrays.items():
        if array.shape == actual:
            return Fingerprint("shape_of_input", _("That is the shape of `{name}`.", name=other))
    if len(actual) == 4 and seen[:2] == wanted[:2]:
        return _size(wanted, seen, case)
    if actual[1:] == expected[1:]:
        counts = {"seen": actual[0], "required": expected[0]}
        if _counts_samples(name, expected[0], len(expected), case):
            return Fingerprint("samples_count", _("It holds {seen} samples instead of {required}.", **counts))
        text = _("It has {seen} entries along its first axis instead of {required}.", **counts)
        return Fingerprint("entries_count", text)
    return None


def _counts_samples(name: str, length: int, axes: int, case: Case) -> bool:
    """Whether the first axis of an output, which is so long, is that of the samples."""
    inputs = [case.arrays[key] for key in INPUT_NAMES if key in case.arrays and case.arrays[key].ndim > 1]
    if is_weight(name) or "bias" in name:
        return False
    return len(inputs[0]) == length if inputs else axes == 4


def _exchanged(expected: tuple[int, ...], actual: tuple[int, ...], layout: str) -> Fingerprint:
    """Say which axes are exchanged; both shapes have the channels second, where they are those of pictures."""
    order = SHOWN[layout]
    if len(actual) == 4 and actual[:2] == expected[:2]:
        text = _("Rows and columns are exchanged: the order is {order}.", order=order)
        return Fingerprint("rows_and_columns", text)
    samples, channels, rows, columns = expected if len(expected) == 4 else (0, 0, 0, 0)
    if layout == CHANNELS_FIRST and actual == (samples, rows, columns, channels):
        return Fingerprint("channels_last", _("The channels stand last: the order is {order}.", order=order))
    # An array (N, C, H, W) that was taken for (N, H, W, C) and brought to channels first.
    if layout == CHANNELS_LAST and actual == (samples, columns, channels, rows):
        text = _("The channels stand in front of the rows: the order is {order}.", order=order)
        return Fingerprint("channels_first", text)
    return Fingerprint("axes_exchanged", _("Its axes are exchanged."))


def _size(expected: tuple[int, ...], actual: tuple[int, ...], case: Case) -> Fingerprint:
    parts = []
    rows, columns = actual[2] - expected[2], actual[3] - expected[3]
    if rows > 0:
        parts.append(ngettext("{count} row too many", "{count} rows too many", rows))
    elif rows < 0:
        parts.append(ngettext("{count} row too few", "{count} rows too few", -rows))
    if columns > 0:
        parts.append(ngettext("{count} column too many", "{count} columns too many", columns))
    elif columns < 0:
        parts.append(ngettext("{count} column too few", "{count} columns too few", -columns))
    what = listed(parts)
    x = case.arrays.get("x")
    picture = shape_channels_first("x", x.shape, case)[2:] if x is not None and x.ndim == 4 else ()
    readings = {}
    if len(picture) == 2:
        made = sizes_that_give(case, (picture[0], picture[1]), (actual[2], actual[3]))
        readings = {
            name: _("It has {parts}. In the formula of the size, {what}", parts=what, what=text)
            for name, text in made.items()
        }
    return Fingerprint("size", _("It has {parts}.", parts=what), readings, is_exclusive=True)


def _not_finite(expected: np.ndarray, actual: np.ndarray, case: Case) -> Fingerprint:
    bad = ~np.isfinite(actual.astype(np.float64))
    what = "NaN" if np.isnan(actual.astype(np.float64)).any() else _("infinite")
    logits = [array for name, array in case.arrays.items() if name == "logits"]
    largest = max((float(array.max(initial=0.0)) for array in logits), default=0.0)
    if largest > LARGEST_EXPONENT:
        text = _(
            "Entries are {what}, and logits here go up to {largest}: exp of more than 88 overflows float32. "
            "Subtract the largest logit of each sample first.",
            what=what,
            largest=f"{largest:.0f}",
        )
        return Fingerprint("exp_overflow", text)
    if bad.all():
        return Fingerprint("all_nonfinite", _("Every entry is {what}.", what=what))
    if bad.ndim > 1:
        samples = bad.reshape(len(bad), -1)
        if samples.all(axis=1).any() and not samples[~samples.all(axis=1)].any():
            return Fingerprint("samples_nonfinite", _("Whole samples are {what}, others are not.", what=what))
    first = tuple(int(i) for i in np.argwhere(bad)[0]) if bad.any() else ()
    return Fingerprint("some_nonfinite", _("The first {what} entry is at index {index}.", what=what, index=first))
