"""Writes the report on a class: a folder of pages that link to each other, and to a page for each student."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.exports.feedback import page_of
from grader.cohort.exports.rows import export_rows
from grader.cohort.running.journal import Journal
from grader.cohort.stats import MIN_REACHED, MISSING, PASS
from grader.cohort.view.figures import CheckView, ClassFigures, StudentLine
from grader.cohort.view.folder import write_pages
from grader.language.numbers import duration, figure
from grader.language.translation import _
from grader.project.fixtures import PAIR_SIGN
from grader.report.pages import page
from grader.verdicts import Verdict, verdict_word

OWN = Path(__file__).parent
ROWS = 200
SHOWN = 60
# Of the mistakes of a class, the most frequent are read at once; each of the others is a line until it is opened.
UNFOLDED = 10
SIGNS = {
    Verdict.PASS: "✓", Verdict.WRONG: "✗", Verdict.OUTPUT: "≠", Verdict.EXCEPTION: "!", Verdict.IMPORT: "i",
    Verdict.UNFINISHED: "○", Verdict.TIMEOUT: "t", Verdict.MEMORY: "m", Verdict.CRASH: "c", Verdict.EXITED: "e",
    Verdict.FLOOD: "f", Verdict.PROTOCOL: "p", Verdict.FORBIDDEN: "b", Verdict.SKIPPED: "–", Verdict.GRADER: "?",
}  # fmt: skip
OF_ITSELF = (Verdict.PASS, Verdict.UNFINISHED, Verdict.SKIPPED, Verdict.GRADER)


def write_report(room: Classroom, session: Session, figures: ClassFigures, out: Path) -> int:
    """Write all pages into the folder ``out``, in the place of an earlier report; return how many there are.

    Raises
    ------
    CohortError : the folder holds something else, or a result document is damaged.
    ReportError : a page cannot be written.
    """
    return write_pages(out, chain(_pages(figures), _students(room, session, figures.lab)))


def _students(room: Classroom, session: Session, lab: str) -> Iterator[tuple[str, str]]:
    journal = Journal(room.folder)
    for row in export_rows(session, room.assignment(session, lab)):
        if row.grade.grading is not None:
            yield f"students/{row.grade.student.pseudonym}.html", page_of(journal, row)


def _pages(figures: ClassFigures) -> Iterator[tuple[str, str]]:
    """Yield the name and text of each page but those of students."""
    places = [
        ("index.html", _("Overview")),
        ("map.html", _("Students and checks")),
        ("checks.html", _("Checks")),
        ("mistakes.html", _("Mistakes")),
        *([("speed.html", _("Speed"))] if figures.boards else []),
    ]

    def made(template: str, here: str, **values: object) -> str:
        values = {"figures": figures, "places": places, "here": here, "heading": figures.title, **values}
        return page(template, {"shown": SHOWN, **values}, OWN)

    scores = " ".join(f"{count}×{score}" for score, count in figures.scores.items())
    # That nearly everybody passes is said on the check's own page; it is no reason to look.
    odd = [one for one in figures.checks if len(one.figures.remarks) > one.figures.easy]
    yield "index.html", made("overview.html", "index.html", scores=scores, odd=odd)
    lines = sorted(figures.lines, key=lambda one: (one.score is None, -(one.score or 0.0), one.pseudonym))
    pages = [lines[start : start + ROWS] for start in range(0, len(lines), ROWS)] or [[]]
    cells = {"": ("", "", "")} | {str(verdict): _cell(verdict) for verdict in Verdict}
    there = Counter(verdict for line in lines for verdict in line.verdicts)
    legend = [cells[verdict] for verdict in map(str, Verdict) if there[verdict]]
    for number, part in enumerate(pages, start=1):
        values = {"lines": part, "cells": cells, "legend": legend, "count": len(pages), "current": number}
        name = "map.html" if number == 1 else f"map-{number}.html"
        yield name, made("map.html", "map.html", **values)
    yield "checks.html", made("checks.html", "checks.html")
    titles = {one.name: one.title for one in figures.mistakes}
    for number, one in enumerate(figures.checks):
        verdicts = Counter(line.verdicts[number] for line in lines if line.verdicts[number])
        yield (
            f"check-{one.figures.check}.html",
            made(
                "check.html",
                "checks.html",
                one=one,
                enough=MIN_REACHED,
                total=verdicts.total(),
                endings=[(*_cell(Verdict(name))[1:], count) for name, count in verdicts.most_common()],
                mistakes=_named(one, titles),
                failing=[line.pseudonym for line in lines if _fails(line, number)],
            ),
        )
    yield "mistakes.html", made("mistakes.html", "mistakes.html", unfolded=UNFOLDED)
    if figures.boards:
        yield "speed.html", made("speed.html", "speed.html", figure=figure, duration=duration)


def _cell(verdict: Verdict) -> tuple[str, str, str]:
    """Return sign, word and style of a verdict."""
    return SIGNS[verdict], verdict_word(verdict), str(verdict) if verdict in OF_ITSELF else "failed"


def _fails(line: StudentLine, number: int) -> bool:
    verdict = line.verdicts[number]
    return bool(verdict) and verdict != PASS and verdict not in MISSING


def _named(one: CheckView, titles: dict[str, str]) -> list[tuple[list[tuple[str, str]], int]]:
    """Return the mistakes of a check, each with the name and title of its parts, and how often it was made."""
    found = sorted(one.figures.mistakes.items(), key=lambda item: -item[1])
    return [
        (
            [(part, titles.get(part, part)) for part in name.split(PAIR_SIGN)] if name else [("", _("unknown"))],
            count,
        )
        for name, count in found
    ]
