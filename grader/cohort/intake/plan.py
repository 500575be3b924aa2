"""What taking an export in would do: one line for each arrival, decided before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.intake.arrivals import Arrival, Person
from grader.cohort.intake.names import forms_of, plain_name
from grader.cohort.intake.originals import OriginalError, digest_of, digest_of_all, lay_out_paths
from grader.cohort.intake.work import NO_PROBLEM, make_work
from grader.cohort.running.scratch import scratch_folder
from grader.cohort.store.tables import Assignment, Extension, ExternalId, Student, Submission, SubmissionAuthor
from grader.language.message import Message, sentence
from grader.language.translation import _, marked
from grader.project.contract import Lab
from grader.report.progress import Progress


class State(str, Enum):
    """What is known of whose an arrival is."""

    RECOGNISED = "recognised"
    GUESSED = "guessed"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"


STATE_WORDS = {
    State.RECOGNISED: marked("recognised"),
    State.GUESSED: marked("guessed"),
    State.UNKNOWN: marked("unknown"),
    State.DUPLICATE: marked("duplicate"),
}


@dataclass
class Line:
    """One arrival with what was found out. ``students`` are ids; ``reason`` is for a person."""

    arrival: Arrival
    state: State
    students: tuple[Student, ...] = ()
    reason: str = ""
    number: int = 0
    hashes: dict[str, str] = field(default_factory=dict)
    sha256: str = ""
    collected: str = ""
    problem: Message = NO_PROBLEM
    notes: tuple[str, ...] = ()
    submitted_at: datetime | None = None
    late: bool = False
    gaps: tuple[str, ...] = ()


class People:
    """The course's students, found by id, address or name."""

    def __init__(self, session: Session, course_id: int) -> None:
        self.all = list(session.scalars(select(Student).where(Student.course_id == course_id)))
        by_id = {student.id: student for student in self.all}
        self.external = {
            (one.system, one.value): by_id[one.student_id]
            for one in session.scalars(select(ExternalId).where(ExternalId.course_id == course_id))
        }
        self.sids = {student.sid: student for student in self.all}
        self.emails = {student.email.casefold(): student for student in self.all if student.email}
        self.names: dict[str, set[int]] = {}
        for student in self.all:
            for form in forms_of(student.name):
                self.names.setdefault(form, set()).add(student.id)
        self._by_id = by_id

    def find(self, person: Person) -> tuple[Student | None, State, str]:
        """Return who a person is, how sure that is, and why not if it is not."""
        if person.external is not None and person.external in self.external:
            return self.external[person.external], State.RECOGNISED, ""
        if person.sid and person.sid in self.sids:
            return self.sids[person.sid], State.RECOGNISED, ""
        if person.email and person.email.casefold() in self.emails:
            return self.emails[person.email.casefold()], State.RECOGNISED, ""
        name = person.name or person.sid
        near = set().union(*(self.names.get(form, set()) for form in {plain_name(name), *forms_of(name)} if form))
        if len(near) == 1:
            student = self._by_id[near.pop()]
            return student, State.GUESSED, _("by the name {name}", name=student.name)
        if near:
            return None, State.UNKNOWN, _("{count} students have the name {name}", count=len(near), name=name)
        return None, State.UNKNOWN, _("nobody of this name or id is in the course")

    def team(self, name: str) -> tuple[Student, ...]:
        """Return the students of a group by its name."""
        wanted = plain_name(name)
        return tuple(student for student in self.all if wanted and plain_name(student.team) == wanted)


def plan(
    room: Classroom,
    session: Session,
    lab: Lab,
    arrivals: Sequence[Arrival],
    progress: Progress,
    *,
    file_times: bool = False,
) -> list[Line]:
    """Return what would be taken in; nothing is written.

    With ``file_times`` an attempt without a date gets the newest one of its files.
    """
    course = room.course(session)
    people = People(session, course.id)
    assignment = session.scalar(
        select(Assignment).where(Assignment.course_id == course.id, Assignment.lab == lab.name)
    )
    known = _known(session, assignment)
    numbers: Counter[int] = Counter({student: len(hashes) for student, hashes in known.items()})
    progress.total = len(arrivals)
    lines = []
    for arrival in sorted(arrivals, key=lambda one: (one.order, one.label)):
        line = _line(people, arrival)
        line.submitted_at = arrival.submitted_at or (_newest(arrival) if file_times else None)
        _look_inside(lab, line)
        for student in line.students:
            if line.sha256 in known.setdefault(student.id, set()):
                line.state, line.reason = State.DUPLICATE, _("this attempt was taken in before, or is there twice")
        if line.students and line.state is not State.DUPLICATE:
            line.number = 1 + max(numbers[student.id] for student in line.students)
            for student in line.students:
                numbers[student.id] = line.number
                known[student.id].add(line.sha256)
        line.late = arrival.marked_late or _is_late(session, assignment, line)
        lines.append(line)
        progress.advance()
    return lines


def _line(people: People, arrival: Arrival) -> Line:
    if not arrival.people:
        return Line(arrival, State.UNKNOWN, reason=_(arrival.problem) or _("the export does not say whose it is"))
    found: list[Student] = []
    state, reason = State.RECOGNISED, ""
    for person in arrival.people:
        student, how, why = people.find(person)
        if student is None:
            team = people.team(person.name) if len(arrival.people) == 1 else ()
            if team:
                return Line(arrival, State.RECOGNISED, team, _("group {name}", name=team[0].team))
            return Line(arrival, State.UNKNOWN, reason=why)
        found.append(student)
        if how is State.GUESSED:
            state, reason = how, why
    return Line(arrival, state, tuple(dict.fromkeys(found)), reason)


def _look_inside(lab: Lab, line: Line) -> None:
    """Fill in hashes, what would be graded, and what keeps it from being graded."""
    arrival = line.arrival
    line.problem = sentence(arrival.problem)
    try:
        line.hashes = {path: digest_of(file) for path, file in arrival.files.items()}
    except OriginalError as error:
        line.problem = error.message
        return
    line.sha256 = digest_of_all(line.hashes)
    if line.problem or not arrival.files:
        line.problem = line.problem or sentence("there is no file")
        return
    with scratch_folder("look") as folder:
        lay_out_paths(arrival.files, folder / "handed-in")
        work = make_work(lab, folder / "handed-in", folder / "work")
    line.collected, line.problem, line.notes, line.gaps = work.sha256, work.problem, work.notes, work.missing


def _newest(arrival: Arrival) -> datetime | None:
    times = [file.stat().st_mtime for file in arrival.files.values()]
    return datetime.fromtimestamp(max(times)).astimezone() if times else None


def _known(session: Session, assignment: Assignment | None) -> dict[int, set[str]]:
    """Return the hashes of what each student has handed in already."""
    found: dict[int, set[str]] = {}
    if assignment is not None:
        rows = session.execute(
            select(SubmissionAuthor.student_id, Submission.sha256)
            .join(Submission, Submission.id == SubmissionAuthor.submission_id)
            .where(Submission.assignment_id == assignment.id)
        )
        for student, sha256 in rows:
            found.setdefault(student, set()).add(sha256)
    return found


def _is_late(session: Session, assignment: Assignment | None, line: Line) -> bool:
    if assignment is None or assignment.due_at is None or line.submitted_at is None:
        return False
    ids = [student.id for student in line.students]
    granted = session.scalars(
        select(Extension.due_at).where(Extension.assignment_id == assignment.id, Extension.student_id.in_(ids))
    )
    due_at: datetime = max([assignment.due_at, *granted])
    return line.submitted_at > due_at


def missing_students(session: Session, room: Classroom, lines: Sequence[Line]) -> list[Student]:
    """Return the active students of whom nothing is in the export."""
    there = {student.id for line in lines for student in line.students}
    course = room.course(session)
    everyone = session.scalars(
        select(Student).where(Student.course_id == course.id, Student.active).order_by(Student.sid)
    )
    return [student for student in everyone if student.id not in there]


__all__ = ["STATE_WORDS", "Line", "People", "State", "missing_students", "plan"]
