"""A page for one appeal: what was asked, what was answered, and how the attempt was graded over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.problems import CohortError
from grader.cohort.release.regrade import REJECTED
from grader.cohort.running.journal import Journal
from grader.cohort.store.queries import authors_of, current_gradings
from grader.cohort.store.tables import Adjustment, Appeal, Assignment, CheckRow, Grading, Run, Submission
from grader.language.translation import _
from grader.report.pages import page
from grader.verdicts import Verdict

OWN = Path(__file__).parent
SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Step:
    """One thing that happened to an attempt, in the zone of the course."""

    when: str
    what: str
    score: str
    verdict: Verdict | None
    detail: str
    marked: bool = False


def appeal_page(room: Classroom, session: Session, number: int) -> str:
    """Return the page of an appeal.

    Raises
    ------
    CohortError : there is none of this number.
    """
    appeal = session.get(Appeal, number)
    if appeal is None:
        raise CohortError(
            "there is no appeal {number}; `python -m grader class appeals LAB` lists them", number=number
        )
    grading = session.get_one(Grading, appeal.grading_id)
    attempt = session.get_one(Submission, grading.submission_id)
    assignment = session.get_one(Assignment, attempt.assignment_id)
    authors = authors_of(session, assignment.id).get(attempt.id, [])
    document = Journal(room.folder).document(grading.key) or {"checks": []}
    check: dict[str, Any] = next((one for one in document["checks"] if one["id"] == appeal.check_id), {})
    values = {
        "appeal": appeal,
        "attempt": attempt,
        "lab": assignment.lab,
        "pseudonyms": [one.pseudonym for one in authors],
        "opened": room.shown(appeal.opened_at),
        "closed": room.shown(appeal.closed_at),
        "check": {name: str(check.get(name) or "") for name in ("title", "message", "hint", "failed_case")},
        "steps": _history(room, session, appeal, attempt, assignment),
    }
    return page("appeal.html", values, OWN)


def _history(
    room: Classroom, session: Session, appeal: Appeal, attempt: Submission, assignment: Assignment
) -> list[Step]:
    """Return what happened to an attempt, the earliest first."""
    current = current_gradings(session, assignment.id).get(attempt.id)
    moments: list[tuple[datetime, Step]] = [
        (attempt.received_at, Step(room.shown(attempt.received_at), _("taken in"), "", None, "")),
        (
            appeal.opened_at,
            Step(room.shown(appeal.opened_at), _("this appeal opened"), "", None, "", marked=True),
        ),
    ]
    rows = session.execute(
        select(Grading, Run).join(Run, Run.id == Grading.run_id).where(Grading.submission_id == attempt.id)
    )
    for grading, run in rows:
        row = session.get(CheckRow, (grading.id, appeal.check_id))
        facts = [
            _("release {release}, jail level {level}", release=run.release, level=run.jail_level),
            _("grader {version}", version=run.grader_version),
            _("result {key}", key=grading.key[:SHOWN_DIGITS]),
        ]
        if grading.status == REJECTED:
            facts.append(_("put aside"))
        elif grading.held:
            facts.append(_("held back"))
        if current is not None and current.id == grading.id:
            facts.append(_("counts now"))
        if grading.id == appeal.grading_id:
            facts.append(_("the grading that the appeal is about"))
        score = "" if grading.score is None else f"{grading.score:g}"
        verdict = Verdict(row.verdict) if row is not None else None
        what = _("run {run} ({kind})", run=run.id, kind=_(run.kind))
        when = run.finished_at or run.started_at
        moments.append((when, Step(room.shown(when), what, score, verdict, "; ".join(facts))))
    for one in session.scalars(select(Adjustment).where(Adjustment.submission_id == attempt.id)):
        points = f"{one.points:+g}" if one.points is not None else f"{one.score:g}"
        moments.append((one.at, Step(room.shown(one.at), _("changed by hand"), points, None, one.reason)))
    if appeal.closed_at is not None:
        what = _("appeal accepted") if appeal.state == "accepted" else _("appeal rejected")
        moments.append(
            (appeal.closed_at, Step(room.shown(appeal.closed_at), what, "", None, appeal.answer, marked=True))
        )
    return [step for _when, step in sorted(moments, key=lambda item: item[0])]
