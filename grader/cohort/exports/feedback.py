"""A page for each student: the report of the grading that counts, with what lateness and decisions did to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from grader.cohort.exports.rows import Row
from grader.cohort.problems import CohortError
from grader.cohort.running.journal import Journal
from grader.language.translation import _
from grader.project.writing import replaced_folder
from grader.report.files import write_text
from grader.report.html import to_html
from grader.score.document import read_document


def pages_of(folder: Path, rows: Sequence[Row]) -> tuple[Iterator[tuple[Row, str]], list[tuple[str, str, str]]]:
    """Return line and page of each student, made one at a time, and who has no page and why.

    Raises
    ------
    CohortError : while a page is made, its result document is gone or damaged.
    """
    with_page = [row for row in rows if row.grade.grading is not None and row.grade.final is not None]
    left_out = [
        (*row.who, row.grade.why or _("graded by hand, so there is no report"))
        for row in rows
        if row.grade.grading is None or row.grade.final is None
    ]
    journal = Journal(folder)
    return ((row, page_of(journal, row)) for row in with_page), left_out


def feedback_folder(pages: Iterable[tuple[Row, str]], out: Path) -> int:
    """Write the page of each student, named by id, into the new folder ``out`` in one step; return how many.

    Raises
    ------
    CohortError : a result document is gone or damaged; nothing is written then.
    ReportError : a page cannot be written.
    """
    count = 0
    with replaced_folder(out.absolute()) as fresh:
        for row, page in pages:
            name = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in row.sid)
            # Two ids may differ in nothing but letters that the name of a file cannot have.
            taken = (fresh / f"{name}.html").exists()
            write_text(fresh / (f"{name}-{row.grade.student.pseudonym}.html" if taken else f"{name}.html"), page)
            count += 1
    return count


def page_of(journal: Journal, row: Row) -> str:
    """Return the page of one student, who has a grading that counts.

    Raises
    ------
    CohortError : its result document is gone or damaged.
    """
    key = row.grade.grading.key if row.grade.grading is not None else ""
    document = journal.document(key)
    if document is None:
        raise CohortError(
            "{place} is gone or damaged; restore it, or grade the lab again", place=journal.place(key)
        )
    result = read_document(document)
    notes = [row.remark, *result.submission.notes] if row.remark else result.submission.notes
    named = result.submission.model_copy(update={"notes": notes})
    return to_html(result.model_copy(update={"submission": named}))
