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
POSIX_ONLY = (*LINUX_ONLY, "fork", "geteuid", "getuid", "getegid", "killpg", "setsid", "WNOHANG", "wait4")
POSIX_MODULES = ("resource", "fcntl", "pwd", "grp", "termios", "syslog")
MACOS_SUPERVISOR = """
import gc, os, runpy, sys
freeze = gc.freeze
def become_macos():
    sys.platform = "darwin"
    listdir = os.listdir
    def listdir_without_proc(place="."):
        if str(place).startswith("/proc"):
            raise FileNotFoundError(place)
        return listdir(place)
    os.listdir = listdir_without_proc
    for name in ("sched_setaffinity", "pidfd_open"):
        if hasattr(os, name):
            delattr(os, name)
    freeze()
gc.freeze = become_macos
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
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
    lines += ["from grader.cli_student import main", "main()"]
    return student(kit, python=("-c", "\n".join(lines)))


@pytest.fixture
def interpreter_of_macos(tmp_path):
    """A program that starts the box's supervisor as macOS would see it."""
    start = tmp_path / "supervisor.py"
    start.write_text(MACOS_SUPERVISOR)
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S -B "{start}" "$4" "$5"\n')
    program.chmod(0o755)
    return program


def test_macos_checks_at_level_1(kit, interpreter_of_macos):
    """Without /proc, affinity and handles of processes a right layer passes, a wrong one is told, and jail is 1."""
    materialise(ROOT / "tests" / "submissions" / LAB / "einsum_windows", kit / "stu_upload" / LAB)
    layer = kit / "stu_upload" / LAB / "layer.py"
    layer.write_text(layer.read_text().replace("inputs.clip(min=0)", "inputs.clip(max=0)"))
    more = textwrap.dedent(f"""
    import types
    from grader.jail import box, probe
    box.interpreter = lambda: types.SimpleNamespace(executable={str(interpreter_of_macos)!r})
    """)
    words = ["check", LAB, "--only", "conv_forward", "--only", "relu_forward"]
    done = on("darwin", LINUX_ONLY, kit, words, more=more)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "1 of 2 checks pass" in done.stdout
    assert "jail level 1" in done.stdout and "NOT ISOLATED" in " ".join(done.stdout.split())


def test_windows_says_what_to_do(kit):
    """Without any of the modules that only POSIX has, what runs nothing works, and a check names WSL 2."""
    block = f"sys.modules |= dict.fromkeys({POSIX_MODULES!r})\ndel socket.AF_UNIX, signal.SIGKILL, signal.SIGXCPU"
    listed = on("win32", POSIX_ONLY, kit, ["list"], more=block)
    assert listed.returncode == 0 and LAB in listed.stdout, listed.stderr
    started = on("win32", POSIX_ONLY, kit, ["start", LAB], more=block)
    assert started.returncode == 0, started.stderr
    checked = on("win32", POSIX_ONLY, kit, ["check", LAB], more=block)
    assert checked.returncode not in (0, 1)
    assert "WSL 2" in checked.stderr and "Traceback" not in checked.stderr, checked.stderr
