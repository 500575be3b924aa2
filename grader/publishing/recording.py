"""Runs solutions over freshly made cases, in the jail like any submission, and keeps what they returned."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

import grader
from grader.lab.checks import Case, Check
from grader.language.errors import GraderFailed
from grader.language.message import english
from grader.project.contract import CHECKS_PARTS, ContractError, Lab
from grader.project.fixtures import RecordedRun
from grader.publishing.record_cache import RecordCache, digest_of_files
from grader.run.answers import place_of
from grader.run.session import Outcome, Running

KEPT_MESSAGE_CHARACTERS = 400
# Code of the grader that runs between a check and what is recorded; ``layer_*.py`` holds what labs share.
DECIDES_OUTPUTS = ("inside/answers.py", "inside/runner.py", "inside/submission.py", "run/deriving.py")


class RecordingError(GraderFailed):
    """The reference or a variant does not run through a check."""


OpenSession = Callable[[Path, int], AbstractContextManager[Running]]
OpenInSlot = Callable[[Path], AbstractContextManager[Running]]
Runs = Mapping[str, Sequence[RecordedRun]]
Item = tuple[Check, Sequence[Case]]


@dataclass(frozen=True)
class Recorder:
    """Runs checks of one lab on solutions; what has been run before is taken from the cache.

    ``open_session`` starts a box for a folder of files; its second argument is the slot that it runs on.
    """

    lab: Lab
    open_session: OpenSession
    cache: RecordCache

    def run(self, solution: Path, items: Sequence[Item], slot: int = 0) -> list[list[RecordedRun]]:
        """Return what the solution did in each check, one run for each case: ``returned`` where it returned.

        The checks run in the order given and in one box, so those that share a worker should stand together.
        """
        own = digest_of_files(sorted(solution.rglob("*.py")))
        keys = [self.cache.key(own, check.id, cases) for check, cases in items]
        found = [self.cache.read(key) for key in keys]
        fresh = iter(self.fresh(solution, [items[n] for n, runs in enumerate(found) if runs is None], slot))
        complete = []
        for key, runs in zip(keys, found, strict=True):
            if runs is None:
                runs = next(fresh)
                self.cache.write(key, runs)
            complete.append(runs)
        return complete

    def fresh(self, solution: Path, items: Sequence[Item], slot: int = 0) -> list[list[RecordedRun]]:
        """Return the same without a look at the cache."""
        if not items:
            return []
        with self.open_session(solution, slot) as session:
            return [[as_run(session.run(check, case)) for case in cases] for check, cases in items]


def as_run(outcome: Outcome) -> RecordedRun:
    """Return what is kept of an outcome."""
    if outcome.verdict is None:
        return RecordedRun(None, dict(outcome.outputs))
    message = english(outcome.message)[:KEPT_MESSAGE_CHARACTERS]
    return RecordedRun(outcome.verdict, {}, outcome.error_type, message, place_of(outcome.frames))


def require_returned(name: str, runs: Runs) -> None:
    """Require that a solution came through every case.

    Raises
    ------
    RecordingError : it did not; the message is what a student would read.
    """
    for check, recorded in runs.items():
        for number, run in enumerate(recorded, start=1):
            if run.verdict is not None:
                raise RecordingError(
                    "{name} must come through every check, but {check}, case {number}, ended with {verdict}: "
                    "{error}",
                    name=name,
                    check=check,
                    number=number,
                    verdict=run.verdict,
                    error=f"{run.error_type} {run.message}".strip(),
                )


def maker_of(check: Check) -> str:
    """Return the name of the function that makes a check's cases."""
    return str(getattr(check.cases, "__qualname__", check.id))


def make_cases(
    lab: Lab, seed: int, draws: Mapping[str, int] | None = None, kept_back: Path | None = None
) -> dict[str, list[Case]]:
    """Make the cases of every check; they depend only on the seed and the name of the function that makes them.

    Checks that share that function share their cases: a backward pass can then build on the forward pass that
    was run on the same input before. ``draws`` says which functions are asked again, and how often. ``kept_back``
    is the folder of what no student gets to see, for hidden cases (`Learning.kept_back`).

    Raises
    ------
    ContractError : a file that should be kept back is missing.
    """
    cases = {}
    for check in lab.checks.values():
        maker = maker_of(check)
        draw = (draws or {}).get(maker, 0)
        text = f"{seed}:{maker}:{draw}" if draw else f"{seed}:{maker}"
        key = hashlib.sha256(text.encode()).digest()[:16]
        generator = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
        name = check.learning.kept_back if check.learning and kept_back else ""
        if kept_back and name:
            if not (kept_back / name).is_file():
                raise ContractError(
                    "{file}: missing; the check {check} is judged by what it holds",
                    file=kept_back / name,
                    check=check.id,
                )
            cases[check.id] = list(check.cases(generator, kept_back / name))
        else:
            cases[check.id] = list(check.cases(generator))
    return cases


def context_of(lab: Lab, resources: Mapping[str, Path]) -> str:
    """Return a hash of all that outputs depend on besides the solution and the cases."""
    package = Path(grader.__file__).parent
    files = [
        *lab.folder.glob(CHECKS_PARTS),
        *(package / name for name in DECIDES_OUTPUTS),
        *(package / "lab").glob("*.py"),
        *(lab.folder / name for name in lab.given_sources),
    ]
    parts = [digest_of_files(files)]
    parts += [f"{name}={folder.name}" for name, folder in sorted(resources.items())]
    parts += [f"{package}={metadata.version(package)}" for package in ("numpy", "numba")]
    return "\n".join(parts)
