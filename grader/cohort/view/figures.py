"""What a class shows, as figures: pages and ``class stats --json`` are views of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.exports.rows import remark_of
from grader.cohort.release.decisions import appeals_of
from grader.cohort.release.grades import Grade, grades_of
from grader.cohort.release.regrade import held_back
from grader.cohort.running.journal import Journal
from grader.cohort.running.scratch import scratch_folder
from grader.cohort.stats import CheckStats, check_stats
from grader.cohort.status import status_of
from grader.cohort.store.queries import ROWS_AT_ONCE, authors_of, files_of
from grader.cohort.store.tables import Assignment, CheckRow, Run
from grader.cohort.view.examples import Examples
from grader.cohort.view.mistakes import ClassMistake, KnownMistakes, Unexplained, UnknownMistakes
from grader.cohort.view.speeds import Board, Boards
from grader.language.numbers import points
from grader.language.translation import _, translated
from grader.project.contract import Lab
from grader.project.library import mistake_texts
from grader.project.places import Project

SCHEMA = "grader/class/v1"


@dataclass(frozen=True)
class StudentLine:
    """One student by pseudonym: points that count, what is said of them, and the verdict of each check in order.

    ``score`` is the grading's own, before lateness and decisions; a verdict is empty where there is none.
    """

    pseudonym: str
    score: float | None
    points: float | None
    late: bool
    remark: str
    verdicts: tuple[str, ...]
    has_page: bool


@dataclass(frozen=True)
class Waiting:
    """Something that waits for a person: whose, and why."""

    pseudonyms: tuple[str, ...]
    attempt: int
    why: str


@dataclass(frozen=True)
class CheckView:
    """A check with its figures, its title, and the holes that it exercises."""

    title: str
    holes: tuple[str, ...]
    figures: CheckStats


@dataclass(frozen=True)
class ClassFigures:
    """All that a class shows of one lab.

    Attributes
    ----------
    students, handed_in, graded, late : how many of the active students; groups count each of their members.
    scores : how many have which score before lateness and decisions, best first.
    tiers : how many reach which tier.
    hosts : where it was graded: seconds of different machines are not of one kind.
    checks : in the order of the lab.
    same : pairs of checks that say the same, with their phi.
    mistakes : what the class gets wrong, the most frequent first; ``unexplained`` what nobody has a name for.
    boards : the fastest, empty where it is switched off.
    """

    lab: str
    title: str
    course: str
    release: tuple[str, ...]
    hosts: tuple[str, ...]
    students: int
    handed_in: int
    graded: int
    late: int
    scores: Mapping[str, int]
    tiers: Mapping[int, int]
    waiting: tuple[Waiting, ...]
    checks: tuple[CheckView, ...]
    same: tuple[tuple[str, str, float], ...]
    mistakes: tuple[ClassMistake, ...]
    unexplained: tuple[Unexplained, ...]
    boards: tuple[Board, ...]
    lines: tuple[StudentLine, ...]


def class_figures(
    room: Classroom, session: Session, project: Project, lab: Lab, *, speed: bool = True
) -> ClassFigures:
    """Return the figures of a class.

    ``speed`` says whether there are boards of the fastest.

    Raises
    ------
    CohortError : nothing was taken in for this lab.
    FixtureError : the manifest of the lab's fixtures is damaged.
    """
    assignment = room.assignment(session, lab.name)
    grades = grades_of(session, assignment)
    checks, same = check_stats(session, grades)
    order = {name: number for number, name in enumerate(lab.checks)}
    checks.sort(key=lambda one: order.get(one.check, len(order)))
    counted = [grade for grade in grades if grade.grading is not None]
    verdicts = _verdicts(session, counted)
    runs = {
        run.id: run
        for run in session.scalars(
            select(Run).where(Run.id.in_({grade.grading.run_id for grade in counted if grade.grading is not None}))
        )
    }
    known, unknown, boards = KnownMistakes(), UnknownMistakes(), Boards(lab)
    for holders, document in _documents(Journal(room.folder), counted):
        known.add(holders, document)
        unknown.add(holders, document)
        boards.add(holders, document)
    scores = Counter(
        f"{grade.grading.score:g}" for grade in counted if grade.grading and grade.grading.score is not None
    )
    with scratch_folder("examples") as scratch:
        examples = Examples(room.originals, lab, files_of(session, assignment.id), scratch)
        mistakes = known.found(lab, mistake_texts(project.fixtures(lab.name, "hidden")), examples)
        unexplained = unknown.found(lab, examples)
    return ClassFigures(
        lab=lab.name,
        title=translated(lab.facts.title, lab.folder),
        course=room.settings.course,
        release=tuple(dict.fromkeys(run.release for run in runs.values())),
        hosts=tuple(dict.fromkeys(run.host for run in runs.values())),
        students=len(grades),
        handed_in=sum(grade.attempt is not None for grade in grades),
        graded=len(counted),
        late=sum(grade.late.late_s > 0 or bool(grade.late.reason) for grade in grades),
        scores=dict(sorted(scores.items(), key=lambda item: -float(item[0]))),
        tiers={
            tier: sum(count for score, count in scores.items() if float(score) >= tier)
            for tier in sorted(lab.facts.tiers)
        },
        waiting=tuple(_waiting(room, session, assignment)),
        checks=tuple(
            CheckView(
                translated(lab.checks[one.check].title, lab.folder) if one.check in lab.checks else one.check,
                lab.checks[one.check].holes if one.check in lab.checks else (),
                one,
            )
            for one in checks
        ),
        same=tuple(same),
        mistakes=tuple(mistakes),
        unexplained=tuple(unexplained),
        boards=tuple(boards.found()) if speed else (),
        lines=tuple(_line(grade, [one.check for one in checks], verdicts) for grade in grades),
    )


def figures_as_json(figures: ClassFigures) -> str:
    """Return all figures as JSON, field by field; what is not known is null."""
    return json.dumps({"schema": SCHEMA, **asdict(figures)}, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _documents(journal: Journal, counted: Sequence[Grade]) -> Iterator[tuple[list[Grade], dict[str, Any]]]:
    """Yield each document that counts with those whose it is, one at a time; damaged ones are left out.

    A class's documents together may be larger than memory.
    """
    holders: dict[str, list[Grade]] = {}
    for grade in counted:
        if grade.grading is not None:
            holders.setdefault(grade.grading.key, []).append(grade)
    for key, own in holders.items():
        document = journal.document(key)
        if document is not None:
            yield own, document


def _verdicts(session: Session, counted: Sequence[Grade]) -> dict[int, dict[str, str]]:
    numbers = sorted({grade.grading.id for grade in counted if grade.grading is not None})
    found: dict[int, dict[str, str]] = {number: {} for number in numbers}
    for start in range(0, len(numbers), ROWS_AT_ONCE):
        for number, check, verdict in session.execute(
            select(CheckRow.grading_id, CheckRow.check_id, CheckRow.verdict).where(
                CheckRow.grading_id.in_(numbers[start : start + ROWS_AT_ONCE])
            )
        ):
            found[number][check] = verdict
    return found


def _line(grade: Grade, checks: Sequence[str], verdicts: Mapping[int, Mapping[str, str]]) -> StudentLine:
    own = verdicts[grade.grading.id] if grade.grading is not None else {}
    return StudentLine(
        grade.student.pseudonym,
        grade.grading.score if grade.grading is not None else None,
        grade.final,
        grade.late.late_s > 0 or bool(grade.late.reason),
        remark_of(grade) if grade.final is None or grade.reasons else grade.late.reason,
        tuple(own.get(check, "") for check in checks),
        grade.grading is not None,
    )


def _waiting(room: Classroom, session: Session, assignment: Assignment) -> Iterator[Waiting]:
    status = next(one for one in status_of(room, session) if one.lab == assignment.lab)
    authors = authors_of(session, assignment.id)

    def of(attempt: int, why: str) -> Waiting:
        return Waiting(tuple(one.pseudonym for one in authors.get(attempt, ())), attempt, why)

    for attempt, _name, why in status.problems:
        yield of(attempt, _("it cannot be graded: {why}", why=why))
    for attempt, why in status.failed:
        yield of(attempt, _("the grader failed: {why}", why=why))
    for row, before in held_back(session, assignment.id):
        yield of(
            row.submission_id,
            _(
                "a lower score is held back: {before}, then {after}",
                before=points(before),
                after=points(row.score),
            ),
        )
    for appeal, _grading, work in appeals_of(session, assignment):
        yield of(work.id, _("an appeal about {check} is open", check=appeal.check_id))
