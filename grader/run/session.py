"""Runs checks of one submission in its box: load a case, run, fetch the arrays, all on the grader's clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from grader.jail import Arithmetic, Box, BoxLost, Ending, HostBusy, Level, Limits, View, Worker
from grader.jail.patience import MAX_SLOWNESS, Cancelled, Slowness, as_fast
from grader.lab.checks import Case, Check
from grader.language.errors import GraderFailed
from grader.language.message import Message, Words, sentence
from grader.project.contract import Lab
from grader.run.answers import MAX_NAMES, Answers, Frame
from grader.run.deriving import derive
from grader.run.vocabulary import Vocabulary
from grader.verdicts import Verdict

EXPERIMENT = "experiment"
LOAD_LIMIT_S = 30.0
PRINTED_TAIL_CHARACTERS = 1200


@dataclass(frozen=True)
class Outcome:
    """What one run of a check on one case gave. ``verdict`` is None when it ran and returned its outputs.

    A ``message`` that is a plain text, and such a note, is in the submission's own words.
    ``observed`` are outputs that are not compared: the course of a training.
    """

    verdict: Verdict | None
    message: Message | str = ""
    error_type: str = ""
    frames: tuple[Frame, ...] = ()
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    arrived_s: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    printed: str = ""
    notes: tuple[Message | str, ...] = ()
    names: tuple[Message | str, ...] = ()
    observed: Mapping[str, np.ndarray] = field(default_factory=dict)


class GraderFault(GraderFailed):
    """The grader's own machinery failed before student code ran, twice; nobody is charged for it."""


class Session:
    """One submission in one box. A group of checks shares a worker; after a crash the next check gets a new one."""

    def __init__(
        self,
        lab: Lab,
        view: View,
        *,
        level: Level | None = None,
        slot: int = 0,
        handler: str = "grader.inside.runner",
        arithmetic: Arithmetic | None = None,
        new_box: Callable[..., Box] = Box,
    ) -> None:
        limits = lab.facts.limits
        self.lab = lab
        self.box = new_box(
            view,
            Limits(
                memory_mib=limits.memory_mib,
                processes=limits.processes,
                disk_mib=limits.disk_mib,
                reply_mib=limits.reply_mib,
                threads=limits.threads,
                cpu_s=int(limits.submission_s * limits.threads * MAX_SLOWNESS),
            ),
            level,
            slot=slot,
            handler=handler,
            arithmetic=arithmetic,
        )
        self.student_s = 0.0
        self.used_s = 0.0
        self.peak_mib = 0.0
        self.slowness: Slowness = as_fast
        # Asked while a call runs; then `Cancelled` is raised out of it.
        self.cancelled: Callable[[], bool] | None = None
        self._measured = 0.0
        self._answers = Answers(lab.folder, view.submission)
        self._submission = view.submission
        self._vocabulary: Vocabulary | None = None
        self._worker: Worker | None = None
        self._group = ""
        self._met: set[str] = set()

    @property
    def vocabulary(self) -> Vocabulary:
        """What may be said of a hidden case."""
        if self._vocabulary is None:
            view = self.box.view
            self._vocabulary = Vocabulary.of(self.lab.folder, view.packages, self._submission)
        return self._vocabulary

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and the box; nothing of the submission is left afterwards."""
        self.end_worker()
        self.box.close()

    def renew(self, submission: Path) -> None:
        """Take other files of the submission: the box stays warm, the next check gets a fresh worker.

        What the files before have used of the time for a submission does not count any more.
        """
        self.end_worker()
        self.box.replace_submission(submission)
        self._answers = Answers(self.lab.folder, submission)
        self._submission, self._vocabulary = submission, None
        self.student_s = self.used_s = 0.0

    def end_worker(self) -> None:
        """End the worker, so that nothing of the submission runs; the next check starts a fresh one."""
        if self._worker is not None:
            usage = self._worker.close()
            self.peak_mib = max(self.peak_mib, usage.peak_mib)
            self._worker = None

    def forget_time(self) -> None:
        """Count the time that a submission may use from here on, for a solution that runs again and again."""
        self.student_s = self.used_s = 0.0

    def start_over(self) -> None:
        """Put a new box in the place of the old one: what the submission has kept on its disk is gone."""
        self.end_worker()
        self.box.restart()

    def run(self, check: Check, case: Case, rounding: int | None = None) -> Outcome:
        """Run ``check`` on ``case`` and return what came of it; never raises for the submission's faults.

        ``rounding`` is a seed by which what its layers return is moved a little; only publishing asks for that.
        """
        head = {"op": "run", "check": check.id} | ({} if rounding is None else {"rounding": rounding})
        if check.learning is None:
            outcome = self._request(head, check.id, check.group, check.limit_s, case)
            if check.derive is None:
                return outcome
            if outcome.verdict is not None:
                return replace(outcome, outputs={})
            verdict, message, outputs = derive(check, case, outcome.outputs, self.lab.folder)
            return replace(outcome, verdict=verdict, message=message, outputs=outputs)
        wanted = check.learning.predictions
        arrays = {name: array for name, array in case.arrays.items() if name != wanted}
        outcome = self._request(head, check.id, check.group, check.limit_s, replace(case, arrays=arrays))
        compared = {name: array for name, array in outcome.outputs.items() if name == wanted}
        observed = {name: array for name, array in outcome.outputs.items() if name != wanted}
        return replace(outcome, outputs=compared, observed=observed)

    def demo(self, case: Case, limit_s: float) -> Outcome:
        """Run the lab's demonstration on ``case``."""
        return self._request({"op": "demo"}, "demo", "demo", limit_s, case)

    def layers(self, case: Case, limit_s: float) -> Outcome:
        """Run a network of the submission once, as the lab measures its layers."""
        return self._request({"op": "layers"}, "layers", "layers", limit_s, case)

    def start(self, case: Case) -> Outcome:
        """Start the lab's experiment on ``case``; the outcome holds its first record (`experiment.records`)."""
        return self._request({"op": "start"}, "start", EXPERIMENT, None, case)

    def advance(self) -> Outcome:
        """Go on to the next record of the experiment that was started."""
        return self._request({"op": "advance"}, "advance", EXPERIMENT, None)

    def snapshot(self) -> Outcome:
        """Fetch what is to be kept of the record at which the experiment stands."""
        return self._request({"op": "snapshot"}, "snapshot", EXPERIMENT, None)

    def _request(
        self, head: Mapping[str, Any], name: str, group: str, limit_s: float | None, case: Case | None = None
    ) -> Outcome:
        try:
            return self._tried(head, name, group, limit_s, case, last=case is None)
        except BoxLost:
            # A host without memory or an administrator may have ended it; what ends a second one did it itself.
            self.end_worker()
            return self._tried(head, name, group, limit_s, case, last=True)

    def _tried(
        self,
        head: Mapping[str, Any],
        name: str,
        group: str,
        limit_s: float | None,
        case: Case | None,
        *,
        last: bool,
    ) -> Outcome:
        limits = self.lab.facts.limits
        left_s = limits.submission_s - self.used_s
        if left_s <= 0 and self._slower() > 1.0:
            left_s = limits.submission_s * min(self._slower(), MAX_SLOWNESS) - self.used_s
        if left_s <= 0:
            return Outcome(
                Verdict.TIMEOUT,
                sentence(
                    "the whole submission may use {submission_s} s of processor time, and they are used up",
                    submission_s=f"{limits.submission_s:g}",
                ),
            )
        first = name not in self._met
        limit_s = limit_s or (max(limits.first_call_s, limits.call_s) if first else limits.call_s)
        try:
            worker, load_s = self._loaded(group, case, left_s)
            allowed_s = min(limit_s, left_s)
            answer = worker.call(
                {**head, "limit_s": allowed_s},
                deadline_s=allowed_s,
                slowness=self._slower,
                cancelled=self.cancelled,
            )
        except Ending as ending:
            self.student_s += ending.seconds
            self.used_s += ending.used_s
            if isinstance(ending, BoxLost) and not last:
                raise
            return self._ended(ending)
        except Cancelled:
            self.end_worker()
            raise
        self._met.add(name)
        # Student code that runs while its case is loaded gains nothing: that time is its own, too.
        seconds = load_s + answer.seconds
        self.student_s += seconds
        self.used_s += answer.used_s
        self.peak_mib = max(self.peak_mib, worker.usage.peak_mib)
        printed = worker.printed()[-PRINTED_TAIL_CHARACTERS:]
        if answer.ok:
            return Outcome(
                None,
                outputs=answer.arrays,
                arrived_s=answer.arrived_s,
                seconds=seconds,
                printed=printed,
                notes=self._answers.notes(answer.info),
                names=self._answers.notes(answer.info, "names", MAX_NAMES),
            )
        verdict = self._answers.verdict(answer.info)
        return Outcome(
            verdict=verdict,
            message=self._with_limit(verdict, self._answers.message(answer.info)),
            error_type=self._answers.error_type(answer.info),
            frames=self._answers.frames(answer.info),
            outputs=answer.arrays,
            arrived_s=answer.arrived_s,
            seconds=seconds,
            printed=printed,
        )

    def _loaded(self, group: str, case: Case | None, left_s: float) -> tuple[Worker, float]:
        """Return a worker that holds the case, and how long it took; our own faults are retried once."""
        if case is None:
            if self._worker is None or self._group != group:
                raise RuntimeError("the experiment was not started, or has ended")
            return self._worker, 0.0
        head = {"op": "load", "case": case.name, "config": dict(case.config)}
        for last in (False, True):
            try:
                worker = self._worker_for(group)
                answer = worker.call(head, case.arrays, deadline_s=min(LOAD_LIMIT_S, left_s), slowness=self._slower)
                self.used_s += answer.used_s
                return worker, answer.seconds
            except Ending as ending:
                if ending.verdict is not Verdict.GRADER or isinstance(ending, HostBusy):
                    raise
                self.end_worker()
                if last:
                    raise GraderFault(ending.message) from ending
        raise AssertionError("unreachable")

    def _slower(self) -> float:
        """Return how many times slower this host is than that of publishing; measured once, when it matters."""
        if not self._measured:
            self._measured = self.slowness()
        return self._measured

    def _worker_for(self, group: str) -> Worker:
        if self._worker is not None and (group != self._group or not self._worker.alive):
            self.end_worker()
        if self._worker is None:
            self._worker = self.box.worker()
            self._group = group
            self._met.clear()
        return self._worker

    def _with_limit(self, verdict: Verdict, message: Message | str) -> Message | str:
        """Add which limit stands behind an error that the submission itself has seen."""
        limits = self.lab.facts.limits
        if verdict is Verdict.MEMORY:
            return sentence(
                "{message} ({memory_mib} MiB are allowed, {peak_mib} MiB were in use)",
                message=message if isinstance(message, Message) else Words(message),
                memory_mib=limits.memory_mib,
                peak_mib=f"{self.peak_mib:.0f}",
            )
        if verdict is Verdict.FLOOD:
            return sentence(
                "{message} (at most {disk_mib} MiB of files may be kept)",
                message=message if isinstance(message, Message) else Words(message),
                disk_mib=limits.disk_mib,
            )
        return message

    def _ended(self, ending: Ending) -> Outcome:
        printed = self._worker.printed() if self._worker is not None else ""
        printed, stood = self._answers.where_it_stood(printed)
        self.peak_mib = max(self.peak_mib, ending.usage.peak_mib)
        self.end_worker()
        return Outcome(
            ending.verdict,
            ending.message,
            frames=stood,
            outputs=ending.arrays,
            arrived_s=ending.arrived_s,
            seconds=ending.seconds,
            printed=printed[-PRINTED_TAIL_CHARACTERS:],
        )


class Running(Protocol):
    """What is needed of `grader.run.session.Session`."""

    def run(self, check: Check, case: Case, rounding: int | None = None) -> Outcome:
        """Run a check on a case and return what came of it."""

    def forget_time(self) -> None:
        """Count the time that a submission may use from here on."""
