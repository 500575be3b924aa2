"""Reads the works of a class and of others, and writes pages on which those that are alike stand side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.intake.work import make_work
from grader.cohort.problems import CohortError
from grader.cohort.release.grades import grades_of
from grader.cohort.running.journal import Journal
from grader.cohort.running.scratch import scratch_folder
from grader.cohort.store.queries import files_of
from grader.cohort.view.folder import write_pages
from grader.cohort.view.holes import Region, Works, bodies_of, regions_of, sources_in
from grader.cohort.view.mistakes import WRONG, title_of
from grader.cohort.view.similarity import MIN_CHARACTERS, Similarity, Work, compare_works
from grader.language.text import one_line
from grader.language.translation import _, translated
from grader.project.contract import Lab
from grader.project.fixtures import PAIR_SIGN
from grader.project.library import mistake_texts
from grader.project.places import Project
from grader.project.solution import variants_of, write_solution
from grader.report.pages import page

OWN = Path(__file__).parent


def similar_works(
    room: Classroom, session: Session, project: Project, lab: Lab, others: Sequence[Path], most: int | None
) -> Similarity:
    """Compare the attempts that count with each other, and with works in the folders ``others``.

    Such a folder, of an earlier year or of public work, has a folder or an archive for each of its works.

    Raises
    ------
    CohortError : a folder does not exist, or the lab has no holes to compare.
    """
    regions = regions_of(lab)
    if not regions:
        raise CohortError("{lab} has no skeleton with holes; there is nothing to compare", lab=lab.name)
    assignment = room.assignment(session, lab.name)
    files, journal = files_of(session, assignment.id), Journal(room.folder)
    works: list[Work] = []
    unread: list[str] = []
    seen: set[int] = set()
    with scratch_folder("similar") as scratch:
        reader = Works(room.originals, lab, scratch)
        for grade in grades_of(session, assignment):
            # A group's work is handed in once for all of them.
            if grade.attempt is None or grade.attempt.id in seen:
                continue
            seen.add(grade.attempt.id)
            sources = reader.sources(files.get(grade.attempt.id, {}))
            if not sources:
                unread.append(grade.student.pseudonym)
                continue
            document = journal.document(grade.grading.key) if grade.grading is not None else None
            works.append(Work(grade.student.pseudonym, bodies_of(regions, sources), _mistakes(document)))
        for folder in others:
            works += _others(folder, lab, regions, scratch)
        found = compare_works(works, _right(project, lab, regions, scratch), most)
    return replace(found, unread=tuple(sorted(unread)))


def _mistakes(document: Mapping[str, Any] | None) -> frozenset[str]:
    """Return what went wrong in a grading, so that two with the same are found: by name, else by what it said."""
    found = set()
    for check in document["checks"] if document else ():
        if check.get("misconception"):
            found.add(str(check["misconception"]))
        elif check["verdict"] in WRONG:
            first = next(iter(str(check.get("message") or "").splitlines()), "")
            found.add(f"{check['id']}: {one_line(first)}")
    return frozenset(found)


def _others(folder: Path, lab: Lab, regions: Sequence[Region], scratch: Path) -> Iterator[Work]:
    if not folder.is_dir():
        raise CohortError(
            "{folder} is no folder; expected one with a folder or an archive for each work", folder=folder
        )
    for number, place in enumerate(sorted(folder.iterdir())):
        target = scratch / f"other-{number}-{len(list(scratch.iterdir()))}"
        work = make_work(lab, place, target)
        if work.folder is not None:
            yield Work(f"{folder.name}/{place.name}", bodies_of(regions, sources_in(lab, work.folder)), own=False)


def _right(project: Project, lab: Lab, regions: Sequence[Region], scratch: Path) -> list[Mapping[Region, str]]:
    """Return what the solution and its right variants have in each hole; nothing in a project without them."""
    reference = project.reference(lab.name)
    found: list[Mapping[Region, str]] = []
    for variant in (None, *variants_of(reference)) if reference.is_dir() else ():
        target = scratch / f"right-{variant or 'solution'}"
        write_solution(reference, variant, target)
        found.append(bodies_of(regions, sources_in(lab, target)))
    return found


def write_similar(found: Similarity, project: Project, lab: Lab, out: Path) -> int:
    """Write the list of pairs, and a page for each pair, into the folder ``out``; return how many pages.

    Raises
    ------
    CohortError : the folder holds something else.
    ReportError : a page cannot be written.
    """
    return write_pages(out, _pages(found, lab, mistake_texts(project.fixtures(lab.name, "hidden"))))


def _pages(found: Similarity, lab: Lab, texts: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    def told(name: str) -> str:
        """Return the titles of a recognised mistake and of those made with it; what a check said as it is."""
        parts = name.split(PAIR_SIGN)
        return (
            PAIR_SIGN.join(title_of(part, texts[part], lab) for part in parts)
            if texts.keys() >= set(parts)
            else name
        )

    heading = _("{lab}: works that are alike", lab=translated(lab.facts.title, lab.folder))
    values: dict[str, object] = {"found": found, "heading": heading, "enough": MIN_CHARACTERS, "told": told}
    yield "index.html", page("similar.html", values, OWN)
    for number, pair in enumerate(found.pairs, start=1):
        yield f"pair-{number}.html", page("pair.html", {**values, "pair": pair, "number": number}, OWN)
