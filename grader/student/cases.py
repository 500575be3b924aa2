"""Public cases for a person to try a layer on: at a prompt, or from a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from grader.lab.checks import Case, Check
from grader.project.contract import Lab
from grader.project.fixtures import read_fixture
from grader.project.places import Project, ProjectError


def check_of(lab: Lab, check_id: str) -> Check:
    """Return a check of a lab by its id; refuse one that there is not."""
    if check_id not in lab.checks:
        raise ProjectError(
            "lab {name} has no check {check_id}; it has: {checks}",
            name=lab.name,
            check_id=repr(check_id),
            checks=", ".join(lab.checks),
        )
    return lab.checks[check_id]


def public_case(project: Project, lab: Lab, check_id: str, number: int) -> Case:
    """Return the inputs of a public case of a check; ``number`` counts from 1.

    Raises
    ------
    ProjectError : there is no such check or case.
    FixtureError : the fixtures are missing or damaged.
    """
    check_of(lab, check_id)
    recorded = read_fixture(project.fixtures(lab.name, "public"), [check_id]).checks[check_id]
    if not 1 <= number <= len(recorded):
        raise ProjectError(
            "{check_id} has {recorded} cases, numbered from 1; there is no case {number}",
            check_id=check_id,
            recorded=len(recorded),
            number=number,
        )
    return recorded[number - 1].case


def save_case(project: Project, lab: Lab, check_id: str, number: int, file: Path) -> Case:
    """Write the inputs of a public case: its arrays by name, and its settings as numbers, texts and lists of them.

    A setting that is None is left out.

    Raises
    ------
    ProjectError : there is no such check or case, or the file cannot be written.
    FixtureError : the fixtures are missing or damaged.
    """
    case = public_case(project, lab, check_id, number)
    try:
        with file.open("wb") as stream:
            np.savez(stream, **settings_of(case), **dict(case.arrays))  # type: ignore[arg-type]
    except OSError as error:
        raise ProjectError("{file} cannot be written ({strerror})", file=file, strerror=error.strerror) from None
    return case


def settings_of(case: Case) -> dict[str, np.ndarray]:
    """Return the settings of a case as arrays, so that an archive of arrays can hold them."""
    plain = {key: value for key, value in case.config.items() if value is not None}
    return {key: np.array(json.dumps(value) if isinstance(value, dict) else value) for key, value in plain.items()}
