"""A kit that is built once, and how a student's commands are run in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.kits.kit import kit_files
from grader.project.packing import write_folder
from grader.project.places import Project
from tests.golden import ROOT

LAB = "vgg16"
COMMAND_LIMIT_S = 300


@pytest.fixture(scope="session")
def project():
    """This repository."""
    return Project(ROOT)


@pytest.fixture(scope="session")
def files(project):
    """The files of a kit of the first lab."""
    return kit_files(project, [project.lab(LAB)], course="Deep learning")


@pytest.fixture
def kit(files, tmp_path):
    """A student's fresh folder."""
    folder = tmp_path / "kit"
    write_folder(files, folder)
    return folder


def student(
    folder: Path, *arguments: str, python: tuple[str, ...] = ("-m", "grader"), columns: int = 100
) -> subprocess.CompletedProcess:
    """Type a command in a kit, where only the kit's own grader can be imported."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "GRADER_CACHE": str(ROOT / ".cache"),
        "COLUMNS": str(columns),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(
        [sys.executable, *python, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT_S,
        check=False,
    )
