"""Counts the lines that a student reads in a kit before the true cause of a mistake.

    python -m benchmarks.first_words [--mistakes 20] [LAB …]

For each lab a kit is packed as for students. Of the lab's recorded mistakes some are taken, spread evenly over its
list, written into ``stu_upload`` and checked by ``python -m grader check LAB`` in the kit, in an environment where
the project itself is not found. Where it is not named and the report's next step is ``--all``, that is typed, and
its lines are those that count; such a mistake has a star. A mistake counts as named where the explanation that its
author wrote is printed, or its title among mistakes with the same numbers; lines before it are counted, blank ones
left out. Of what is not named, or later than the fifth line, the first lines that were said are listed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.project.contract import list_labs
from grader.project.places import Project
from grader.publishing.misconceptions import Misconception, Mistaken, load_misconceptions, singles, write_mistaken

# Lines before a cause that are enough, and how many are shown where there are more.
AIM, SHOWN = 5, 10


@dataclass(frozen=True)
class Row:
    """What was said of one mistake: lines before its cause, None if it was not named; all lines; seconds."""

    lab: str
    mistake: str
    before: int | None
    lines: int
    seconds: float
    first: Sequence[str]


def spread(labs: Sequence[str], number: int) -> Iterator[tuple[str, int]]:
    """Share out a number of mistakes over labs."""
    for place, lab in enumerate(labs):
        yield lab, number * (place + 1) // len(labs) - number * place // len(labs)


def chosen(reference: Path, number: int) -> list[Mistaken]:
    """Return so many of a lab's mistakes that lose a check by what they compute, spread over its list."""
    found = [one for one in singles(load_misconceptions(reference)) if one.parts[0].holes]
    return [found[(2 * place + 1) * len(found) // (2 * number)] for place in range(number)]


def place_of(cause: str, lines: Sequence[str]) -> int | None:
    """Return on which line a cause begins, whose words may go on over several lines."""
    words = cause.split()
    for number in range(len(lines)):
        following = " ".join(lines[number : number + len(words)]).split()
        if words[0] in lines[number].split() and " ".join(words) in " ".join(following):
            return number
    return None


def checked(kit: Path, lab: str, mistake: Mistaken, reference: Path) -> Row:
    """Write a mistake into the kit, in the place of all that was there, history included, and check it."""
    shutil.rmtree(kit / "stu_upload")
    write_mistaken(reference, mistake, kit / "stu_upload" / lab)
    variables = {**os.environ, "PYTHONPATH": str(kit), "COLUMNS": "80", "TERM": "dumb"}
    part: Misconception = mistake.parts[0]
    for more in ([], ["--all"]):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "grader", "check", lab, "--lang", "en", *more],
            cwd=kit,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        places = (place_of(part.explanation, lines), place_of(part.title, lines))
        before = next((place for place in places if place is not None), None)
        if before is not None or not lines or not lines[-1].endswith(f"check {lab} --all"):
            break
    return Row(lab, part.name + " *" * len(more), before, len(lines), seconds, lines)


def main() -> None:
    """Check, and print a table and what was said where the cause was not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", nargs="*")
    parser.add_argument("--mistakes", type=int, default=20)
    given = parser.parse_args()
    project = Project.find()
    rows = []
    print("| lab | mistake | lines before its cause | lines in all | seconds |\n|---|---|---|---|---|")
    for lab, number in spread(given.labs or list_labs(project.root / "labs"), given.mistakes):
        reference = project.reference(lab)
        with tempfile.TemporaryDirectory() as scratch:
            kit = Path(scratch) / "kit"
            subprocess.run([sys.executable, "-m", "grader", "kit", lab, "--out", str(kit)], check=True)
            for mistake in chosen(reference, number):
                row = checked(kit, lab, mistake, reference)
                rows.append(row)
                before = "not named" if row.before is None else row.before
                print(f"| {lab} | {row.mistake} | {before} | {row.lines} | {row.seconds:.1f} |", flush=True)
    named = sorted(row.before for row in rows if row.before is not None)
    if named:
        middle = named[len(named) // 2]
        print(f"\n{len(named)} of {len(rows)} named; median {middle}, at most {named[-1]} lines before")
    for row in rows:
        if row.before is None or row.before > AIM:
            print(f"\n{row.lab} {row.mistake}:", *row.first[:SHOWN], sep="\n  ")


if __name__ == "__main__":
    main()
