"""The jail holds as an ordinary user, and inside a user namespace as containers have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.golden import ROOT
from tests.hostile.client import GradingProcess
from tests.hostile.corpus import entries

NOBODY = 65534
PROBE_LIMIT_S = 60
CHOSEN = (
    "reads_hidden_fixture", "opens_host_files", "changes_host_files", "looks_through_proc", "starts_processes",
    "fork_bomb", "thread_bomb", "leaves_daemon", "signals_others", "looks_into_processes", "raises_limits",
    "becomes_root", "holds_capabilities", "raw_system_calls", "leases_packages", "memory_bomb", "fills_disk",
    "hides_disk", "nests_folders",
    "opens_sockets", "kills_itself", "closes_channel_and_stays", "poisons_numba_cache", "shadows_libraries",
)  # fmt: skip
HONEST = ("plain", "numba_parallel", "matrix_threads", "temporary_files")


@dataclass(frozen=True)
class User:
    """A way to become someone else: a command in front, and an interpreter that this someone can reach."""

    name: str
    prefix: tuple[str, ...]
    python: str = sys.executable
    environment: dict[str, str] = field(default_factory=dict)


def nobody() -> User | str:
    """Return how to become an ordinary user, or why that cannot be done."""
    if os.geteuid() != 0:
        return "the tests already run as an ordinary user"
    if shutil.which("setpriv") is None:
        return "setpriv is not installed"
    prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    # The interpreter may lie in a home folder that others cannot enter; then the system's own one, if it is of the
    # same version, can run the installed packages.
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    system = f"/usr/bin/{version}"
    for python, path in ((sys.executable, ""), (system, sysconfig.get_path("purelib"))):
        environment = {"PYTHONPATH": path, "HOME": "/nonexistent", "GRADER_CACHE": "/nonexistent"}
        if can_start(prefix, python, environment):
            return User("nobody", prefix, python, environment)
    return "no interpreter with the installed packages can be reached by another user"


def namespace() -> User | str:
    """Return how to enter a user namespace with a single user, or why that cannot be done."""
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    prefix = ("unshare", "--user", "--map-root-user")
    if not can_start(prefix, sys.executable, {}):
        return "this host allows no user namespaces"
    return User("user namespace", prefix)


def can_start(prefix: tuple[str, ...], python: str, environment: dict[str, str]) -> bool:
    """Tell whether the grader can be imported that way, and its interpreter be run in a jail."""
    test = "import numba, grader.grading; from grader.jail.host import interpreter; interpreter()"
    command = [*prefix, python, "-B", "-c", test]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            timeout=PROBE_LIMIT_S,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


WAYS = {"nobody": nobody, "namespace": namespace}


@pytest.fixture(
    scope="module", params=[(way, level) for way in WAYS for level in (3, 2)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def as_other_user(request, open_folder, tiny, host, neighbour):
    """A grading process of another user."""
    way, level = request.param
    user = WAYS[way]()
    if isinstance(user, str):
        pytest.skip(user)
    if way == "nobody":
        # What belongs to the user who grades is what a submission could change most easily.
        for path in (host.bait, host.bait / "empty.txt"):
            os.chown(path, NOBODY, NOBODY)
    folder = Path(open_folder) / f"{way}-{level}"
    folder.mkdir()
    process = GradingProcess(
        tiny, host, folder, level, prefix=user.prefix, python=user.python, environment=user.environment
    )
    error = process.ask({"submission": str(neighbour)})["submission"].get("error", "")
    if error:
        process.close()
        pytest.skip(f"level {level} is not to be had as {user.name}: {error}")
    yield process
    process.close()


@pytest.mark.parametrize("name", CHOSEN)
def test_attack_as_other_user(as_other_user, host, neighbour, name):
    """Score, verdicts, host and neighbour are as they are for root."""
    entry = next(entry for entry in entries("submissions") if entry.name == name)
    graded = as_other_user.grade(entry, neighbour)
    level = as_other_user.level
    assert graded.submission.get("score") == entry.score(level), graded.submission
    for check, verdicts in entry.verdicts(level).items():
        assert graded.verdicts[check] in verdicts, graded.checks[check]
    assert graded.neighbour.get("score") == 100, graded.neighbour
    assert graded.changed == [] and graded.survivors == [] and graded.left_over == [] and graded.knocks == []
    assert host.secret not in graded.text and "Breach" not in graded.text


@pytest.mark.parametrize("name", HONEST)
def test_honest_as_other_user(as_other_user, neighbour, name):
    """Honest work has full marks."""
    entry = next(entry for entry in entries("honest") if entry.name == name)
    graded = as_other_user.grade(entry, neighbour)
    assert graded.submission.get("score") == 100, graded.submission
    assert graded.survivors == [] and graded.left_over == []
