"""Canvas's gradebook CSV, by the rules of its importer: fill one column, and leave out what must not be cleared."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.cohort.exports.rows import Filled, Finder, Row
from grader.cohort.problems import CohortError
from grader.cohort.sheets import MARKED, Sheet, guarded, number_text
from grader.language.translation import _

ASSIGNMENT = re.compile(r"\((\d+)\)\s*$")
# Canvas drops columns with these words anywhere in their title.
DROPPED = re.compile(r"(Current|Final|Override) (Score|Points|Grade)|Override Status", re.IGNORECASE)
SECTION = "Section"


def fill_canvas(sheet: Sheet, rows: Sequence[Row], title: str) -> Filled:
    """Return the gradebook with the columns of the students and the one named ``title``, graded rows only.

    A blank cell would clear a grade, so who has none is left out.

    Raises
    ------
    CohortError : it is no gradebook, or the column is missing, would make a new assignment, or would be ignored.
    """
    header, finder = sheet.header, Finder(rows)
    names = [name.strip() for name in header]
    if len(header) < 4 or (not any("student" in name.casefold() for name in names[:2]) and "LastName" not in names):
        raise CohortError(
            "this is no Canvas gradebook: its first column must be Student; export it again from Canvas"
        )
    if SECTION not in names:
        raise CohortError("the gradebook has no column Section, which Canvas needs; export it again from Canvas")
    place = _column(names, title)
    last = names.index(SECTION)
    kept = [*range(last + 1), place]
    filled = Filled(Sheet([[header[number] for number in kept]], MARKED, sheet.separator, sheet.line_end))
    places = {name: names.index(name) for name in ("ID", "SIS User ID", "SIS Login ID") if name in names}
    met: set[str] = set()
    for row in sheet.rows[sheet.first + 1 :]:
        cells = [row[number] if number < len(row) else "" for number in kept]
        if "Points Possible" in cells[0]:
            filled.sheet.rows.append(cells)
            continue
        if not any(cell.strip() for cell in row) or not cells[places.get("ID", 1)].strip():
            continue
        found = (
            finder.by_id("canvas", cells[places.get("ID", 1)])
            or finder.by_cell(*(cells[places[name]] for name in ("SIS User ID", "SIS Login ID") if name in places))
            or finder.by_name(cells[0])
        )
        if found is None:
            filled.left_out.append((cells[places.get("ID", 1)], cells[0], _("nobody of this class")))
            continue
        met.add(found.sid)
        if found.grade.final is None:
            filled.left_out.append((*found.who, found.grade.why))
            continue
        filled.sheet.rows.append([*map(guarded, cells[:-1]), number_text(found.grade.final)])
        filled.written += 1
    filled.left_out += [(*one.who, _("not in the gradebook")) for one in finder.rows if one.sid not in met]
    return filled


def _column(names: Sequence[str], title: str) -> int:
    places = [
        number for number, name in enumerate(names) if name == title or ASSIGNMENT.sub("", name).strip() == title
    ]
    possible = ", ".join(name for name in names if ASSIGNMENT.search(name)) or "none"
    if len(places) != 1:
        raise CohortError(
            "the gradebook has {places} columns {title}; assignments in it are: {possible}",
            places=len(places),
            title=repr(title),
            possible=possible,
        )
    name = names[places[0]]
    if not ASSIGNMENT.search(name):
        raise CohortError(
            "{name} has no number in brackets, so Canvas would make a new assignment of it; assignments in it "
            "are: {possible}",
            name=repr(name),
            possible=possible,
        )
    if DROPPED.search(name):
        raise CohortError(
            "Canvas ignores columns named like {name}; rename the assignment there, and export again",
            name=repr(name),
        )
    return places[0]
