"""A run from its first row to its last: what is to be graded, under which conditions, and how it goes on."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.intake.originals import lay_out
from grader.cohort.intake.work import make_work
from grader.cohort.problems import CohortError, NothingDue
from grader.cohort.running.bookkeeping import enter_documents, require_fit
from grader.cohort.running.journal import Journal
from grader.cohort.running.keys import Conditions, require_same
from grader.cohort.running.scratch import scratch_folder
from grader.cohort.running.tasks import Outcome, Task
from grader.cohort.store import events
from grader.cohort.store.queries import DONE, QUEUED, attempts_of, current_gradings, files_of, insert_all
from grader.cohort.store.sentences import kept
from grader.cohort.store.tables import Assignment, Grading, Run, Submission
from grader.cohort.store.types import now
from grader.language.translation import chosen, marked
from grader.project.contract import Lab
from grader.project.places import Project

# Kinds of runs; shown through `_`.
GRADE, PREVIEW = marked("grade"), marked("preview")
BATCH = 200
# Any number, the same for all who begin runs.
RUN_LOCK = 7_201_521


@dataclass(frozen=True)
class Wanted:
    """What a run is asked to do.

    Attributes
    ----------
    kind : ``grade`` counts at once, ``preview`` only when it is applied.
    submissions : attempts by number in the gradebook; all that are due if empty.
    again : grade also what has a result under the same key.
    fresh : do not go on with an unfinished run.
    release_folder : fixtures of an earlier release; empty for those in use.
    """

    kind: str = GRADE
    submissions: tuple[int, ...] = ()
    again: bool = False
    fresh: bool = False
    release_folder: str = ""
    weights: str = ""
    allow_weak_jail: bool = False


@dataclass
class Plan:
    """A run that is ready to be driven. ``by_key`` has the attempts that share a key."""

    run_id: int
    conditions: Conditions
    tasks: list[Task]
    by_key: dict[str, list[int]]
    resumed: bool
    total: int
    ready: list[str] = field(default_factory=list)


class Runs:
    """The runs of one lab of a class."""

    def __init__(self, room: Classroom, project: Project, lab: Lab) -> None:
        self.room, self.project, self.lab = room, project, lab
        self.journal = Journal(room.folder)

    def begin(self, wanted: Wanted, conditions: Conditions, scheduler: str, *, only_resume: bool = False) -> Plan:
        """Make a run, or take up the unfinished one of the same kind; return what is left of it to do.

        Raises
        ------
        Refusal : the unfinished run began under other conditions.
        CohortError : there is nothing to grade, or to go on with if ``only_resume``.
        """
        self.journal.open()
        self.journal.tidy()
        with self.room.session() as session:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": RUN_LOCK})
            assignment = self.room.assignment(session, self.lab.name)
            self._look_again(session, assignment, conditions.lab_sha256)
            run = self._unfinished(session, assignment, wanted, conditions)
            resumed = run is not None
            if only_resume and not resumed:
                raise CohortError(
                    "no run of {lab} is unfinished; leave out --resume to begin one", lab=self.lab.name
                )
            run = run or self._new(session, assignment, wanted, conditions)
            rows = session.scalars(
                select(Grading).where(Grading.run_id == run.id, Grading.status == QUEUED).order_by(Grading.id)
            ).all()
            total = session.scalar(select(func.count()).select_from(Grading).where(Grading.run_id == run.id))
            by_key: dict[str, list[int]] = {}
            for row in rows:
                by_key.setdefault(row.key, []).append(row.submission_id)
            files = files_of(session, assignment.id)
            options = run.options
            tasks = [
                Task(
                    key=key,
                    classroom=str(self.room.folder),
                    project=str(self.project.root),
                    files=files.get(submissions[0], {}),
                    conditions=conditions,
                    run=run.id,
                    session=scheduler,
                    language=chosen(),
                    release_folder=options["release_folder"],
                    weights=options["weights"],
                    again=options["again"],
                    allow_weak_jail=options["allow_weak_jail"],
                )
                for key, submissions in by_key.items()
            ]
            run_id = run.id
        plan = Plan(run_id, conditions, tasks, by_key, resumed, total or 0)
        if not options["again"]:
            plan.ready = [key for key in by_key if self.journal.document(key) is not None]
            known = set(plan.ready)
            plan.tasks = [task for task in tasks if task.key not in known]
        return plan

    def settle(self, plan: Plan, batch: Sequence[tuple[Task, Outcome]]) -> list[dict[str, object]]:
        """Write what is final into the gradebook; return the documents.

        Raises
        ------
        Refusal : a document does not fit to the run.
        """
        return self.settle_keys(plan, [task.key for task, _ in batch])

    def settle_keys(self, plan: Plan, keys: Sequence[str]) -> list[dict[str, object]]:
        """Write results that are in the journal into the gradebook; return them."""
        documents = {}
        for key in keys:
            document = self.journal.document(key)
            if document is None:
                raise CohortError(
                    "{place} is gone though it was written; give the command again", place=self.journal.place(key)
                )
            require_fit(plan.conditions, key, document)
            documents[key] = document
        with self.room.session() as session:
            enter_documents(session, plan.run_id, plan.by_key, documents)
        return list(documents.values())

    def ready_batches(self, plan: Plan) -> Iterator[list[str]]:
        """Yield the keys that had a result before, a bounded number at a time."""
        for start in range(0, len(plan.ready), BATCH):
            yield plan.ready[start : start + BATCH]

    def finish(self, plan: Plan) -> bool:
        """Close the run if nothing of it is left to do; return whether it is closed."""
        with self.room.session() as session:
            left = session.scalar(
                select(func.count())
                .select_from(Grading)
                .where(Grading.run_id == plan.run_id, Grading.status == QUEUED)
            )
            run = session.get_one(Run, plan.run_id)
            if left or run.finished_at is not None:
                return not left
            run.finished_at = now()
            events.record(
                session, "run finished", f"run {run.id}", after={"kind": run.kind, "release": run.release}
            )
            return True

    def _unfinished(
        self, session: Session, assignment: Assignment, wanted: Wanted, conditions: Conditions
    ) -> Run | None:
        run = session.scalar(
            select(Run)
            .where(Run.assignment_id == assignment.id, Run.kind == wanted.kind, Run.finished_at.is_(None))
            .order_by(Run.id.desc())
        )
        if run is None:
            return None
        if wanted.fresh:
            run.finished_at = now()
            events.record(session, "run given up", f"run {run.id}")
            return None
        then = Conditions.of(run.options["conditions"])
        require_same(then, conditions)
        return run

    def _new(self, session: Session, assignment: Assignment, wanted: Wanted, conditions: Conditions) -> Run:
        due = self._due(session, assignment, wanted)
        if not due and (wanted.kind != GRADE or not attempts_of(session, assignment.id)):
            raise CohortError(
                "nothing of {lab} that can be graded was handed in; `python -m grader class status` shows what "
                "there is",
                lab=self.lab.name,
            )
        if not due:
            raise NothingDue(
                "nothing of {lab} is waiting to be graded; `python -m grader class status` shows what there is, "
                "and `class regrade` grades all of it again",
                lab=self.lab.name,
            )
        run = Run(
            assignment_id=assignment.id,
            kind=wanted.kind,
            started_at=now(),
            applied_at=now() if wanted.kind == GRADE else None,
            release=conditions.release,
            fixture_sha256=conditions.fixture_sha256,
            lab_sha256=conditions.lab_sha256,
            grader_version=conditions.grader_version,
            jail_level=conditions.jail_level,
            host=socket.gethostname(),
            options={
                "conditions": conditions.as_data(),
                "again": wanted.again,
                "release_folder": wanted.release_folder,
                "weights": wanted.weights,
                "allow_weak_jail": wanted.allow_weak_jail,
            },
            started_by=events.actor(),
        )
        session.add(run)
        session.flush()
        insert_all(
            session,
            Grading,
            [
                {
                    "run_id": run.id,
                    "submission_id": attempt.id,
                    "key": conditions.key(attempt.collected_sha256),
                    "status": QUEUED,
                }
                for attempt in due
            ],
        )
        events.record(
            session, "run begun", f"run {run.id}", after={"kind": run.kind, "release": run.release, "n": len(due)}
        )
        return run

    def _due(self, session: Session, assignment: Assignment, wanted: Wanted) -> list[Submission]:
        attempts = [one for one in attempts_of(session, assignment.id) if not one.problem]
        if wanted.submissions:
            known = {one.id for one in attempts}
            unknown = [number for number in wanted.submissions if number not in known]
            if unknown:
                raise CohortError(
                    "there is no attempt {unknown} of {lab} that can be graded",
                    unknown=unknown[0],
                    lab=self.lab.name,
                )
            return [one for one in attempts if one.id in wanted.submissions]
        if wanted.kind == PREVIEW:
            return attempts
        current = current_gradings(session, assignment.id)
        return [
            one for one in attempts if one.id not in current or (wanted.again and current[one.id].status != DONE)
        ]

    def _look_again(self, session: Session, assignment: Assignment, lab_sha256: str) -> None:
        """Find out anew what counts of attempts that were taken in under another version of the lab."""
        stale = [one for one in attempts_of(session, assignment.id) if one.lab_sha256 != lab_sha256]
        if not stale:
            return
        files = files_of(session, assignment.id)
        for attempt in stale:
            attempt.lab_sha256 = lab_sha256
            if not files.get(attempt.id):
                continue
            with scratch_folder("look") as folder:
                lay_out(Path(self.room.originals), files[attempt.id], folder / "handed-in")
                work = make_work(self.lab, folder / "handed-in", folder / "work")
            attempt.collected_sha256, attempt.notes = work.sha256, list(work.notes)
            attempt.problem, attempt.reason = work.problem.english, kept(work.problem)


def shard_of(tasks: Sequence[Task], shard: str) -> list[Task]:
    """Return the part ``i/n`` of tasks, the same for everyone who shares a run.

    Raises
    ------
    CohortError : it is not written as i/n.
    """
    number, _, count = shard.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise CohortError("--shard {shard}: expected i/n with 1 ≤ i ≤ n, such as 3/16", shard=shard)
    return [task for task in tasks if int(task.key[:8], 16) % int(count) == int(number) - 1]
