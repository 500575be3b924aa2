"""Finds failures that have one root: a file that is missing or does not load takes those with it that import it."""

from __future__ import annotations

import re
from pathlib import Path

from grader.project.contract import Lab
from grader.score.document import CheckResult
from grader.verdicts import Verdict

PLACE = re.compile(r"\b[\w./-]+\.py:\d+")
NO_MODULE = re.compile(r"No module named '(\w+)'")
NO_NAME = re.compile(r"cannot import name '(\w+)' from '(\w+)'|\b(\w+)\.py\b[^`\n]*`(\w+)`")


def root_of(lab: Lab, folder: Path, check: CheckResult) -> tuple[str, ...]:
    """Return what failures with the same root have in common; of anything but an import it is the message."""
    if check.verdict is not Verdict.IMPORT:
        return (check.verdict.value, check.message)
    first = check.message.partition("\n")[0]
    for file in missing_files(lab, folder):
        module = NO_MODULE.search(first)
        if file in first or (module is not None and f"{module[1]}.py" == file):
            return ("missing", file)
    if found := NO_NAME.search(first):
        name, module_name = (found[1], found[2]) if found[1] else (found[4], found[3])
        return ("name", module_name, name)
    places = PLACE.findall(check.message)
    return ("place", places[-1]) if places else (check.verdict.value, check.message)


def missing_files(lab: Lab, folder: Path) -> list[str]:
    """Return the files that must be handed in and are not in ``folder``."""
    return [handed.path for handed in lab.facts.files if handed.required and not (folder / handed.path).is_file()]
