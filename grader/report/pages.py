"""Pages by Jinja: one base, one style sheet within each page, nothing beside it, no script.

Templates of any room extend ``base.html`` of this one; they are given by the folder that the room keeps them in.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from grader.language.text import MAX_MESSAGE_CHARACTERS, clean, one_line
from grader.language.translation import _, chosen, translated
from grader.report.files import ReportError
from grader.verdicts import verdict_word

if TYPE_CHECKING:
    from jinja2 import Environment

OWN = Path(__file__).parent
# What the name of a place within a page has none of.
NO_NAME = re.compile(r"\W+")


def page(template: str, values: Mapping[str, object], folder: Path = OWN) -> str:
    """Return a page; what templates are given is escaped, and cleaned where they say ``| line`` or ``| text``.

    Raises
    ------
    ReportError : Jinja is not installed.
    """
    return _environment(folder).get_template(template).render(language=chosen(), **values)


@functools.cache
def _environment(folder: Path) -> Environment:
    try:
        import jinja2
    except ImportError:
        raise ReportError("HTML reports need the package jinja2; install it: pip install jinja2") from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, OWN]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["line"] = one_line
    environment.filters["anchor"] = lambda value: NO_NAME.sub("-", one_line(value))
    environment.filters["text"] = lambda value: clean(value, MAX_MESSAGE_CHARACTERS)
    environment.globals.update({"_": _, "translated": translated, "verdict_word": verdict_word})
    return environment
