"""The one door to a submission: collected, its resources made, its box opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.collect.policy import Rules, Use, find_uses
from grader.collect.submission import Collected
from grader.jail import Level, View
from grader.project.contract import Lab
from grader.run.session import Session

# What a package imports itself; a lab names only what its students use.
ALSO_NEEDED = {"numba": ("llvmlite",)}


def open_session(
    lab: Lab,
    submission: Path,
    resources: Mapping[str, Path],
    *,
    level: Level | None = None,
    slot: int = 0,
    handler: str = "grader.inside.runner",
    free: Sequence[str] = (),
) -> Session:
    """Start a box in which ``submission``, a collected folder, can be run against the checks of ``lab``.

    ``handler`` is the module that serves the requests inside; ``free`` are files that may import
    everything, besides the given ones.
    """
    policy: dict[str, Any] = {
        "modules": [file.module for file in lab.facts.files],
        "given": lab.given_modules,
        "optional": lab.optional_modules,
        "allow": lab.facts.imports.allow,
        "forbid": lab.facts.imports.forbid,
        "shims": lab.facts.shims,
        "free": [*unchanged_given(lab, submission), *free],
        "packages": packages_of(lab),
    }
    view = View(submission, lab.folder, tuple(packages_of(lab)), resources, policy)
    return Session(lab, view, level=level, slot=slot, handler=handler)


def ruled_out(lab: Lab, collected: Collected) -> list[Use]:
    """Return the places where the submission's own files use a library that the lab rules out."""
    free = unchanged_given(lab, collected.root)
    names = [file.path for file in collected.files if file.path not in free]
    declared = [file.path for file in lab.facts.files]
    rules = Rules(lab.facts.imports.allow, lab.facts.imports.forbid, packages_of(lab), lab.given_modules)
    return find_uses(collected.root, declared, names, rules)


def packages_of(lab: Lab) -> list[str]:
    """Return the import names of the packages that the lab puts into the box."""
    return [also for name in lab.facts.packages for also in (name, *ALSO_NEEDED.get(name, ()))]


def unchanged_given(lab: Lab, submission: Path) -> list[str]:
    """Return the given Python files that the submission does not have, or has as they were given.

    Only these may import everything: in a changed one could stand anything.
    """
    return [name for name in lab.given_sources if _same_lines(lab.folder / name, submission / name)]


def _same_lines(given: Path, handed_in: Path) -> bool:
    if not handed_in.is_file():
        return True
    return given.is_file() and given.read_bytes().splitlines() == handed_in.read_bytes().splitlines()
