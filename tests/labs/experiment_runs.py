"""What the tests of experiments share: a project with one lab and its reference, and ``grader run`` in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from grader.project.solution import write_solution
from tests.golden import ROOT, materialise

DEADLINE_S = 400


class Done(NamedTuple):
    """What a run printed, its results, the arrays of its checkpoint and its folder."""

    printed: str
    results: dict[str, Any]
    arrays: dict[str, np.ndarray]
    folder: Path


def project_with(lab: str, folder: Path, golden: str | None = None) -> Path:
    """Make ``folder`` a project with the lab and, as the submission, the reference or a golden one."""
    shutil.copytree(ROOT / "labs" / lab, folder / "labs" / lab)
    submission = folder / "stu_upload" / lab
    if golden is None:
        write_solution(ROOT / "reference" / lab, None, submission)
    else:
        materialise(ROOT / "tests" / "submissions" / lab / golden, submission)
    return folder


def type_run(project: Path, lab: str, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Type ``grader run`` in a project, with more variables in the environment."""
    return subprocess.run(
        [sys.executable, "-m", "grader", "run", lab, *map(str, words)],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", **variables},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def run_of(project: Path, lab: str, *words: object) -> Done:
    """Type ``grader run``, which must succeed, and read what it has written."""
    return read_run(type_run(project, lab, *words))


def read_run(done: subprocess.CompletedProcess[str]) -> Done:
    """Read what a run that must have succeeded has written."""
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "checkpoint" not in line and "curves.png" in line]
    folder = Path(line.partition(": ")[0])
    with np.load(folder / "checkpoint.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    return Done(done.stdout, json.loads((folder / "run.json").read_text())["results"], arrays, folder)
