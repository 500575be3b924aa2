"""What is asked of the gradebook in several places."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from grader.cohort.store.tables import Base, Grading, Run, Student, Submission, SubmissionAuthor, SubmissionFile

DONE, FAILED, QUEUED = "done", "failed", "queued"
# SQLite takes at most so many values in one statement.
ROWS_AT_ONCE = 500


def current_gradings(session: Session, assignment_id: int) -> dict[int, Grading]:
    """Return the grading that counts for each attempt: of the run that was applied last, unless it is held back."""
    rows = session.execute(
        select(Grading)
        .join(Run, Run.id == Grading.run_id)
        .where(
            Run.assignment_id == assignment_id,
            Run.applied_at.is_not(None),
            Grading.status.in_((DONE, FAILED)),
            Grading.held.is_(False),
        )
        .order_by(Run.applied_at, Run.id)
    )
    return {grading.submission_id: grading for (grading,) in rows}


def attempts_of(session: Session, assignment_id: int) -> list[Submission]:
    """Return all attempts, in the order in which they came."""
    return list(
        session.scalars(select(Submission).where(Submission.assignment_id == assignment_id).order_by(Submission.id))
    )


def authors_of(session: Session, assignment_id: int) -> dict[int, list[Student]]:
    """Return the authors of each attempt."""
    found: dict[int, list[Student]] = {}
    rows = session.execute(
        select(SubmissionAuthor.submission_id, Student)
        .join(Student, Student.id == SubmissionAuthor.student_id)
        .join(Submission, Submission.id == SubmissionAuthor.submission_id)
        .where(Submission.assignment_id == assignment_id)
        .order_by(SubmissionAuthor.submission_id, Student.sid)
    )
    for submission, student in rows:
        found.setdefault(submission, []).append(student)
    return found


def files_of(session: Session, assignment_id: int) -> dict[int, dict[str, str]]:
    """Return the originals of each attempt, path to hash."""
    found: dict[int, dict[str, str]] = {}
    rows = session.execute(
        select(SubmissionFile.submission_id, SubmissionFile.path, SubmissionFile.sha256)
        .join(Submission, Submission.id == SubmissionFile.submission_id)
        .where(Submission.assignment_id == assignment_id)
    )
    for submission, path, sha256 in rows:
        found.setdefault(submission, {})[path] = sha256
    return found


def insert_all(session: Session, table: type[Base], rows: Iterable[dict[str, Any]]) -> None:
    """Insert many rows in few statements."""
    waiting = list(rows)
    for start in range(0, len(waiting), ROWS_AT_ONCE):
        session.execute(insert(table), waiting[start : start + ROWS_AT_ONCE])
