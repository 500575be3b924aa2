"""One self-contained page: no script, no file beside it, nothing fetched."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from grader.language.text import MAX_MESSAGE_CHARACTERS, clean, one_line
from grader.language.translation import _, translated
from grader.report.files import ReportError, write_text
from grader.report.layer_table import COMPARED, is_compared, layer_columns, milliseconds
from grader.report.learning_chart import NAMES, drawn, range_of, trained
from grader.report.speed_table import speed_heads, speed_line, speed_rows, timed
from grader.report.summary import (
    beyond_line,
    facts_line,
    gates,
    headline,
    holds_beyond,
    passed,
    standing,
)
from grader.score.document import GradeResult
from grader.verdicts import verdict_word

TEMPLATE = "page.html"


def write_html(result: GradeResult, path: Path) -> None:
    """Write the page to ``path``.

    Raises
    ------
    ReportError : the file cannot be written, or Jinja is not installed.
    """
    write_text(path, to_html(result))


def to_html(result: GradeResult) -> str:
    """Return the page; every value is cleaned, then escaped by the template engine.

    Raises
    ------
    ReportError : Jinja is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise ReportError("HTML reports need the package jinja2; install it: pip install jinja2") from None
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["line"] = one_line
    environment.filters["text"] = lambda value: clean(value, MAX_MESSAGE_CHARACTERS)
    environment.filters["milliseconds"] = milliseconds
    source = resources.files("grader.report").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(source).render(
        result=result,
        gates=gates(result),
        exercises=[check for check in result.checks if check.tier is None],
        headline=headline(result),
        warnings=standing(result),
        facts=facts_line(result),
        passed=passed,
        beyond_line=beyond_line(result),
        holds_beyond=holds_beyond,
        trainings=[
            (
                check.title,
                [
                    (_(NAMES[curve.name]), drawn(curve, f"{check.id}.{curve.name}"), range_of(curve))
                    for curve in check.curves
                ],
            )
            for check in trained(result.checks)
        ],
        speeds=[
            (check.title, speed_heads(speed), speed_rows(speed), speed_line(speed))
            for check, speed in timed(result.checks)
        ],
        layer_columns=[(_(head), name) for head, name in layer_columns(result.layers, all_=True)],
        compared=_(COMPARED) if is_compared(result.layers) else "",
        verdict_word=verdict_word,
        _=_,
        translated=translated,
        largest_share=max((layer.forward_share or 0.0 for layer in result.layers), default=0.0) or 1.0,
    )
