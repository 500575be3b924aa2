"""The watch over a submission's disk sees what lies there, or that it cannot see."""

from __future__ import annotations

import os
import sys

import pytest

from grader.inside.disk import BYTES, HIDDEN, DiskCaps

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
NOBODY = 65534


def seen_by_an_ordinary_user(folder):
    """Return what the watch says in a process whose rights end at a file's mode."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            os.chdir(folder)
            os.mkdir("hidden", 0o300)
            for number in range(3):
                with open(f"hidden/{number}", "wb") as file:
                    file.write(bytes(1 << 20))
            caps = DiskCaps((), (".",), max_bytes=2 << 20, max_entries=100)
            first = caps.exceeded(os.getpid())
            os.chmod("hidden", 0o700)
            os.write(send, f"{first} {caps.exceeded(os.getpid())}".encode())
        finally:
            os._exit(0)
    os.close(send)
    os.waitpid(pid, 0)
    return os.read(receive, 100).decode().split()


def test_a_folder_that_cannot_be_read_is_over_the_limit(tmp_path):
    """It could hold anything; where it can be read, what lies in it is counted."""
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder.name.startswith(("pytest", "popen", "test_")):
            folder.chmod(0o755)
    assert seen_by_an_ordinary_user(tmp_path) == [HIDDEN, BYTES]
