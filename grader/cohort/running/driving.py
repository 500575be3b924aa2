"""Drives a planned run to its end, and says how it goes."""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from grader.cohort.problems import CohortError
from grader.cohort.running.runs import Plan, Runs
from grader.cohort.running.scheduler import Summary, drive
from grader.cohort.running.scratch import sweep
from grader.cohort.running.tasks import Backend, Outcome, Task
from grader.language.numbers import duration
from grader.language.translation import _
from grader.project.contract import Lab
from grader.report.progress import Progress

GRADE_WITH = "grader.cohort.task"
# Beyond what a submission may take: fixtures, boxes, looks at the reference, and grading it a second time.
GRADER_LIMIT_S = 1800.0


@dataclass
class Tally:
    """What has been graded so far, for the line of progress."""

    total: int
    done: int = 0
    scores: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    def add(self, documents: Sequence[dict[str, object]], gradings: int) -> None:
        """Count documents, which stand for ``gradings`` attempts."""
        self.done += gradings
        for document in documents:
            checks = document["checks"]
            failed = any(check["verdict"] == "grader" for check in checks)  # type: ignore[attr-defined]
            self.scores["grader" if failed else str(document["score"])] += 1

    def text(self) -> str:
        """Return scores, rate and remaining time in one line."""
        parts = [f"{count}×{score}" for score, count in sorted(self.scores.items(), key=_by_score)]
        spent_s = time.monotonic() - self.began
        if self.done and self.done < self.total:
            rate = self.done / spent_s
            parts.append(
                _(
                    "{rate}/min, {left} left",
                    rate=f"{60 * rate:.0f}",
                    left=duration((self.total - self.done) / rate),
                )
            )
        return "  ".join(parts)


def _by_score(item: tuple[str, int]) -> tuple[bool, float]:
    score = item[0]
    return (not score.isdigit(), -float(score) if score.isdigit() else 0.0)


def new_scheduler() -> str:
    """Return a name for a scheduler that no other has."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


def drive_run(runs: Runs, plan: Plan, open_backend: Callable[[], Backend], progress: Progress) -> Summary:
    """Grade what is left of a run; at the end all of it is in the gradebook.

    Raises
    ------
    EnvironmentFault, Refusal : as `grader.cohort.running.scheduler.drive`.
    """
    sweep()
    progress.total = sum(len(ids) for ids in plan.by_key.values())
    tally = Tally(progress.total)

    def count(keys: Sequence[str], documents: Sequence[dict[str, object]]) -> None:
        gradings = sum(len(plan.by_key[key]) for key in keys)
        tally.add(documents, gradings)
        progress.advance(gradings)
        progress.step(tally.text())

    for keys in runs.ready_batches(plan):
        count(keys, runs.settle_keys(plan, keys))

    def settle(batch: list[tuple[Task, Outcome]]) -> None:
        count([task.key for task, _outcome in batch], runs.settle(plan, batch))

    summary = Summary()
    if plan.tasks:
        backend = open_backend()
        try:
            summary = drive(plan.tasks, backend, settle)
        finally:
            backend.close()
            sweep()
            runs.journal.tidy()
    runs.finish(plan)
    return summary


def backend_for(lab: Lab, jobs: int | None, cluster: str | None, security: dict[str, str]) -> Callable[[], Backend]:
    """Return what opens the back end that was asked for.

    Raises
    ------
    CohortError : both were asked for.
    """
    from grader.cohort.running.slots import slots_here

    threads = lab.facts.limits.threads
    if cluster is not None:
        if jobs is not None:
            raise CohortError("--jobs is for this host; with --cluster the number of workers decides")

        def on_cluster() -> Backend:
            from grader.cohort.running.cluster import Cluster

            return Cluster(cluster, threads, GRADE_WITH, security)

        return on_cluster

    def on_this_host() -> Backend:
        from grader.cohort.running.pool import Pool

        limit_s = 2 * lab.facts.limits.submission_s + GRADER_LIMIT_S
        return Pool(jobs or slots_here(threads), threads, GRADE_WITH, limit_s)

    return on_this_host
