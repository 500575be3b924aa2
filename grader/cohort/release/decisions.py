"""What a person decides: rules, extensions, adjustments, chosen attempts, appeals. Each leaves an event."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.problems import CohortError
from grader.cohort.release.late import policy_of
from grader.cohort.store import events
from grader.cohort.store.queries import current_gradings
from grader.cohort.store.tables import (
    Adjustment,
    Appeal,
    Assignment,
    CheckRow,
    Choice,
    Extension,
    Grading,
    Student,
    Submission,
    SubmissionAuthor,
)
from grader.cohort.store.types import now
from grader.language.translation import marked

ATTEMPT_RULES = (marked("best"), marked("last"), marked("chosen"))
OPEN, ACCEPTED, REJECTED = "open", "accepted", "rejected"


def student_of(room: Classroom, session: Session, who: str) -> Student:
    """Return a student by id, pseudonym or address.

    Raises
    ------
    CohortError : there is none.
    """
    course = room.course(session)
    for column in (Student.sid, Student.pseudonym, Student.email):
        found = session.scalar(select(Student).where(Student.course_id == course.id, column == who))
        if found is not None and who:
            return found
    raise CohortError(
        "there is no student {who} in {course}; give an id, a pseudonym or an address",
        who=repr(who),
        course=course.name,
    )


def attempt_of(session: Session, assignment: Assignment, student: Student, number: int | None) -> Submission:
    """Return an attempt of a student by its number, or the only or last one.

    Raises
    ------
    CohortError : there is none.
    """
    attempts = session.scalars(
        select(Submission)
        .join(SubmissionAuthor, SubmissionAuthor.submission_id == Submission.id)
        .where(Submission.assignment_id == assignment.id, SubmissionAuthor.student_id == student.id)
        .order_by(Submission.number, Submission.id)
    ).all()
    found = [one for one in attempts if number is None or one.number == number]
    if not found:
        if not attempts:
            raise CohortError("{sid} has handed in nothing of {lab}", sid=student.sid, lab=assignment.lab)
        numbers = ", ".join(str(one.number) for one in attempts)
        raise CohortError(
            "{sid} has no such attempt of {lab} (asked for: {number}); there are: {numbers}",
            sid=student.sid,
            lab=assignment.lab,
            number=number,
            numbers=numbers,
        )
    return found[-1]


def set_rules(session: Session, assignment: Assignment, **changes: object) -> None:
    """Change dates, rule for late work, counting attempt or points of a lab; None leaves as it is."""
    wanted = {name: value for name, value in changes.items() if value is not None}
    if "policy" in wanted:
        policy_of(wanted["policy"])  # type: ignore[arg-type]
    if wanted.get("attempt", "best") not in ATTEMPT_RULES:
        raise CohortError(
            "there is no rule {wanted}; there are: {names}",
            wanted=repr(wanted["attempt"]),
            names=", ".join(ATTEMPT_RULES),
        )
    before = {name: _plain(getattr(assignment, name)) for name in wanted}
    for name, value in wanted.items():
        setattr(assignment, name, value)
    after = {name: _plain(value) for name, value in wanted.items()}
    events.record(session, "rules", assignment.lab, before=before, after=after)


def extend(session: Session, assignment: Assignment, student: Student, due_at: datetime, reason: str) -> None:
    """Give one student more time."""
    session.add(
        Extension(
            assignment_id=assignment.id,
            student_id=student.id,
            due_at=due_at,
            reason=reason,
            granted_by=events.actor(),
            granted_at=now(),
        )
    )
    after = {"due_at": due_at.isoformat(), "reason": reason}
    events.record(session, "extension", f"{assignment.lab} {student.pseudonym}", after=after)


def adjust(
    session: Session, attempt: Submission, *, points: float | None, score: float | None, reason: str
) -> None:
    """Add points to an attempt, or set its score; its grading stays as it is.

    Raises
    ------
    CohortError : neither or both are given, no reason, or a score that the lab cannot give.
    """
    if (points is None) == (score is None):
        raise CohortError("give either --points to add or --score to set")
    full = session.get_one(Assignment, attempt.assignment_id).max_points
    if score is not None and not 0 <= score <= full:
        raise CohortError("a score lies between 0 and {full}; --points gives more on top", full=f"{full:g}")
    if not reason.strip():
        raise CohortError("an adjustment needs a reason, which is kept and shown to the student")
    session.add(
        Adjustment(submission_id=attempt.id, points=points, score=score, reason=reason, by=events.actor(), at=now())
    )
    after = {"points": points, "score": score, "reason": reason}
    events.record(session, "adjustment", f"attempt {attempt.id}", after=after)


def choose(session: Session, attempt: Submission, student: Student, reason: str) -> None:
    """Let this attempt count for a student."""
    session.add(Choice(student_id=student.id, submission_id=attempt.id, reason=reason, by=events.actor(), at=now()))
    after = {"attempt": attempt.number, "reason": reason}
    events.record(session, "choice", f"attempt {attempt.id} {student.pseudonym}", after=after)


def open_appeal(session: Session, assignment: Assignment, attempt: Submission, check: str, text: str) -> Appeal:
    """Note a question about one check of the current grading of an attempt.

    Raises
    ------
    CohortError : it is not graded, or has no such check.
    """
    grading = current_gradings(session, assignment.id).get(attempt.id)
    if grading is None:
        raise CohortError(
            "attempt {number} of {lab} is not graded yet; there is nothing to appeal",
            number=attempt.number,
            lab=assignment.lab,
        )
    if session.get(CheckRow, (grading.id, check)) is None:
        known = session.scalars(select(CheckRow.check_id).where(CheckRow.grading_id == grading.id)).all()
        raise CohortError(
            "{lab} has no check {check}; it has: {names}",
            lab=assignment.lab,
            check=repr(check),
            names=", ".join(known),
        )
    appeal = Appeal(grading_id=grading.id, check_id=check, opened_at=now(), text=text)
    session.add(appeal)
    session.flush()
    events.record(session, "appeal", f"appeal {appeal.id}", after={"grading": grading.id, "check": check})
    return appeal


def answer_appeal(session: Session, number: int, answer: str, *, accepted: bool) -> Appeal:
    """Close an appeal; what follows from it is an adjustment or a regrade.

    Raises
    ------
    CohortError : there is no such open appeal, or no answer.
    """
    appeal = session.get(Appeal, number)
    if appeal is None or appeal.state != OPEN:
        raise CohortError(
            "there is no open appeal {number}; `python -m grader class appeals LAB` lists them", number=number
        )
    if not answer.strip():
        raise CohortError("an appeal is closed with an answer, which is kept")
    appeal.state = ACCEPTED if accepted else REJECTED
    appeal.answer, appeal.by, appeal.closed_at = answer, events.actor(), now()
    events.record(session, "appeal closed", f"appeal {number}", after={"state": appeal.state})
    return appeal


def appeals_of(
    session: Session, assignment: Assignment, *, closed: bool = False
) -> list[tuple[Appeal, Grading, Submission]]:
    """Return the open appeals of a lab, or all."""
    statement = (
        select(Appeal, Grading, Submission)
        .join(Grading, Grading.id == Appeal.grading_id)
        .join(Submission, Submission.id == Grading.submission_id)
        .where(Submission.assignment_id == assignment.id)
        .order_by(Appeal.id)
    )
    if not closed:
        statement = statement.where(Appeal.state == OPEN)
    return [(appeal, grading, attempt) for appeal, grading, attempt in session.execute(statement)]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
