"""Runs inside a Gradescope container: grades ``submission/`` and always writes ``results/results.json``.

The folder is ``/autograder`` unless the environment variable ``AUTOGRADER`` names another.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from grader.collect.submission import SubmissionError
from grader.grading import Request, grade
from grader.jail import probe
from grader.jail.doctor import doctor_lines
from grader.language.text import clean
from grader.language.translation import _, choose, marked
from grader.prepare.resources import prepare_resources
from grader.project.places import Project
from grader.report.files import write_text
from grader.report.gradescope import write_gradescope
from grader.report.progress import Progress

SETTINGS_NAME = "autograder.json"
FAILED = marked(
    "The grader itself failed, before or while your code was graded. This is not your fault and it is no score. "
    "Please tell your instructor, who can run the autograder again."
)


def autograder_folder() -> Path:
    """Return Gradescope's folder."""
    return Path(os.environ.get("AUTOGRADER", "/autograder"))


def grade_submission(project: Project, settings: dict[str, Any], root: Path) -> None:
    """Grade the submission below ``root`` and write its results; what fails is written there too.

    An error of the submission, such as an unreadable archive, scores 0 with the reason. A fault of the grader says
    so, carries the mark ``grader_failed``, and keeps its traceback to the container's log.
    """
    results = root / "results" / "results.json"
    try:
        choose(settings.get("language"))
        request = Request(
            lab=project.lab(settings["lab"]),
            submission=root / "submission",
            allow_weak_jail=bool(settings.get("allow_weak_jail", False)),
        )
        with Progress(title="grading") as progress:
            write_gradescope(grade(project, request, progress), results)
    except SubmissionError as error:
        _write_failure(results, clean(str(error)), grader_failed=False)
    except Exception:
        traceback.print_exc()
        _write_failure(results, _(FAILED), grader_failed=True)


def _write_failure(results: Path, text: str, *, grader_failed: bool) -> None:
    document = {
        "score": 0,
        "output": text,
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [],
        "extra_data": {"grader_failed": grader_failed},
    }
    write_text(results, json.dumps(document, indent=1) + "\n")


def prepare(project: Project, settings: dict[str, Any]) -> None:
    """Make the lab's large inputs once, so that no submission has to wait for them."""
    lab = project.lab(settings["lab"])
    with Progress(title="preparing") as progress:
        prepare_resources(project, lab, list(lab.checks.values()), None, progress.note)


def main() -> None:
    """Do what the scripts of the archive ask for: ``prepare``, ``doctor`` or ``grade``."""
    project = Project(Path(__file__).resolve().parents[2])
    settings = json.loads((project.root / SETTINGS_NAME).read_text(encoding="utf-8"))
    task = sys.argv[1] if len(sys.argv) > 1 else "grade"
    if task == "prepare":
        prepare(project, settings)
    elif task == "doctor":
        print("\n".join(doctor_lines(probe())))
    else:
        grade_submission(project, settings, autograder_folder())


if __name__ == "__main__":
    main()
