"""Fills a platform's own ``.xlsx``: columns are found by their names, everything else stays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from grader.cohort.exports.rows import Filled, Finder, Row
from grader.cohort.problems import CohortError
from grader.cohort.sheets import Sheet, column, guarded
from grader.language.translation import _

# Headers of 学习通, 雨课堂, 头歌 and most others; a template with other ones names them.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "sid": ("学号", "学号/工号", "工号", "student id", "id number", "sid"),
    "name": ("姓名", "学生姓名", "name", "full name"),
    "grade": ("成绩", "分数", "得分", "总分", "grade", "score", "points"),
    "comment": ("评语", "批语", "备注", "comment", "feedback", "remark"),
}
HEADER_ROWS = 20
TEXT_FORMAT = "@"


def fill_workbook(template: Path, rows: Sequence[Row], names: Mapping[str, str]) -> tuple[bytes, Filled]:
    """Return the template with grades and comments of everybody in it who is graded.

    ``names`` says what the columns ``sid``, ``name``, ``grade`` and ``comment`` are called where it is unusual.

    Raises
    ------
    CohortError : it is no workbook, or has no columns of ids (or names) and grades.
    """
    try:
        book = load_workbook(template)
    except (OSError, InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise CohortError(
            "{template} cannot be read ({error}); expected the .xlsx that the platform gave",
            template=template,
            error=error,
        ) from None
    finder, filled = Finder(rows), Filled(Sheet([]))
    sheet, number, places = _header(template, list(book.worksheets), names)
    met: set[str] = set()
    for line in range(number + 1, sheet.max_row + 1):
        cells = {name: sheet.cell(line, place) for name, place in places.items()}
        sid = _text(cells["sid"].value) if "sid" in cells else ""
        name = _text(cells["name"].value) if "name" in cells else ""
        if not sid and not name:
            continue
        found = finder.by_cell(sid) or (finder.by_name(name) if not sid else None)
        if found is None:
            filled.left_out.append((sid, name, _("nobody of this class")))
            continue
        met.add(found.sid)
        if found.grade.final is None:
            filled.left_out.append((*found.who, found.grade.why))
            continue
        cells["grade"].value = round(found.grade.final, 2)
        if "comment" in cells:
            cells["comment"].value = guarded(found.remark)
        if "sid" in cells:
            # As text: a number would lose its leading zeros when the platform reads it.
            cells["sid"].value, cells["sid"].number_format = sid, TEXT_FORMAT
        filled.written += 1
    filled.left_out += [(*one.who, _("not in the template")) for one in finder.rows if one.sid not in met]
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue(), filled


def _header(
    template: Path, sheets: Sequence[Worksheet], names: Mapping[str, str]
) -> tuple[Worksheet, int, dict[str, int]]:
    for sheet in sheets:
        for number in range(1, min(sheet.max_row, HEADER_ROWS) + 1):
            header = [_text(sheet.cell(number, place).value) for place in range(1, sheet.max_column + 1)]
            found = {
                name: place + 1
                for name, usual in COLUMNS.items()
                if (place := column(header, *([names[name]] if name in names else usual))) is not None
            }
            if "grade" in found and ("sid" in found or "name" in found):
                return sheet, number, found
    wanted = ", ".join(f"{name}: {names.get(name) or '/'.join(usual)}" for name, usual in COLUMNS.items())
    raise CohortError(
        "{template} has no row with these columns: {wanted}. Name them with --column FIELD=NAME",
        template=template,
        wanted=wanted,
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
