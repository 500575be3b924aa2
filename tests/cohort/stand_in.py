"""Stands in for grading: does what the original ``behaviour.json`` of a task says, in no time.

``{"score": 80, "seconds": 0.01, "do": "die"}``; ``do`` is empty, ``die`` (by signal 9), ``raise``, ``full``, or
``mix`` (as if other fixtures had been used).
"""

import errno
import json
import os
import signal
import time
from pathlib import Path

from grader.cohort.intake.originals import place_of
from grader.cohort.problems import Refusal

CHECKS = (("first", 60), ("second", 80), ("third", 100))


def grade(task, slot):
    """Behave as told, and leave a line for each time."""
    place = Path(task.classroom) / "originals" / place_of(task.files["behaviour.json"])
    told = json.loads(place.read_text())
    with (Path(task.classroom) / "begun").open("a") as log:
        log.write(f"{task.key} {os.getpid()} {slot}\n")
    time.sleep(told.get("seconds", 0.0))
    what = told.get("do", "")
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "raise":
        raise ValueError("the grader is broken")
    if what == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if what == "mix":
        raise Refusal("the fixtures were release a when the run began, and are b now")
    return json.dumps(made(task, told["score"]))


def give_up(task, reason):
    """Return a document with the verdict `grader`."""
    document = made(task, 0)
    for check in document["checks"]:
        check["verdict"] = "grader"
    document["submission"]["notes"] = [reason]
    return json.dumps(document)


def made(task, score):
    """Return a document with this score."""
    return {
        "score": score,
        "complete": not task.conditions.only,
        "for_record": True,
        "fixtures": [{"sha256": task.conditions.fixture_sha256, "release": task.conditions.release}],
        "jail": {"level": task.conditions.jail_level},
        "times": {"total": 0.1, "student": 0.05},
        "submission": {"notes": [], "path": task.key[:12]},
        "checks": [
            {
                "id": name,
                "tier": tier,
                "verdict": "pass" if score >= tier else "wrong",
                "message": "",
                "cases_passed": int(score >= tier),
                "cases_total": 1,
                "seconds": 0.01,
                "misconception": None,
            }
            for name, tier in CHECKS
        ],
    }
