"""``FORMATS`` maps the name that a person types to a function ``write(result, path)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from grader.report.classroom50 import write_classroom50
from grader.report.csv_report import write_csv
from grader.report.github import write_classroom, write_summary
from grader.report.gradescope import write_gradescope
from grader.report.html import write_html
from grader.report.json_report import write_json
from grader.report.junit import write_junit
from grader.score.document import GradeResult

FORMATS: Mapping[str, Callable[[GradeResult, Path], None]] = {
    "json": write_json,
    "junit": write_junit,
    "gradescope": write_gradescope,
    "classroom50": write_classroom50,
    "github-classroom": write_classroom,
    "github-summary": write_summary,
    "csv": write_csv,
    "html": write_html,
}
