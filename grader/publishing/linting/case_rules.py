"""Cases must follow from their seed alone: the same in another process as in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

from grader.lab.checks import Check
from grader.project.contract import CHECKS_NAME, Lab, load_lab
from grader.project.solution import KEPT_BACK
from grader.publishing.linting.findings import Finding
from grader.publishing.record_cache import digest_of_cases
from grader.publishing.recording import make_cases

SEED = 1
# A set of texts has another order in a process with another of these; a few may agree by chance in two of them.
OTHER_HASHES = ("0", "2")
MODULE = "grader.publishing.linting.case_rules"


def case_findings(lab: Lab, reference: Path) -> Iterator[Finding]:
    """Make all cases here and in other processes, each with its own hashes of texts, and compare them."""
    file = lab.folder / CHECKS_NAME
    for check in lab.checks.values():
        name = check.learning.kept_back if check.learning else ""
        if name and not (reference / KEPT_BACK / name).is_file():
            said = f"check {check.id} is judged by {KEPT_BACK}/{name}, which is not there"
            yield Finding(reference / KEPT_BACK, 0, said)
            return
    try:
        here = _digests(lab, reference)
    except Exception as error:
        frames = [
            item for item in traceback.extract_tb(error.__traceback__) if Path(item.filename).parent == file.parent
        ]
        place = (Path(frames[-1].filename), frames[-1].lineno or 0) if frames else (file, 0)
        yield Finding(*place, f"the cases cannot be made: {type(error).__name__}: {error}")
        return
    try:
        with ThreadPoolExecutor(len(OTHER_HASHES)) as pool:
            elsewhere = list(pool.map(partial(_elsewhere, lab, reference), OTHER_HASHES))
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Finding(file, 0, f"the cases cannot be made in another process: {last}")
        return
    for check in lab.checks.values():
        if any(here[check.id] != there[check.id] for there in elsewhere):
            said = (
                f"check {check.id}: its cases are not the same twice for one seed; draw everything from the "
                "generator that the function is given, nothing from a clock, `random` or the order of a set"
            )
            yield Finding(*_place(check, file), said)


def _digests(lab: Lab, reference: Path) -> dict[str, str]:
    cases = make_cases(lab, SEED, None, reference / KEPT_BACK)
    return {check: digest_of_cases(found) for check, found in cases.items()}


def _elsewhere(lab: Lab, reference: Path, hashes: str) -> Mapping[str, str]:
    command = [sys.executable, "-m", MODULE, str(lab.folder), str(reference)]
    environment = {**os.environ, "PYTHONHASHSEED": hashes}
    package = str(Path(__file__).parents[3])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package, environment.get("PYTHONPATH", ""))))
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _place(check: Check, file: Path) -> tuple[Path, int]:
    maker = getattr(check.cases, "__wrapped__", check.cases)
    code = getattr(maker, "__code__", None)
    return (Path(code.co_filename), code.co_firstlineno) if code is not None else (file, 0)


if __name__ == "__main__":
    # What a lab prints while it is loaded is none of the answer.
    with redirect_stdout(sys.stderr):
        digests = _digests(load_lab(Path(sys.argv[1])), Path(sys.argv[2]))
    sys.stdout.write(json.dumps(digests))
