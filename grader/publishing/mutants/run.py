"""Runs the mutants of a published lab in the jail, on its recorded hidden cases."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from grader.jail.scratch import scratch_folder
from grader.jail.slots import claim_slot
from grader.lab.checks import Check
from grader.prepare.resources import prepare_resources
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase, read_fixture
from grader.project.places import Project
from grader.project.solution import write_solution
from grader.publishing.arithmetics import arithmetics, recorder_of
from grader.publishing.exemptions import read_exemptions
from grader.publishing.linting import LintError
from grader.publishing.mutants.making import Mutant, mutants_of
from grader.publishing.mutants.record import MutantReport, MutantRow, write_report
from grader.publishing.recording import Recorder
from grader.publishing.trials import judged
from grader.report.progress import Progress
from grader.verdicts import Verdict

MAX_BOXES = 4
HIDDEN = "hidden"


def try_mutants(project: Project, lab: Lab, progress: Progress, weights: Path | None = None) -> MutantReport:
    """Run every mutant on the checks of its hole, and on the others if these do not notice it; write the report.

    Nothing is recorded anew: cases, expected values and tolerances are those of the published hidden fixture. What
    was run before is taken from the cache, so that the command goes on where it was interrupted.

    Raises
    ------
    FixtureError : the lab is not published.
    LintError : ``proof.yaml`` calls something equal that is no mutant, or that a check tells from the solution.
    """
    reference = project.reference(lab.name)
    folder = project.fixtures(lab.name, HIDDEN, weights)
    fixture = read_fixture(folder)
    resources = prepare_resources(project, lab, list(lab.checks.values()), weights, progress.note)
    recorder = recorder_of(lab, resources, project.cache / "records" / lab.name, arithmetics()[0])
    reasons = read_exemptions(reference).reasons("equal")
    mutants = mutants_of(lab, reference)
    progress.total = len(mutants)
    with scratch_folder("publishing") as scratch:
        trial = _Trial(lab, reference, recorder, fixture.checks, scratch, reasons, progress)
        boxes = max(1, min(MAX_BOXES, os.cpu_count() or 1))
        with ThreadPoolExecutor(boxes, thread_name_prefix="mutant") as pool:
            jobs = [pool.submit(trial.run, mutant) for mutant in mutants]
            try:
                rows = [job.result() for job in jobs]
            finally:
                for job in jobs:
                    job.cancel()
    _require_true(lab, reasons, rows)
    report = MutantReport(lab.name, fixture.release, rows)
    write_report(report, folder.parent)
    return report


class _Trial:
    """What all mutants share."""

    def __init__(
        self,
        lab: Lab,
        reference: Path,
        recorder: Recorder,
        recorded: Mapping[str, Sequence[RecordedCase]],
        scratch: Path,
        reasons: Mapping[str, str],
        progress: Progress,
    ) -> None:
        self.lab, self.reference, self.recorder, self.recorded = lab, reference, recorder, recorded
        self.scratch, self.reasons, self.progress = scratch, reasons, progress

    def run(self, mutant: Mutant) -> MutantRow:
        """Run one: its own checks first, then all quick ones."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        write_solution(self.reference, None, folder)
        (folder / mutant.file).write_text(mutant.source, encoding="utf-8")
        own = [check for check in self.lab.checks.values() if mutant.hole in check.holes]
        quick = [check for check in own if not check.slow and check.tier is not None]
        tried = quick or [check for check in own if check.tier is not None]
        with claim_slot(self.lab.facts.limits.threads) as slot:
            caught = self._caught(folder, tried, slot)
            if not caught:
                others = [
                    c for c in self.lab.checks.values() if c.tier is not None and not c.slow and c not in tried
                ]
                caught = self._caught(folder, others, slot)
                # They count where they tell it; they were not asked to.
                tried = [*tried, *(check for check in others if check.id in caught)]
        self.progress.step(mutant.id)
        self.progress.advance()
        names = tuple(check.id for check in tried)
        reason = self.reasons.get(mutant.id, "")
        return MutantRow(mutant.id, mutant.hole, mutant.line, mutant.words, tuple(caught), names, reason)

    def _caught(self, folder: Path, checks: Sequence[Check], slot: int) -> list[str]:
        items = [(check, [item.case for item in self.recorded[check.id]]) for check in checks]
        return [
            check.id
            for check, runs in zip(checks, self.recorder.run(folder, items, slot), strict=True)
            if any(
                judged(case, run).verdict is not Verdict.PASS
                for case, run in zip(self.recorded[check.id], runs, strict=True)
            )
        ]


def _require_true(lab: Lab, reasons: Mapping[str, str], rows: Sequence[MutantRow]) -> None:
    known = {row.id: row for row in rows}
    wrong = [f"  {name}: no such mutant; has its line changed?" for name in reasons if name not in known]
    wrong += [
        f"  {name}: {', '.join(known[name].caught)} tells it from the solution"
        for name in reasons
        if name in known and known[name].caught
    ]
    if wrong:
        raise LintError("{lab}: what proof.yaml calls equal is not:\n{rows}", lab=lab.name, rows="\n".join(wrong))
