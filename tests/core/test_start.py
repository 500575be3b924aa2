"""``start`` never loses work."""

import hashlib
import json

import pytest

from grader.project.contract import load_lab
from grader.student.start import SAMPLES_NAME, WouldOverwrite, start

YAML = "lab: tiny\nversion: 1\ntitle: t\nfiles: [{path: layer.py}]\ngiven: [main.py, pictures]\ntiers: {60: t}\n"
CHECKS = (
    "from grader.lab.checks import check, one_case\n\n@check(tier=60, cases=one_case())\ndef a(student, case):\n"
    '    """A."""\n'
)


@pytest.fixture
def lab(tmp_path):
    """A lab with one skeleton, one given file and a picture."""
    folder = tmp_path / "labs" / "tiny"
    (folder / "pictures").mkdir(parents=True)
    for name, text in (
        ("lab.yaml", YAML),
        ("checks.py", CHECKS),
        ("layer.py", "hole"),
        ("main.py", "given"),
        ("pictures/p.png", "picture"),
    ):
        (folder / name).write_text(text)
    return load_lab(folder)


@pytest.fixture
def folder(tmp_path):
    """Where the student works; not there yet."""
    return tmp_path / "stu_upload" / "tiny"


def test_everything_is_copied(lab, folder):
    """Skeletons, given files and pictures arrive."""
    start(lab, folder)
    assert (folder / "layer.py").read_text() == "hole"
    assert (folder / "pictures" / "p.png").read_text() == "picture"


def test_work_is_not_overwritten(lab, folder):
    """A changed file stops it, is named, and stays as it is."""
    start(lab, folder)
    (folder / "layer.py").write_text("my work")
    with pytest.raises(WouldOverwrite, match=r"layer\.py would be overwritten. Nothing was changed"):
        start(lab, folder)
    assert (folder / "layer.py").read_text() == "my work"


def test_force_keeps_a_backup(lab, folder):
    """With force the old files are found again in a dated folder, also those that the lab does not know."""
    start(lab, folder)
    (folder / "layer.py").write_text("my work")
    (folder / "notes.txt").write_text("my notes")
    started = start(lab, folder, force=True)
    assert (started.backup / "layer.py").read_text() == "my work"
    assert (folder / "layer.py").read_text() == "hole"
    assert (folder / "notes.txt").read_text() == "my notes"


def test_starting_twice_is_harmless(lab, folder):
    """Untouched files are no work, so nothing is backed up or refused."""
    start(lab, folder)
    assert start(lab, folder).backup is None


def test_the_untouched_sample_is_replaced(lab, folder):
    """The sample submission as shipped gives way without force; once edited it is work."""
    folder.mkdir(parents=True)
    (folder / "layer.py").write_text("sample")
    shipped = {"tiny": {"layer.py": hashlib.sha256(b"sample").hexdigest()}}
    (folder.parent / SAMPLES_NAME).write_text(json.dumps(shipped))
    (folder / "layer.py").write_text("sample, edited")
    with pytest.raises(WouldOverwrite):
        start(lab, folder)
    (folder / "layer.py").write_text("sample")
    assert start(lab, folder).backup is None
    assert (folder / "layer.py").read_text() == "hole"
