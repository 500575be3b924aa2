"""A page for each student: the report of the grading that counts, with what lateness and decisions did to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.cohort.exports.rows import Row
from grader.cohort.problems import CohortError
from grader.cohort.running.journal import Journal
from grader.cohort.running.scratch import scratch_folder
from grader.language.translation import _
from grader.report.html import write_html
from grader.score.document import read_document


def pages_of(folder: Path, rows: Sequence[Row]) -> tuple[dict[str, tuple[Row, bytes]], list[tuple[str, str, str]]]:
    """Return line and page by student id, and who has no page and why.

    Raises
    ------
    CohortError : a result document is gone or damaged.
    """
    journal, pages, left_out = Journal(folder), {}, []
    with scratch_folder("pages") as scratch:
        for row in rows:
            if row.grade.grading is None or row.grade.final is None:
                left_out.append((*row.who, row.grade.why or _("graded by hand, so there is no report")))
                continue
            pages[row.sid] = (row, _page(journal, row, scratch / "page.html"))
    return pages, left_out


def _page(journal: Journal, row: Row, place: Path) -> bytes:
    key = row.grade.grading.key if row.grade.grading is not None else ""
    document = journal.document(key)
    if document is None:
        raise CohortError(
            "{place} is gone or damaged; restore it, or grade the lab again", place=journal.place(key)
        )
    result = read_document(document)
    notes = [row.remark, *result.submission.notes] if row.remark else result.submission.notes
    named = result.submission.model_copy(update={"notes": notes})
    write_html(result.model_copy(update={"submission": named}), place)
    return place.read_bytes()
