"""Where a student stands: holes that are written, checks that pass, what changed, and the one thing to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.explain.messages import command
from grader.language.text import one_line
from grader.language.translation import _, listed
from grader.project.contract import Lab
from grader.score.document import CheckResult, GradeResult
from grader.student.history import Progressed
from grader.student.holes import Hole, holes_of, open_holes
from grader.student.roots import root_of
from grader.verdicts import Verdict

WORK_NAME = "stu_upload"
# Where a box has the submission.
IN_BOX = "/student"
TYPED = re.compile(r"\S+ -m grader \S.*")
# What keeps other code from being reached is mended first; what is not written yet comes last.
FIRST = (Verdict.IMPORT, Verdict.FORBIDDEN)
LAST = (Verdict.UNFINISHED,)


@dataclass(frozen=True)
class Next:
    """The one thing to do next: a sentence, and a command that can be pasted; either may be empty."""

    text: str
    command: str = ""

    def __str__(self) -> str:
        return self.text or self.command


@dataclass(frozen=True)
class Standing:
    """Where a student stands after a round of checks.

    Attributes
    ----------
    folder : the work, as it can be typed from the current folder.
    holes : those of the files that must be handed in.
    scored, extra : the checks that ran, of tiers and without points.
    failing : those that did not pass for a reason of their own, the one to mend first in front.
    changed : what differs from the last time.
    """

    lab: Lab
    folder: Path
    holes: Sequence[Hole]
    scored: Sequence[CheckResult]
    extra: Sequence[CheckResult]
    changed: Progressed

    @property
    def slow(self) -> list[str]:
        """The checks that only ``--all`` runs."""
        return [check.id for check in self.lab.checks.values() if check.slow]

    @classmethod
    def of(cls, lab: Lab, folder: Path, checks: Sequence[CheckResult], changed: Progressed) -> Standing:
        """Return the standing of the work in ``folder`` after these ``checks``."""
        scored = [check for check in checks if check.tier is not None]
        extra = [check for check in checks if check.tier is None]
        return cls(lab, typed(folder), holes_of(lab, folder), scored, extra, changed)

    @property
    def failing(self) -> list[CheckResult]:
        """The checks that failed for a reason of their own, the one to mend first in front."""
        own = [check for check in (*self.scored, *self.extra) if not _held(check) and not _waits(check)]
        return sorted(own, key=lambda check: (check.tier is None, _turn(check.verdict)))

    def waits_for(self, check: CheckResult) -> list[str]:
        """Return the ids of the checks whose failure keeps a skipped one from being run."""
        results = {item.id: item for item in (*self.scored, *self.extra)}
        found: dict[str, None] = {}
        waiting = [check.id]
        while waiting:
            needs = self.lab.checks[waiting.pop()].needs
            for name in needs:
                item = results.get(name)
                if item is not None and _waits(item) and self.lab.checks[name].needs:
                    waiting.append(name)
                elif item is not None and not _held(item):
                    found[name] = None
        return [name for name in results if name in found]

    def next(self) -> Next:
        """Return the one thing to do next after a round in which something failed."""
        mended = [check for check in self.failing if check.tier is not None or not self.scored]
        return next_of(self.lab, self.folder, mended[0]) if mended else Next("")


def next_of(lab: Lab, folder: Path, check: CheckResult) -> Next:
    """Return what to do about a check that failed: a sentence with ``path:line``, and a command to paste."""
    again = command("check", lab.name, "--only", check.id)
    left = open_holes(lab, folder, lab.checks[check.id].holes)
    if check.verdict is Verdict.UNFINISHED and left:
        places = [f"{typed(folder).as_posix()}/{hole.file}:{hole.line}" for hole in left]
        names = listed([hole.name for hole in left])
        return Next(_("write {holes} in {place}", holes=names, place=listed(places)), again)
    kind, *root = root_of(lab, folder, check)
    if kind == "missing" and (folder.absolute().parent.name, folder.name) == (WORK_NAME, lab.name):
        # At home nothing is handed in yet, and the file can be had again.
        return Next(
            _("{file} is missing: write it, or bring it back as it was given", file=root[0]),
            command("start", lab.name, "--file", root[0]),
        )
    told = clickable(one_line(check.next), lab, folder)
    if TYPED.fullmatch(told):
        return Next("", told)
    return Next(told, again if not TYPED.search(told) else "")


def after_success(result: GradeResult, only: Sequence[str] = ()) -> str:
    """Return the one thing to do after a ``check`` in which everything passed."""
    if only:
        return command("check", result.lab)
    if not result.complete:
        return command("check", result.lab, "--all")
    return command("submit", result.lab)


def typed(folder: Path) -> Path:
    """Return a path as it is typed from the current folder, if it lies there."""
    here = Path.cwd()
    absolute = folder.absolute()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else folder


def clickable(text: str, lab: Lab, folder: Path) -> str:
    """Write the places ``FILE:LINE`` in a message so that a terminal or an editor opens them from here."""
    files = "|".join(re.escape(handed.path) for handed in lab.facts.files)
    where = typed(folder).as_posix()
    text = re.sub(rf"(?<![\w.]){IN_BOX}/({files})(?!\w)", lambda found: f"{where}/{found[1]}", text)
    return re.sub(rf"(?<![\w/.])({files}):(\d+)", lambda found: f"{where}/{found[1]}:{found[2]}", text)


def _turn(verdict: Verdict) -> int:
    return 0 if verdict in FIRST else 2 if verdict in LAST else 1


def _held(check: CheckResult) -> bool:
    return check.verdict is Verdict.PASS


def _waits(check: CheckResult) -> bool:
    return check.verdict is Verdict.SKIPPED
