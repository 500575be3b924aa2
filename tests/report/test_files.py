"""Writing a report: whole or not at all, with a clear message when it cannot be done."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from grader.report.files import ReportError, write_text

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and pipes of POSIX")


def test_replaces_in_one_step(tmp_path):
    """A reader who opened the old file keeps it whole; the name leads to the new one; no draft is left."""
    file = tmp_path / "r.json"
    write_text(file, "old")
    with file.open() as reader:
        write_text(file, "new")
        assert reader.read() == "old"
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    """When the last step fails, the old file is untouched and the draft is gone."""
    file = tmp_path / "r.json"
    write_text(file, "old")
    monkeypatch.setattr(os, "replace", lambda *names: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(ReportError, match="No space left on device"):
        write_text(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@posix
def test_mode_follows_the_umask(tmp_path):
    """A report is readable as any file its user makes, not private like a temporary one."""
    before = os.umask(0o022)
    try:
        write_text(tmp_path / "r", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o644


def test_names_what_cannot_be_written(tmp_path):
    """A folder, a path below a file, and an impossible name give a message with the path."""
    (tmp_path / "file").write_text("x")
    for bad in (tmp_path, tmp_path / "file" / "r.json", tmp_path / "nul\0name"):
        with pytest.raises(ReportError) as caught:
            write_text(bad, "x")
        assert str(tmp_path) in str(caught.value)


@posix
def test_follows_a_link_of_the_user(tmp_path):
    """A link that the user made keeps leading to the report."""
    (tmp_path / "link").symlink_to(tmp_path / "real.json")
    write_text(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real.json").read_text() == "x"


@posix
def test_writes_to_a_device():
    """A device is written to, not replaced by a file."""
    write_text(Path("/dev/null"), "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
