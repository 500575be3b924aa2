"""What is found in the files of a lab: where, what, and whether it keeps the lab from being published."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader.language.errors import BadInput, GraderError
from grader.language.message import english
from grader.language.near import nearest

_PLACE = re.compile(r"(?P<file>[^\s:][^:\n]*\.(?:py|yaml))(?::(?P<line>\d+))?: (?P<rest>.*)", re.DOTALL)


class LintError(BadInput):
    """A lab has errors; the message lists all of them."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. ``line`` counts from 1; 0 where the file as a whole is meant. A warning may stay."""

    file: Path
    line: int
    message: str
    is_warning: bool = False

    def text(self, root: Path) -> str:
        """Return it as one line, with a path that is relative to ``root``."""
        file = self.file.relative_to(root) if self.file.is_relative_to(root) else self.file
        place = f"{file}:{self.line}" if self.line else f"{file}"
        return f"{place}: {'warning: ' if self.is_warning else ''}{self.message}"


def of_error(error: GraderError, file: Path) -> list[Finding]:
    """Return the findings that an error's message has, one a line; ``file`` is meant where it names none."""
    found = []
    for line in english(error.message).splitlines():
        match = _PLACE.fullmatch(line)
        if match:
            # Some messages have the path from the project's folder, others only the name.
            named = Path(match["file"])
            place = named if named.is_absolute() else file.with_name(named.name)
            found.append(Finding(place, int(match["line"] or 0), match["rest"]))
        else:
            found.append(Finding(file, 0, line))
    return found


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question with the name that is most like ``name``, or the list of those that exist."""
    names = list(known)
    near = nearest(name, names)
    if near is not None:
        return f"did you mean {near!r}?"
    return f"there are: {', '.join(names)}" if names else "there are none"


def line_with(file: Path, text: str) -> int:
    """Return the first line of a file that holds ``text``, 0 if none does."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return next((number for number, line in enumerate(lines, start=1) if text in line), 0)
