"""Gradescope's ``results.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from grader.language.text import clean, one_line
from grader.language.translation import _, ngettext
from grader.report.files import write_text
from grader.report.json_report import to_json
from grader.report.summary import (
    beyond_line,
    facts_line,
    grader_failed,
    headline,
    passed,
    standing,
    story,
    tier_name,
    tier_points,
)
from grader.score.document import GradeResult
from grader.verdicts import verdict_word

VISIBLE = "visible"


def write_gradescope(result: GradeResult, path: Path) -> None:
    """Write ``results.json`` to ``path``.

    Raises
    ------
    ReportError : the file cannot be written.
    """
    write_text(path, to_json(gradescope(result)))


def gradescope(result: GradeResult) -> dict[str, Any]:
    """Return the results object.

    The tiers carry the points, so that they add up to the score; the checks below each tier are shown as passed
    or failed without points, because a tier is all or nothing. All text is of format ``text``, which Gradescope
    escapes. A part of the checks has no score, and no points anywhere.
    """
    tests: list[dict[str, Any]] = []
    scored = result.score is not None
    for number, row in enumerate(tier_points(result), start=1):
        lacks = len(row.tier.lacks) + len(row.tier.not_run)
        missing = ngettext(
            "{count} check of this tier did not pass", "{count} checks of this tier did not pass", lacks
        )
        tests.append(
            {
                "name": tier_name(row.tier),
                "number": str(number),
                **({"score": row.points, "max_score": row.max_points} if scored else {}),
                "status": "passed" if row.tier.passed else "failed",
                "output": "" if row.tier.passed else missing if lacks else _("A tier below is missing."),
                "visibility": VISIBLE,
            }
        )
        tests += _checks_of(result, row.tier.score, str(number))
    tests += _checks_of(result, None, str(len(result.tiers) + 1))
    facts = facts_line(result)
    top = [headline(result), *filter(None, [beyond_line(result)]), *standing(result), facts]
    score = {"score": 0 if grader_failed(result) else result.score} if scored else {}
    return {
        **score,
        "execution_time": round(result.times.total, 2),
        "output": clean(
            "\n".join(top + [_("Note: {note}", note=one_line(note)) for note in result.submission.notes])
        ),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": VISIBLE,
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {
            "schema": result.schema_id,
            "lab": result.lab,
            "submission_sha256": result.submission.sha256,
            "grader_failed": grader_failed(result),
            "for_record": result.for_record,
            "gates": result.gates,
            "breaks_beyond": [check.id for check in result.breaks_beyond],
        },
    }


def _checks_of(result: GradeResult, tier: int | None, number: str) -> list[dict[str, Any]]:
    return [
        {
            "name": one_line(check.title),
            "number": f"{number}.{index}",
            "status": "passed" if passed(check) else "failed",
            "output": story(check),
            "tags": [verdict_word(check.verdict)],
            "visibility": VISIBLE,
            "extra_data": {"id": check.id, "verdict": check.verdict.value},
        }
        for index, check in enumerate((c for c in result.checks if c.tier == tier), start=1)
    ]
