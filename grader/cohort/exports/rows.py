"""What every export is made of: a grade for each student, with the names that pseudonyms stood for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.cohort.intake.names import plain_name
from grader.cohort.release.grades import Grade, grades_of
from grader.cohort.sheets import MARKED, Sheet, guarded, write_sheet
from grader.cohort.store import events
from grader.cohort.store.tables import Assignment, ExternalId
from grader.language.translation import _

LEFT_OUT = ".left-out.csv"


@dataclass(frozen=True)
class Row:
    """One student's line. ``external`` has all ids by platform; ``remark`` is for the student, plain text."""

    grade: Grade
    external: Mapping[str, tuple[str, ...]]
    remark: str

    @property
    def sid(self) -> str:
        """The student's id."""
        return self.grade.student.sid

    @property
    def who(self) -> tuple[str, str]:
        """Id and name, for the list of what was not written."""
        return self.grade.student.sid, self.grade.student.name


@dataclass
class Filled:
    """A sheet that was filled. ``left_out`` has (id, name, why) of everyone who is not in it with a grade."""

    sheet: Sheet
    written: int = 0
    left_out: list[tuple[str, str, str]] = field(default_factory=list)


class Finder:
    """Finds a student's row by what a platform writes about them."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self._external = {
            (system, value): row for row in self.rows for system, values in row.external.items() for value in values
        }
        self._sids = {row.sid: row for row in self.rows}
        self._emails = {row.grade.student.email.casefold(): row for row in self.rows if row.grade.student.email}
        names: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            names[plain_name(row.grade.student.name)].append(row)
        self._names = {name: found[0] for name, found in names.items() if name and len(found) == 1}

    def by_id(self, system: str, value: str) -> Row | None:
        """Return who has this id on a platform."""
        return self._external.get((system, value.strip()))

    def by_cell(self, *cells: str) -> Row | None:
        """Return whose id or address one of the cells is."""
        for cell in cells:
            found = self._sids.get(cell.strip()) or self._emails.get(cell.strip().casefold())
            if found is not None:
                return found
        return None

    def by_name(self, name: str) -> Row | None:
        """Return who alone has this name."""
        return self._names.get(plain_name(name))


def export_rows(session: Session, assignment: Assignment) -> list[Row]:
    """Return a line for every active student."""
    external: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in session.scalars(select(ExternalId).where(ExternalId.course_id == assignment.course_id)):
        external[one.student_id][one.system].append(one.value)
    return [
        Row(
            grade,
            {system: tuple(values) for system, values in external[grade.student.id].items()},
            remark_of(grade),
        )
        for grade in grades_of(session, assignment)
    ]


def remark_of(grade: Grade) -> str:
    """Return in one line what stands behind a grade."""
    if grade.final is None:
        return grade.why
    parts = []
    if grade.raw is not None:
        parts.append(_("{points} points", points=f"{grade.raw:g}"))
    if grade.late.reason:
        parts.append(grade.late.reason)
    parts += grade.reasons
    return "; ".join(parts)


def save(session: Session, assignment: Assignment, out: Path, filled: Filled) -> Path:
    """Write a filled sheet, and beside it who is not in it and why; return the place of the latter.

    The list carries the hash of the newest event: what was known when this was written can be proved later.

    Raises
    ------
    ReportError : a file cannot be written.
    """
    write_sheet(out, filled.sheet)
    return note_export(session, assignment, out, filled)


def note_export(session: Session, assignment: Assignment, out: Path, filled: Filled) -> Path:
    """Write who is not in an export and why, and note the export; return the place of the list."""
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    event = events.record(
        session,
        "export",
        assignment.lab,
        after={"file": out.name, "sha256": digest, "written": filled.written, "left_out": len(filled.left_out)},
    )
    rows = [[_("student"), _("name"), _("reason")]]
    rows += [[guarded(cell) for cell in line] for line in filled.left_out]
    rows.append(["", "", f"{out.name} sha256 {digest}, event {event.hash}"])
    beside = out.with_name(out.name + LEFT_OUT)
    write_sheet(beside, Sheet(rows, MARKED))
    return beside
