"""``grader shell``: a prompt in the student's own process, with a case and the student's files loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from grader.explain.messages import describe_case
from grader.jail.scratch import scratch_folder
from grader.lab.checks import Case, Check
from grader.language.translation import _, translated
from grader.project.contract import Lab
from grader.project.places import ProjectError
from grader.student.cases import settings_of
from grader.student.prompt import SETTINGS

PROMPT = Path(__file__).with_name("prompt.py")


def open_prompt(lab: Lab, check: Check, case: Case, folder: Path) -> int:
    """Open a prompt in ``folder`` and return its exit status when it is left.

    It is a process of its own, of the interpreter that runs this; no student code runs here.

    Raises
    ------
    ProjectError : there is no such folder.
    """
    if not folder.is_dir():
        raise ProjectError(
            "{folder} is no folder; begin with `python -m grader start {lab}`", folder=folder, lab=lab.name
        )
    modules = [file.module for file in lab.facts.files if file.path in check.files or not check.files]
    modules = [name for name in modules if (folder / f"{name}.py").is_file()]
    with scratch_folder("grading") as scratch:
        file = scratch / "case.npz"
        settings = settings_of(case)
        np.savez(file, **{SETTINGS: np.array(list(settings))}, **settings, **dict(case.arrays))  # type: ignore[arg-type]
        print(banner(lab, check, case, modules), flush=True)
        paths = [str(folder), str(lab.folder), os.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            [sys.executable, "-q", "-i", str(PROMPT), str(file), *modules],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            check=False,
        )
    return done.returncode


def banner(lab: Lab, check: Check, case: Case, modules: list[str]) -> str:
    """Say what is loaded under which name, and how to leave."""
    names = ", ".join([*case.config, *case.arrays])
    return "\n".join(
        (
            f"{translated(check.title, lab.folder)}: {describe_case(case, lab.folder)}",
            _("`case` has: {names}", names=names),
            _(
                "loaded: {modules}; expected values are not here; leave with Ctrl+D",
                modules=", ".join(modules) or "-",
            ),
        )
    )
