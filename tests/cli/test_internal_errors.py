"""A defect of the grader itself is never taken for a graded submission."""

import errno
import json
import os
import subprocess
import sys

import pytest
import typer

from grader.commands.common import BAD_INPUT, GRADER_FAILED, errors, fail, write_reports
from grader.report import files
from grader.report.files import ReportError
from grader.report.json_report import document
from tests.report.samples import honest


def test_an_unforeseen_error_is_status_3(capsys):
    """It would otherwise end with Python's own status 1, which says that a submission was graded."""
    with pytest.raises(typer.Exit) as left, errors():
        raise ZeroDivisionError
    assert left.value.exit_code == GRADER_FAILED
    assert "the grader itself failed (ZeroDivisionError)" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said(capsys, number):
    """Where the disk is full, the message names the place and shows no traceback."""
    with pytest.raises(typer.Exit) as left, errors():
        raise OSError(number, os.strerror(number), "/var/cache/records")
    assert left.value.exit_code == GRADER_FAILED
    said = capsys.readouterr().err
    assert "the disk is full (/var/cache/records)" in said and "Traceback" not in said


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_place_that_may_not_be_used_is_said(capsys, number):
    """Where nothing can be written, that place is named and shows no traceback; one without a place is a defect."""
    with pytest.raises(typer.Exit) as left, errors():
        raise OSError(number, os.strerror(number), "/media/stick/stu_upload")
    assert left.value.exit_code == GRADER_FAILED
    said = capsys.readouterr().err
    assert f"/media/stick/stu_upload may not be used ({os.strerror(number)})" in said and "Traceback" not in said
    with pytest.raises(typer.Exit), errors():
        raise OSError(number, os.strerror(number))
    assert "Traceback" in capsys.readouterr().err


def test_a_document_that_no_file_can_hold_is_printed(capsys, tmp_path, monkeypatch):
    """The other reports are written all the same, and the document goes to standard output."""
    result = honest()

    def full(path, data):
        if path.name == "result.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path.write_bytes(data)

    monkeypatch.setattr(files, "replace_file", full)
    with pytest.raises(ReportError, match="No space left"):
        write_reports(result, tmp_path / "result.json", tmp_path / "junit.xml", None, None)
    printed = capsys.readouterr()
    assert json.loads(printed.out) == document(result)
    assert "standard output" in printed.err
    assert (tmp_path / "junit.xml").is_file()


def test_a_status_that_was_chosen_stays():
    """Leaving on purpose is no defect."""
    with pytest.raises(typer.Exit) as left, errors():
        fail("a wrong word", BAD_INPUT)
    assert left.value.exit_code == BAD_INPUT


def left(code):
    """Run code that leaves at once, and return how it ended."""
    lead = "import atexit, sys\nfrom grader.commands.common import leave_at_once\n"
    return subprocess.run([sys.executable, "-c", lead + code], capture_output=True, text=True, check=False)


def test_leaving_at_once_keeps_status_output_and_last_duties():
    """The status, what was printed without a newline, and functions that were registered for the end are kept."""
    done = left(
        "atexit.register(print, 'duty', end='')\nwith leave_at_once():\n print('said', end=' '); sys.exit(3)"
    )
    assert (done.returncode, done.stdout) == (3, "said duty")


def test_leaving_at_once_shows_what_was_raised():
    """An exception that nobody has caught ends with a traceback and status 1, as ever."""
    done = left("with leave_at_once(): 1 / 0")
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr


def test_leaving_at_once_waits_for_threads():
    """A thread that still works has its time."""
    code = "import threading, time\nwith leave_at_once():\n"
    code += " threading.Thread(target=lambda: (time.sleep(0.3), print('worked'))).start()"
    assert left(code).stdout == "worked\n"


def test_what_needs_no_box_loads_none():
    """A list of options, or a name that does not exist, is told without NumPy and the jail."""
    told = "atexit.register(lambda: print('numpy' in sys.modules, 'grader.jail' in sys.modules))\n"
    assert left(told + "with leave_at_once(): sys.exit(0)").stdout.split() == ["False", "False"]
