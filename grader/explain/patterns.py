"""The patterns that the errors of failing cases follow; one is told only where it holds in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from grader.compare import Finding
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison, Family, Fingerprint
from grader.explain.layout import layouts
from grader.explain.orientation import channels_first
from grader.explain.place import negatives_cut, places
from grader.explain.precision import precision
from grader.explain.scale import scales
from grader.explain.structure import structure

FAMILIES: tuple[Family, ...] = (scales, layouts, places, precision)
# Of a sample the places are not known; where only the length of an error is bounded, no entry is right or wrong.
FAMILIES_OF_SAMPLES: tuple[Family, ...] = (scales, precision)
FAMILIES_OF_LENGTHS: tuple[Family, ...] = (scales,)
MAX_COMPARED_ENTRIES = 1 << 20


def common_fingerprints(failing: Sequence[CaseRun]) -> list[Fingerprint]:
    """Return the patterns that hold in every failing case, worded for the first of them, strongest first.

    A pattern that can be read in several ways, such as a factor that is K and also S, is worded by a reading that
    all cases share; if there is none, without one.
    """
    found = [fingerprints(run) for run in failing]
    common = []
    for item in found[0] if found else []:
        same = [next((other for other in prints if other.name == item.name), None) for prints in found]
        if all(other is not None for other in same):
            common.append(_worded(item, [other.readings for other in same if other is not None]))
    return common


def _worded(item: Fingerprint, readings: Sequence[dict[str, str]]) -> Fingerprint:
    shared = [text for reading, text in item.readings.items() if all(reading in other for other in readings)]
    if not shared or (item.is_exclusive and len(shared) > 1):
        return item
    return replace(item, text=shared[0])


def fingerprints(run: CaseRun) -> list[Fingerprint]:
    """Return the patterns of the first wrong output of a case that has any."""
    for finding in run.findings:
        structural = structure_of(run, finding) if finding.kind != "values" or "/" not in finding.output else None
        view = comparison(run, finding)
        if structural is not None:
            return [*(negatives_cut(view) if view is not None else []), structural]
        if view is not None:
            return [item for family in _families(view) for item in family(view)]
    return []


def _families(view: Comparison) -> tuple[Family, ...]:
    if not view.by_entry:
        return FAMILIES_OF_LENGTHS
    return FAMILIES_OF_SAMPLES if "/" in view.output else FAMILIES


def structure_of(run: CaseRun, finding: Finding) -> Fingerprint | None:
    """Return what is wrong with the form of the output of a finding, None if only its numbers are."""
    expected = run.recorded.expected.get(finding.output)
    return structure(finding, expected, run.output(finding.output), run.recorded.case)


def comparison(run: CaseRun, finding: Finding) -> Comparison | None:
    """Return the output of a finding for a closer look; None if its numbers cannot be compared."""
    expected, actual = run.recorded.expected.get(finding.output), run.output(finding.output)
    if (
        finding.kind != "values"
        or expected is None
        or actual is None
        or actual.shape != expected.shape
        or finding.output.endswith(("/shape", "/stats"))
    ):
        return None
    if expected.dtype.kind != "f" or expected.size > MAX_COMPARED_ENTRIES or not np.isfinite(expected).all():
        return None
    case = run.recorded.case
    return Comparison(
        finding.output,
        channels_first(finding.output, expected.astype(np.float64), case),
        channels_first(finding.output, actual.astype(np.float64), case),
        run.recorded.tolerances[finding.output],
        case.config,
        {name: channels_first(name, array, case) for name, array in case.arrays.items()},
    )
