"""Grades on request: one JSON object a line on standard input, one on standard output.

``python -m tests.hostile.grading_process PROJECT LEVEL [warm]``. Each request names a submission and a neighbour,
which are graded at the same moment, each in a slot of its own, by two threads of this process. With ``warm`` the
neighbour comes after the submission, and both boxes are forked from the same warm process.
"""

from __future__ import annotations

import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console

from grader.grading import Request, grade
from grader.jail import Box, Level
from grader.jail.warm import WarmBoxes
from grader.project.places import Project
from grader.report.progress import Progress

SLOTS = {"submission": 0, "neighbour": 1}


def answer(
    project: Project, level: Level, wanted: dict[str, Any], boxes: WarmBoxes | None = None
) -> dict[str, Any]:
    """Grade what was asked for; an exception of the grader's becomes its text under ``error``."""

    def one(role: str) -> dict[str, Any]:
        silent = Progress(console=Console(file=io.StringIO()))
        lab = project.lab("tiny")
        facts = lab.facts
        if role == "submission":
            limits = facts.limits.model_copy(update=wanted.get("limits", {}))
            packages = (*facts.packages, *wanted.get("packages", ()))
            facts = facts.model_copy(update={"limits": limits, "packages": packages})
        request = Request(
            type(lab)(facts, lab.checks, lab.folder),
            Path(wanted[role]),
            kind=wanted.get("kind", "hidden"),
            level=level,
            allow_weak_jail=True,
            slot=SLOTS[role],
            new_box=boxes.box if boxes is not None else Box,
        )
        try:
            return json.loads(grade(project, request, silent).model_dump_json(by_alias=True))
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}

    roles = [role for role in SLOTS if wanted.get(role)]
    if boxes is not None:
        return {role: one(role) for role in roles}
    with ThreadPoolExecutor(len(roles)) as pool:
        return dict(zip(roles, pool.map(one, roles), strict=True))


def main() -> None:
    """Serve until standard input ends."""
    project, level = Project(Path(sys.argv[1])), Level(int(sys.argv[2]))
    warm = sys.argv[3:] == ["warm"]
    for line in sys.stdin:
        # One warm process for each request, so that what is left over afterwards is told by its request.
        with WarmBoxes() if warm else nullcontext() as boxes:
            answered = answer(project, level, json.loads(line), boxes)
        print(json.dumps(answered), flush=True)


if __name__ == "__main__":
    main()
