"""Blackboard's Grade Center file (original): every cell in quotes, or UTF-16 with tabs; students by user name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.cohort.exports.rows import Filled, Finder, Row
from grader.cohort.problems import CohortError
from grader.cohort.sheets import Sheet, column, guarded, number_text
from grader.language.translation import _

COLUMN = re.compile(r"\|\s*\d+\s*$")
KEYS = ("Last Name", "First Name", "Username")


def fill_blackboard(sheet: Sheet, rows: Sequence[Row], title: str) -> Filled:
    """Return the file with names and one column, graded rows only; encoding and separator stay.

    Raises
    ------
    CohortError : there is no user name, or no such column with its number.
    """
    header, finder = [name.strip() for name in sheet.header], Finder(rows)
    user = column(header, "Username")
    if user is None:
        raise CohortError("the file has no column Username, by which Blackboard finds students; download it again")
    places = [number for number, name in enumerate(header) if name == title or name.split("[")[0].strip() == title]
    possible = ", ".join(name for name in header if COLUMN.search(name)) or "none"
    if len(places) != 1 or not COLUMN.search(header[places[0]]):
        raise CohortError(
            "the file has no column {title} with |number, so Blackboard would make a new text column; there are: "
            "{possible}",
            title=repr(title),
            possible=possible,
        )
    keys = [place for place in (column(header, name) for name in KEYS) if place is not None]
    number_place = column(header, "Student ID")
    kept = [*keys, places[0]]
    tabs = sheet.separator == "\t"
    filled = Filled(
        Sheet([[header[n] for n in kept]], sheet.encoding, sheet.separator, sheet.line_end, quote_all=not tabs)
    )
    met: set[str] = set()
    for row in sheet.rows[sheet.first + 1 :]:
        if not any(cell.strip() for cell in row):
            continue
        cells = [*row, *[""] * (len(header) - len(row))]
        found = finder.by_id("blackboard", cells[user]) or finder.by_cell(
            cells[user], *([cells[number_place]] if number_place is not None else [])
        )
        if found is None:
            filled.left_out.append((cells[user], "", _("nobody of this class")))
            continue
        met.add(found.sid)
        if found.grade.final is None:
            filled.left_out.append((*found.who, found.grade.why))
            continue
        filled.sheet.rows.append([*(guarded(cells[n]) for n in keys), number_text(found.grade.final)])
        filled.written += 1
    filled.left_out += [(*one.who, _("not in the file")) for one in finder.rows if one.sid not in met]
    return filled
