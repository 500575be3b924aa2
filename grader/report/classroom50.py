"""classroom50's ``result.json``; the course's runner gives the identity in environment variables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.language.text import one_line
from grader.report.files import ReportError, write_text
from grader.report.json_report import to_json
from grader.report.summary import grader_failed, passed, story, tier_name, tier_points
from grader.score.document import GradeResult

SCHEMA = "classroom50/result/v1"
ASSIGNMENT_TYPES = ("individual", "group")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True)
class Identity:
    """Whose submission it is. ``commit``, ``release`` and ``review`` are addresses."""

    classroom: str
    assignment: str
    submission: str
    commit: str
    release: str
    review: str
    owner: str
    assignment_type: str = "individual"
    submitted_at: str = ""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Identity:
        """Read the variables that the runner sets.

        Raises
        ------
        ReportError : one is missing or has a value that the format does not know.
        """
        needed = ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL")
        missing = [name for name in needed if not environment.get(name)]
        owner = environment.get("OWNER") or environment.get("USERNAME") or environment.get("GITHUB_ACTOR", "")
        missing += [] if owner else ["OWNER"]
        if missing:
            raise ReportError(
                "classroom50 needs the variables {missing}, which its runner sets; use this format inside that "
                "runner, or set them",
                missing=", ".join(missing),
            )
        kind = environment.get("ASSIGNMENT_TYPE", "individual")
        if kind not in ASSIGNMENT_TYPES:
            raise ReportError(
                "ASSIGNMENT_TYPE is {kind}; expected {ASSIGNMENT_TYPES}",
                kind=repr(kind),
                ASSIGNMENT_TYPES=", ".join(ASSIGNMENT_TYPES),
            )
        submitted_at = environment.get("SUBMITTED_AT", "")
        if submitted_at and not MOMENT.fullmatch(submitted_at):
            raise ReportError(
                "SUBMITTED_AT is {submitted_at}; expected UTC such as 2026-01-31T23:59:59Z",
                submitted_at=repr(submitted_at),
            )
        classroom, assignment, submission, commit, release = (environment[name] for name in needed)
        return cls(
            classroom=classroom,
            assignment=assignment,
            submission=submission,
            commit=commit,
            release=release,
            review=environment.get("REVIEW_URL") or commit,
            owner=owner,
            assignment_type=kind,
            submitted_at=submitted_at,
        )


def write_classroom50(result: GradeResult, path: Path) -> None:
    """Write ``result.json`` to ``path``.

    Raises
    ------
    ReportError : the file cannot be written, the identity is missing, or the grader itself failed: then the
        runner must not collect a score.
    """
    if grader_failed(result):
        raise ReportError("the grader itself failed, so no classroom50 result was written; grade again")
    if result.score is None:
        raise ReportError("only some of the checks were run, which has no score, and classroom50 needs one")
    write_text(path, to_json(classroom50(result, Identity.of_environment(os.environ))))


def classroom50(result: GradeResult, identity: Identity) -> dict[str, Any]:
    """Return the result object. Tiers carry the points; checks are worth none and tell what is missing."""
    tests: list[dict[str, Any]] = [
        {
            "test-name": tier_name(row.tier),
            "passed": row.tier.passed,
            "score": row.points,
            "max-score": row.max_points,
        }
        for row in tier_points(result)
    ]
    tests += [
        {
            "test-name": one_line(check.title),
            "passed": passed(check),
            "score": 0,
            "max-score": 0,
            "id": check.id,
            "verdict": check.verdict.value,
            "message": one_line(check.message or story(check)),
        }
        for check in result.checks
    ]
    return {
        "schema": SCHEMA,
        "classroom": identity.classroom,
        "assignment": identity.assignment,
        "assignment_type": identity.assignment_type,
        "owner": identity.owner,
        "submission": identity.submission,
        "commit": identity.commit,
        "release": identity.release,
        "review": identity.review,
        "datetime": identity.submitted_at or result.started_at,
        "graded_at": result.started_at,
        "score": sum(row.points for row in tier_points(result)),
        "max-score": sum(row.max_points for row in tier_points(result)),
        "tests": tests,
        "gates": result.gates,
        "breaks_beyond": [check.id for check in result.breaks_beyond],
    }
