"""The result document itself, as JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from grader.language.text import printable
from grader.report.files import write_text
from grader.score.document import GradeResult

MAX_STRING_CHARACTERS = 20_000


def write_json(result: GradeResult, path: Path) -> None:
    """Write the result document to ``path``.

    Raises
    ------
    ReportError : the file cannot be written.
    """
    write_text(path, to_json(document(result)))


def document(result: GradeResult) -> dict[str, Any]:
    """Return the result document as plain values that any JSON reader takes.

    Numbers that are not finite become null, for JSON has none; text is without control characters.
    """
    plain: dict[str, Any] = _plain(result.model_dump(by_alias=True))
    return plain


def to_json(value: object) -> str:
    """Write plain values as JSON, one space of indentation, ending with a line feed."""
    return json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value, MAX_STRING_CHARACTERS)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
