"""A page on which a regrade is looked at before it counts."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from grader.cohort.classroom import Classroom
from grader.cohort.release.regrade import Comparison
from grader.cohort.store.queries import authors_of
from grader.cohort.store.tables import Assignment, Run
from grader.report.pages import page
from grader.verdicts import Verdict

OWN = Path(__file__).parent
# A page is read by a person; who needs all of them has the table of the command.
MOVES_SHOWN = 500


def regrade_page(room: Classroom, session: Session, run: Run, found: Comparison) -> str:
    """Return the page of a run, with what applying it would change; students stand under their pseudonyms."""
    assignment = session.get_one(Assignment, run.assignment_id)
    authors = authors_of(session, assignment.id)
    names = {attempt: " ".join(one.pseudonym for one in students) for attempt, students in authors.items()}
    values = {
        "run": run,
        "lab": assignment.lab,
        "finished": room.shown(run.finished_at),
        "applied": room.shown(run.applied_at),
        "found": found,
        "lower": sum(move.lower for move in found.moves),
        "names": names,
        "shown": MOVES_SHOWN,
        "verdict": Verdict,
    }
    return page("regrade.html", values, OWN)
