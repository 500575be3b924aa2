"""Changes made by machine in the variants of a lab, and whether the numbers bear out what is said of them."""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import grader.checking
from benchmarks.causes_judge import AS_WELL, CHANGE
from grader.explain.mutants import said_of
from grader.project.contract import Lab
from grader.project.fixtures import Fixture
from grader.project.functions import functions_of, innermost
from grader.project.holes import Hole, has_holes, holes
from grader.project.library import read_mistakes, read_mutants
from grader.project.solution import write_solution
from grader.publishing.mutants.making import Mutant, mutants_in

# Of the largest entry: numbers that differ by more are not the same.
SAME = 1e-3
NUMBER_OF_TIMES = re.compile(r"\bis (?P<factor>-?\d+(\.\d+)?) times what is required")


def changes_of(lab: Lab, reference: Path, variant: str) -> Iterator[tuple[Mutant, tuple[str, ...]]]:
    """Yield every change in what a variant writes unlike the solution, with the quick checks of its holes.

    A variant has no marks of holes, or only some: what counts is the function that a hole of the solution stands
    in, and helpers that such functions call by name.
    """
    with tempfile.TemporaryDirectory() as scratch:
        write_solution(reference, variant, Path(scratch))
        for handed in lab.facts.files:
            own = (reference / handed.path).read_text(encoding="utf-8")
            source = (Path(scratch) / handed.path).read_text(encoding="utf-8")
            if source == own:
                continue
            for region, names in _regions(own, source, handed.path).items():
                checks = tuple(
                    check.id for check in lab.checks.values() if names & set(check.holes) and not check.slow
                )
                if checks:
                    yield from ((mutant, checks) for mutant in mutants_in(source, handed.path, region))


def _regions(own: str, source: str, file: str) -> dict[Hole, set[str]]:
    """Return the regions of a variant that are not in the solution, with the holes that they stand for."""
    before, after = functions_of(ast.parse(own)), functions_of(ast.parse(source))
    marks = {hole.name: hole for hole in holes(own, file)}
    inside: dict[str, set[str]] = {}
    for hole in marks.values():
        name = innermost(before, hole.line)
        inside.setdefault(name, set()).add(hole.name)
        if name not in after:
            # What a helper of the solution does, the variant does in the methods that call it there.
            short, owner = name.rsplit(".", 1)[-1], name.rpartition(".")[0]
            for other, node in before.items():
                if other != name and other.startswith(owner) and _calls(node, short):
                    inside.setdefault(other, set()).add(hole.name)
    kept = {hole.name: hole for hole in holes(source, file)} if has_holes(source) else {}
    known = {ast.dump(node) for node in before.values()}
    found: dict[Hole, set[str]] = {}
    for name, node in after.items():
        if ast.dump(node) in known or name in ("", "__init__"):
            continue
        marked = [kept[hole] for hole in inside.get(name, ()) if hole in kept]
        for hole in marked:
            found[hole] = {hole.name}
        if marked:
            continue
        names = set(inside.get(name, ()))
        if name not in before:
            short = name.rsplit(".", 1)[-1]
            callers = (hole for other, held in inside.items() if _calls(after.get(other), short) for hole in held)
            names |= set(callers)
        if names:
            region = Hole("+".join(sorted(names)[:2]), "", node.lineno, (node.end_lineno or node.lineno) + 1, "")
            found[region] = names
    return found


def _calls(function: ast.AST | None, name: str) -> bool:
    return function is not None and any(
        name in (getattr(node, "id", None), getattr(node, "attr", None)) for node in ast.walk(function)
    )


@contextmanager
def watched() -> Iterator[list[tuple[Any, ...]]]:
    """Yield a list that gets, of every explanation, the check, its runs, the fixture and what was said."""
    seen: list[tuple[Any, ...]] = []
    explain = grader.checking.explain

    def noted(check: Any, runs: Any, fixture: Any, *rest: Any) -> Any:
        told = explain(check, runs, fixture, *rest)
        seen.append((check, runs, fixture, told))
        return told

    grader.checking.explain = noted
    try:
        yield seen
    finally:
        grader.checking.explain = explain


def borne_out(check: str, runs: Sequence[Any], fixture: Fixture, told: Any) -> bool | None:
    """Whether the numbers of every failing case are those of what is said; None where that cannot be asked.

    It can be asked of a known mistake, of a change of the solution, and of a factor that is a number.
    """
    places = {id(recorded): number for number, recorded in enumerate(fixture.checks[check])}
    failing = [(places[id(run.recorded)], run) for run in runs if not run.passed]
    if any(run.outcome.verdict is not None for _, run in failing):
        return None
    if told.misconception:
        known = [item.runs for item in read_mistakes(fixture, check) if item.name == told.misconception]
        enough = any if AS_WELL in told.hint else all
        return any(enough(_same(run, recorded[place]) for place, run in failing) for recorded in known)
    if told.hint.startswith(CHANGE):
        changed = [
            item.runs for item in read_mutants(fixture, check)
            if any(said_of(change.words) in told.hint and change.hole in told.hint for change in item.changes)
        ]  # fmt: skip
        return any(all(_same(run, recorded[place]) for place, run in failing) for recorded in changed)
    if named := NUMBER_OF_TIMES.search(told.hint):
        factor = float(named["factor"])
        return all(
            any(_near(run.outcome.outputs[name], factor * expected, 5e-2) for name, expected in
                run.recorded.expected.items() if any(finding.output == name for finding in run.findings))
            for _, run in failing
        )  # fmt: skip
    return None


def _same(run: Any, recorded: Any) -> bool:
    return recorded.verdict.value in ("wrong", "output") and all(
        name in run.outcome.outputs and _near(run.outcome.outputs[name], array, SAME)
        for name, array in recorded.outputs.items()
    )


@np.errstate(all="ignore")
def _near(first: np.ndarray, second: np.ndarray, part: float) -> bool:
    if first.shape != second.shape or first.dtype.kind not in "biuf":
        return first.shape == second.shape and bool((first == second).all())
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    odd = ~np.isfinite(one) | ~np.isfinite(other)
    if not np.array_equal(one[odd], other[odd], equal_nan=True):
        return False
    scale = float(np.abs(other[~odd]).max(initial=0.0))
    return bool((np.abs(one - other)[~odd] <= part * scale + 1e-12).all())
