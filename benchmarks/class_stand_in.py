"""Stands in for the jail in simulations of large classes: sleeps and fails, and gives documents of full size.

What a submission does follows from its key, so that every run of a class is the same.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from grader.cohort import task as real
from grader.cohort.running.tasks import Task
from grader.project.library import mistake_texts
from grader.project.places import Project

# Far less than a submission takes: what is measured is what stands around it. SIMULATED_SECONDS sets it.
SLEEP_S = float(os.environ.get("SIMULATED_SECONDS", "0.002"))
# One in so many ends its grader each time, and one in so many has the grader fail the first time.
DIES, FAILS_ONCE = 1009, 97
SCORES = (0, 0, 60, 60, 80, 80, 80, 100, 100, 100)


def grade(task: Task, slot: int) -> str:
    """Sleep, fail or give a document."""
    number = int(task.key[:12], 16)
    time.sleep(SLEEP_S)
    if number % DIES == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if number % FAILS_ONCE == 0 and (task.key, os.getpid()) not in _failed:
        _failed.add((task.key, os.getpid()))
        raise RuntimeError("a failure that happens once")
    return json.dumps(document(task, SCORES[number % len(SCORES)]))


_failed: set[tuple[str, int]] = set()


def document(task: Task, score: int) -> dict[str, Any]:
    """Return a document of the lab with this score."""
    made: dict[str, Any] = json.loads(_template(task))
    made["score"], made["complete"], made["submission"]["notes"] = score, True, []
    known = _known_mistakes(task)
    chance = int(task.key[12:20], 16)
    for place, check in enumerate(made["checks"]):
        passed = check["tier"] is None or check["tier"] <= score
        check["verdict"] = "pass" if passed else "wrong"
        check["message"] = "" if passed else "`outputs` differs in 100 % of its entries. " * 6
        check["cases_total"], check["cases_passed"] = 8, 8 * passed
        if not passed and known and (chance + place) % 3:
            # Few mistakes are frequent, most are rare.
            name = sorted(known)[(chance + place) % 97 % len(known)]
            check["misconception"], check["hint"] = name, known[name]["explanation"]
    made["fixtures"][0]["sha256"] = task.conditions.fixture_sha256
    made["times"] = {"total": 2.5, "student": 2.3, "setup": 0.0}
    return made


def _template(task: Task) -> str:
    lab = task.conditions.lab
    if lab not in _templates:
        _templates[lab] = real.give_up(task, "")
    return _templates[lab]


def _known_mistakes(task: Task) -> dict[str, dict[str, str]]:
    lab = task.conditions.lab
    if lab not in _mistakes:
        _mistakes[lab] = mistake_texts(Project(Path(task.project)).fixtures(lab, "hidden"))
    return _mistakes[lab]


_mistakes: dict[str, dict[str, dict[str, str]]] = {}
_templates: dict[str, str] = {}
give_up = real.give_up
