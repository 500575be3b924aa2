"""Which holes of a lab a student has written, and where the others are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.project.contract import Lab
from grader.project.sections import HandedIn

# What a skeleton has in the place of a solution; a comment that is left beside written code does not count.
LEFT_OPEN = re.compile(r"""^\s*raise NotImplementedError\(\s*["']TODO (\w+):""")


@dataclass(frozen=True)
class Hole:
    """A part that is to be written.

    Attributes
    ----------
    name : as checks name it.
    file : the file that it is in.
    line : where it is still open, from 1; 0 if its file is missing, None once it is written.
    """

    name: str
    file: str
    line: int | None

    @property
    def written(self) -> bool:
        """Whether something stands in its place; whether that is right, a check knows."""
        return self.line is None


def holes_of(lab: Lab, folder: Path) -> list[Hole]:
    """Return the holes of the files that must be handed in, as they stand in ``folder``, in the lab's order."""
    return [hole for handed in lab.facts.files if handed.required for hole in _holes_in(handed, folder)]


def open_holes(lab: Lab, folder: Path, names: Sequence[str]) -> list[Hole]:
    """Return those of the holes ``names`` that are still open, optional files included."""
    everything = [hole for handed in lab.facts.files for hole in _holes_in(handed, folder)]
    return [hole for hole in everything if hole.name in names and not hole.written]


def _holes_in(handed: HandedIn, folder: Path) -> list[Hole]:
    try:
        text = (folder / handed.path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return [Hole(name, handed.path, 0) for name in handed.holes]
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if found := LEFT_OPEN.match(line):
            lines.setdefault(found[1], number)
    return [Hole(name, handed.path, lines.get(name)) for name in handed.holes]
