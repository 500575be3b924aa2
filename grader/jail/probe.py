"""Finds out by doing what this host can enforce."""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from grader.inside import landlock, seccomp
from grader.jail import bubblewrap
from grader.jail.host import interpreter, worker_uid
from grader.jail.model import Level

PROBE_LIMIT_S = 20.0
# Applies both mechanisms to itself and tries what they must refuse.
TRIAL = """
import json, os, sys
sys.path.append(sys.argv[1])
from grader.inside import landlock, seccomp
found = {"landlock": "", "seccomp": ""}
try:
    landlock.restrict([sys.argv[1]], ["/dev/null"])
    try:
        os.listdir("/")
        found["landlock"] = "it was applied and refused nothing"
    except PermissionError:
        pass
except Exception as error:
    found["landlock"] = str(error)
try:
    seccomp.install(seccomp.program(os.getpid()))
    try:
        if os.fork() == 0:
            os._exit(0)
        found["seccomp"] = "it was applied and refused nothing"
    except PermissionError:
        pass
except Exception as error:
    found["seccomp"] = str(error)
print(json.dumps(found))
"""


@dataclass(frozen=True)
class HostReport:
    """What works on this host. A ``_problem`` is empty where the mechanism works, else it says why it does not.

    ``bubblewrap`` is path and version, empty if there is none. ``changes_user`` tells whether a worker gets a user
    id of its own. ``level`` is the strongest level, ``levels`` are all that work.
    """

    system: str
    root: bool
    changes_user: bool
    interpreter: str
    bubblewrap: str
    namespaces_problem: str
    landlock_abi: int
    landlock_problem: str
    seccomp_problem: str
    level: Level
    levels: tuple[Level, ...]


def probe() -> HostReport:
    """Try every mechanism and return what works; done once in a process.

    Raises
    ------
    JailError : the interpreter cannot be found.
    """
    return _probe(os.getpid())


@functools.lru_cache(maxsize=1)
def _probe(process_id: int) -> HostReport:
    # Keyed by process: after a fork the child may have another user or other namespaces.
    found = bubblewrap.find()
    linux = sys.platform == "linux"
    changes_user = worker_uid() is not None
    problems, namespaces = dict.fromkeys(("landlock", "seccomp"), "only Linux has it"), "only Linux has them"
    if linux:
        # Side by side, for each waits for a process of its own.
        with ThreadPoolExecutor(max_workers=2) as pool:
            itself, boxed = pool.submit(_try_on_itself), pool.submit(_try_namespaces, changes_user)
            problems, namespaces = itself.result(), boxed.result()
    levels = [Level.PROCESS]
    if not problems["seccomp"] and not problems["landlock"]:
        levels.append(Level.LANDLOCK)
    if not problems["seccomp"] and not namespaces:
        levels.append(Level.NAMESPACES)
    return HostReport(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
        changes_user=changes_user,
        interpreter=interpreter().executable,
        bubblewrap=" ".join(found) if found else "",
        namespaces_problem=namespaces,
        landlock_abi=landlock.abi() if linux else 0,
        landlock_problem=problems["landlock"],
        seccomp_problem=problems["seccomp"],
        level=levels[-1],
        levels=tuple(levels),
    )


def _try_namespaces(changes_user: bool) -> str:
    """Return why bubblewrap does not work here, or nothing."""
    found = bubblewrap.find()
    if found is None:
        return "bubblewrap 0.8 or newer was not found"
    options = [*bubblewrap.isolation(changes_user=changes_user), "--ro-bind", "/", "/"]
    options += ["--perms", "1777", "--size", "4096", "--tmpfs", "/tmp", "--remount-ro", "/"]
    return _run([found[0], *options, "--", interpreter().executable, "-I", "-S", "-c", "pass"])[0]


def _try_on_itself() -> dict[str, str]:
    """Return why Landlock and seccomp do not work here, or nothing."""
    if not seccomp.supported():
        return {"landlock": "", "seccomp": f"the filter is not written for {platform.machine()} processors"}
    place = str(Path(__file__).parents[2])
    problem, printed = _run([interpreter().executable, "-I", "-S", "-B", "-c", TRIAL, place])
    try:
        found = json.loads(printed)
        return {name: str(found[name]) for name in ("landlock", "seccomp")}
    except (ValueError, KeyError):
        return dict.fromkeys(("landlock", "seccomp"), problem or "the trial gave no result")


def _run(command: list[str]) -> tuple[str, str]:
    """Run a trial; return what went wrong, and what it printed."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PROBE_LIMIT_S,
            env=bubblewrap.CLEAN_ENVIRONMENT,
            cwd=tempfile.gettempdir(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error), ""
    return ("" if done.returncode == 0 else done.stderr.strip()[-300:] or f"status {done.returncode}"), done.stdout
