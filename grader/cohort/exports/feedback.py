"""A page for each student: the report of the grading that counts, with what lateness and decisions did to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.cohort.exports.rows import Row
from grader.cohort.problems import CohortError
from grader.cohort.running.journal import Journal
from grader.language.translation import _
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
