"""A table of a class: one row for each submission."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from grader.language.text import one_line
from grader.report.files import ReportError, write_text
from grader.report.summary import grader_failed
from grader.score.document import GradeResult

# A spreadsheet takes a cell that begins with one of these for a formula and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "|", "%", "\t", "\r", "＝", "＋", "－", "＠")
BYTE_ORDER_MARK = "\ufeff"
FIXED_COLUMNS = (
    "name", "submission", "sha256", "lab", "lab_version", "score", "max_score", "complete", "for_record",
    "gates", "breaks_beyond", "grader_failed", "jail_level", "started_at", "total_s", "student_s",
    "worker_peak_mib",
)  # fmt: skip


def write_csv(results: GradeResult | Sequence[GradeResult], path: Path) -> None:
    """Write one row for each result to ``path``, below those that are there already.

    Raises
    ------
    ReportError : the file cannot be written, or what is there is another table.
    """
    _add_rows(to_csv([results] if isinstance(results, GradeResult) else results), path)


def write_ungraded(
    submission: Path, lab: str, tiers: Sequence[int], checks: Sequence[str], why: str, path: Path
) -> None:
    """Write the row of a submission that could not be graded: its name, and why.

    Raises
    ------
    ReportError : as for `write_csv`.
    """
    names = _columns(tiers, checks)
    known = {"name": submission.name, "submission": str(submission), "lab": lab, "first_message": why}
    _add_rows(_table([names, [known.get(name) for name in names]]), path)


def to_csv(results: Sequence[GradeResult]) -> str:
    """Return the table: fixed columns, a column of verdicts for each tier and check, and the first message."""
    tiers = sorted({tier.score for result in results for tier in result.tiers})
    checks = list(dict.fromkeys(check.id for result in results for check in result.checks))
    return _table([_columns(tiers, checks), *(_row(result, tiers, checks) for result in results)])


def _add_rows(text: str, path: Path) -> None:
    """Add the rows of a table to the one at ``path``, which must have the same columns.

    It begins with a byte order mark, without which Excel takes UTF-8 for something else.
    """
    header, _end, rows = text.partition("\n")
    try:
        before = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(
            "{path} is there and cannot be read ({error}); name another file", path=path, error=error
        ) from None
    if before and before.partition("\n")[0] != header:
        raise ReportError(
            "{path} is a table with other columns, so no row was added to it; name another file", path=path
        )
    write_text(path, BYTE_ORDER_MARK + (before or f"{header}\n") + rows)


def _columns(tiers: Sequence[int], checks: Sequence[str]) -> list[str]:
    return [*FIXED_COLUMNS, *(f"tier_{tier}" for tier in tiers), *checks, "first_message"]


def _table(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return stream.getvalue()


def _row(result: GradeResult, tiers: Sequence[int], checks: Sequence[str]) -> list[object]:
    passed = {tier.score: tier.passed for tier in result.tiers}
    verdicts = {check.id: check.verdict.value for check in result.checks}
    message = next((check.message for check in result.checks if check.message), "")
    return [
        Path(result.submission.path).name,
        result.submission.path,
        result.submission.sha256,
        result.lab,
        result.lab_version,
        result.score,
        result.max_score,
        result.complete,
        result.for_record,
        result.gates,
        " ".join(check.id for check in result.breaks_beyond),
        grader_failed(result),
        result.jail.level,
        result.started_at,
        round(result.times.total, 2),
        round(result.times.student, 2),
        result.memory.worker_peak_mib,
        *(passed.get(tier, "") for tier in tiers),
        *(verdicts.get(name, "") for name in checks),
        message,
    ]


def safe_cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula: text that looks like one gets a leading quote."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    text = one_line(str(value))
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
