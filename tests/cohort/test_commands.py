"""The class commands at their edges: bad use, a missing extra, Ctrl+C; nothing half-written."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cohort.walk import prepare
from tests.golden import ROOT
from tests.hostile.project import make_project

LIMIT_S = 120


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with a class, submissions taken in, and nothing graded."""
    root = tmp_path_factory.mktemp("commands")
    make_project(root)
    prepare(root)
    place = tmp_path_factory.mktemp("tmp")
    place.chmod(0o711)
    call = caller(root, place)
    call("init", "Deep learning")
    call("roster", "roster.csv", "--yes")
    call("ingest", "tiny", "download.zip", "--guesses", "--unknown", "--yes")
    return root, place, call


def caller(root, place, **more):
    """Return a function that runs a class command there."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(place),
        "GRADER_SLOTS": str(place / "slots"),
    }
    environment.pop("GRADER_CLASS", None)
    environment |= more

    def call(*words, start=False):
        command = [sys.executable, "-m", "grader", "class", *words]
        if start:
            return subprocess.Popen(
                command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                start_new_session=True,
                # A shell's background job is born deaf to Ctrl+C; a command that a person types is not.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )  # fmt: skip
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )

    return call


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("grade", "ghost"), "there is no lab 'ghost'"),
        (("grade", "tiny", "--resume"), "no run of tiny is unfinished"),
        (("grade", "tiny", "--jobs", "2", "--cluster", "local:2"), "--jobs is for this host"),
        (("grade", "tiny", "--cluster", "tcp://127.0.0.1:1"), "cannot be used"),
        (("ingest", "tiny", "nowhere.zip"), "neither a folder nor a zip"),
        (("ingest", "tiny", "download.zip", "--from", "ilias"), "there is no source 'ilias'"),
        (("ingest", "tiny", "download.zip", "--pattern", "("), "no regular expression"),
        (("rules", "tiny", "--late", "weekly"), "the rule for late work is not usable: kind"),
        (("rules", "tiny", "--late", "per_day,percnt=10"), "has no setting 'percnt'; it may have: kind, percent"),
        (("rules", "tiny", "--due", "soon"), "'soon' is no date"),
        (("extend", "tiny", "9999", "2026-04-01 12:00"), "there is no student '9999'"),
        (("adjust", "tiny", "0012", "--points", "5"), "an adjustment needs a reason"),
        (("export", "tiny", "--moodle", "worksheet.csv", "--gradescope", "--out", "x"), "one platform at a time"),
        (("export", "tiny", "--canvas", "worksheet.csv", "--out", "x.csv"), "no Canvas gradebook"),
        (("export", "tiny", "--xlsx", "worksheet.csv", "--out", "x.xlsx"), "expected the .xlsx"),
        (("appeal", "tiny", "0016", "forward", "why"), "0016 has handed in nothing of tiny"),
        (("apply", "99"), "there is no run 99"),
        (("regrade", "tiny", "--release", "2001"), "there is no release '2001'"),
        (("init", "Again"), "not empty"),
        (("status", "--class", "elsewhere"), "there is no class in elsewhere"),
    ],
)
def test_bad_use_is_status_2(project, words, message):
    """What is wrong is named, and nothing is written."""
    root, _place, call = project
    before = {path: path.stat().st_mtime_ns for path in root.glob("x*")}
    done = call(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.stat().st_mtime_ns for path in root.glob("x*")} == before


def test_the_class_of_the_environment_is_the_one_that_is_made(project, tmp_path):
    """And the one that the next command finds; where nothing was handed in, nothing can be graded again."""
    root, place, _call = project
    call = caller(root, place, GRADER_CLASS=str(tmp_path / "of the year"))
    made = call("init", "Deep learning")
    assert f"made {tmp_path / 'of the year'}; next: `python -m grader class roster FILE`" in made.stdout
    call("rules", "tiny", "--due", "2026-03-31 23:59")
    said = call("regrade", "tiny")
    assert said.returncode == 2 and "nothing of tiny that can be graded was handed in" in said.stderr
    named = call("init", "Other", "--class", str(tmp_path / "an other"))
    assert f"next: `python -m grader class roster FILE --class '{tmp_path / 'an other'}'`" in named.stdout


def test_where_nothing_was_handed_in_nothing_can_be_graded(project, tmp_path):
    """That is bad usage: what was to be graded is not there."""
    root, place, _call = project
    call = caller(root, place, GRADER_CLASS=str(tmp_path / "empty"))
    call("init", "Deep learning")
    call("rules", "tiny", "--due", "2026-03-31 23:59")
    said = call("grade", "tiny")
    assert said.returncode == 2 and "nothing of tiny that can be graded was handed in" in said.stderr


def test_a_missing_extra_is_named(project, tmp_path):
    """With the command that installs it."""
    (tmp_path / "sqlalchemy.py").write_text("raise ModuleNotFoundError(name='sqlalchemy')\n")
    root, place, _call = project
    done = caller(root, place, PYTHONPATH=f"{tmp_path}:{ROOT}")("status")
    assert done.returncode == 2
    assert "pip install 'grader[class]'" in done.stderr


def test_damaged_fixtures_stop_the_run_and_charge_nobody(project):
    """The file is named, no work gets the grader's failure for it, and the same command goes on once it is back."""
    root, _place, call = project
    file = root / "fixtures" / "tiny" / "hidden" / "forward.npz"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    try:
        said = call("grade", "tiny")
    finally:
        file.write_bytes(whole)
    assert said.returncode == 2 and "forward.npz" in said.stderr, said.stderr
    assert "graded so far" not in said.stdout
    status = call("status")
    assert "the grader failed" not in status.stdout
    assert "is unfinished, 4 are left" in status.stdout


def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(project):
    """It says how to go on; no process and no folder is left; then everything is graded."""
    root, place, call = project
    running = call("grade", "tiny", start=True)
    deadline = time.monotonic() + LIMIT_S
    while (
        not list((root / "class" / "running").glob("*")) and time.monotonic() < deadline and running.poll() is None
    ):
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    _out, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    assert not list((root / "class" / "running").glob("*"))
    assert not list(place.rglob("class-*"))
    done = call("grade", "tiny", "--resume")
    assert done.returncode in (0, 1), done.stderr
    assert "graded so far: 4" in done.stdout
    again = call("grade", "tiny")
    assert again.returncode == done.returncode, again.stderr
    assert "nothing of tiny is waiting to be graded" in again.stdout and "graded so far: 4" in again.stdout
