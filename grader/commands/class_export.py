"""Commands that write what leaves a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.class_common import ClassFolder, LabOfClass, new_class_app, open_lab, say
from grader.commands.common import BELOW, OK, LabName, Language
from grader.language.translation import _

if TYPE_CHECKING:
    from grader.cohort.exports.rows import Filled, Row

app = new_class_app()
FEEDBACK_NAME = "feedback.html"


@app.command()
def export(
    lab: LabName,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")],
    moodle: Annotated[
        Path | None, typer.Option("--moodle", metavar="SHEET", help="Fill Moodle's offline grading worksheet.")
    ] = None,
    canvas: Annotated[
        Path | None, typer.Option("--canvas", metavar="SHEET", help="Fill Canvas's gradebook; see --title.")
    ] = None,
    blackboard: Annotated[
        Path | None, typer.Option("--blackboard", metavar="SHEET", help="Fill Blackboard's file; see --title.")
    ] = None,
    xlsx: Annotated[
        Path | None,
        typer.Option("--xlsx", metavar="TEMPLATE", help="Fill a spreadsheet by the names of its columns."),
    ] = None,
    gradescope: Annotated[bool, typer.Option("--gradescope", help="Write Gradescope's columns.")] = False,
    title: Annotated[
        str,
        typer.Option("--title", help="The assignment's column in Canvas or Blackboard; default the lab's name."),
    ] = "",
    grade_column: Annotated[
        str | None, typer.Option("--grade-column", help="Moodle's column of grades, where it is not found.")
    ] = None,
    feedback_column: Annotated[
        str | None, typer.Option("--feedback-column", help="Moodle's column of comments, where it is not found.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="FIELD=NAME", help="Column sid, name, grade or comment of a template."),
    ] = None,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Write grades: into the sheet of your platform, or as a plain table if none is named.

    Beside it lies a list of who is not in it, and why. Exit status: 0 everybody has a grade in it, 1 somebody has
    none, 2 bad usage or bad input.
    """
    from grader.cohort.exports.rows import export_rows, note_export, save
    from grader.cohort.problems import CohortError
    from grader.report.files import require_place, write_bytes

    if sum(place is not None for place in (moodle, canvas, blackboard, xlsx)) + gradescope > 1:
        raise CohortError("name one platform at a time")
    require_place(out)
    with open_lab(folder, lab) as of_lab:
        session, assignment = of_lab.session, of_lab.assignment
        rows = export_rows(session, assignment)
        if xlsx is not None:
            from grader.cohort.exports.spreadsheet import fill_workbook

            names = {field: name for field, _sign, name in (item.partition("=") for item in column or ())}
            data, filled = fill_workbook(xlsx, rows, names)
            write_bytes(out, data)
            beside = note_export(session, assignment, out, filled)
        else:
            sheets = Sheets(
                moodle=moodle,
                canvas=canvas,
                blackboard=blackboard,
                gradescope=gradescope,
                title=title or lab,
                grade_column=grade_column,
                feedback_column=feedback_column,
            )
            filled = _filled(of_lab, rows, sheets)
            beside = save(session, assignment, out, filled)
    say(
        _(
            "{file}: {count} grades; {left} are not in it, see {beside}",
            file=out,
            count=filled.written,
            left=len(filled.left_out),
            beside=beside,
        )
    )
    raise typer.Exit(BELOW if filled.left_out else OK)


@dataclass(frozen=True)
class Sheets:
    """Which platform's sheet is filled, none for a plain table, and its columns where they must be named."""

    moodle: Path | None
    canvas: Path | None
    blackboard: Path | None
    gradescope: bool
    title: str
    grade_column: str | None
    feedback_column: str | None


def _filled(of_lab: LabOfClass, rows: Sequence[Row], sheets: Sheets) -> Filled:
    """Fill the sheet of a platform."""
    from grader.cohort.exports.blackboard import fill_blackboard
    from grader.cohort.exports.canvas import fill_canvas
    from grader.cohort.exports.moodle import fill_moodle
    from grader.cohort.exports.tables import gradescope_table, plain_table
    from grader.cohort.sheets import read_sheet

    if sheets.moodle is not None:
        sheet = read_sheet(sheets.moodle)
        return fill_moodle(sheet, rows, grade=sheets.grade_column, feedback=sheets.feedback_column)
    if sheets.canvas is not None:
        return fill_canvas(read_sheet(sheets.canvas), rows, sheets.title)
    if sheets.blackboard is not None:
        return fill_blackboard(read_sheet(sheets.blackboard), rows, sheets.title)
    if sheets.gradescope:
        return gradescope_table(rows, of_lab.assignment.max_points)
    return plain_table(of_lab.room, rows)


@app.command()
def feedback(
    lab: LabName,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The zip to write, or a new folder with --pages.")
    ],
    pages: Annotated[
        bool, typer.Option("--pages", help="Write one page for each student, named by id, instead of Moodle's zip.")
    ] = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Write a page for each student: the zip that Moodle takes as feedback files, or a folder.

    Exit status: 0 everybody has a page, 1 somebody has none, 2 bad usage or bad input.
    """
    from grader.cohort.exports.feedback import feedback_folder, pages_of
    from grader.cohort.exports.moodle import feedback_zip
    from grader.cohort.exports.rows import Filled, export_rows, note_export
    from grader.cohort.problems import CohortError
    from grader.cohort.sheets import Sheet
    from grader.report.files import require_place, write_bytes

    if pages and out.exists():
        raise CohortError("{out} exists; name a new folder", out=out)
    require_place(out)
    with open_lab(folder, lab) as of_lab:
        session, assignment = of_lab.session, of_lab.assignment
        found, left_out = pages_of(of_lab.room.folder, export_rows(session, assignment))
        if pages:
            written = feedback_folder(found, out)
        else:
            data, written, unknown = feedback_zip(found, FEEDBACK_NAME)
            write_bytes(out, data)
            left_out += unknown
            note_export(session, assignment, out, Filled(Sheet([]), written, left_out))
    say(_("{file}: {count} pages; {left} students have none", file=out, count=written, left=len(left_out)))
    for sid, name, why in left_out[:10]:
        say(f"  {sid} {name}: {why}")
    raise typer.Exit(BELOW if left_out else OK)
