"""The tables of the gradebook. Attempts, runs and gradings are never changed; grades are derived from them.

Result documents are files named by the key of their grading (`grader.cohort.running.journal`); the rows here are an
index of them, and can be made again from them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from grader.cohort.store.types import Json, UtcDateTime

# Names for all constraints: SQLite can only alter a table by copying it, and that needs them.
NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: Json, list[str]: Json}  # noqa: RUF012


class Course(Base):
    """A course; due dates are entered in its time zone and kept in UTC."""

    __tablename__ = "course"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    timezone: Mapped[str]


class Student(Base):
    """A student. The pseudonym stands for the name everywhere but in exports."""

    __tablename__ = "student"
    __table_args__ = (UniqueConstraint("course_id", "sid"), UniqueConstraint("course_id", "pseudonym"))
    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    sid: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    section: Mapped[str] = mapped_column(default="")
    team: Mapped[str] = mapped_column(default="")
    pseudonym: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)


class ExternalId(Base):
    """What another system calls a student: Moodle's participant, Canvas's user, Blackboard's user name."""

    __tablename__ = "external_id"
    __table_args__ = (UniqueConstraint("course_id", "system", "value"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"), index=True)
    system: Mapped[str]
    value: Mapped[str]


class Assignment(Base):
    """A lab in a course, with its dates and rules. ``attempt`` is ``best``, ``last`` or ``chosen``."""

    __tablename__ = "assignment"
    __table_args__ = (UniqueConstraint("course_id", "lab"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    lab: Mapped[str]
    due_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    policy: Mapped[dict[str, Any]]
    attempt: Mapped[str] = mapped_column(default="best")
    max_points: Mapped[float] = mapped_column(default=100.0)


class Extension(Base):
    """More time for one student; the latest date granted counts."""

    __tablename__ = "extension"
    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), index=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    due_at: Mapped[datetime]
    reason: Mapped[str]
    granted_by: Mapped[str]
    granted_at: Mapped[datetime]


class Blob(Base):
    """One original file by its content, kept outside the database at ``bytes_path``."""

    __tablename__ = "blob"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    bytes_path: Mapped[str]
    size: Mapped[int]


class Submission(Base):
    """One attempt of a student or a group.

    ``problem`` says in English why it cannot be graded, empty if it can; ``reason`` is the same sentence in no
    language yet (`grader.cohort.store.sentences`). Rows of earlier graders have a finished sentence alone.
    """

    __tablename__ = "submission"
    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), index=True)
    number: Mapped[int]
    submitted_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    source: Mapped[str]
    original_name: Mapped[str]
    sha256: Mapped[str]
    collected_sha256: Mapped[str]
    lab_sha256: Mapped[str]
    marked_late: Mapped[bool] = mapped_column(default=False)
    problem: Mapped[str] = mapped_column(default="")
    reason: Mapped[dict[str, Any]] = mapped_column(default=dict)
    notes: Mapped[list[str]]


class SubmissionAuthor(Base):
    """Whose attempt it is; several in a group."""

    __tablename__ = "submission_author"
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"), primary_key=True, index=True)


class SubmissionFile(Base):
    """An original file of an attempt."""

    __tablename__ = "submission_file"
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256"))


class Run(Base):
    """One grading of many attempts with one release. ``applied_at`` is empty while it is only a preview."""

    __tablename__ = "run"
    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), index=True)
    kind: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    release: Mapped[str]
    fixture_sha256: Mapped[str]
    lab_sha256: Mapped[str]
    grader_version: Mapped[str]
    jail_level: Mapped[int]
    host: Mapped[str]
    options: Mapped[dict[str, Any]]
    started_by: Mapped[str]


class Grading(Base):
    """One attempt in one run. ``status`` is queued, done or failed; a ``held`` one waits for a person."""

    __tablename__ = "grading"
    __table_args__ = (UniqueConstraint("run_id", "submission_id"), Index("ix_grading_key", "key"))
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), index=True)
    key: Mapped[str]
    status: Mapped[str]
    score: Mapped[float | None]
    complete: Mapped[bool] = mapped_column(default=True)
    for_record: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    held: Mapped[bool] = mapped_column(default=False)
    total_s: Mapped[float] = mapped_column(default=0.0)
    student_s: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(default="")


class CheckRow(Base):
    """One check of one grading, for statistics and comparisons."""

    __tablename__ = "check_result"
    grading_id: Mapped[int] = mapped_column(ForeignKey("grading.id"), primary_key=True)
    check_id: Mapped[str] = mapped_column(primary_key=True)
    tier: Mapped[int | None]
    verdict: Mapped[str]
    cases_passed: Mapped[int]
    cases_total: Mapped[int]
    seconds: Mapped[float]
    misconception: Mapped[str | None]


class Adjustment(Base):
    """Points added by hand, or a score set by hand; it never changes a grading."""

    __tablename__ = "adjustment"
    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), index=True)
    points: Mapped[float | None]
    score: Mapped[float | None]
    reason: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]


class Choice(Base):
    """Which attempt counts for a student, where a person has chosen it; the latest choice counts."""

    __tablename__ = "choice"
    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"), index=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    reason: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]


class Appeal(Base):
    """A question about one check of one grading, and its answer."""

    __tablename__ = "appeal"
    id: Mapped[int] = mapped_column(primary_key=True)
    grading_id: Mapped[int] = mapped_column(ForeignKey("grading.id"), index=True)
    check_id: Mapped[str]
    opened_at: Mapped[datetime]
    text: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    answer: Mapped[str] = mapped_column(default="")
    by: Mapped[str] = mapped_column(default="")
    closed_at: Mapped[datetime | None]


class Event(Base):
    """What somebody did; each carries the hash of the one before, so that later edits show."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    prev_hash: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
