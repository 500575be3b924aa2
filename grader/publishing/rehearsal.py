"""Runs an instructor's solution through a lab's checks, in a process of its own and without a jail.

What it compiles on the way is kept by the solution itself. Reads its configuration, that of `grader.inside.runner`
with ``lab_folder``, as JSON from standard input; returns and outcomes do not matter.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from grader.inside.runner import Runner
from grader.project.contract import load_lab
from grader.publishing.recording import make_cases

SEED = 0


def main() -> None:
    """Run every check that does not train, on its cases."""
    config = json.load(sys.stdin)
    lab = load_lab(Path(config["lab_folder"]))
    runner = Runner({**config, "lab": config["lab_folder"]})
    sys.path.insert(0, config["student"])
    for check, cases in make_cases(lab, SEED).items():
        for case in cases if lab.checks[check].learning is None else ():
            with contextlib.suppress(Exception):
                runner.handle(
                    {"op": "load", "case": case.name, "config": dict(case.config)}, dict(case.arrays), _drop
                )
                runner.handle({"op": "run", "check": check}, {}, _drop)


def _drop(name: str, array: object) -> None:
    """Take an output."""


if __name__ == "__main__":
    main()
