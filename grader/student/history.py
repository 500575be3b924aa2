"""What earlier checks of a student's work gave, kept beside the work, so that progress can be told."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.project.writing import replace_file
from grader.score.document import CheckResult
from grader.verdicts import Verdict

FOLDER_NAME = ".history"
MOST_ROUNDS = 200


@dataclass(frozen=True)
class Progressed:
    """How a check differs from the last time that each of its parts was run.

    Attributes
    ----------
    gained : ids of checks that pass now and did not.
    lost : ids of checks that passed and do not now.
    known : whether any of them was ever run before.
    """

    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    known: bool = False


@dataclass
class History:
    """The rounds of one piece of work, oldest first; a file that is missing or unreadable is an empty one.

    Attributes
    ----------
    file : where it is kept; None where nothing is to be kept, such as for an archive.
    rounds : when each was (UTC, ISO 8601), and the verdicts by check.
    """

    file: Path | None
    rounds: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> History:
        """Return the history of the work in ``folder``, which is kept in the folder above, never handed in."""
        if not folder.is_dir():
            return cls(None)
        file = folder.absolute().parent / FOLDER_NAME / f"{folder.absolute().name}.json"
        try:
            plain = json.loads(file.read_text(encoding="utf-8"))
            rounds = [(str(when), {str(name): str(word) for name, word in held.items()}) for when, held in plain]
        except (OSError, ValueError, TypeError, AttributeError):
            rounds = []
        return cls(file, rounds)

    def compared(self, checks: Sequence[CheckResult]) -> Progressed:
        """Compare with the last time that each of these checks was run."""
        before = self.last()
        known = [check for check in checks if check.id in before]
        gained = [check.id for check in known if _passed(check.verdict) and not _passed(before[check.id])]
        lost = [check.id for check in known if not _passed(check.verdict) and _passed(before[check.id])]
        return Progressed(tuple(gained), tuple(lost), bool(known))

    def last(self) -> Mapping[str, str]:
        """Return the last verdict of each check."""
        return {name: word for _when, held in self.rounds for name, word in held.items()}

    def add(self, when: str, checks: Sequence[CheckResult]) -> None:
        """Keep a round; where nothing can be written, as on a read-only disk, it is just not kept."""
        self.rounds.append((when, {check.id: check.verdict.value for check in checks}))
        self.rounds = self.rounds[-MOST_ROUNDS:]
        if self.file is None:
            return
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(exist_ok=True)
            replace_file(self.file, json.dumps(self.rounds, indent=0).encode())


def _passed(verdict: str) -> bool:
    return verdict == Verdict.PASS.value
