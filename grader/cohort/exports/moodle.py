"""Moodle's offline grading worksheet and feedback zip (assignfeedback_offline, assignfeedback_file).

Headers are in the teacher's language, so a sheet is never written from nothing: the one that Moodle gave is filled.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterable, Sequence

from grader.cohort.exports.rows import Filled, Finder, Row
from grader.cohort.problems import CohortError
from grader.cohort.sheets import Sheet, column, number_text
from grader.language.translation import _

IDENTIFIER = re.compile(r"(\d+)\s*$")
NUMBER = re.compile(r"^\d+(?:[.,]\d+)?$")
# Where a language is not here, the columns are found by what stands in them.
GRADE_NAMES = ("Grade", "Bewertung", "Note", "Calificación", "Valutazione", "成绩", "分数", "评分")
FEEDBACK_NAMES = (
    "Feedback comments", "Feedback als Kommentar", "Feedback par commentaires", "Comentarios de retroalimentación",
    "反馈评语", "反馈意见", "评语",
)  # fmt: skip
LOCKED = frozenset(("no", "nein", "non", "否", "不"))
# The same for every zip of equal content.
FIXED_DATE = (2000, 1, 1, 0, 0, 0)


def fill_moodle(sheet: Sheet, rows: Sequence[Row], *, grade: str | None, feedback: str | None) -> Filled:
    """Fill grades and comments into a worksheet; every other cell stays as it is.

    Parameters
    ----------
    grade, feedback : headers of the two columns, where they are not found by themselves.

    Raises
    ------
    CohortError : a column is not found, or a rubric makes Moodle leave the sheet out.
    """
    header, finder = sheet.header, Finder(rows)
    body = sheet.rows[sheet.first + 1 :]
    grades = _named(header, grade) if grade else _grade_column(header, body)
    comments = _named(header, feedback) if feedback else _feedback_column(header)
    maximum = grades + 1 if grades + 1 < len(header) else None
    comma = any(maximum is not None and "," in _cell(row, maximum) for row in body)
    filled = Filled(
        Sheet([list(row) for row in sheet.rows], sheet.encoding, sheet.separator, sheet.line_end, sheet.quote_all)
    )
    met: set[str] = set()
    for row in filled.sheet.rows[sheet.first + 1 :]:
        if not any(cell.strip() for cell in row):
            continue
        found = _who(finder, row)
        if found is None:
            filled.left_out.append(("", " ".join(row[:2]), _("nobody of this class")))
            continue
        met.add(found.sid)
        why = _unwritable(found, row, header, maximum)
        if why:
            filled.left_out.append((*found.who, why))
            continue
        row += [""] * (len(header) - len(row))
        text = number_text(found.grade.final or 0.0)
        row[grades] = text.replace(".", ",") if comma else text
        if comments is not None:
            row[comments] = html.escape(found.remark)
        filled.written += 1
    absent = [one for one in finder.rows if one.sid not in met]
    filled.left_out += [(*one.who, _("not in the worksheet")) for one in absent]
    return filled


def feedback_zip(pages: Iterable[tuple[Row, str]], name: str) -> tuple[bytes, int, list[tuple[str, str, str]]]:
    """Return the zip to upload as feedback files, how many pages it holds, and who has none in it.

    ``pages`` has the line and the page of each student; ``name`` is that of each file.
    """
    stream = io.BytesIO()
    left_out = []
    count = 0
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for row, page in pages:
            attempt = row.grade.attempt
            if attempt is None or attempt.source != "moodle":
                left_out.append((*row.who, _("its participant number in Moodle is not known")))
                continue
            # The number is another one for each assignment; that of the attempt is right.
            person, _sign, participant = attempt.original_name.rpartition("_")
            # Moodle splits the name at underscores, and takes hidden files for none.
            person = person.replace("_", " ").replace("/", " ").lstrip(".~ ") or "student"
            place = f"{person}_{participant}_assignsubmission_file_/{name}"
            archive.writestr(zipfile.ZipInfo(place, FIXED_DATE), page, zipfile.ZIP_DEFLATED)
            count += 1
    return stream.getvalue(), count, left_out


def _who(finder: Finder, row: Sequence[str]) -> Row | None:
    match = IDENTIFIER.search(row[0]) if row else None
    return (finder.by_id("moodle", match[1]) if match else None) or finder.by_cell(*row[1:5])


def _unwritable(found: Row, row: Sequence[str], header: Sequence[str], maximum: int | None) -> str:
    """Say why Moodle would skip this row in silence; empty if it would not."""
    if found.grade.final is None:
        return found.grade.why
    most = _cell(row, maximum).replace(",", ".") if maximum is not None else ""
    if NUMBER.match(most) and found.grade.final > float(most):
        return _(
            "{points} are more than the {most} that Moodle allows", points=number_text(found.grade.final), most=most
        )
    if any(cell.strip().casefold() in LOCKED for cell in row[3 : len(header)]):
        return _("Moodle has locked this grade")
    return ""


def _named(header: Sequence[str], name: str) -> int:
    place = column(header, name)
    if place is None:
        raise CohortError(
            "the worksheet has no column {name}; it has: {names}", name=repr(name), names=", ".join(header)
        )
    return place


def _grade_column(header: Sequence[str], body: Sequence[Sequence[str]]) -> int:
    place = column(header, *GRADE_NAMES)
    if place is not None:
        return place
    # Behind the grades stands the greatest possible one, a number that is the same in all rows.
    for number in range(2, len(header)):
        cells = {_cell(row, number) for row in body if any(cell.strip() for cell in row)}
        if len(cells) == 1 and NUMBER.match(next(iter(cells))):
            return number - 1
    raise CohortError(
        "the column of grades was not found among: {names}. Name it with --grade-column; with a rubric or a "
        "marking guide Moodle reads no worksheet",
        names=", ".join(header),
    )


def _feedback_column(header: Sequence[str]) -> int | None:
    place = column(header, *FEEDBACK_NAMES)
    if place is not None:
        return place
    # It is the last one, where comments are switched on; a date stands there otherwise.
    last = header[-1].casefold()
    return len(header) - 1 if any(word in last for word in ("feedback", "comment", "反馈", "评语")) else None


def _cell(row: Sequence[str], number: int | None) -> str:
    return row[number].strip() if number is not None and number < len(row) else ""
