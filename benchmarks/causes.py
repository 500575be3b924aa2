"""What is said of mistakes made on purpose: named exactly, usefully, by a pattern, falsely, or not at all.

    python -m benchmarks.causes --lab lenet --only conv [--unknown] [--manner taps] [--every 3] [--all] [--out FILE]

Every known mistake of the lab is made in the lab's own program, and many in programs that are written otherwise
(loops, matrices, taps; ``--otherwise`` runs only those). Each is graded by the command line, in the jail, on the
hidden cases, and what the document says of the check that must fail is judged; `benchmarks.causes_judge` says
how. The table has a row for each kind of layer and manner. ``--unknown`` takes the known mistakes out of the
fixtures, in a copy: then only what is read off the arrays can be said. Checks that run a whole network take minutes
each and run only with ``--all``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.causes_judge import CLASSES, FALSELY, judge, parts_of, same_numbers
from benchmarks.causes_manners import ROOT, Made, mistakes_of
from grader.project.fixtures import read_fixture, write_fixture
from grader.project.places import Project

LIMIT_S = 900
NOT_FAILED = "not failed"


def project_without_mistakes(lab: str, root: Path) -> Path:
    """Return a copy of the project in which nothing is recorded of the known mistakes of a lab."""
    for name in ("labs", "grader", "pyproject.toml", "reference"):
        (root / name).symlink_to(ROOT / name)
    for kind in ("public", "hidden"):
        fixture = read_fixture(ROOT / "fixtures" / lab / kind)
        folder = root / "fixtures" / lab / kind
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_fixture(
            folder, lab=lab, lab_version=fixture.lab_version, kind=kind, release=fixture.release,
            checks=fixture.checks, facts=fixture.facts,
        )  # fmt: skip
    overrides = Project(ROOT).overrides(lab)
    if overrides.is_file():
        (root / "fixtures" / lab / overrides.name).symlink_to(overrides)
    return root


def graded(made: Made, root: Path, folder: Path) -> dict[str, Any] | None:
    """Grade one check of a submission by the command line; None if there is no document."""
    document = folder / "result.json"
    command = [sys.executable, "-m", "grader", "grade", made.lab, "--only", made.check, "--lang", "en"]
    command += ["--submission", str(folder / "work"), "--min-score", "0", "--json", str(document)]
    environment = os.environ | {"GRADER_CACHE": str(Project(ROOT).cache)}
    subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=LIMIT_S, check=False)
    return json.loads(document.read_text(encoding="utf-8")) if document.is_file() else None


def run(made: Made, root: Path) -> dict[str, Any]:
    """Return what was said of one mistake, and how that is judged."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if not made.write(folder / "work"):
            raise SystemExit(f"{made.lab}: {made.names} cannot be made in {made.manner}")
        result = graded(made, root, folder)
    parts = parts_of(result, made.check) if result is not None else []
    verdict = judge(made, parts, same_numbers(made)) if parts else NOT_FAILED
    told = [{key: part.get(key) for key in ("verdict", "message", "hint", "misconception")} for part in parts]
    return {
        "lab": made.lab, "kind": made.kind, "manner": made.manner, "check": made.check, "names": made.names,
        "judged": verdict, "told": told,
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table by lab, kind of layer and manner."""
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    for row in rows:
        for key in ((row["lab"], row["kind"], row["manner"]), (row["lab"], "all", "")):
            groups.setdefault(key, Counter())[row["judged"]] += 1
    names = [*CLASSES, NOT_FAILED]
    lines = [f"{'lab':<16}{'kind':<13}{'manner':<10}" + "".join(f"{name:>11}" for name in names)]
    for (lab, kind, manner), counts in sorted(groups.items()):
        lines.append(f"{lab:<16}{kind:<13}{manner:<10}" + "".join(f"{counts[name]:>11}" for name in names))
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for and print the table, after what was said falsely or not at all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", action="append", required=True)
    parser.add_argument("--only", default="", help="a part of the check's id")
    parser.add_argument("--name", default="", help="a part of the mistake's name")
    parser.add_argument("--manner", choices=("loops", "matrices", "taps", "layout"))
    parser.add_argument("--otherwise", action="store_true", help="only in programs that are written otherwise")
    parser.add_argument("--every", type=int, default=1, help="run only every so many of them")
    parser.add_argument("--first", type=int, default=0, help="begin with this one, counted from 0")
    parser.add_argument("--unknown", action="store_true", help="without what was recorded of known mistakes")
    parser.add_argument("--all", action="store_true", help="also checks that take long")
    parser.add_argument("--out", type=Path, help="write all that was said to this file, JSON")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for lab in options.lab:
        checks = Project(ROOT).lab(lab).checks
        chosen = [
            made for made in mistakes_of(lab)
            if options.only in made.check and options.name in " + ".join(made.names)
            and options.manner in (None, made.manner) and (options.all or not checks[made.check].slow)
            and (made.otherwise or not options.otherwise)
        ][options.first :: options.every]  # fmt: skip
        with tempfile.TemporaryDirectory() as scratch:
            root = project_without_mistakes(lab, Path(scratch)) if options.unknown else ROOT
            for made in chosen:
                rows.append(run(made, root))
                said = rows[-1]["told"]
                print(
                    f"{rows[-1]['judged']:<10} {lab} {made.check} {made.manner}: {' + '.join(made.names)}",
                    flush=True,
                )
                for part in said:
                    text = " | ".join(str(part[key]) for key in ("misconception", "hint", "message") if part[key])
                    print(f"           {' '.join(text.split())[:400]}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
    print()
    print(table(rows))
    if any(row["judged"] == FALSELY for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
