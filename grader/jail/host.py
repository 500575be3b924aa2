"""Facts about this host that decide how a box is built: user, capabilities, processors, interpreter, packages."""

from __future__ import annotations

import contextlib
import functools
import importlib.machinery
import itertools
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.jail.model import JailError

WORKER_UIDS = range(64001, 65001)
PLACES_BETWEEN_GRADERS = 37
CAP_SETGID, CAP_SETUID, CAP_DAC_READ_SEARCH = 6, 7, 2
INSTALLED_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs inside: never a virtual environment's, which could lead to everything installed there.

    ``parts`` are the files and folders that it needs, ``hidden`` the folders in them with installed packages.
    """

    executable: str
    parts: tuple[str, ...]
    hidden: tuple[str, ...]


@functools.lru_cache(maxsize=1)
def interpreter() -> Interpreter:
    """Return the base interpreter of this process.

    Raises
    ------
    JailError : it cannot be found.
    """
    named = getattr(sys, "_base_executable", None) or sys.executable
    found = (os.path.realpath(path) for path in (named, "/proc/self/exe"))
    executable = next((path for path in found if os.access(path, os.X_OK)), None)
    if executable is None:
        raise JailError(
            "the interpreter {named} cannot be run; run the grader with a Python that is installed", named=named
        )
    prefix = os.path.realpath(sys.base_prefix)
    parts = {executable}
    if prefix != "/usr":
        parts |= {
            os.path.join(prefix, name) for name in ("lib", "lib64") if os.path.isdir(os.path.join(prefix, name))
        }
    parts |= set(system_libraries())
    hidden = {folder for part in parts for folder in _installed_below(part)}
    return Interpreter(executable, tuple(sorted(parts)), tuple(sorted(hidden)))


def system_libraries() -> tuple[str, ...]:
    """Return the folders of the system's shared libraries and of a system Python, as real paths."""
    found = {os.path.realpath(folder) for folder in ("/usr/lib", "/usr/lib64", "/lib", "/lib64")}
    return tuple(sorted(folder for folder in found if os.path.isdir(folder)))


def _installed_below(part: str) -> Iterator[str]:
    """Yield the folders of installed packages in a library folder, at the places where Pythons keep them."""
    if not os.path.isdir(part):
        return
    for entry in os.scandir(part):
        if entry.name.startswith("python") and entry.is_dir(follow_symlinks=False):
            for name in INSTALLED_FOLDERS:
                if os.path.isdir(os.path.join(entry.path, name)):
                    yield os.path.join(entry.path, name)


def visible_parts(folders: Iterable[str], hidden: Iterable[str]) -> Iterator[str]:
    """Yield paths that together cover ``folders`` without anything that lies in ``hidden``.

    Landlock can only allow, so a folder with a hidden one somewhere below is replaced by its other entries.
    """
    masked = [os.path.realpath(path) for path in hidden]
    for folder in folders:
        if folder in masked:
            continue
        if not any(path.startswith(folder.rstrip("/") + "/") for path in masked):
            yield folder
            continue
        yield from visible_parts(sorted(entry.path for entry in os.scandir(folder)), masked)


def package_folders(names: Iterable[str]) -> dict[str, str]:
    """Return what must be seen for these packages to be imported: names beside one another to real paths.

    Next to a package lie the shared libraries that were bundled with it, in ``<distribution>.libs``.

    Raises
    ------
    JailError : a package is not installed.
    """
    found: dict[str, str] = {}
    for name in names:
        found.update(_package(name))
    return found


@functools.lru_cache(maxsize=64)
def _package(name: str) -> dict[str, str]:
    # Without the caller's import hooks: what is imported inside is found by the same plain search.
    spec = importlib.machinery.PathFinder.find_spec(name, [p for p in sys.path if p])
    if spec is None:
        raise JailError(
            "the lab allows {name}, which is not installed; run `pip install` for it, or edit lab.yaml", name=name
        )
    if spec.submodule_search_locations:
        place = os.path.realpath(next(iter(spec.submodule_search_locations)))
        found = {name: place}
    elif spec.origin and os.path.isfile(spec.origin):
        place = os.path.realpath(spec.origin)
        found = {os.path.basename(spec.origin): place}
    else:
        raise JailError("the package {name} has no files of its own and cannot be taken into the jail", name=name)
    for bundled in Path(place).parent.glob("*.libs"):
        if bundled.stem == name or _installs(bundled.parent, bundled.stem, name):
            found[bundled.name] = str(bundled)
    return found


def _installs(folder: Path, distribution: str, name: str) -> bool:
    """Tell whether a distribution in ``folder`` installs the package ``name``: opencv_python installs cv2."""
    for record in folder.glob(f"{distribution}-*.dist-info/RECORD"):
        with record.open(encoding="utf-8", errors="replace") as lines:
            if any(line.startswith(f"{name}/") for line in lines):
                return True
    return False


def can_fork() -> bool:
    """Tell whether this system can copy a running process; Windows cannot."""
    return hasattr(os, "fork")


_boxes = itertools.count()


def worker_uid() -> int | None:
    """Return a user id that no other submission has now, or None if this process may not change its own.

    Not even root may in a namespace that maps a single user. Limits on processes count by user, and a user may
    signal all that is its own; two graders that run at the same moment therefore choose different ids, which they
    cannot agree on: they start at different places and pass over ids that are in use.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return None
    if _read("/proc/self/setgroups").strip() == "deny":
        return None
    if not (has_capability(CAP_SETUID) and has_capability(CAP_SETGID)):
        return None
    used = _users_of_processes()
    start = os.getpid() * PLACES_BETWEEN_GRADERS + next(_boxes)
    for place in range(len(WORKER_UIDS)):
        uid = WORKER_UIDS[(start + place) % len(WORKER_UIDS)]
        if uid not in used:
            mapped = all(_maps(f"/proc/self/{name}_map", uid) for name in ("uid", "gid"))
            return uid if mapped else None
    return None


def _users_of_processes() -> set[int]:
    found = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found.add(entry.stat().st_uid)
    return found


def has_capability(number: int) -> bool:
    """Tell whether a Linux capability is in effect in this process."""
    for line in _read("/proc/self/status").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def _maps(path: str, uid: int) -> bool:
    for line in _read(path).splitlines():
        first, _, count = map(int, line.split())
        if first <= uid < first + count:
            return True
    return False


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def readable_by_others(path: str) -> bool:
    """Tell whether a user who is neither the owner nor in the group can read ``path``, judged by its modes."""
    current = Path(os.path.realpath(path))
    try:
        mode = current.stat().st_mode
        needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
        return mode & needed == needed and all(folder.stat().st_mode & stat.S_IXOTH for folder in current.parents)
    except OSError:
        return False


def tasks_of_this_user() -> int:
    """Return how many processes and threads the present user has, which a limit on them includes."""
    total = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            fields = dict(line.split(":", 1) for line in _read(f"{entry.path}/status").splitlines() if ":" in line)
            if fields.get("Uid", "-1").split()[0] == str(os.getuid()):
                total += int(fields.get("Threads", "1"))
    return total


def processors(slot: int, threads: int) -> tuple[int, ...]:
    """Return the processors that the worker of a slot is pinned to, taken in turn from those of this process."""
    if sys.platform != "linux":
        return ()
    own = sorted(os.sched_getaffinity(0))
    count = min(threads, len(own))
    return tuple(sorted({own[(slot * count + i) % len(own)] for i in range(count)}))
