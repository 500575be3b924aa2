"""What became of the mutants: a file beside the fixtures, and a section of the certificate's page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader.project.writing import replace_file
from grader.publishing.certificate import TEXT_NAME, table
from grader.publishing.mutants.trial import AT_LEAST_S, TIMES_THE_SOLUTION

MUTANTS_NAME = "mutants.json"
SCHEMA_ID = "grader/mutants/v1"
HEADING = "## Mistakes made by machine"


@dataclass(frozen=True)
class MutantRow:
    """What became of one mutant.

    ``caught`` are the checks that failed, of those in ``tried``; those in ``by_time`` only because a call took too
    long. ``equal`` is the author's reason why it is the same program as the solution; empty if none is given.
    ``recorded`` are checks whose library of mistakes has what it returns.
    """

    id: str
    hole: str
    line: int
    words: str
    caught: tuple[str, ...]
    tried: tuple[str, ...]
    equal: str = ""
    by_time: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()

    @property
    def survived(self) -> bool:
        """Whether no check told it from the solution, and no reason is given why none could."""
        return not self.caught and not self.equal


@dataclass(frozen=True)
class MutantReport:
    """Mutants of a lab, tried on the hidden cases of one release; ``made`` is how many there are."""

    lab: str
    release: str
    rows: Sequence[MutantRow]
    made: int

    @property
    def caught(self) -> int:
        """How many a check told from the solution."""
        return sum(bool(row.caught) for row in self.rows)

    @property
    def equal(self) -> int:
        """How many are marked as equal and were caught by none."""
        return sum(not row.caught and bool(row.equal) for row in self.rows)

    @property
    def by_time(self) -> int:
        """How many nothing but the time of a call told from the solution."""
        return sum(bool(row.caught) and set(row.caught) == set(row.by_time) for row in self.rows)

    @property
    def recorded(self) -> int:
        """How many the library of mistakes has."""
        return sum(bool(row.recorded) for row in self.rows)

    @property
    def survivors(self) -> list[MutantRow]:
        """Those that nothing told from the solution."""
        return [row for row in self.rows if row.survived]

    @property
    def score(self) -> float | None:
        """The share of the unequal ones that were caught; None if there are none."""
        unequal = len(self.rows) - self.equal
        return self.caught / unequal if unequal else None

    def by_check(self) -> dict[str, tuple[int, int]]:
        """Return, for each check, how many it caught of those, not equal, that it was tried on."""
        counts: dict[str, tuple[int, int]] = {}
        for row in self.rows:
            if row.caught or not row.equal:
                for check in row.tried:
                    caught, total = counts.get(check, (0, 0))
                    counts[check] = (caught + (check in row.caught), total + 1)
        return counts

    def summary(self) -> str:
        """Say it in one line."""
        score = "no mutant is unequal" if self.score is None else f"mutation score {self.score:.1%}"
        of = "" if len(self.rows) == self.made else f" of {self.made}"
        counts = f"{len(self.rows)}{of} mutants, {self.caught} caught, {self.equal} equal"
        return f"{self.lab}: {counts}, {len(self.survivors)} survived; {score}"

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        checks = {name: {"caught": caught, "of": total} for name, (caught, total) in self.by_check().items()}
        return {"schema": SCHEMA_ID, **asdict(self), "score": self.score, "checks": checks}


def write_report(report: MutantReport, folder: Path) -> None:
    """Write the file, and the section of the certificate's page, in the place of an earlier one."""
    text = json.dumps(report.as_data(), indent=1, sort_keys=True)
    replace_file(folder / MUTANTS_NAME, f"{text}\n".encode())
    page = folder / TEXT_NAME
    kept = page.read_text(encoding="utf-8").split(f"\n{HEADING}")[0].rstrip("\n")
    section = "\n".join(_section(report))
    replace_file(page, f"{kept}\n\n{section}\n".encode())


def _section(report: MutantReport) -> Iterator[str]:
    yield HEADING
    yield ""
    yield (
        f"One change by rule in one scored hole each, run on the hidden cases of release `{report.release}`. "
        f"{report.summary().partition(': ')[2]}."
    )
    if len(report.rows) < report.made:
        yield ""
        yield (
            f"These {len(report.rows)} of {report.made} are chosen evenly over holes and rules: each pair of them "
            "gives one in turn, in the order of hashes of their names."
        )
    if report.by_time:
        yield ""
        yield (
            f"{report.by_time} of those caught were told by time alone: a call took more than "
            f"{TIMES_THE_SOLUTION:g} times as long as the solution's, and more than {AT_LEAST_S:g} s."
        )
    yield ""
    if report.recorded:
        yield (
            f"What {report.recorded} of them return in quick checks of their holes is recorded beside the cases "
            "(`*.mutants.npz`): it explains checks that fail."
        )
        yield ""
    yield (
        "A check is run on all mutants in its holes; `of` counts them, and those in other holes that it told where "
        "the checks of these holes did not. A slow check is run only on what no quick one told; exercises, "
        "trainings and what is timed are not run."
    )
    yield ""
    rows = [(f"`{name}`", str(caught), str(total)) for name, (caught, total) in report.by_check().items()]
    yield from table(("check", "caught", "of"), rows)
    yield ""
    if report.survivors:
        yield "Told from the solution by no check that was run, and not explained:"
        yield ""
        yield from table(("mutant", "line", "change"), [_row(row) for row in report.survivors])
        yield ""
    equal = [row for row in report.rows if row.equal and not row.caught]
    if equal:
        yield "The same program as the solution, with the reason that the author gives:"
        yield ""
        yield from table(("mutant", "line", "change", "reason"), [(*_row(row), row.equal) for row in equal])


def _row(row: MutantRow) -> tuple[str, str, str]:
    return f"`{row.id}`", str(row.line), row.words
