"""Finds the fixtures of an earlier release, for a regrade that must be what it was then."""

from __future__ import annotations

from pathlib import Path

from grader.cohort.problems import CohortError
from grader.cohort.running.keys import released
from grader.project.fixtures import ARCHIVE_NAME
from grader.project.places import Project


def folder_of_release(project: Project, lab: str, release: str) -> Path:
    """Return the folder of the hidden fixtures of a release: those in use, or from the archive.

    Raises
    ------
    CohortError : there is no such release here.
    """
    present = project.fixtures(lab, "hidden")
    archive = present.parent / ARCHIVE_NAME
    places = [present, *sorted(archive.glob("*/hidden"))]
    known = {released(place)[0]: place for place in places if (place / "manifest.json").is_file()}
    if release not in known:
        raise CohortError(
            "there is no release {release} of {lab} here; there are: {names}",
            release=repr(release),
            lab=lab,
            names=", ".join(known) or "none",
        )
    return known[release]
