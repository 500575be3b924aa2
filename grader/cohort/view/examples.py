"""Examples from a class: what somebody wrote in the hole in which a mistake was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from grader.cohort.release.grades import Grade
from grader.cohort.view.holes import Works, body_of, regions_of
from grader.project.contract import Lab

MAX_LINES = 30
KEPT = 64


@dataclass(frozen=True)
class Example:
    """What one student, by pseudonym, wrote; ``code`` is empty where it could not be read."""

    pseudonym: str
    function: str = ""
    code: str = ""


class Examples:
    """Reads what students wrote, for the few of whom something is quoted."""

    def __init__(self, originals: Path, lab: Lab, files: Mapping[int, Mapping[str, str]], scratch: Path) -> None:
        self._works, self._files, self._regions = Works(originals, lab, scratch), files, regions_of(lab)
        # One work often is the example of several mistakes.
        self._sources = lru_cache(maxsize=KEPT)(self._read)

    def of(self, grade: Grade, holes: Sequence[str]) -> Example:
        """Return what ``grade``'s attempt has in the first of the holes that it has."""
        wanted = [region for hole in holes for region in self._regions if hole in region.holes]
        sources = self._sources(grade.attempt.id) if wanted and grade.attempt is not None else {}
        for region in wanted:
            body = body_of(sources[region.file], region.function) if region.file in sources else None
            if body:
                lines = body.splitlines()
                cut = [*lines[:MAX_LINES], "…"] if len(lines) > MAX_LINES else lines
                return Example(grade.student.pseudonym, region.function, "\n".join(cut))
        return Example(grade.student.pseudonym)

    def _read(self, attempt: int) -> dict[str, str]:
        files = self._files.get(attempt, {})
        return self._works.sources(files) if files else {}
