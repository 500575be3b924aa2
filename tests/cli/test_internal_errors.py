"""A defect of the grader itself is never taken for a graded submission."""

import errno
import json
import os

import pytest
import typer

from grader.commands.common import BAD_INPUT, GRADER_FAILED, errors, fail, write_reports
from grader.report import ReportError, files
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
