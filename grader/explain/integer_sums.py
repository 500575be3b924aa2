"""Sums of products of bytes: what registers that are too small make of them, and the sums as a convolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from grader.compare import Tolerance
from grader.explain.case_run import CaseRun
from grader.explain.comparison import one_or_other
from grader.explain.linear_terms import Geometry
from grader.language.translation import _
from grader.run.session import Outcome

# Whole numbers that are compared as float64: less than 1 may not be taken for rounding.
EXACT = Tolerance(0.01, 0.0)


def as_convolution(run: CaseRun) -> CaseRun:
    """Return a run on bytes as one of a convolution of real numbers without bias, as rules of sums look at it."""
    case = run.recorded.case
    arrays = {
        "x": case.arrays["qx"].astype(np.float64),
        "weight": case.arrays["qw"].astype(np.float64),
    }
    config = {**case.config, "k": int(case.arrays["qw"].shape[2])}
    recorded = replace(
        run.recorded,
        case=replace(case, config=config, arrays=arrays),
        expected={"outputs": run.recorded.expected["sums"].astype(np.float64)},
        tolerances={"outputs": EXACT},
    )
    seen = {"outputs": run.outcome.outputs["sums"].astype(np.float64)}
    return CaseRun(
        recorded, Outcome(None, outputs=seen), [replace(item, output="outputs") for item in run.findings]
    )


def by_registers(runs: Sequence[CaseRun]) -> str:
    """Return which register is too small for what was returned in every case; else nothing."""
    alive: dict[str, str] | None = None
    for run in runs:
        rules = _rules(as_convolution(run))
        expected, seen = (array["sums"].astype(np.int64) for array in (run.recorded.expected, run.outcome.outputs))
        if not rules or not np.array_equal(rules["right"][1], expected):
            return ""
        fits = {name: text for name, (text, array) in rules.items() if np.array_equal(array, seen)}
        alive = {name: text for name, text in (fits if alive is None else alive).items() if name in fits}
    return one_or_other(text for name, text in (alive or {}).items() if name != "right")


def _rules(run: CaseRun) -> dict[str, tuple[str, np.ndarray]]:
    case = run.recorded.case
    x, weight = case.arrays["x"], case.arrays["weight"]
    geometry = Geometry.of(case.config, *x.shape[2:])
    if geometry is None or weight.shape[1] != x.shape[1]:
        return {}
    windows = geometry.windows(x).astype(np.int64)
    kernel = weight.astype(np.int64)

    def added(keep: Callable[[np.ndarray], np.ndarray], met: np.ndarray = windows) -> np.ndarray:
        sums = np.zeros((len(x), len(kernel), *geometry.output), np.int64)
        for channel in range(x.shape[1]):
            for i, j in np.ndindex(*geometry.kernel):
                sums += keep(met[:, None, channel, i, j] * kernel[None, :, channel, i, j, None, None])
        return sums

    right = added(lambda products: products)
    clipped = np.iinfo(np.int16)
    return {
        "right": ("", right),
        "products_of_8": (
            _("The products are kept in 8 bits, where they wrap round: convert before multiplying."),
            added(lambda products: products.astype(np.int8).astype(np.int64)),
        ),
        "sums_of_16": (
            _("The sums are kept in 16 bits, where they wrap round: they need 32."),
            right.astype(np.int16).astype(np.int64),
        ),
        "sums_of_8": (
            _("The sums are kept in 8 bits, where they wrap round: they need 32."),
            right.astype(np.int8).astype(np.int64),
        ),
        "clipped_to_8": (_("The sums are clipped to the range of a byte."), np.clip(right, -128, 127)),
        "clipped_to_16": (_("The sums are clipped to 16 bits."), np.clip(right, clipped.min, clipped.max)),
        "unsigned": (
            _("The input's bytes are read without a sign: -1 as 255."),
            added(lambda products: products, windows.astype(np.uint8).astype(np.int64)),
        ),
    }
