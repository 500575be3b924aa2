"""GitHub: the result of an autograding step in GitHub Classroom's convention, and a step summary."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from grader.language.text import clean, one_line
from grader.language.translation import _
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

CLASSROOM_VERSION = 1
MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+.!|~$@:=-])")
SIGNS = {True: "✅", False: "❌"}
MAX_ENCODED_MESSAGE_CHARACTERS = 1000


def write_classroom(result: GradeResult, path: Path) -> None:
    """Write the line ``result=<base64>`` that a workflow step appends to ``$GITHUB_OUTPUT``.

    Raises
    ------
    ReportError : the file cannot be written.
    """
    encoded = base64.b64encode(json.dumps(json.loads(to_json(classroom(result)))).encode()).decode()
    write_text(path, f"result={encoded}\n")


def write_summary(result: GradeResult, path: Path) -> None:
    """Write the Markdown that a workflow step appends to ``$GITHUB_STEP_SUMMARY``.

    Raises
    ------
    ReportError : the file cannot be written.
    """
    write_text(path, job_summary(result))


def classroom(result: GradeResult) -> dict[str, Any]:
    """Return the runner's result: the reporter adds up ``tests[].score``, which only tiers have."""
    failed_status = "error" if grader_failed(result) else "fail"
    tests: list[dict[str, Any]] = [
        _test(
            tier_name(row.tier),
            "pass" if row.tier.passed else "fail",
            0 if grader_failed(result) else row.points,
        )
        for row in (tier_points(result) if result.score is not None else ())
    ]
    for check in result.checks:
        status = "pass" if passed(check) else "error" if check.verdict.value == "grader" else "fail"
        message = clean(story(check), MAX_ENCODED_MESSAGE_CHARACTERS)
        tests.append(_test(one_line(check.title), status, 0, message, check.id, check.seconds))
    all_passed = bool(result.checks) and all(passed(check) for check in result.checks)
    return {
        "version": CLASSROOM_VERSION,
        "status": "pass" if all_passed else failed_status,
        "max_score": 0 if result.score is None else result.max_score,
        "tests": tests,
    }


def _test(
    name: str, status: str, score: int, message: str = "", test_code: str = "", seconds: float = 0.0
) -> dict[str, Any]:
    return {
        "name": name,
        "status": status,
        "score": score,
        "message": message,
        "test_code": test_code,
        "filename": "",
        "line_no": 0,
        "execution_time": f"{seconds:.3f}s",
    }


def job_summary(result: GradeResult) -> str:
    """Return a Markdown page: headline, a table of the checks, and a paragraph for each that did not pass."""
    lines = [f"## {escape(one_line(result.lab_title))}", "", f"**{escape(headline(result))}**", ""]
    lines += [f"> ⚠️ {escape(warning)}\n" for warning in standing(result)]
    lines += [f"> {escape(line)}\n" for line in filter(None, [beyond_line(result)])]
    lines += [f"| | {_('tier')} | {_('check')} | {_('verdict')} | {_('cases')} |", "|---|---|---|---|---|"]
    for check in result.checks:
        tier = "" if check.tier is None else str(check.tier)
        cases = f"{check.cases_passed}/{check.cases_total}" if check.cases_total else ""
        sign = SIGNS[passed(check)]
        lines.append(
            f"| {sign} | {tier} | {escape(one_line(check.title))} | {verdict_word(check.verdict)} | {cases} |"
        )
    for check in result.checks:
        if story(check):
            word = _("beyond the course") if passed(check) else verdict_word(check.verdict)
            lines += [
                "",
                f"### {escape(one_line(check.title))}: {word}",
                "",
                code_block(story(check)),
            ]
    lines += ["", escape(facts_line(result)), ""]
    return "\n".join(lines)


def escape(text: str) -> str:
    """Escape one line for Markdown: every character that could start markup, HTML, or a mention."""
    without_html = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKDOWN_SPECIAL.sub(r"\\\1", without_html)


def code_block(text: str) -> str:
    """Return ``text`` as an indented code block, which no text inside can end."""
    return "\n".join(f"    {line}" for line in text.splitlines())
