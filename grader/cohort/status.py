"""Where a class stands: for each lab what was handed in, graded, and waits for a person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.store.queries import FAILED, QUEUED, current_gradings
from grader.cohort.store.sentences import told
from grader.cohort.store.tables import (
    Adjustment,
    Appeal,
    Assignment,
    Grading,
    Run,
    Student,
    Submission,
    SubmissionAuthor,
)


@dataclass
class LabStatus:
    """One lab. ``problems`` are attempts that cannot be graded, ``failed`` those at which the grader failed."""

    lab: str
    due_at: datetime | None
    students: int
    attempts: int
    with_attempt: int
    graded: int
    waiting: int
    scores: dict[float, int] = field(default_factory=dict)
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)
    held: int = 0
    open_appeals: int = 0
    unfinished: list[tuple[int, str, int]] = field(default_factory=list)

    @property
    def needs_person(self) -> bool:
        """Whether somebody must look."""
        return bool(self.problems or self.failed or self.held or self.open_appeals)


def status_of(room: Classroom, session: Session) -> list[LabStatus]:
    """Return the state of every lab of the class."""
    course = room.course(session)
    students = session.scalar(
        select(func.count()).select_from(Student).where(Student.course_id == course.id, Student.active)
    )
    labs = session.scalars(select(Assignment).where(Assignment.course_id == course.id).order_by(Assignment.lab))
    return [_status(session, assignment, students or 0) for assignment in labs]


def _status(session: Session, assignment: Assignment, students: int) -> LabStatus:
    rows = session.execute(
        select(Submission.id, Submission.original_name, Submission.problem, Submission.reason).where(
            Submission.assignment_id == assignment.id
        )
    ).all()
    # What a person has set a score for needs nobody any more.
    settled = set(session.scalars(select(Adjustment.submission_id).where(Adjustment.score.is_not(None))))
    problems = [
        (row.id, row.original_name, told(row.problem, row.reason))
        for row in rows
        if row.problem and row.id not in settled
    ]
    current = current_gradings(session, assignment.id)
    gradable = [row.id for row in rows if not row.problem]
    own = select(Submission.id).where(Submission.assignment_id == assignment.id)
    handed_in = session.scalar(
        select(func.count(func.distinct(SubmissionAuthor.student_id))).where(
            SubmissionAuthor.submission_id.in_(own)
        )
    )
    scores = Counter(one.score for one in current.values() if one.score is not None)
    held = session.scalar(
        select(func.count()).select_from(Grading).where(Grading.held, Grading.submission_id.in_(own))
    )
    appeals = session.scalar(
        select(func.count())
        .select_from(Appeal)
        .join(Grading, Grading.id == Appeal.grading_id)
        .where(Appeal.state == "open", Grading.submission_id.in_(own))
    )
    unfinished = session.execute(
        select(Run.id, Run.kind, func.count(Grading.id))
        .join(Grading, Grading.run_id == Run.id)
        .where(Run.assignment_id == assignment.id, Run.finished_at.is_(None), Grading.status == QUEUED)
        .group_by(Run.id, Run.kind)
    )
    return LabStatus(
        lab=assignment.lab,
        due_at=assignment.due_at,
        students=students,
        attempts=len(rows),
        with_attempt=handed_in or 0,
        graded=len(current),
        waiting=sum(number not in current for number in gradable),
        scores=dict(sorted(scores.items(), reverse=True)),
        problems=problems,
        failed=[
            (one.submission_id, one.message)
            for one in current.values()
            if one.status == FAILED and one.submission_id not in settled
        ],
        held=held or 0,
        open_appeals=appeals or 0,
        unfinished=[(run, kind, left) for run, kind, left in unfinished],
    )
