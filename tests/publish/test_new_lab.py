"""A new lab is complete: what `new-lab` writes is published, handed out and graded as it stands."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.project.contract import load_lab
from grader.project.places import Project
from grader.publishing.catalogues import texts_of_lab
from grader.publishing.new_lab import NewLabError, new_lab

ROOT = Path(__file__).resolve().parents[2]
MAX_FILES = 12


def command(folder, *arguments):
    """Run the grader in a project, and return its exit status and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADER_CACHE": str(folder / ".cache")}
    done = subprocess.run(
        [sys.executable, "-m", "grader", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """An empty project with the new lab `tiny`, published."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "labs").mkdir()
    (folder / "stu_upload").mkdir()
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    new_lab(Project(folder), "tiny")
    status, said = command(folder, "publish", "tiny", "--seed", "1")
    assert status == 0, said
    return folder


def test_a_new_lab_has_few_files(tmp_path):
    """At most twelve, in the lab's folder and in the solution's."""
    written = new_lab(Project(tmp_path), "tiny").files
    assert len(written) <= MAX_FILES and all(file.is_file() for file in written)
    assert {file.relative_to(tmp_path).parts[:2] for file in written} == {("labs", "tiny"), ("reference", "tiny")}


def test_a_lab_that_cannot_be_written_whole_is_not_there(tmp_path, monkeypatch):
    """Neither folder is left when the disk is full in the middle, so that the same command can be given again."""
    write = Path.write_bytes

    def full(file, content):
        if file.parent.name == "loops":
            raise OSError(28, "No space left on device")
        return write(file, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        new_lab(Project(tmp_path), "tiny")
    assert not [file for file in tmp_path.rglob("*") if file.parent != tmp_path]
    monkeypatch.undo()
    assert new_lab(Project(tmp_path), "tiny").files


@pytest.mark.parametrize(("folder", "score", "status"), [("reference/tiny", 100, 0), ("labs/tiny", 0, 1)])
def test_its_solution_scores_100_and_its_skeleton_0(project, tmp_path, folder, score, status):
    """Graded like any submission, against the hidden cases."""
    file = tmp_path / "result.json"
    arguments = ("grade", "tiny", "--submission", folder, "--json", str(file), "--allow-weak-jail")
    assert command(project, *arguments)[0] == status
    assert json.loads(file.read_text())["score"] == score


def test_its_kit_is_built(project):
    """Nothing of the solution is in what students get, although variants and skeleton share lines with it."""
    status, said = command(project, "kit", "tiny", "--out", "kit")
    assert status == 0, said
    assert (project / "kit" / "labs" / "tiny" / "README.zh.md").is_file()
    assert not list((project / "kit").rglob("misconceptions.py"))


def test_its_certificate_proves_something_of_every_check_and_hole(project):
    """Every condition holds, and a mistake is made in each hole."""
    data = json.loads((project / "fixtures/tiny/certificate.json").read_text())
    assert all(item["holds"] for item in data["conditions"]) and len(data["variants"]) == 3
    assert {name for row in data["mistakes"] for name in row["checks"]} == {
        "linear_forward", "linear_backward", "one_step",
    }  # fmt: skip


def test_all_that_it_says_is_translated(project):
    """The catalogue that comes with it has every title, case, instruction, cause and requirement."""
    pofile, mofile = (pytest.importorskip(f"babel.messages.{part}") for part in ("pofile", "mofile"))
    place = Project(project)
    catalogue = project / "labs/tiny/locale/zh/LC_MESSAGES/lab.po"
    with catalogue.open("rb") as file:
        known = pofile.read_po(file, locale="zh")
    assert [text for text in texts_of_lab(place, place.lab("tiny")) if not known.get(text).string] == []
    compiled = io.BytesIO()
    mofile.write_mo(compiled, known)
    read = [
        mofile.read_mo(io.BytesIO(data))
        for data in (compiled.getvalue(), catalogue.with_suffix(".mo").read_bytes())
    ]
    assert {m.id: m.string for m in read[0] if m.id} == {m.id: m.string for m in read[1] if m.id}


@pytest.mark.parametrize("name", ["", "Mlp", "2layers", "a-b", "../x", "a b"])
def test_a_name_that_cannot_be_is_refused(tmp_path, name):
    """Nothing is written."""
    with pytest.raises(NewLabError, match="cannot be a lab's name"):
        new_lab(Project(tmp_path), name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path):
    """A lab of that name stays as it is, and so does a reference alone."""
    new_lab(Project(tmp_path), "tiny")
    checks = tmp_path / "labs/tiny/checks.py"
    checks.write_text("# mine\n")
    with pytest.raises(NewLabError, match="is there already"):
        new_lab(Project(tmp_path), "tiny")
    shutil.rmtree(tmp_path / "labs/tiny")
    with pytest.raises(NewLabError, match="is there already"):
        new_lab(Project(tmp_path), "tiny")


def test_the_templates_are_clean(tmp_path):
    """What they become passes the repository's own linter and formatter, and its checks load."""
    new_lab(Project(tmp_path), "tiny")
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    own = f"src=['{ROOT}']"  # imports are sorted by what is the project's own
    for arguments in (["check", "--config", own], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "labs", "reference"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout
    assert len(load_lab(tmp_path / "labs/tiny").checks) == 4
