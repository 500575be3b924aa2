"""Compares what a submission returned with what was recorded. Arrays only; no object of a student comes here.

The order is fixed: which outputs there are, their shape and kind, their finite entries, then the numbers. Every
test is written so that NaN fails it: ``error <= allowed`` is False for NaN, ``not (error > allowed)`` is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grader.language.message import Message, sentence

FLOATING = "f"
Kind = Literal["missing", "extra", "dtype", "shape", "nonfinite", "values", "share"]


@dataclass(frozen=True)
class Tolerance:
    """What difference is allowed from a recorded array.

    ``metric`` is ``"max"``: ``|actual - expected| <= atol + rtol * |expected|`` in every entry; or ``"l2"``:
    ``||actual - expected|| <= rtol * ||expected|| + atol``; or ``"share"``: at most the share ``rtol`` of the
    entries, whole numbers, differ.
    """

    atol: float
    rtol: float
    metric: str = "max"


@dataclass(frozen=True)
class Finding:
    """One output that is not as recorded.

    Attributes
    ----------
    output : name of the output.
    kind : what is wrong with it.
    seen, required : short texts: shapes, dtypes, or counts; never an expected number.
    error : largest (``max``) or Euclidean (``l2``) error relative to the scale of the expected array.
    allowed : what ``error`` may be.
    share : share of the entries that are wrong, 0 to 1; NaN where only the length of the error is bounded.
    where : index of the worst entry.
    """

    output: str
    kind: Kind
    seen: Message | str = ""
    required: Message | str = ""
    error: float = float("nan")
    allowed: float = float("nan")
    share: float = float("nan")
    where: tuple[int, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether the output is of the right form and only its numbers are wrong."""
        return self.kind in ("values", "share")


# A submission may return any numbers; differences that overflow are infinite, which is all that matters here.
@np.errstate(over="ignore", invalid="ignore")
def compare(
    expected: Mapping[str, np.ndarray],
    actual: Mapping[str, np.ndarray],
    tolerances: Mapping[str, Tolerance],
) -> list[Finding]:
    """Return what differs, in the order in which the outputs were recorded; an empty list means equal."""
    findings = []
    for name, wanted in expected.items():
        if name not in actual:
            findings.append(Finding(name, "missing"))
            continue
        finding = compare_array(name, wanted, actual[name], tolerances[name])
        if finding is not None:
            findings.append(finding)
    findings += [Finding(name, "extra") for name in actual if name not in expected]
    return findings


def compare_array(name: str, expected: np.ndarray, actual: np.ndarray, tolerance: Tolerance) -> Finding | None:
    """Return what is wrong with ``actual``, or None."""
    if (expected.dtype.kind == FLOATING) != (actual.dtype.kind == FLOATING):
        wanted = sentence("floating point") if expected.dtype.kind == FLOATING else sentence("whole numbers")
        return Finding(name, "dtype", str(actual.dtype), wanted)
    if expected.shape != actual.shape:
        return Finding(name, "shape", str(actual.shape), str(expected.shape))
    wanted64 = expected.astype(np.float64)
    seen64 = actual.astype(np.float64)
    if tolerance.metric == "share":
        return _compare_share(name, expected, actual, tolerance)
    finite = np.isfinite(seen64)
    if not np.array_equal(finite, np.isfinite(wanted64)):
        bad = np.argwhere(~finite)
        where = tuple(int(i) for i in bad[0]) if len(bad) else ()
        kind = "NaN" if np.isnan(seen64).any() else sentence("infinite")
        seen = sentence("{kind} in {bad} of {size} entries", kind=kind, bad=len(bad), size=actual.size)
        return Finding(name, "nonfinite", seen, sentence("finite numbers"), where=where)
    if tolerance.metric == "l2":
        return _compare_norm(name, wanted64, seen64, tolerance)
    return _compare_entries(name, wanted64, seen64, tolerance)


def _compare_entries(name: str, expected: np.ndarray, actual: np.ndarray, tolerance: Tolerance) -> Finding | None:
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], actual[~finite], equal_nan=True):
        seen, required = sentence("another infinity or NaN"), sentence("the same special values")
        return Finding(name, "nonfinite", seen, required)
    expected = np.where(finite, expected, 0.0)
    error = np.abs(np.where(finite, actual, 0.0) - expected)
    allowed = tolerance.atol + tolerance.rtol * np.abs(expected)
    held = error <= allowed
    if held.all():
        return None
    scale = float(np.abs(expected).max(initial=0.0)) or 1.0
    excess = np.where(held, 0.0, error)
    worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
    return Finding(
        name,
        "values",
        error=float(error[worst]) / scale,
        allowed=float(allowed[worst]) / scale,
        share=float(np.mean(~held)),
        where=tuple(int(i) for i in worst),
    )


def _compare_share(name: str, expected: np.ndarray, actual: np.ndarray, tolerance: Tolerance) -> Finding | None:
    right = np.asarray(expected == actual)
    share = float(np.mean(~right))
    if share <= tolerance.rtol:
        return None
    required = f"{1 - tolerance.rtol:.0%}"
    return Finding(
        name,
        "share",
        f"{int(right.sum())} of {right.size}",
        required,
        error=share,
        allowed=tolerance.rtol,
        share=share,
    )


def _compare_norm(name: str, expected: np.ndarray, actual: np.ndarray, tolerance: Tolerance) -> Finding | None:
    difference = actual - expected
    error = float(np.linalg.norm(difference))
    scale = float(np.linalg.norm(expected))
    allowed = tolerance.rtol * scale + tolerance.atol
    if error <= allowed:
        return None
    worst = np.unravel_index(int(np.argmax(np.abs(difference))), difference.shape)
    return Finding(
        name,
        "values",
        error=error / (scale or 1.0),
        allowed=allowed / (scale or 1.0),
        where=tuple(int(i) for i in worst),
    )


def spread(expected: np.ndarray, actual: np.ndarray, metric: str) -> float:
    """Return the error of ``actual`` relative to the scale of ``expected``, in the given metric.

    The scale is the largest magnitude (``max``) or the Euclidean norm (``l2``). Arrays of other shapes or with
    other special values are infinitely far apart.
    """
    if expected.shape != actual.shape:
        return float("inf")
    first, second = expected.astype(np.float64), actual.astype(np.float64)
    if not np.array_equal(np.isfinite(first), np.isfinite(second)):
        return float("inf")
    with np.errstate(invalid="ignore"):
        difference = np.nan_to_num(second - first, nan=0.0)
    first = np.nan_to_num(first, nan=0.0, posinf=0.0, neginf=0.0)
    if metric == "l2":
        return float(np.linalg.norm(difference)) / (float(np.linalg.norm(first)) or 1.0)
    return float(np.abs(difference).max(initial=0.0)) / (float(np.abs(first).max(initial=0.0)) or 1.0)


def spread_allowed(expected: np.ndarray, tolerance: Tolerance) -> float:
    """Return what a tolerance allows, on the scale of `spread`."""
    if tolerance.metric == "l2":
        norm = float(np.linalg.norm(expected.astype(np.float64)))
        return tolerance.rtol + (tolerance.atol / norm if norm else 0.0)
    finite = expected[np.isfinite(expected)]
    scale = float(np.abs(finite).max(initial=0.0)) or 1.0
    return tolerance.rtol + tolerance.atol / scale
