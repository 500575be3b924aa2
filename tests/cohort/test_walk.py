"""The walk of `docs/class.md`, typed as it stands there: every command runs, and prints what the page says."""

import csv
import io
import os
import re
import shlex
import subprocess
import sys
import zipfile

import pytest

from tests.cohort.walk import prepare
from tests.golden import ROOT
from tests.hostile.project import make_project

PAGE = ROOT / "docs" / "class.md"
PROMPT = "$ "
ANY = "…"
LIMIT_S = 180
# What waits for a person is no failure.
STATUSES = (0, 1)


def steps():
    """Return the commands of the page with the lines that it shows of each."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S):
        for line in block.splitlines():
            if line.startswith(PROMPT):
                found.append((line.removeprefix(PROMPT), []))
            else:
                found[-1][1].append(line)
    return found


def plain(text):
    """Return a line with single blanks: widths of columns are not promised."""
    return " ".join(text.split())


def fits(shown, printed):
    """Whether a line fits to one of the page, in which `…` stands for anything."""
    pattern = ".*".join(re.escape(plain(part)) for part in shown.split(ANY))
    return re.fullmatch(pattern.replace(".*", r"\s*.*"), plain(printed)) is not None


def missing(shown, printed):
    """Return the first line of the page that was not printed, in its order; None if all were.

    A line that is only `…` stands for any number of lines.
    """
    place, free = 0, False
    for line in shown:
        if line.strip() == ANY:
            free = True
            continue
        while free and place < len(printed) and not fits(line, printed[place]):
            place += 1
        if place >= len(printed) or not fits(line, printed[place]):
            return line
        place, free = place + 1, False
    return None if free or place == len(printed) else f"{printed[place]} (not on the page)"


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """A project in which the walk has been taken: its folder, and what each command printed."""
    root = tmp_path_factory.mktemp("walk")
    make_project(root)
    prepare(root)
    place = tmp_path_factory.mktemp("tmp")
    place.chmod(0o711)
    environment = {
        **os.environ, "TZ": "Europe/Berlin", "PYTHONPATH": str(ROOT), "TMPDIR": str(place), "PYTHONUTF8": "1",
        "GRADER_SLOTS": str(place / "slots"),
    }  # fmt: skip
    environment.pop("GRADER_CLASS", None)
    printed = []
    for command, _shown in steps():
        words = shlex.split(command)
        assert words[:3] == ["python", "-m", "grader"]
        done = subprocess.run(
            [sys.executable, *words[1:]],
            cwd=root, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        assert done.returncode in STATUSES, (command, done.stdout, done.stderr)
        printed.append(done.stdout)
    return root, printed


@pytest.mark.parametrize("number", range(len(steps())), ids=[command.split()[4] for command, _shown in steps()])
def test_each_command_prints_what_the_page_says(walked, number):
    """Line by line, in order."""
    command, shown = steps()[number]
    printed = walked[1][number]
    assert missing(shown, printed.splitlines()) is None, (command, printed)


def test_the_worksheet_can_be_uploaded(walked):
    """Grades and comments stand in it, everything else is as it was."""
    root, _printed = walked
    before, after = (
        list(csv.reader(io.StringIO((root / name).read_text(encoding="utf-8"))))
        for name in ("worksheet.csv", "upload.csv")
    )
    assert [row[5] for row in after[1:]] == ["100", "100", "50", "0", ""]
    assert after[3][10] == "read by hand; hand in a .py next time"
    kept = [number for number in range(11) if number not in (5, 10)]
    assert [[row[number] for number in kept] for row in before] == [
        [row[number] for number in kept] for row in after
    ]


def test_the_feedback_can_be_uploaded(walked):
    """A page for everybody who was graded by the grader, without what is hidden."""
    root, _printed = walked
    with zipfile.ZipFile(root / "feedback.zip") as archive:
        names = archive.namelist()
        pages = {name: archive.read(name).decode() for name in names}
    assert names == [
        "Ann Lee_7001_assignsubmission_file_/feedback.html",
        "José García_7002_assignsubmission_file_/feedback.html",
        "Bo O'Neil_7004_assignsubmission_file_/feedback.html",
    ]
    assert all("<html" in page and str(root) not in page for page in pages.values())
