"""Runs everything that publishing needs, several boxes at a time: reference, variants, skeleton, known mistakes."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.checks import Case, Check
from grader.contract import Lab
from grader.grading import by_groups
from grader.misconceptions import VARIANTS_NAME, Mistaken, write_mistaken, write_solution
from grader.progress import Progress
from grader.proof import checks_to_run
from grader.properties import PropertyResult, run_properties
from grader.recording import Recorder, Runs

GRADIENTS = "gradient agrees with central differences"
MAX_BOXES = 4
Cases = Mapping[str, Sequence[Case]]


@dataclass(frozen=True)
class Found:
    """What was run. All runs are by check id; variants and mistakes by name, mistakes also by kind of cases."""

    reference: Mapping[str, Runs]
    again: Runs
    skeleton: Runs
    variants: Mapping[str, Mapping[str, Runs]]
    mistakes: Mapping[str, Mapping[str, Runs]]
    gradients: Sequence[PropertyResult]


@dataclass(frozen=True)
class Workbench:
    """Everything that is to be run. ``scratch`` is an empty folder for the files of the solutions."""

    lab: Lab
    reference: Path
    scratch: Path
    recorder: Recorder
    cases: Mapping[str, Cases]
    mistakes: Sequence[Mistaken]
    progress: Progress

    def run(self) -> Found:
        """Run all of it, the longest first, on as many boxes as there are processors (at most four).

        Raises
        ------
        MisconceptionError : a mistake cannot be made from the reference.
        """
        kinds = list(self.cases)
        variants = sorted(folder.name for folder in (self.reference / VARIANTS_NAME).glob("*") if folder.is_dir())
        every = by_groups(list(self.lab.checks.values()))
        quick = [check for check in every if not check.slow]
        slots: queue.SimpleQueue[int] = queue.SimpleQueue()
        boxes = max(1, min(MAX_BOXES, os.cpu_count() or 1))
        for slot in range(boxes):
            slots.put(slot)
        with ThreadPoolExecutor(boxes, thread_name_prefix="box") as pool:

            def start(text: str, job: Callable[[int], Runs]) -> Future[Runs]:
                return pool.submit(self._in_slot, slots, text, job)

            reference = {kind: start("reference", self._job(None, every, kind)) for kind in kinds}
            others = {
                name: {
                    kind: start(f"variant {name}", self._job(name, every if kind == kinds[-1] else quick, kind))
                    for kind in kinds
                }
                for name in variants
            }
            wrong = {item.name: start(item.name, self._mistaken(item, kinds[-1])) for item in self.mistakes}
            wrong_public = {
                item.name: start(item.name, self._mistaken(item, kinds[0], item.loses)) for item in self.mistakes
            }
            skeleton = start("skeleton", self._skeleton(every, kinds[-1]))
            gradients = pool.submit(self._gradients, slots, kinds[-1])
            again = start("reference, once more", self._again(quick, kinds[-1]))
            jobs: list[Future[Runs]] = [
                *reference.values(),
                *wrong.values(),
                *wrong_public.values(),
                skeleton,
                again,
            ]
            jobs += [job for each in others.values() for job in each.values()]
            self.progress.total = len(jobs) + 1
            everything: list[Future[Any]] = [*jobs, gradients]
            for unfinished in wait(everything, return_when=FIRST_EXCEPTION).not_done:
                unfinished.cancel()
            return Found(
                {kind: job.result() for kind, job in reference.items()},
                again.result(),
                skeleton.result(),
                {name: {kind: job.result() for kind, job in each.items()} for name, each in others.items()},
                {
                    name: {kinds[-1]: job.result(), kinds[0]: wrong_public[name].result()}
                    for name, job in wrong.items()
                },
                gradients.result(),
            )

    def _in_slot(self, slots: queue.SimpleQueue[int], text: str, job: Callable[[int], Runs]) -> Runs:
        slot = slots.get()
        try:
            self.progress.step(text)
            found = job(slot)
            self.progress.advance()
            return {check: found[check] for check in self.lab.checks if check in found}
        finally:
            slots.put(slot)

    def _job(self, variant: str | None, checks: Sequence[Check], kind: str) -> Callable[[int], Runs]:
        def job(slot: int) -> Runs:
            folder = self.scratch / f"variant-{variant or ''}-{kind}"
            write_solution(self.reference, variant, folder)
            return self.recorder.run(folder, checks, self.cases[kind], slot)

        return job

    def _again(self, checks: Sequence[Check], kind: str) -> Callable[[int], Runs]:
        def job(slot: int) -> Runs:
            folder = self.scratch / "reference-again"
            write_solution(self.reference, None, folder)
            return self.recorder.fresh(folder, checks, self.cases[kind], slot)

        return job

    def _skeleton(self, checks: Sequence[Check], kind: str) -> Callable[[int], Runs]:
        def job(slot: int) -> Runs:
            folder = self.scratch / "skeleton"
            folder.mkdir()
            for file in self.lab.facts.files:
                (folder / file.path).write_bytes((self.lab.folder / file.path).read_bytes())
            return self.recorder.run(folder, checks, self.cases[kind], slot)

        return job

    def _mistaken(self, item: Mistaken, kind: str, only: Sequence[str] = ()) -> Callable[[int], Runs]:
        def job(slot: int) -> Runs:
            folder = self.scratch / f"mistake-{item.name}-{kind}".replace(" ", "")
            write_mistaken(self.reference, item, folder)
            checks = [check for check in checks_to_run(self.lab, item) if not only or check.id in only]
            return self.recorder.run(folder, by_groups(checks), self.cases[kind], slot)

        return job

    def _gradients(self, slots: queue.SimpleQueue[int], kind: str) -> list[PropertyResult]:
        slot = slots.get()
        try:
            self.progress.step("gradients of the reference")
            folder = self.scratch / "reference-gradients"
            write_solution(self.reference, None, folder)
            with self.recorder.open_session(folder, slot) as session:
                found = run_properties(session, self.lab.checks, self.cases[kind], (GRADIENTS,))
            self.progress.advance()
            return found
        finally:
            slots.put(slot)
