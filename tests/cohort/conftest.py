"""A class and the tiny lab for it; all of it in temporary folders."""

import shutil

import pytest

pytest.importorskip("sqlalchemy", reason="the extra `class` is not installed")

from grader.cohort.classroom import Classroom
from grader.cohort.intake.roster import RosterLine, take_roster
from grader.project.contract import load_lab
from tests.golden import ROOT
from tests.hostile.project import make_project

SOLUTION = ROOT / "tests" / "hostile" / "lab" / "solution"

ROSTER = [
    RosterLine("0012", "Ann Lee", "ann@uni.example", "A", "Red", {"canvas": "501"}),
    RosterLine("0013", "José García", "jose@uni.example", "A", "Red"),
    RosterLine("0014", "王小明", "wang@uni.example", "B", "Blue"),
    RosterLine("0015", "Bo O'Neil", "bo@uni.example", "B", "Blue", {"blackboard": "boneil"}),
]


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path_factory, monkeypatch):
    """What a class leaves in the folder for temporary files is seen by its own test only."""
    place = tmp_path_factory.mktemp("tmp")
    place.chmod(0o711)
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The tiny lab: one file, `layer.py`."""
    folder = tmp_path_factory.mktemp("labs") / "tiny"
    folder.mkdir()
    for file in (ROOT / "tests" / "hostile" / "lab").glob("*.*"):
        shutil.copyfile(file, folder / file.name)
    return load_lab(folder)


@pytest.fixture
def room(tmp_path):
    """A class without students, in a zone that is not UTC."""
    return Classroom.create(tmp_path / "class", "Deep learning", "Europe/Berlin")


@pytest.fixture
def full_room(room):
    """A class with four students in two groups."""
    take_roster(room, ROSTER, [], write=True)
    return room


@pytest.fixture(scope="session")
def tiny_project(tmp_path_factory):
    """A project with the tiny lab and its fixtures, to be read only."""
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def write_work():
    """A function that writes the solution of the tiny lab into a folder."""

    def write(folder, text=""):
        folder.mkdir(parents=True, exist_ok=True)
        for file in SOLUTION.glob("*.py"):
            shutil.copyfile(file, folder / file.name)
            if text:
                with (folder / file.name).open("a") as stream:
                    stream.write(text)
        return folder

    return write
