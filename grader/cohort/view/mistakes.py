"""What a class gets wrong: recognised mistakes with their numbers, and failures that nobody has a name for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.cohort.release.grades import Grade
from grader.cohort.view.examples import Example, Examples
from grader.language.translation import translated
from grader.project.contract import Lab
from grader.project.fixtures import PAIR_SIGN

# How a check ends that ran and gave something else than it should.
WRONG = ("wrong", "output", "exception")
MIN_ALIKE = 2
MAX_SHOWN = 40
NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class ClassMistake:
    """A known mistake that students of the class made.

    Attributes
    ----------
    name, title : its id, and what it is in a few words.
    students : how many made it; ``of`` is how many were graded, ``beyond`` how many show it only beyond the course.
    holes, checks : where it is probably made, and which checks it cost.
    explanation, formula : what to say of it, and where the formula stands.
    case : a case in which it shows.
    example : what one of them wrote.
    """

    name: str
    title: str
    students: int
    of: int
    beyond: int
    holes: tuple[str, ...]
    checks: tuple[str, ...]
    explanation: str
    formula: str
    case: str
    message: str
    example: Example


@dataclass(frozen=True)
class Unexplained:
    """Failures of one check that end alike and have neither a name nor a likely cause."""

    check: str
    verdict: str
    message: str
    students: int
    pseudonyms: tuple[str, ...]
    example: Example


@dataclass
class _Seen:
    """What was seen of one mistake so far."""

    students: int = 0
    beyond: int = 0
    checks: dict[str, None] = field(default_factory=dict)
    hint: str = ""
    case: str = ""
    message: str = ""
    example: Grade | None = None


class KnownMistakes:
    """Counts the recognised mistakes while documents pass; two made at once count as each of them."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._graded = 0

    def add(self, holders: list[Grade], document: dict[str, Any]) -> None:
        """Count a document, for all of those whose it is."""
        self._graded += len(holders)
        own: dict[str, bool] = {}
        for check in document["checks"]:
            for part, decides in ((check, True), (check.get("beyond") or {}, False)):
                for name in _names(part):
                    one = self._seen.setdefault(name, _Seen())
                    one.checks[check["id"]] = None
                    own[name] = own.get(name, False) or decides
                    _note(one, part, holders[0], replace=decides and not one.students)
        for name, decides in own.items():
            self._seen[name].students += len(holders) * decides
            self._seen[name].beyond += len(holders) * (not decides)

    def found(self, lab: Lab, texts: Mapping[str, Mapping[str, str]], examples: Examples) -> list[ClassMistake]:
        """Return the mistakes, that of most students first.

        ``texts`` are those of the lab's known mistakes; where one has none there, what its check said is taken.
        """
        ordered = sorted(self._seen.items(), key=lambda item: (-item[1].students, -item[1].beyond, item[0]))
        return [_mistake(name, one, self._graded, lab, texts.get(name, {}), examples) for name, one in ordered]


def _names(part: Mapping[str, Any]) -> Sequence[str]:
    return str(part.get("misconception") or "").split(PAIR_SIGN) if part.get("misconception") else ()


def _note(seen: _Seen, part: Mapping[str, Any], holder: Grade, *, replace: bool) -> None:
    if seen.example is None or replace:
        seen.example, seen.hint = holder, str(part.get("hint") or "")
        seen.case, seen.message = str(part.get("failed_case") or ""), str(part.get("message") or "")


def title_of(name: str, texts: Mapping[str, str], lab: Lab) -> str:
    """Return what a known mistake is in a few words: its title among its texts, else its name."""
    return translated(texts.get("title", ""), lab.folder) or name.replace("_", " ")


def _mistake(
    name: str, seen: _Seen, graded: int, lab: Lab, texts: Mapping[str, str], examples: Examples
) -> ClassMistake:
    # Of the checks that show it the one on fewest holes says best where it is made: whole networks show it, too.
    named = [lab.checks[check].holes for check in seen.checks if check in lab.checks and lab.checks[check].holes]
    holes = min(named, key=len, default=())
    example = examples.of(seen.example, holes) if seen.example is not None else Example("")
    return ClassMistake(
        name,
        title_of(name, texts, lab),
        seen.students,
        graded,
        seen.beyond,
        holes,
        tuple(seen.checks),
        translated(texts.get("explanation", ""), lab.folder) or seen.hint,
        translated(texts.get("formula", ""), lab.folder),
        seen.case,
        seen.message,
        example,
    )


class UnknownMistakes:
    """Collects failures without a name and a likely cause while documents pass.

    Two end alike if check, verdict and message agree, but for the numbers in it.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str, str], list[Grade]] = {}

    def add(self, holders: list[Grade], document: dict[str, Any]) -> None:
        """Look through a document, for all of those whose it is."""
        for check in document["checks"]:
            if check["verdict"] in WRONG and not check.get("misconception") and not check.get("hint"):
                first = next(iter(str(check.get("message") or "").splitlines()), "")
                key = (check["id"], check["verdict"], NUMBER.sub("#", first))
                self._groups.setdefault(key, []).extend(holders)

    def found(self, lab: Lab, examples: Examples) -> list[Unexplained]:
        """Return the failures that several students share, most frequent first.

        What only one student has follows in no list: it is in that student's own report.
        """
        shared = [(key, holders) for key, holders in self._groups.items() if len(holders) >= MIN_ALIKE]
        shared.sort(key=lambda item: (-len(item[1]), item[0]))
        return [
            Unexplained(
                check,
                verdict,
                message,
                len(holders),
                tuple(holder.student.pseudonym for holder in holders[:MAX_SHOWN]),
                examples.of(holders[0], lab.checks[check].holes if check in lab.checks else ()),
            )
            for (check, verdict, message), holders in shared[:MAX_SHOWN]
        ]
