"""The kit's own start: a wrong Python, missing packages, and a setup that fails, each in plain words."""

import importlib.util
import subprocess
import sys
import venv
from types import SimpleNamespace

import pytest

from tests.golden import ROOT
from tests.kit.conftest import LAB, student


@pytest.fixture
def main_module():
    """The kit's ``grader/__main__.py``, imported and not run."""
    file = ROOT / "grader" / "kits" / "kit_files" / "grader_main.py"
    spec = importlib.util.spec_from_file_location("kit_main", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_is_named(main_module, monkeypatch, capsys):
    """With Python 3.8 the message says which one is needed and which one this is."""
    monkeypatch.setattr(main_module.sys, "version_info", (3, 8, 10))
    with pytest.raises(SystemExit) as stopped:
        main_module.main()
    assert stopped.value.code == 2
    assert "Python 3.10 or newer is needed, and this is 3.8.10" in capsys.readouterr().err


def test_the_start_can_be_read_by_an_old_python(main_module):
    """Nothing in it is newer than Python 3.7, so that an old one gets as far as the message."""
    import ast

    for file in ("kits/kit_files/grader_main.py", "language/translation.py"):
        ast.parse((ROOT / "grader" / file).read_text(), feature_version=(3, 7))
    assert "annotations" not in (ROOT / "grader" / "__init__.py").read_text()


def test_missing_packages_are_named_with_the_remedy(kit):
    """A Python without the packages says which are missing and what to type."""
    venv.create(kit / "bare", with_pip=False, symlinks=True)
    done = subprocess.run(
        [str(kit / "bare" / "bin" / "python"), "-m", "grader", "check", LAB],
        cwd=kit,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(kit), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert "missing: numpy" in done.stderr
    # `python` is not on this path, so the command names the interpreter itself.
    assert done.stderr.rstrip().endswith(f"{kit / 'bare' / 'bin' / 'python'} -m grader setup")
    assert "Traceback" not in done.stderr


def test_missing_packages_are_named_in_chinese(kit):
    """The language counts before anything is installed: by the locale, and by the option."""
    venv.create(kit / "bare", with_pip=False, symlinks=True)
    run = [str(kit / "bare" / "bin" / "python"), "-m", "grader", "check", LAB]
    plain = {"PYTHONPATH": str(kit), "PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"}
    for words, environment in (([], {**plain, "LANG": "zh_CN.UTF-8"}), (["--lang", "zh"], plain)):
        done = subprocess.run(
            [*run, *words], cwd=kit, capture_output=True, encoding="utf-8", check=False, env=environment
        )
        assert done.returncode == 2
        assert done.stderr.startswith("错误：") and "python -m grader setup" in done.stderr


def test_the_kits_own_environment_is_used(kit):
    """Without the packages, a command goes on in .venv if that is there; nobody has to activate anything."""
    venv.create(kit / "bare", with_pip=False, symlinks=True)
    (kit / ".venv" / "bin").mkdir(parents=True)
    python = kit / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = subprocess.run(
        [str(kit / "bare" / "bin" / "python"), "-m", "grader", "list"],
        cwd=kit,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(kit), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert LAB in done.stdout


def test_a_full_disk_is_said_before_anything_is_installed(main_module, monkeypatch, capsys):
    """Setup looks at the free space first."""
    monkeypatch.setattr(main_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=100 << 20))
    monkeypatch.setattr(main_module.sys, "argv", ["grader", "setup"])
    monkeypatch.setattr(main_module.subprocess, "Popen", lambda *a, **k: pytest.fail("something was run"))
    with pytest.raises(SystemExit):
        main_module.main()
    assert "Only 100 MiB are free" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(...): Temporary failure in name "
            "resolution'\nERROR: No matching distribution found for setuptools>=64",
            "cannot be reached",
        ),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("error: Microsoft Visual C++ 14.0 or greater is required.", "no ready-made package"),
        ("error: command 'gcc' failed: No such file or directory", "no ready-made package"),
        (
            "ERROR: Ignored the following versions that require a different python version: 0.61.0 Requires-Python "
            "<3.14\nERROR: No matching distribution found for numba>=0.59",
            "no ready-made package",
        ),
        ("PermissionError: [Errno 13] Permission denied: '/opt/kit/.venv'", "could not be written"),
        (
            "OSError: [Errno 30] Read-only file system: '/mnt/kit.egg-info'\nerror: subprocess-exited-with-error",
            "could not be written",
        ),
        ("something new", "pip could not install the packages."),
    ],
)
def test_what_pip_prints_is_explained(main_module, printed, said):
    """Each way in which an installation fails has a sentence that says what to do."""
    assert said in main_module.explain(printed, "pip could not install the packages.")


def test_what_pip_does_is_shown_as_it_does_it(main_module):
    """Large packages with their size, and how many are unpacked; the rest of pip's lines are not repeated."""
    told = main_module.progress
    assert told("  Downloading https://x/numpy-2.4.6-cp311-cp311-x86_64.whl (16.6 MB)\n") == "numpy 2.4.6 (16.6 MB)"
    assert told("  Using cached scipy-1.17.1-cp311-x86_64.whl (35.2 MB)\n") == "scipy 1.17.1 (35.2 MB)"
    assert told("Installing collected packages: a, b, c\n") == "unpacking 3 packages ..."
    assert told("  Downloading mdurl-0.1.2-py3-none-any.whl (10.0 kB)\n") == told("Collecting numpy>=1.26\n") == ""


def test_setup_without_a_network_says_so(kit):
    """The real pip without a server: one line, no traceback, and a log beside the kit."""
    done = subprocess.run(
        [sys.executable, "-m", "grader", "setup"],
        cwd=kit,
        capture_output=True,
        text=True,
        check=False,
        env={
            "PYTHONPATH": str(kit),
            "PATH": "/usr/bin:/bin",
            "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
            "PIP_RETRIES": "0",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_NO_CACHE_DIR": "1",
        },
    )
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr and "Traceback" not in done.stderr
    assert (kit / "setup.log").is_file()


def test_a_kit_lists_its_labs(kit):
    """The first command after setup works."""
    assert LAB in student(kit, "list").stdout
