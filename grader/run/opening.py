"""The one door to a submission: collected, its resources made, its box opened."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.collect.policy import Rules, Use, find_uses
from grader.collect.submission import Collected, collect
from grader.jail import Arithmetic, Box, Level, View
from grader.jail.scratch import scratch_folder
from grader.jail.slots import claim_slot
from grader.lab.checks import Check
from grader.prepare.resources import prepare_named, prepare_resources
from grader.prepare.weights import Note
from grader.project.contract import Lab
from grader.project.places import Project
from grader.run.session import Session

RUNNER = "grader.inside.runner"
# What a package imports itself; a lab names only what its students use.
ALSO_NEEDED = {"numba": ("llvmlite",)}


@dataclass
class Opened:
    """A submission in its box.

    Attributes
    ----------
    session : runs checks on it.
    collected : its files as they were taken.
    resources : folders of the lab's large inputs that are in the box, by name.
    setup_s : seconds that making these took.
    scratch : a folder that lasts as long as the box.
    slot : the processors that it runs on.
    """

    session: Session
    collected: Collected
    resources: Mapping[str, Path]
    setup_s: float
    scratch: Path
    slot: int

    def collect_again(self, submission: Path) -> None:
        """Take the submission's files as they are now; the box stays, the next check gets a fresh worker.

        Raises
        ------
        SubmissionError : they cannot be collected, for example while one of them is being replaced.
        """
        shutil.rmtree(self.collected.root, ignore_errors=True)
        self.collected = _collected(self.session.lab, submission, self.scratch)
        self.session.renew(self.collected.root)


@contextmanager
def opened(
    project: Project,
    lab: Lab,
    submission: Path,
    note: Note,
    *,
    checks: Sequence[Check] = (),
    named: Sequence[str] | None = None,
    weights: Path | None = None,
    trained: Path | None = None,
    level: Level | None = None,
    slot: int | None = None,
    handler: str = RUNNER,
    new_box: Callable[..., Box] = Box,
) -> Iterator[Opened]:
    """Collect a submission, make what it needs, and open its box; nothing of it is left afterwards.

    Parameters
    ----------
    submission : a folder or an archive.
    note : is told what is being made.
    checks : those that will be run; of the lab's resources those that they use are made.
    named : resources to make instead, by name; a file of weights may lack the last layers then.
    weights : a course's own checkpoint instead of the seeded one.
    trained : parameters of the first layers in place of the seeded ones, for resources by name.
    slot : the processors to run on, claimed by whoever calls; one is claimed here if None.
    handler : the module that serves the requests inside.
    new_box : makes the box, such as `grader.jail.warm.WarmBoxes.box`.

    Raises
    ------
    SubmissionError : it cannot be collected.
    NoRoom : the temporary folder is full.
    WeightsError, WeightsFileError : a checkpoint cannot be made or read.
    """
    with ExitStack() as held:
        scratch = held.enter_context(scratch_folder("grading"))
        if slot is None:
            slot = held.enter_context(claim_slot(lab.facts.limits.threads))
        collected = _collected(lab, submission, scratch)
        before = time.monotonic()
        if named is None:
            resources = prepare_resources(project, lab, checks, weights, note)
        else:
            resources = prepare_named(project, lab, named, weights, note, partial=True, trained=trained)
        setup_s = time.monotonic() - before
        with open_session(
            lab, collected.root, resources, level=level, slot=slot, handler=handler, new_box=new_box
        ) as session:
            yield Opened(session, collected, resources, setup_s, scratch, slot)


def _collected(lab: Lab, submission: Path, scratch: Path) -> Collected:
    collected = collect(submission, scratch / "submission", required=lab.required, given=lab.facts.given)
    lay_out_given(lab, collected.root)
    return collected


def lay_out_given(lab: Lab, root: Path) -> None:
    """Put the lab's given data beside the work, as ``start`` does; given Python files are found by importing."""
    for name in lab.facts.given:
        source = lab.folder / name
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in files:
            target = root / file.relative_to(lab.folder)
            if file.is_file() and file.suffix != ".py" and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


def open_session(
    lab: Lab,
    submission: Path,
    resources: Mapping[str, Path],
    *,
    level: Level | None = None,
    slot: int = 0,
    handler: str = RUNNER,
    free: Sequence[str] = (),
    arithmetic: Arithmetic | None = None,
    new_box: Callable[..., Box] = Box,
) -> Session:
    """Start a box in which ``submission``, a folder of files as they are, can be run against the checks of ``lab``.

    ``handler`` is the module that serves the requests inside; ``free`` are files that may import
    everything, besides the given ones. ``arithmetic`` is the chosen one if it is None.
    """
    policy: dict[str, Any] = {
        "modules": [file.module for file in lab.facts.files],
        "given": lab.given_modules,
        "optional": lab.optional_modules,
        "allow": lab.facts.imports.allow,
        "forbid": lab.facts.imports.forbid,
        "shims": lab.facts.shims,
        "stand_ins": lab.facts.stand_ins,
        "free": [*unchanged_given(lab, submission), *free],
        "packages": packages_of(lab),
    }
    view = View(submission, lab.folder, tuple(packages_of(lab)), resources, policy)
    return Session(lab, view, level=level, slot=slot, handler=handler, arithmetic=arithmetic, new_box=new_box)


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
