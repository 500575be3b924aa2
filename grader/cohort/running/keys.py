"""The key of a grading: a hash of everything that its result depends on. Equal keys are the same grading."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from grader import __version__
from grader.cohort.problems import Refusal
from grader.jail.arithmetic import chosen_arithmetic
from grader.language.translation import _
from grader.project.contract import Lab
from grader.project.manifest import MANIFEST_NAME, FixtureError
from grader.project.places import Project, file_digest

# What a lab's folder holds for readers only; a result does not depend on it.
FOR_READERS = ("__pycache__", "locale")


@dataclass(frozen=True)
class Conditions:
    """What is the same for all gradings of a run."""

    lab: str
    lab_sha256: str
    release: str
    fixture_sha256: str
    grader_version: str
    jail_level: int
    only: tuple[str, ...] = ()
    weights_sha256: str = ""
    strict: bool = False
    arithmetic: str = "host"

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Conditions:
        """Read them from plain data."""
        return cls(**{**data, "only": tuple(data.get("only", ()))})

    def as_data(self) -> dict[str, Any]:
        """Return them as plain data."""
        return {**asdict(self), "only": list(self.only)}

    def with_release(self, release: str, fixture_sha256: str) -> Conditions:
        """Return the same with other fixtures."""
        return replace(self, release=release, fixture_sha256=fixture_sha256)

    def key(self, collected_sha256: str) -> str:
        """Return the key of the grading of what has this hash."""
        content = {**self.as_data(), "submission": collected_sha256}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def conditions_of(
    project: Project,
    lab: Lab,
    level: int,
    only: tuple[str, ...] = (),
    weights: Path | None = None,
    *,
    strict: bool = False,
) -> Conditions:
    """Return the conditions of a grading that begins now.

    Raises
    ------
    CohortError : the lab has no hidden fixtures here.
    """
    release, sha256 = released(project.fixtures(lab.name, "hidden", weights))
    return Conditions(
        lab=lab.name,
        lab_sha256=lab_digest(lab),
        release=release,
        fixture_sha256=sha256,
        grader_version=__version__,
        jail_level=level,
        only=tuple(only),
        weights_sha256=file_digest(weights) if weights is not None else "",
        strict=strict,
        arithmetic=chosen_arithmetic().name,
    )


def released(folder: Path) -> tuple[str, str]:
    """Return release and hash of the fixtures in a folder, as their manifest says; reading them checks it.

    Raises
    ------
    FixtureError : there is no manifest.
    """
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        return str(manifest["release"]), str(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FixtureError(
            "{folder} cannot be read ({error}); publish the lab first", folder=folder / MANIFEST_NAME, error=error
        ) from None


def lab_digest(lab: Lab) -> str:
    """Return one hash of the lab's public files, without what is for readers only."""
    digest = hashlib.sha256()
    for file in sorted(lab.folder.rglob("*"), key=lambda path: path.as_posix()):
        inside = file.relative_to(lab.folder)
        if file.is_file() and not any(part in FOR_READERS for part in inside.parts) and file.suffix != ".md":
            digest.update(f"{file_digest(file)}  {inside.as_posix()}\n".encode())
    return digest.hexdigest()


def require_same(then: Conditions, today: Conditions) -> None:
    """Refuse to go on with a run under other conditions; the message names what differs.

    Raises
    ------
    Refusal : something differs.
    """
    if then == today:
        return
    different = []
    if then.fixture_sha256 != today.fixture_sha256:
        different.append(
            _("the fixtures were release {then}, and are {today} now", then=then.release, today=today.release)
        )
    if then.jail_level != today.jail_level:
        different.append(
            _("the jail was level {then}, and is {today} here", then=then.jail_level, today=today.jail_level)
        )
    if then.lab_sha256 != today.lab_sha256:
        different.append(_("the lab's files were changed"))
    if then.grader_version != today.grader_version:
        then_, now = then.grader_version, today.grader_version
        different.append(_("the grader was version {then}, and is {today} now", then=then_, today=now))
    if (then.only, then.weights_sha256, then.strict) != (today.only, today.weights_sha256, today.strict):
        different.append(_("--only, --weights or --strict differ"))
    if then.arithmetic != today.arithmetic:
        different.append(
            _("the arithmetic was {then}, and is {today} now", then=then.arithmetic, today=today.arithmetic)
        )
    raise Refusal(
        "the unfinished run of {lab} cannot go on: {names}. Go back to what it began with, or begin anew with "
        "--fresh",
        lab=then.lab,
        names="; ".join(different),
    )
