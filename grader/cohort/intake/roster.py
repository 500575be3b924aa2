"""The list of a course's students: read from a CSV whose columns are found by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.problems import CohortError
from grader.cohort.sheets import column, read_sheet
from grader.cohort.store import events
from grader.cohort.store.tables import ExternalId, Student
from grader.language.translation import _

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "sid": ("student", "sid", "student id", "id number", "sis user id", "matriculation", "学号"),
    "name": ("name", "full name", "student name", "姓名"),
    "first": ("first name", "firstname", "given name", "名"),
    "last": ("last name", "lastname", "surname", "姓"),
    "email": ("email", "email address", "e-mail", "邮箱"),
    "section": ("section", "sections", "class", "班级"),
    "team": ("group", "team", "小组"),
}
SYSTEMS: Mapping[str, tuple[str, ...]] = {
    "moodle": ("moodle", "moodle id", "participant", "identifier"),
    "canvas": ("canvas", "canvas id"),
    "blackboard": ("blackboard", "blackboard username", "username"),
    "gradescope": ("gradescope", "gradescope id"),
}
# The field's name in tables, and its own.
ALIASES = {"group": "team"}
SHOWN = {own: shown for shown, own in ALIASES.items()}
# Moodle writes the number with a word in front, in whatever language.
MOODLE_PREFIX = " "


@dataclass(frozen=True)
class RosterLine:
    """One student as the list has them."""

    sid: str
    name: str = ""
    email: str = ""
    section: str = ""
    team: str = ""
    external: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RosterChange:
    """What a list would change. ``conflicts`` are rows that were left out, with the reason."""

    new: tuple[RosterLine, ...]
    changed: tuple[RosterLine, ...]
    same: int
    absent: tuple[str, ...]
    conflicts: tuple[str, ...]


def read_roster(path: Path, mapping: Mapping[str, str]) -> tuple[list[RosterLine], list[str]]:
    """Return the students of a CSV, and what is wrong with single rows.

    ``mapping`` names the column of a field (``sid``, ``name``, ``email``, ``section``, ``group`` or a platform)
    where it is not one of the usual names.

    Raises
    ------
    CohortError : there is no column of ids.
    """
    sheet = read_sheet(path)
    header = sheet.header
    mapping = {ALIASES.get(name, name): wanted for name, wanted in mapping.items()}
    places: dict[str, int] = {}
    for name, usual in {**COLUMNS, **SYSTEMS}.items():
        place = column(header, mapping[name]) if name in mapping else column(header, *usual)
        if name in mapping and place is None:
            raise CohortError(
                "{path} has no column {mapping}; it has: {names}",
                path=path,
                mapping=repr(mapping[name]),
                names=", ".join(header),
            )
        if place is not None:
            places[name] = place
    unknown = sorted(set(mapping) - set(COLUMNS) - set(SYSTEMS))
    if unknown:
        raise CohortError(
            "there is no field {unknown}; there are: {names}",
            unknown=repr(unknown[0]),
            names=", ".join(SHOWN.get(name, name) for name in {**COLUMNS, **SYSTEMS}),
        )
    if "sid" not in places:
        raise CohortError(
            "{path} has no column of student ids; it has: {names}. Name it with --column sid=NAME",
            path=path,
            names=", ".join(header),
        )
    lines: list[RosterLine] = []
    problems: list[str] = []
    seen: set[str] = set()
    for number, row in enumerate(sheet.rows[sheet.first + 1 :], sheet.first + 2):
        if not any(cell.strip() for cell in row):
            continue
        cells = {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
        sid = cells["sid"]
        if any(cell.strip() for cell in row[len(header) :]):
            # A comma in a name moves everything behind it into another column.
            problems.append(_("row {number}: more cells than the header has columns", number=number))
            continue
        if not sid or sid in seen:
            problems.append(
                _("row {number}: {sid} stands there twice", number=number, sid=sid)
                if sid
                else _("row {number}: no student id", number=number)
            )
            continue
        seen.add(sid)
        name = cells.get("name") or f"{cells.get('first', '')} {cells.get('last', '')}".strip()
        external = {system: cells[system] for system in SYSTEMS if cells.get(system)}
        if "moodle" in external:
            external["moodle"] = external["moodle"].rsplit(MOODLE_PREFIX, 1)[-1]
        lines.append(
            RosterLine(sid, name, cells.get("email", ""), cells.get("section", ""), cells.get("team", ""), external)
        )
    return lines, problems


def take_roster(room: Classroom, lines: list[RosterLine], problems: list[str], *, write: bool) -> RosterChange:
    """Compare a list with the course, and write what is new or changed if ``write``.

    Students who are not on the list stay; they are named, for a person to decide.
    """
    with room.session() as session:
        course = room.course(session)
        known = {one.sid: one for one in session.scalars(select(Student).where(Student.course_id == course.id))}
        owners = {
            (one.system, one.value): one.student_id
            for one in session.scalars(select(ExternalId).where(ExternalId.course_id == course.id))
        }
        new, changed, conflicts, same = [], [], list(problems), 0
        for line in lines:
            student = known.get(line.sid)
            taken = [
                key
                for key in line.external.items()
                if key in owners and (student is None or owners[key] != student.id)
            ]
            if taken:
                system, value = taken[0]
                conflicts.append(
                    _(
                        "{sid}: {value} in {system} belongs to another student",
                        sid=line.sid,
                        value=value,
                        system=system,
                    )
                )
                continue
            if student is None:
                new.append(line)
            elif _differs(session, student, line):
                changed.append(line)
            else:
                same += 1
            if write:
                written = student or Student(course_id=course.id, sid=line.sid, pseudonym=room.pseudonym(line.sid))
                _write(session, written, line)
                for key in line.external.items():
                    owners[key] = written.id
        absent = tuple(sorted(set(known) - {line.sid for line in lines}))
        if write:
            events.record(session, "roster", course.name, after={"new": len(new), "changed": len(changed)})
        return RosterChange(tuple(new), tuple(changed), same, absent, tuple(conflicts))


def _differs(session: Session, student: Student, line: RosterLine) -> bool:
    rows = session.scalars(select(ExternalId).where(ExternalId.student_id == student.id))
    own = {(one.system, one.value) for one in rows}
    fields = ("name", "email", "section", "team")
    return any(getattr(line, name) and getattr(line, name) != getattr(student, name) for name in fields) or any(
        item not in own for item in line.external.items()
    )


def _write(session: Session, student: Student, line: RosterLine) -> None:
    for name in ("name", "email", "section", "team"):
        # A column that is absent or empty takes nothing away.
        if getattr(line, name):
            setattr(student, name, getattr(line, name))
    session.add(student)
    session.flush()
    for system, value in line.external.items():
        # Moodle has another number for each assignment, so a student may have several.
        known = session.scalar(
            select(ExternalId).where(
                ExternalId.student_id == student.id, ExternalId.system == system, ExternalId.value == value
            )
        )
        if known is None:
            session.add(ExternalId(course_id=student.course_id, student_id=student.id, system=system, value=value))
    session.flush()
