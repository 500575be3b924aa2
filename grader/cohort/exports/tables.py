"""Tables from nothing: a plain one that Excel opens, and one in the columns of Gradescope's grades."""

from __future__ import annotations

from collections.abc import Sequence

from grader.cohort.classroom import Classroom
from grader.cohort.exports.rows import Filled, Row
from grader.cohort.sheets import MARKED, Sheet, guarded, number_text
from grader.language.translation import _, marked

PLAIN = (
    marked("student id"), marked("name"), marked("email"), marked("section"), marked("attempt"),
    marked("handed in at"), marked("points before lateness"), marked("lateness"), marked("by hand"),
    marked("points"), marked("remark"),
)  # fmt: skip
GRADESCOPE = (
    "First Name", "Last Name", "SID", "Email", "Sections", "Total Score", "Max Points", "Status", "Submission ID",
    "Submission Time", "Lateness (H:M:S)",
)  # fmt: skip
GRADED, MISSING, UNGRADED = "Graded", "Missing", "Ungraded"


def plain_table(room: Classroom, rows: Sequence[Row]) -> Filled:
    """Return one line for every student, graded or not."""
    filled = Filled(Sheet([[_(name) for name in PLAIN]], MARKED))
    for row in rows:
        grade, student = row.grade, row.grade.student
        filled.sheet.rows.append(
            [
                guarded(student.sid),
                guarded(student.name),
                guarded(student.email),
                guarded(student.section),
                guarded(grade.attempt.number if grade.attempt else None),
                room.shown(grade.attempt.submitted_at) if grade.attempt else "",
                guarded(grade.raw),
                guarded(grade.late.reason),
                guarded(grade.adjusted or None),
                guarded(grade.final),
                guarded(row.remark),
            ]
        )
        if grade.final is None:
            filled.left_out.append((*row.who, grade.why))
        else:
            filled.written += 1
    return filled


def gradescope_table(rows: Sequence[Row], max_points: float) -> Filled:
    """Return the grades in the columns in which Gradescope itself writes them."""
    filled = Filled(Sheet([list(GRADESCOPE)], MARKED))
    for row in rows:
        grade, student = row.grade, row.grade.student
        first, _blank, last = student.name.rpartition(" ")
        graded = grade.final is not None
        status = GRADED if graded else UNGRADED if grade.attempt else MISSING
        submitted = grade.attempt.submitted_at if grade.attempt else None
        filled.sheet.rows.append(
            [
                guarded(first),
                guarded(last),
                guarded(student.sid),
                guarded(student.email),
                guarded(student.section),
                number_text(grade.final) if grade.final is not None else "",
                number_text(max_points),
                status,
                str(grade.attempt.id) if grade.attempt else "",
                submitted.isoformat(" ", "seconds") if submitted else "",
                _hours(grade.late.late_s),
            ]
        )
        if graded:
            filled.written += 1
        else:
            filled.left_out.append((*row.who, grade.why))
    return filled


def _hours(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
