"""Examples from a class: what somebody wrote in the hole in which a mistake was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.cohort.release.grades import Grade
from grader.cohort.view.holes import Works, body_of, regions_of
from grader.project.contract import Lab

MAX_LINES = 30


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

    def of(self, grade: Grade, holes: Sequence[str]) -> Example:
        """Return what ``grade``'s attempt has in the first of the holes that it has."""
        files = self._files.get(grade.attempt.id, {}) if grade.attempt is not None else {}
        wanted = [region for hole in holes for region in self._regions if hole in region.holes]
        sources = self._works.sources(files) if wanted and files else {}
        for region in wanted:
            body = body_of(sources[region.file], region.function) if region.file in sources else None
            if body:
                lines = body.splitlines()
                cut = [*lines[:MAX_LINES], "…"] if len(lines) > MAX_LINES else lines
                return Example(grade.student.pseudonym, region.function, "\n".join(cut))
        return Example(grade.student.pseudonym)
