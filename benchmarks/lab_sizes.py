"""How many files and lines each lab is, of two commits side by side.

    python -m benchmarks.lab_sizes COMMIT COMMIT

Counted are all lines of the text files below ``labs/`` and ``reference/``, those in folders named ``engine`` apart.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = ("labs", "reference")
APART = "engine"
PARTS = ("variants", "misconceptions")
Row = tuple[str, str]


def main(before: str, after: str) -> None:
    """Print a line for each lab and part, and one for each part of all labs."""
    old, new = sizes(before), sizes(after)
    print(f"{'lab':<16}{'part':<28}{'files':>12}{'lines':>18}{'change':>9}")
    for row in sorted({*old, *new}, key=lambda row: (row[0] == "all", row)):
        (files, lines), (new_files, new_lines) = old.get(row, (0, 0)), new.get(row, (0, 0))
        counts = f"{f'{files} -> {new_files}':>12}{f'{lines} -> {new_lines}':>18}"
        print(f"{row[0]:<16}{row[1]:<28}{counts}{new_lines - lines:>+9}")


def sizes(commit: str) -> dict[Row, tuple[int, int]]:
    """Return files and lines of a commit by lab and part."""
    files, lines = Counter[Row](), Counter[Row]()
    for place, text in _texts(commit):
        for lab in (place[1], "all"):
            for part in _parts(place):
                files[lab, part] += 1
                lines[lab, part] += len(text.splitlines())
    return {row: (files[row], lines[row]) for row in files}


def _parts(place: list[str]) -> Iterator[str]:
    yield "labs and reference"
    yield place[0]
    yield from (f"reference, its {part}" for part in PARTS if place[0] == "reference" and place[2].startswith(part))


def _texts(commit: str) -> Iterator[tuple[list[str], bytes]]:
    """Yield the parts of each path, and the content."""
    command = ["git", "archive", commit, *PLACES]
    archive = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            place = member.name.split("/")
            content = members.extractfile(member)
            if content is None or len(place) < 3 or APART in place:
                continue
            text = content.read()
            if b"\0" not in text:
                yield place, text


if __name__ == "__main__":
    main(*sys.argv[1:])
