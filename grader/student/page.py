"""The report of ``check`` as a page: the same facts as on the screen, with a picture of each wrong array."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup, escape

from grader.language.text import MAX_MESSAGE_CHARACTERS, clean
from grader.language.translation import _
from grader.report.pages import page
from grader.report.summary import facts_line, gates, holds_beyond, kind_of, passed, seconds, standing
from grader.score.document import GradeResult
from grader.student.standing import Next, Standing, clickable

TEMPLATE = "check.html"
# What is longer is folded: pictures and causes are looked for first.
PRINTED_LINES = 12
CODE = re.compile(r"`([^`\n]+)`")


def check_page(result: GradeResult, where: Standing, after: Next, drawings: Mapping[str, str]) -> str:
    """Return the page of a check of a student's own work.

    ``drawings`` are SVG elements by the id of the check whose wrong array they show; ``after`` is what to do when
    everything passes.

    Raises
    ------
    ReportError : Jinja is not installed.
    """
    checks = where.scored or where.extra
    return page(
        TEMPLATE,
        {
            "result": result,
            "where": where,
            "bars": [
                (_("checks"), sum(map(passed, checks)), len(checks)),
                (_("holes"), sum(hole.written for hole in where.holes), len(where.holes)),
            ],
            "gates": gates(result, where.slow),
            "step": after if all(map(passed, checks)) else where.next(),
            "warnings": standing(result),
            "drawings": {name: Markup(drawn) for name, drawn in drawings.items()},
            "passed": passed,
            "kind_of": kind_of,
            "seconds": seconds,
            "printed_lines": PRINTED_LINES,
            "holds_beyond": holds_beyond,
            "facts": facts_line(result),
            "coded": lambda text: coded(clickable(clean(text, MAX_MESSAGE_CHARACTERS), where.lab, where.folder)),
        },
        Path(__file__).parent,
    )


def coded(text: str) -> Markup:
    """Return escaped text in which what stands between back quotes is code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))
