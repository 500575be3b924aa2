"""Writes what tasks have found into the gradebook; the only writer while a run goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from grader.cohort.problems import Refusal
from grader.cohort.running.keys import Conditions
from grader.cohort.store.queries import DONE, FAILED, insert_all
from grader.cohort.store.tables import CheckRow, Grading

GRADER = "grader"


def enter_documents(
    session: Session, run_id: int, submissions: Mapping[str, Sequence[int]], documents: Mapping[str, dict[str, Any]]
) -> None:
    """Bring the rows of a run in line with documents, by key; doing it twice changes nothing."""
    wanted = [submission for key in documents for submission in submissions[key]]
    rows = session.scalars(select(Grading).where(Grading.run_id == run_id, Grading.submission_id.in_(wanted)))
    gradings = {row.submission_id: row for row in rows}
    session.execute(delete(CheckRow).where(CheckRow.grading_id.in_([row.id for row in gradings.values()])))
    checks = []
    for key, document in documents.items():
        failed = [check for check in document["checks"] if check["verdict"] == GRADER]
        for submission in submissions[key]:
            grading = gradings[submission]
            grading.status = FAILED if failed else DONE
            score = document["score"]
            grading.score = None if failed or score is None else float(score)
            grading.complete = bool(document["complete"])
            grading.for_record = bool(document["for_record"])
            grading.total_s = float(document["times"]["total"] or 0.0)
            grading.student_s = float(document["times"]["student"] or 0.0)
            grading.message = "; ".join(document["submission"]["notes"])[:500] if failed else ""
            checks += [
                {
                    "grading_id": grading.id,
                    "check_id": check["id"],
                    "tier": check["tier"],
                    "verdict": check["verdict"],
                    "cases_passed": check["cases_passed"],
                    "cases_total": check["cases_total"],
                    "seconds": float(check["seconds"] or 0.0),
                    "misconception": check["misconception"],
                }
                for check in document["checks"]
            ]
    session.flush()
    insert_all(session, CheckRow, checks)


def require_fit(conditions: Conditions, key: str, document: Mapping[str, Any]) -> None:
    """Refuse a document that is not what the run asked for.

    Raises
    ------
    Refusal : other fixtures, another level of the jail, or only a part of the checks.
    """
    name = key[:12]
    try:
        fixture, level = document["fixtures"][0]["sha256"], document["jail"]["level"]
        complete = document["complete"]
    except (KeyError, IndexError, TypeError):
        raise Refusal(
            "the result {name} is no result document; delete it, and give the command again", name=name
        ) from None
    if fixture != conditions.fixture_sha256:
        raise Refusal(
            "the result {name} was made with other fixtures than release {release}, the run's",
            name=name,
            release=conditions.release,
        )
    if level != conditions.jail_level:
        raise Refusal(
            "the result {name} was made at jail level {level}, the run is at {jail_level}",
            name=name,
            level=level,
            jail_level=conditions.jail_level,
        )
    if bool(complete) == bool(conditions.only):
        raise Refusal(
            "the result {name} is half-graded: complete is {complete}, the run's checks: {only}",
            name=name,
            complete=complete,
            only=conditions.only or "all",
        )
