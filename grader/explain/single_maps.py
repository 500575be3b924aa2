"""Convolutions of single maps, (N, rows, columns) with a kernel (rows, columns), as those of one channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from grader.explain.case_run import CaseRun
from grader.run.session import Outcome


def with_channels(run: CaseRun) -> CaseRun:
    """Return a run on single maps with an axis for the one channel; any other run as it is."""
    arrays = run.recorded.case.arrays
    if [np.ndim(arrays.get(name, 0)) for name in ("x", "weight")] != [3, 2] or run.outcome.verdict is not None:
        return run
    case = replace(run.recorded.case, arrays=_lifted(arrays))
    recorded = replace(run.recorded, case=case, expected=_lifted(run.recorded.expected))
    return CaseRun(recorded, Outcome(None, outputs=_lifted(run.outcome.outputs)), run.findings)


def _lifted(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return pictures (N, 1, rows, columns) and kernels (1, 1, rows, columns)."""
    return {
        name: array[:, None] if array.ndim == 3 else array[None, None] if array.ndim == 2 else array
        for name, array in arrays.items()
    }
