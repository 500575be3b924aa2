"""Grades: computed from gradings, times, adjustments and choices whenever they are asked for; never stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.cohort.release.late import Lateness, Policy, lateness, policy_of
from grader.cohort.store.queries import FAILED, attempts_of, authors_of, current_gradings
from grader.cohort.store.sentences import told
from grader.cohort.store.tables import (
    Adjustment,
    Assignment,
    Choice,
    Course,
    Extension,
    Grading,
    Student,
    Submission,
)
from grader.language.translation import _

FULL = 100.0


@dataclass(frozen=True)
class Grade:
    """What one student gets for one lab.

    Attributes
    ----------
    raw : points before lateness; None where nothing was graded.
    final : points that count; None where there is no grade, and ``why`` says why.
    adjusted : what was changed by hand, in points.
    """

    student: Student
    attempt: Submission | None = None
    grading: Grading | None = None
    raw: float | None = None
    late: Lateness = field(default_factory=Lateness)
    adjusted: float = 0.0
    final: float | None = None
    why: str = ""
    reasons: tuple[str, ...] = ()


def grades_of(session: Session, assignment: Assignment) -> list[Grade]:
    """Return the grade of every active student of the course for one lab, in the order of their ids."""
    course = session.get_one(Course, assignment.course_id)
    spent: dict[int, int] = defaultdict(int)
    if assignment.policy.get("kind") == "slip_days":
        others = session.scalars(select(Assignment).where(Assignment.course_id == course.id))
        for other in sorted(others, key=_in_order_of_dates):
            if other.id == assignment.id:
                break
            if other.policy.get("kind") == "slip_days":
                for grade in _Book(session, other, spent).grades():
                    spent[grade.student.id] += grade.late.slip_days
    return _Book(session, assignment, spent).grades()


def _in_order_of_dates(assignment: Assignment) -> tuple[bool, float, int]:
    due = assignment.due_at
    return (due is None, due.timestamp() if due else 0.0, assignment.id)


class _Book:
    """Everything that the grades of one lab depend on, read at once."""

    def __init__(self, session: Session, assignment: Assignment, spent: dict[int, int]) -> None:
        self.assignment = assignment
        self.policy: Policy = policy_of(assignment.policy)
        self.spent = spent
        self.students = session.scalars(
            select(Student).where(Student.course_id == assignment.course_id, Student.active).order_by(Student.sid)
        ).all()
        self.current = current_gradings(session, assignment.id)
        self.attempts: dict[int, list[Submission]] = defaultdict(list)
        authors = authors_of(session, assignment.id)
        for attempt in attempts_of(session, assignment.id):
            for student in authors.get(attempt.id, ()):
                self.attempts[student.id].append(attempt)
        self.extended: dict[int, datetime] = {}
        for extension in session.scalars(select(Extension).where(Extension.assignment_id == assignment.id)):
            before = self.extended.get(extension.student_id, extension.due_at)
            self.extended[extension.student_id] = max(before, extension.due_at)
        own = select(Submission.id).where(Submission.assignment_id == assignment.id)
        self.adjustments: dict[int, list[Adjustment]] = defaultdict(list)
        for one in session.scalars(
            select(Adjustment).where(Adjustment.submission_id.in_(own)).order_by(Adjustment.id)
        ):
            self.adjustments[one.submission_id].append(one)
        self.chosen = {
            one.student_id: one.submission_id
            for one in session.scalars(select(Choice).where(Choice.submission_id.in_(own)).order_by(Choice.id))
        }

    def grades(self) -> list[Grade]:
        """Return one grade for each student."""
        return [self._grade(student) for student in self.students]

    def _grade(self, student: Student) -> Grade:
        attempts = self.attempts.get(student.id, [])
        if not attempts:
            return Grade(student, why=_("nothing was handed in"))
        candidates = [self._of(student, attempt) for attempt in attempts]
        chosen = self.chosen.get(student.id)
        if chosen is not None:
            return next(grade for grade in candidates if grade.attempt is not None and grade.attempt.id == chosen)
        if self.assignment.attempt == "chosen":
            return candidates[-1] if len(candidates) == 1 else Grade(student, why=_("no attempt was chosen"))
        if self.assignment.attempt == "last":
            return candidates[-1]
        counted = [grade for grade in candidates if grade.final is not None]
        # Of equal ones the one that spends fewer of the course's free days, then the earlier.
        return (
            min(counted, key=lambda one: (-(one.final or 0.0), one.late.slip_days)) if counted else candidates[-1]
        )

    def _of(self, student: Student, attempt: Submission) -> Grade:
        grading = self.current.get(attempt.id)
        adjustments = self.adjustments.get(attempt.id, [])
        reasons = tuple(one.reason for one in adjustments)
        late = lateness(
            self.policy,
            attempt.submitted_at,
            self.assignment.due_at,
            extended=self.extended.get(student.id),
            closes=self.assignment.closes_at,
            slip_days_left=self.policy.days - self.spent[student.id],
            marked_late=attempt.marked_late,
        )
        full = self.assignment.max_points
        scored = grading is not None and grading.status != FAILED and grading.score is not None
        raw = (grading.score or 0.0) * full / FULL if grading is not None and scored else None
        before = min(raw * late.factor, late.cap * full) if raw is not None else None
        final = _adjusted(before, adjustments)
        if final is None:
            return Grade(student, attempt, grading, late=late, why=_why(attempt, grading), reasons=reasons)
        return Grade(
            student, attempt, grading, raw, late, final - (before or 0.0), max(0.0, final), reasons=reasons
        )


def _adjusted(points: float | None, adjustments: Sequence[Adjustment]) -> float | None:
    """Return points after what was decided by hand, in its order: a score replaces, points add."""
    for one in adjustments:
        if one.score is not None:
            points = one.score
        elif one.points is not None and points is not None:
            points += one.points
    return points


def _why(attempt: Submission, grading: Grading | None) -> str:
    if attempt.problem:
        return _("it cannot be graded: {why}", why=told(attempt.problem, attempt.reason))
    if grading is None:
        return _("it is not graded yet")
    return _("the grader failed: {why}", why=grading.message)
