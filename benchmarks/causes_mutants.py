"""What is said of mistakes made by machine: a known mistake, a rule, the change itself, a pattern, or nothing.

    python -m benchmarks.causes_mutants --lab vgg16 [--others | --manner] [--every 3] [--kind public] [--out FILE]

Every change of the lab's solution whose effect is in the library of mistakes is graded on the checks that have it;
with ``--others`` those that are not in it, tried or not, on the quick checks of their holes; with ``--manner``
changes in the bodies of the lab's variants. The table has a row for each lab and hole. ``itself`` counts where the
change is told that was made, ``another`` where another is told: the numbers are the same, but the words are not.
``FALSELY`` counts where the numbers of a failing case are not those of the mistake, change or factor that is named;
a ``rule`` is to be read by a person, beside the line before and after, which is printed. What raises in all checks
that it fails is ``ended``. Nothing is graded but quick checks.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.causes_changes import borne_out, changes_of, watched
from benchmarks.causes_judge import CHANGE, FALSELY, PATTERNS
from benchmarks.causes_manners import ROOT
from grader.explain.mutants import said_of
from grader.grading import Request, grade
from grader.project.contract import Lab
from grader.project.places import Project
from grader.project.solution import variants_of, write_solution
from grader.publishing.mutants import MUTANTS_NAME
from grader.publishing.mutants.making import Mutant, mutants_of
from grader.report.progress import Progress

CLASSES = ("known", "itself", "another", "rule", "pattern", "nothing", FALSELY, "ended", "not failed")


def chosen(project: Project, lab: Lab, others: bool) -> Iterator[tuple[Mutant, tuple[str, ...]]]:
    """Yield the mutants that are asked for, with the checks that each is graded on."""
    file = ROOT / "fixtures" / lab.name / MUTANTS_NAME
    rows = {row["id"]: row for row in json.loads(file.read_text(encoding="utf-8"))["rows"]}
    for mutant in mutants_of(lab, project.reference(lab.name)):
        recorded = tuple(rows.get(mutant.id, {}).get("recorded", ()))
        if others and not recorded:
            checks = (check for check in lab.checks.values() if mutant.hole in check.holes and not check.slow)
            yield mutant, tuple(check.id for check in checks if check.tier is not None)
        elif recorded and not others:
            yield mutant, recorded


def in_variants(project: Project, lab: Lab, every: int) -> Iterator[tuple[Mutant, tuple[str, ...], str]]:
    """Yield every so many changes of each variant, evenly over its regions, with their checks and the variant."""
    for variant in variants_of(project.reference(lab.name)):
        for mutant, checks in list(changes_of(lab, project.reference(lab.name), variant))[::every]:
            yield mutant, checks, variant


def told(
    project: Project, lab: Lab, mutant: Mutant, checks: tuple[str, ...], kind: str, variant: str | None = None
) -> list[dict[str, Any]]:
    """Return what is said of a mutant, one row for each check that it fails with arrays."""
    with tempfile.TemporaryDirectory() as scratch, watched() as seen:
        write_solution(project.reference(lab.name), variant, Path(scratch))
        (Path(scratch) / mutant.file).write_text(mutant.source, encoding="utf-8")
        request = Request(lab=lab, submission=Path(scratch), kind=kind, only=checks)
        with Progress() as progress:
            document = grade(project, request, progress)
    false = {
        check.id for check, runs, fixture, said in seen
        if (said.hint or said.misconception) and borne_out(check.id, runs, fixture, said) is False
    }  # fmt: skip
    rows = []
    for result in document.checks:
        part = result if result.verdict.value in ("wrong", "output") else result.beyond
        if result.id not in checks or part is None or part.verdict.value not in ("wrong", "output"):
            continue
        judged = FALSELY if result.id in false else _judged(mutant, part.hint, part.misconception)
        rows.append({
            "lab": lab.name, "hole": mutant.hole, "id": mutant.id, "words": mutant.words, "check": result.id,
            "variant": variant or "", "before": mutant.before, "after": mutant.after,
            "judged": judged, "hint": part.hint, "misconception": part.misconception, "message": part.message,
        })  # fmt: skip
    ended = any(
        result.id in checks and result.verdict.value not in ("pass", "skipped") for result in document.checks
    )
    judged = "ended" if ended else "not failed"
    return rows or [{"lab": lab.name, "hole": mutant.hole, "id": mutant.id, "judged": judged}]


def _judged(mutant: Mutant, hint: str, name: str | None) -> str:
    if name:
        return "known"
    if hint.startswith(CHANGE):
        return "itself" if f"`{mutant.hole}`" in hint and said_of(mutant.words) in hint else "another"
    return "nothing" if not hint else "pattern" if PATTERNS.search(hint) else "rule"


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table by lab and hole."""
    groups: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        for key in ((row["lab"], "all"), (row["lab"], row["hole"])):
            groups.setdefault(key, Counter())[row["judged"]] += 1
    lines = [f"{'lab':<16}{'hole':<26}" + "".join(f"{name:>11}" for name in CLASSES)]
    for (lab, hole), counts in sorted(groups.items()):
        lines.append(f"{lab:<16}{hole:<26}" + "".join(f"{counts[name]:>11}" for name in CLASSES))
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for and print the table, after what was said of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", action="append", required=True)
    parser.add_argument("--others", action="store_true", help="those that are not in the library")
    parser.add_argument("--manner", action="store_true", help="those of the lab's variants")
    parser.add_argument("--name", default="", help="a part of the mutant's id")
    parser.add_argument("--every", type=int, default=1, help="run only every so many of them")
    parser.add_argument("--kind", choices=("hidden", "public"), default="hidden")
    parser.add_argument("--out", type=Path, help="write all that was said to this file, JSON")
    options = parser.parse_args()
    project = Project(ROOT)
    rows: list[dict[str, Any]] = []
    for name in options.lab:
        lab = project.lab(name)
        made = (
            in_variants(project, lab, options.every) if options.manner
            else [(*item, None) for item in chosen(project, lab, options.others)][:: options.every]
        )  # fmt: skip
        for mutant, checks, variant in made:
            if not checks or options.name not in mutant.id:
                continue
            for row in told(project, lab, mutant, checks, options.kind, variant):
                rows.append(row)
                said = row.get("misconception") or row.get("hint") or row.get("message") or ""
                place = f"{variant or ''} {mutant.id}".strip()
                print(f"{row['judged']:<10} {place} ({mutant.words}) {row.get('check', '')}", flush=True)
                print(f"           {mutant.before}  >>  {mutant.after}"[:240], flush=True)
                print(f"           {' '.join(said.split())[:300]}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
    print()
    print(table(rows))


if __name__ == "__main__":
    main()
