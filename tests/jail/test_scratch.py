"""Temporary folders name their owner, and those whose owner is gone are deleted; nobody else's are."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from grader.jail import scratch
from grader.jail.scratch import NoRoom, new_scratch, scratch_folder, sweep

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process started")
KILLED = """
import os, signal, tempfile
from grader.jail.scratch import new_scratch
folder = new_scratch("grading")
(folder / "conv.py").write_text("student code")
deep = new_scratch("box") / "a"
deep.mkdir(mode=0o700)
os.chmod(deep, 0)
print(folder.name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A temporary folder of this test's own."""
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def leave_behind(place):
    """Have a process make folders and be killed."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env={**os.environ, "TMPDIR": str(place)}, capture_output=True, text=True
    )
    assert done.returncode == -9, done.stderr


def test_what_a_killed_grader_left_is_swept(place):
    """Folders of a process that is gone are deleted, whatever modes lie in them."""
    leave_behind(place)
    assert len(list(place.iterdir())) == 2
    assert len(sweep()) == 2
    assert not list(place.iterdir())


def test_the_next_start_sweeps(place):
    """Making the first folder of a process deletes what others have left."""
    leave_behind(place)
    scratch._sweep_once.cache_clear()
    with scratch_folder("grading") as folder:
        assert list(place.iterdir()) == [folder]
    assert not list(place.iterdir())


def test_folders_of_the_living_stay(place):
    """A folder of a process that runs, this one, is not deleted."""
    mine = new_scratch("box")
    assert sweep() == []
    assert mine.is_dir()


def test_a_number_that_was_given_again_is_another_owner(place):
    """A process with the same number that started at another moment does not own the folder."""
    mine = new_scratch("box")
    purpose, pid, start, rest = mine.name.split("-", 3)
    earlier = mine.rename(place / f"{purpose}-{pid}-{int(start) - 1}-{rest}")
    assert sweep() == [earlier.name]


@pytest.mark.parametrize("change", ["namespace", "purpose", "shape", "link"])
def test_what_is_not_ours_to_judge_stays(place, change):
    """Owners counted elsewhere, other programs' folders and links are left alone."""
    purpose, pid, start, namespace, end = new_scratch("box").name.split("-", 4)
    name = {
        "namespace": f"{purpose}-{pid}-{int(start) - 1}-{int(namespace) + 1}-{end}",
        "purpose": f"other-{pid}-{int(start) - 1}-{namespace}-{end}",
        "shape": f"{purpose}-{pid}-{end}",
        "link": f"{purpose}-{pid}-{int(start) - 1}-{namespace}-link",
    }[change]
    if change == "link":
        (place / "target").mkdir()
        (place / name).symlink_to(place / "target")
    else:
        (place / name).mkdir()
    assert sweep() == []
    assert (place / name).exists()


@pytest.mark.parametrize(
    ("number", "says"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "nothing can be written")]
)
def test_no_room_is_said(place, monkeypatch, number, says):
    """A full temporary folder is an error that names it and says what to do, with the grader's status."""

    def refuse(**_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(scratch.tempfile, "mkdtemp", refuse)
    with pytest.raises(NoRoom, match=says) as raised:
        new_scratch("box")
    assert raised.value.status == 3
    assert str(place) in str(raised.value) and "TMPDIR" in str(raised.value)
