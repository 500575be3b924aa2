"""What a student meets on macOS and on Windows, as far as it can be told on Linux: without what those lack."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.golden import ROOT, materialise
from tests.kit.conftest import LAB, student

# What other systems have not, taken away after the libraries, which choose by system themselves, were imported.
LIBRARIES = "import numpy, scipy, cv2, numba, yaml, typer, rich.console, rich.progress, pydantic, jinja2"
LINUX_ONLY = ("sched_getaffinity", "sched_setaffinity", "pidfd_open", "getxattr")
POSIX_ONLY = (*LINUX_ONLY, "fork", "geteuid", "getuid", "getegid", "killpg", "setsid", "wait4")
POSIX_MODULES = ("resource", "fcntl", "pwd", "grp", "termios", "syslog")
# Python's own subprocess needs SIGKILL here.
POSIX_SIGNALS = ("SIGXCPU", "SIGCHLD", "SIGSTOP", "SIGCONT")
# Runs what stands in a box first as another system would, from the moment on when the libraries are there.
OTHER_SYSTEM_INSIDE = """
import gc, os, runpy, signal, sys
freeze = gc.freeze
def become():
    sys.platform = {system!r}
    listdir = os.listdir
    def listdir_without_proc(place="."):
        if str(place).startswith("/proc"):
            raise FileNotFoundError(place)
        return listdir(place)
    os.listdir = listdir_without_proc
    for name in {names!r}:
        if hasattr(os, name):
            delattr(os, name)
    for name in {signals!r}:
        delattr(signal, name)
    sys.modules |= dict.fromkeys({modules!r})
    freeze()
gc.freeze = become
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
# What Windows has and Linux has not.
WINDOWS_ONLY = """
import types
winapi = types.ModuleType("_winapi")
winapi.CreateJunction = lambda place, link: os.symlink(place, link)
sys.modules["_winapi"] = winapi
class Kernel32:
    def __init__(self, name):
        pass
    def __getattr__(self, name):
        return lambda *arguments: 1
import ctypes
ctypes.WinDLL = Kernel32
def socketpair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        return one, listener.accept()[0]
socket.socketpair = socketpair
"""


def on(system: str, names, kit: Path, words, *, more: str = "") -> subprocess.CompletedProcess:
    """Run a student's command where the system has another name and lacks the functions ``names``."""
    code = f"""
    {LIBRARIES}
    import os, signal, socket, subprocess, sys, urllib.request
    sys.platform = {system!r}
    for name in {names!r}:
        if hasattr(os, name):
            delattr(os, name)
    """
    lines = [textwrap.dedent(code), more, f"sys.argv = ['grader', *{list(words)!r}]"]
    lines += ["from grader.commands.student import main", "main()"]
    return student(kit, python=("-c", "\n".join(lines)))


@pytest.fixture
def broken_submission(kit):
    """A right submission but for one wrong layer, as a student's."""
    materialise(ROOT / "tests" / "submissions" / LAB / "einsum_windows", kit / "stu_upload" / LAB)
    layer = kit / "stu_upload" / LAB / "layer.py"
    layer.write_text(layer.read_text().replace("inputs.clip(min=0)", "inputs.clip(max=0)"))


def checked_on(system: str, names, kit: Path, tmp_path: Path, *, modules=(), signals=(), more: str = ""):
    """Check two layers where neither the grader nor what runs in its box has ``names``."""
    start, program = tmp_path / "start.py", tmp_path / "python"
    inside = OTHER_SYSTEM_INSIDE.format(system=system, names=names, modules=modules, signals=signals)
    start.write_text(inside)
    program.write_text(f'#!/bin/sh\nshift 5\nexec "{sys.executable}" -I -S -B -X utf8 "{start}" "$@"\n')
    program.chmod(0o755)
    more += textwrap.dedent(f"""
    import types
    from grader.jail import box, probe
    box.interpreter = lambda: types.SimpleNamespace(executable={str(program)!r})
    """)
    return on(system, names, kit, ["check", LAB, "--only", "conv_forward", "--only", "relu_forward"], more=more)


def assert_checked_at_level_1(done: subprocess.CompletedProcess) -> None:
    """The right layer passes, the wrong one is told, and the missing isolation is said."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "1 of 2 checks pass" in done.stdout
    assert "NOT ISOLATED" in " ".join(done.stdout.split())


def test_macos_checks_at_level_1(kit, tmp_path, broken_submission):
    """Without /proc, affinity and handles of processes a right layer passes, a wrong one is told, and jail is 1."""
    assert_checked_at_level_1(checked_on("darwin", LINUX_ONLY, kit, tmp_path))


def test_windows_checks_at_level_1(kit, tmp_path, broken_submission):
    """Without fork, POSIX modules, signals and ``poll`` the same happens."""
    block = f"""
    sys.modules |= dict.fromkeys({POSIX_MODULES!r})
    for name in {POSIX_SIGNALS!r}:
        delattr(signal, name)
    import select
    del socket.AF_UNIX, socket.CMSG_SPACE, socket.send_fds, select.poll, os.set_blocking
    """
    done = checked_on(
        "win32",
        POSIX_ONLY,
        kit,
        tmp_path,
        modules=POSIX_MODULES,
        signals=(*POSIX_SIGNALS, "SIGKILL"),
        more=textwrap.dedent(block) + WINDOWS_ONLY,
    )
    assert_checked_at_level_1(done)
    assert "peak memory" not in done.stdout, "it is not known here"


def test_windows_lists_and_starts(kit):
    """What runs nothing works without the modules that only POSIX has."""
    block = f"sys.modules |= dict.fromkeys({POSIX_MODULES!r})\ndel socket.AF_UNIX, signal.SIGKILL, signal.SIGXCPU"
    listed = on("win32", POSIX_ONLY, kit, ["list"], more=block)
    assert listed.returncode == 0 and LAB in listed.stdout, listed.stderr
    started = on("win32", POSIX_ONLY, kit, ["start", LAB], more=block)
    assert started.returncode == 0, started.stderr


def test_output_goes_where_letters_are_missing(kit, monkeypatch):
    """Into a file of few letters, as Windows makes them, others become question marks and nothing fails."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = student(kit, "check", LAB, "--only", "conv_forward", "--lang", "zh")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "VGG16" in done.stdout and "?" in done.stdout
