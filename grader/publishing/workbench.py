"""Runs everything that publishing needs, several boxes at a time: reference, variants, skeleton, known mistakes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from grader.jail.slots import claim_slot
from grader.lab.checks import Case, Check
from grader.project.contract import Lab
from grader.project.fixtures import RecordedRun
from grader.project.solution import variants_of, write_solution
from grader.publishing.engine import EngineVersion
from grader.publishing.exemptions import Exemptions, read_exemptions
from grader.publishing.misconceptions import Mistaken, write_mistaken
from grader.publishing.recording import Recorder, Runs, require_returned
from grader.publishing.trials import checks_to_run
from grader.publishing.variation import variation
from grader.report.progress import Progress
from grader.run.order import by_groups
from grader.run.parameter_gradients import parameter_gradients
from grader.run.properties import PropertyResult, run_properties
from grader.run.property_rules import GRADIENT

MAX_BOXES = 4
HIDDEN, PUBLIC = "hidden", "public"
Cases = Mapping[str, Sequence[Case]]
Plan = Mapping[str, Sequence[Check]]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Found:
    """What was run: for each solution the runs by kind of cases (``public``, ``hidden``), then by check id.

    ``engine`` is empty where the lab has no version on the engine. ``elsewhere`` holds the reference and the
    variants once more on the hidden cases, under another arithmetic, by names such as ``reference, haswell``; the
    reference with its loops is left out where checks are slow. ``varied`` says which variants write which holes in
    a way of their own, ``exemptions`` what the author leaves out of the proof.
    """

    reference: Mapping[str, Runs]
    again: Mapping[str, Runs]
    skeleton: Mapping[str, Runs]
    variants: Mapping[str, Mapping[str, Runs]]
    mistakes: Mapping[str, Mapping[str, Runs]]
    gradients: Sequence[PropertyResult]
    engine: Mapping[str, Runs] = field(default_factory=dict)
    elsewhere: Mapping[str, Mapping[str, Runs]] = field(default_factory=dict)
    cases: Mapping[str, Cases] = field(default_factory=dict)
    varied: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exemptions: Exemptions = field(default_factory=Exemptions)


@dataclass(frozen=True)
class Workbench:
    """Everything that is to be run. ``scratch`` is an empty folder for the files of the solutions.

    ``engine`` writes the lab's version on the engine, if it has one. ``elsewhere`` runs right solutions once more,
    under the arithmetics that its keys name.
    """

    lab: Lab
    reference: Path
    scratch: Path
    recorder: Recorder
    cases: Mapping[str, Cases]
    mistakes: Sequence[Mistaken]
    progress: Progress
    engine: EngineVersion | None = None
    elsewhere: Mapping[str, Recorder] = field(default_factory=dict)

    def run(self) -> Found:
        """Run all of it, the longest first, on as many boxes as there are processors (at most four).

        Raises
        ------
        MisconceptionError : a mistake cannot be made from the reference.
        """
        every = list(self.lab.checks.values())
        quick = [check for check in every if not check.slow]
        variants = variants_of(self.reference)
        boxes = max(1, min(MAX_BOXES, os.cpu_count() or 1))
        with ThreadPoolExecutor(boxes, thread_name_prefix="box") as pool:

            def start(text: str, job: Callable[[int], Result]) -> Future[Result]:
                return pool.submit(self._in_slot, text, job)

            # One job for each kind: these two take longest, and run side by side.
            reference = {kind: start("reference", self._solution(None, {kind: every})) for kind in (HIDDEN, PUBLIC)}
            others = {
                name: start(f"variant {name}", self._solution(name, {HIDDEN: every, PUBLIC: quick}))
                for name in variants
            }
            wrong = {item.name: start(item.name, self._mistaken(item)) for item in self.mistakes}
            skeleton = start("skeleton", self._skeleton({HIDDEN: every}))
            again = start("reference, once more", self._solution(None, {HIDDEN: quick}, fresh=True))
            gradients = start("gradients of the reference", self._gradients)
            plan = {HIDDEN: every, PUBLIC: quick}
            engine = start("the engine", self._on_engine(self.engine, plan)) if self.engine else None
            elsewhere = {
                f"{name or 'reference'}, {arithmetic}": start(
                    f"{name or 'reference'}, {arithmetic}",
                    self._solution(name, {HIDDEN: every if name else quick}, recorder=recorder),
                )
                for arithmetic, recorder in self.elsewhere.items()
                for name in (None, *variants)
            }
            jobs: list[Future[Any]] = [*reference.values(), *others.values(), *wrong.values(), *elsewhere.values()]
            jobs += [skeleton, again, gradients, *([engine] if engine else [])]
            self.progress.total = len(jobs)
            finished, unfinished = wait(jobs, return_when=FIRST_EXCEPTION)
            for job in unfinished:
                job.cancel()
            # The reason itself, not that other jobs were called off because of it.
            for job in finished:
                job.result()
            return Found(
                reference={kind: job.result()[kind] for kind, job in reference.items()},
                again=again.result(),
                skeleton=skeleton.result(),
                variants={name: job.result() for name, job in others.items()},
                mistakes={name: job.result() for name, job in wrong.items()},
                gradients=gradients.result(),
                engine=engine.result() if engine else {},
                elsewhere={name: job.result() for name, job in elsewhere.items()},
                cases=self.cases,
                varied=variation(self.lab, self.reference),
                exemptions=read_exemptions(self.reference),
            )

    def _in_slot(self, text: str, job: Callable[[int], Result]) -> Result:
        with claim_slot(self.lab.facts.limits.threads) as slot:
            self.progress.step(text)
            found = job(slot)
            self.progress.advance()
            return found

    def _runs(
        self, folder: Path, plan: Plan, slot: int, *, fresh: bool = False, recorder: Recorder | None = None
    ) -> dict[str, Runs]:
        """Run a plan in one box: group by group, so that workers are shared, and kind by kind within a group."""
        ordered = [
            (kind, check)
            for group in dict.fromkeys(check.group for check in by_groups(list(self.lab.checks.values())))
            for kind, checks in plan.items()
            for check in checks
            if check.group == group
        ]
        items = [(check, self.cases[kind][check.id]) for kind, check in ordered]
        recorder = recorder or self.recorder
        results = (recorder.fresh if fresh else recorder.run)(folder, items, slot)
        found: dict[str, dict[str, Sequence[RecordedRun]]] = {kind: {} for kind in plan}
        for (kind, check), runs in zip(ordered, results, strict=True):
            found[kind][check.id] = runs
        return {
            kind: {check: by_check[check] for check in self.lab.checks if check in by_check}
            for kind, by_check in found.items()
        }

    def _solution(
        self, variant: str | None, plan: Plan, *, fresh: bool = False, recorder: Recorder | None = None
    ) -> Callable[[int], Mapping[str, Runs]]:
        def job(slot: int) -> Mapping[str, Runs]:
            folder = Path(tempfile.mkdtemp(prefix=f"{variant or 'reference'}-", dir=self.scratch))
            write_solution(self.reference, variant, folder)
            found = self._runs(folder, plan, slot, fresh=fresh, recorder=recorder)
            for kind, runs in found.items():
                name = f"the variant {variant}" if variant else "the reference"
                # At once: what runs after it would be in vain.
                require_returned(f"{name} ({kind} cases)", runs)
            return found

        return job

    def _on_engine(self, version: EngineVersion, plan: Plan) -> Callable[[int], Mapping[str, Runs]]:
        def job(slot: int) -> Mapping[str, Runs]:
            folder = self.scratch / "engine-exact"
            version.write(folder, exact=True)
            return self._runs(folder, plan, slot)

        return job

    def _skeleton(self, plan: Plan) -> Callable[[int], Mapping[str, Runs]]:
        def job(slot: int) -> Mapping[str, Runs]:
            folder = self.scratch / "skeleton"
            folder.mkdir()
            for file in self.lab.facts.files:
                shutil.copyfile(self.lab.folder / file.path, folder / file.path)
            return self._runs(folder, plan, slot)

        return job

    def _mistaken(self, item: Mistaken) -> Callable[[int], Mapping[str, Runs]]:
        """Run a mistake on all that it could lose, and on the public cases only what it does lose."""

        def job(slot: int) -> Mapping[str, Runs]:
            folder = self.scratch / f"mistake-{item.name}".replace(" ", "")
            write_mistaken(self.reference, item, folder)
            checks = checks_to_run(self.lab, item)
            lost = [check for check in checks if check.id in item.loses]
            return self._runs(folder, {HIDDEN: checks, PUBLIC: lost}, slot)

        return job

    def _gradients(self, slot: int) -> list[PropertyResult]:
        folder = self.scratch / "reference-gradients"
        write_solution(self.reference, None, folder)
        with self.recorder.open_session(folder, slot) as session:
            of_inputs = run_properties(session, self.lab.checks, self.cases[HIDDEN], (GRADIENT,))
            return [*of_inputs, *parameter_gradients(session, self.lab.checks, self.cases[HIDDEN])]
