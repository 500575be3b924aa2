"""Runs the mutants of a published lab in the jail, on its recorded cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

from grader.jail.arithmetic import chosen_arithmetic, computer
from grader.jail.scratch import scratch_folder
from grader.jail.slots import slots_here
from grader.prepare.resources import prepare_resources
from grader.project.contract import Lab
from grader.project.fixtures import Fixture, read_fixture
from grader.project.places import Project
from grader.publishing.exemptions import read_exemptions
from grader.publishing.linting import LintError
from grader.publishing.mutants.library import write_library
from grader.publishing.mutants.making import Mutant, chosen, mutants_of
from grader.publishing.mutants.record import MutantReport, MutantRow, write_report
from grader.publishing.mutants.trial import Returned, Trial
from grader.publishing.recording import context_of
from grader.report.progress import Progress

MAX_BOXES = 4
HIDDEN, PUBLIC = "hidden", "public"


def try_mutants(
    project: Project, lab: Lab, progress: Progress, weights: Path | None = None, sample: int | None = None
) -> MutantReport:
    """Run mutants on the checks of their holes, and on others if these do not notice it; write the report.

    Cases, expected values and tolerances are those of the published fixtures and stay as they are; what mutants
    returned is put beside them, as far as it can explain a failed check (`grader.project.library`). What was run
    before is taken from the cache, so that the command goes on where it was interrupted. ``sample`` is how many are
    run, chosen evenly over holes and rules; all if None.

    Raises
    ------
    FixtureError : the lab is not published.
    LintError : ``proof.yaml`` calls something equal that is no mutant, or that a check tells from the solution.
    """
    reference = project.reference(lab.name)
    folders = {kind: project.fixtures(lab.name, kind, weights) for kind in (HIDDEN, PUBLIC)}
    fixtures = {kind: read_fixture(folder) for kind, folder in folders.items()}
    fixture = fixtures[HIDDEN]
    resources = prepare_resources(project, lab, list(lab.checks.values()), weights, progress.note)
    reasons = read_exemptions(reference).reasons("equal")
    made = mutants_of(lab, reference)
    mutants = chosen(made, sample)
    progress.total = len(mutants)

    def tried(mutant: Mutant) -> tuple[MutantRow, Returned]:
        told, returned = trial.run(mutant)
        progress.step(mutant.id)
        progress.advance()
        row = MutantRow(
            id=mutant.id,
            hole=mutant.hole,
            line=mutant.line,
            words=mutant.words,
            **asdict(told),
            equal=reasons.get(mutant.id, ""),
        )
        return row, returned

    boxes = max(1, min(MAX_BOXES, slots_here(lab.facts.limits.threads)))
    kept = project.cache / "mutants" / lab.name
    context = _context(lab, resources, fixture)
    with (
        scratch_folder("publishing") as scratch,
        Trial(lab, reference, fixture.checks, fixtures[PUBLIC].checks, resources, scratch, kept, context) as trial,
        ThreadPoolExecutor(boxes, thread_name_prefix="mutant") as pool,
    ):
        trial.open_boxes(boxes)
        jobs = [pool.submit(tried, mutant) for mutant in mutants]
        try:
            results = [job.result() for job in jobs]
        finally:
            for job in jobs:
                job.cancel()
    rows = [row for row, _ in results]
    _require_true(lab, reasons, rows, {mutant.id for mutant in made})
    progress.step("the library of mistakes")
    returned = [(mutant, found) for mutant, (_, found) in zip(mutants, results, strict=True)]
    recorded = write_library(folders, fixtures, returned)
    rows = [replace(row, recorded=tuple(recorded.get(row.id, ()))) for row in rows]
    report = MutantReport(lab.name, fixture.release, rows, len(made))
    write_report(report, folders[HIDDEN].parent)
    return report


def _context(lab: Lab, resources: Mapping[str, Path], fixture: Fixture) -> str:
    """Return all that a result depends on besides the solution with its change."""
    return f"{context_of(lab, resources)}\n{computer(chosen_arithmetic())}\n{fixture.release}"


def _require_true(lab: Lab, reasons: Mapping[str, str], rows: Sequence[MutantRow], made: Collection[str]) -> None:
    known = {row.id: row for row in rows}
    wrong = [f"  {name}: no such mutant; has its line changed?" for name in reasons if name not in made]
    wrong += [
        f"  {name}: {', '.join(known[name].caught)} tells it from the solution"
        for name in reasons
        if name in known and known[name].caught
    ]
    if wrong:
        raise LintError("{lab}: what proof.yaml calls equal is not:\n{rows}", lab=lab.name, rows="\n".join(wrong))
