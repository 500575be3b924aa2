"""Writes what a plan says: originals first, then all rows in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.intake.originals import keep
from grader.cohort.intake.plan import Line, State
from grader.cohort.running.keys import lab_digest
from grader.cohort.store import events
from grader.cohort.store.sentences import kept
from grader.cohort.store.tables import (
    Assignment,
    Blob,
    ExternalId,
    Student,
    Submission,
    SubmissionAuthor,
    SubmissionFile,
)
from grader.cohort.store.types import now
from grader.project.contract import Lab


@dataclass(frozen=True)
class Taken:
    """How many attempts were taken in, how many of these cannot be graded, and what was left out."""

    submissions: int
    ungradable: int
    left_out: tuple[Line, ...]


def take(
    room: Classroom,
    session: Session,
    lab: Lab,
    lines: Sequence[Line],
    *,
    guesses: bool = False,
    unknown: bool = False,
) -> Taken:
    """Take in every line that is recognised; also guesses, and unknown ones as new students, if so decided.

    Raises
    ------
    EnvironmentFault : an original cannot be kept; the database is as it was before.
    """
    assignment = room.ensured_assignment(session, lab.name)
    wanted: list[Line] = []
    left_out: list[Line] = []
    for line in lines:
        fits = line.state is State.RECOGNISED or (line.state is State.GUESSED and guesses)
        addable = unknown and line.state is State.UNKNOWN and any(p.sid or p.external for p in line.arrival.people)
        (wanted if fits or addable else left_out).append(line)
    for line in wanted:
        for path, sha256 in line.hashes.items():
            keep(room.originals, line.arrival.files[path], sha256)
    ungradable, lab_sha256 = 0, lab_digest(lab)
    for line in wanted:
        ungradable += bool(line.problem)
        students = line.students or _new_students(room, session, line)
        _write(session, assignment, line, students, lab_sha256)
        _remember(session, line, students)
    events.record(session, "ingest", lab.name, after={"submissions": len(wanted), "left_out": len(left_out)})
    return Taken(len(wanted), ungradable, tuple(left_out))


def _new_students(room: Classroom, session: Session, line: Line) -> tuple[Student, ...]:
    course = room.course(session)
    found = []
    for person in line.arrival.people:
        sid = person.sid or "-".join(person.external or ())
        student = Student(
            course_id=course.id, sid=sid, name=person.name, email=person.email, pseudonym=room.pseudonym(sid)
        )
        session.add(student)
        found.append(student)
    session.flush()
    return tuple(found)


def _write(
    session: Session, assignment: Assignment, line: Line, students: Sequence[Student], lab_sha256: str
) -> None:
    submission = Submission(
        assignment_id=assignment.id,
        number=max(1, line.number),
        submitted_at=line.submitted_at,
        received_at=now(),
        source=line.arrival.source,
        original_name=line.arrival.label,
        sha256=line.sha256,
        collected_sha256=line.collected,
        lab_sha256=lab_sha256,
        marked_late=line.arrival.marked_late,
        problem=line.problem.english,
        reason=kept(line.problem),
        notes=list(line.notes),
    )
    session.add(submission)
    session.flush()
    session.add_all(SubmissionAuthor(submission_id=submission.id, student_id=student.id) for student in students)
    for path, sha256 in line.hashes.items():
        if session.get(Blob, sha256) is None:
            size = line.arrival.files[path].stat().st_size
            session.add(Blob(sha256=sha256, bytes_path=f"{sha256[:2]}/{sha256}", size=size))
            session.flush()
        session.add(SubmissionFile(submission_id=submission.id, path=path, sha256=sha256))
    session.flush()


def _remember(session: Session, line: Line, students: Sequence[Student]) -> None:
    """Keep the platform's own id of a student, so that the next export is recognised at sight."""
    people = line.arrival.people
    if len(people) != 1 or len(students) != 1 or people[0].external is None:
        return
    system, value = people[0].external
    student = students[0]
    known = session.scalar(
        select(ExternalId).where(
            ExternalId.course_id == student.course_id, ExternalId.system == system, ExternalId.value == value
        )
    )
    if known is None:
        session.add(ExternalId(course_id=student.course_id, student_id=student.id, system=system, value=value))
        session.flush()
