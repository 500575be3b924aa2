"""Chooses what mutants returned that can explain a failed check, within a bound of bytes, and writes it.

What a known mistake returns is left out, and of mutants that return the same there is one, with the words of all.
The smallest go first: they are of the checks of single layers.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader.compare import Tolerance
from grader.explain.mistakes import same_arrays
from grader.project.fixtures import Fixture, RecordedCase, RecordedMistake, RecordedRun
from grader.project.library import Change, RecordedMutant, content_of, read_mistakes, write_mutants
from grader.publishing.mutants.making import Mutant
from grader.publishing.mutants.trial import Returned
from grader.publishing.trials import judged
from grader.verdicts import Verdict

# Of one kind of cases; hidden and public ones together are at most twice that.
MAX_BYTES = 1_500_000
# Of what may differ from an output, the share that may be lost in single precision.
LOST = 0.01
# Of an array in an archive, and of a case in the text about it.
BYTES_OF_A_NAME, BYTES_OF_A_CASE = 220, 12


def write_library(
    folders: Mapping[str, Path], fixtures: Mapping[str, Fixture], tried: Sequence[tuple[Mutant, Returned]]
) -> dict[str, list[str]]:
    """Write the library of every kind of cases; the first of ``folders`` is the one that was run first.

    Returns, for each mutant whose change is in it, the checks where it is.
    """
    begin = dict.fromkeys((check for _, returned in tried for check in returned), 0)
    checks_of: dict[str, list[str]] = {}
    for kind, folder in folders.items():
        found: dict[str, list[Group]] = {}
        for check, first in begin.items():
            cases = fixtures[kind].checks.get(check, ())
            runs = [
                (mutant, [judged(c, run) for c, run in zip(cases, returned[check][first:], strict=False)])
                for mutant, returned in tried
                if check in returned
            ]
            found[check] = _distinct(runs, cases, read_mistakes(fixtures[kind], check))
            begin[check] = first + len(cases)
        kept = within(found, MAX_BYTES)
        write_mutants(folder, {check: [group.recorded for group in groups] for check, groups in kept.items()})
        for check, groups in kept.items():
            for name in (name for group in groups for name in group.names):
                checks = checks_of.setdefault(name, [])
                checks += [check] if check not in checks else []
    return checks_of


@dataclass
class Group:
    """Mutants that do the same: their names, their changes in words, each once, and what they do."""

    names: list[str]
    changes: list[Change]
    runs: Sequence[RecordedRun]

    @property
    def recorded(self) -> RecordedMutant:
        """What is written of it."""
        return RecordedMutant(self.changes, self.runs)


def _distinct(
    tried: Sequence[tuple[Mutant, Sequence[RecordedRun]]],
    cases: Sequence[RecordedCase],
    known: Sequence[RecordedMistake],
) -> list[Group]:
    """Return what failed a case and is not what a known mistake does, each effect once."""
    groups: list[Group] = []
    for mutant, runs in tried:
        if all(run.verdict is Verdict.PASS for run in runs):
            continue
        if any(_same(mistake.runs, runs, cases) for mistake in known):
            continue
        change = Change(mutant.hole, mutant.words)
        group = next((group for group in groups if _same(group.runs, runs, cases)), None)
        if group is None:
            groups.append(Group([mutant.id], [change], runs))
            continue
        group.names.append(mutant.id)
        if change not in group.changes:
            group.changes.append(change)
    for group in groups:
        group.runs = [_lighter(run, case) for run, case in zip(group.runs, cases, strict=True)]
    return groups


def _lighter(run: RecordedRun, case: RecordedCase) -> RecordedRun:
    """Return it in single precision where what that loses is a hundredth of what may differ, at most."""
    return replace(
        run, outputs={name: _single(array, case.tolerances.get(name)) for name, array in run.outputs.items()}
    )


@np.errstate(over="ignore", invalid="ignore")
def _single(array: np.ndarray, tolerance: Tolerance | None) -> np.ndarray:
    if tolerance is None or tolerance.metric != "max" or array.dtype != np.float64:
        return array
    single = array.astype(np.float32)
    lost = np.abs(single - array)
    held = lost <= LOST * (tolerance.atol + tolerance.rtol * np.abs(array))
    return single if (held | (array == single) | np.isnan(array)).all() else array


def _same(first: Sequence[RecordedRun], second: Sequence[RecordedRun], cases: Sequence[RecordedCase]) -> bool:
    """Whether two did the same in every case, up to rounding."""
    return len(first) == len(second) and all(
        a.verdict is b.verdict and same_arrays(a.outputs, b.outputs, case.tolerances)
        for a, b, case in zip(first, second, cases, strict=True)
    )


def within(found: Mapping[str, Sequence[Group]], most: int) -> dict[str, list[Group]]:
    """Return so many of the mutants, the smallest first, that their files hold at most about ``most`` bytes."""
    packed: dict[tuple[str, tuple[int, ...], bytes], int] = {}
    sizes = []
    for check, mutants in found.items():
        for number, mutant in enumerate(mutants):
            contents = set()
            for run in mutant.runs:
                for array in run.outputs.values():
                    content = content_of(array)
                    contents.add(content)
                    if content not in packed:
                        packed[content] = len(zlib.compress(np.ascontiguousarray(array).tobytes(), 6))
            size = sum(packed[content] + BYTES_OF_A_NAME for content in contents)
            sizes.append((size + BYTES_OF_A_CASE * len(mutant.runs), check, number, contents))
    kept: dict[str, list[int]] = {}
    held: dict[str, set[tuple[str, tuple[int, ...], bytes]]] = {}
    total = 0
    for _, check, number, contents in sorted(sizes, key=lambda item: item[:3]):
        there = held.setdefault(check, set())
        more = sum(packed[content] + BYTES_OF_A_NAME for content in contents - there)
        more += BYTES_OF_A_CASE * len(found[check][number].runs)
        if total + more > most:
            continue
        total += more
        there |= contents
        kept.setdefault(check, []).append(number)
    return {check: [found[check][number] for number in sorted(kept[check])] for check in found if check in kept}
