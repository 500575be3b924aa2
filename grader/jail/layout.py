"""Where everything lies that a worker may see: with a file system of its own, and in an ordinary folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader.jail.host import Interpreter, can_fork, interpreter, package_folders, readable_by_others, visible_parts
from grader.jail.model import View

COMPILER = "numba"
PRELOADED = ("numpy", COMPILER)
# What serves requests, and what a lab may import in the box; the rest of the grader stays outside.
STAGED_FOLDERS = ("inside", "lab")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
LIBRARY_CACHE = "/etc/ld.so.cache"
CLOSING_FILES_S = 5.0
PROCESSOR_FACTS = "/sys/devices/system/cpu"


@dataclass(frozen=True)
class Layout:
    """The places as the worker sees them.

    ``home`` is the box's folder on the host, deleted when the box is closed. ``read`` and ``write`` are what
    Landlock allows. ``binds`` (path inside to path on the host) and ``masks`` (folders that must look empty) are
    for a box with a file system of its own. ``private`` are paths that another user cannot read by their modes.
    """

    home: Path
    program: str
    stage: str
    site: str
    student: str
    lab: str
    scratch: str
    resources: dict[str, str]
    read: tuple[str, ...]
    write: tuple[str, ...]
    binds: dict[str, str] = field(default_factory=dict)
    masks: tuple[str, ...] = ()
    private: tuple[str, ...] = ()


def environment(scratch: str, threads: int, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a box; it is the same for a student's own check and for grading.

    ``variables`` are those of an arithmetic, see `grader.jail.arithmetic`.
    """
    system = _windows_environment(scratch) if sys.platform == "win32" else {"PATH": "/usr/bin:/bin"}
    return {
        **system,
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "NUMBA_CACHE_DIR": os.path.join(scratch, "numba"),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        **thread_counts(threads),
        **(variables or {}),
    }


def _windows_environment(scratch: str) -> dict[str, str]:
    """Return what Windows needs to load libraries and open sockets, and where it looks for a user's folders."""
    kept = ("SYSTEMROOT", "SYSTEMDRIVE", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    own = dict.fromkeys(("TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), scratch)
    return {"PATH": os.path.join(found.get("SYSTEMROOT", ""), "System32"), **found, **own}


def thread_counts(threads: int) -> dict[str, str]:
    """Return the variables by which numerical libraries learn how many threads to start."""
    names = ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR", "VECLIB")
    return {f"{name}_NUM_THREADS": str(threads) for name in names}


def stage_grader(home: Path) -> None:
    """Copy the few files of the grader that run inside into a box's folder."""
    source = Path(__file__).parents[1]
    target = home / "stage" / "grader"
    for folder in STAGED_FOLDERS:
        (target / folder / "__pycache__").mkdir(parents=True)
        # With times and compiled files, so that nothing is compiled again at every start.
        for file in (*(source / folder).glob("*.py"), *(source / folder / "__pycache__").glob("*.pyc")):
            # Another process may be replacing a compiled file at this moment.
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(file, target / file.relative_to(source))
    shutil.copy2(source / "__init__.py", target)
    _make_readable(home / "stage")


def own_file_system(home: Path, view: View) -> Layout:
    """Lay out a box that sees only what is bound into it."""
    python = interpreter()
    resources = {name: f"/data/{name}" for name in view.resources}
    binds = {part: part for part in python.parts}
    if os.path.exists(LIBRARY_CACHE):
        binds[LIBRARY_CACHE] = LIBRARY_CACHE
    binds.update({f"/opt/site/{name}": path for name, path in package_folders(view.packages).items()})
    binds["/opt/stage"] = str(home / "stage")
    for name, source in (("student", view.submission), ("lab", view.lab)):
        copy_plain(source, home / name)
        binds[f"/{name}"] = str(home / name)
    binds.update({inside: os.path.realpath(view.resources[name]) for name, inside in resources.items()})
    return Layout(
        home=home,
        program="/opt/stage/grader/inside/supervisor.py",
        stage="/opt/stage",
        site="/opt/site",
        student="/student",
        lab="/lab",
        scratch="/tmp",
        resources=resources,
        read=(*binds, "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/dev"),
        write=("/tmp", "/dev/shm", "/dev/null"),
        binds=binds,
        masks=python.hidden,
    )


def hand_over(layout: Layout, uid: int) -> None:
    """Let another user into a box in a private folder, and give it the scratch folder."""
    layout.home.chmod(0o711)
    os.chown(layout.scratch, uid, uid)


def ordinary_folder(home: Path, view: View) -> Layout:
    """Lay out a box in a private folder of the host; what can be copied is copied, packages are linked."""
    python = interpreter()
    site, scratch = home / "site", home / "tmp"
    site.mkdir(mode=0o755)
    scratch.mkdir(mode=0o700)
    packages = package_folders(view.packages)
    for name, path in packages.items():
        _link(site / name, path)
    copy_plain(view.submission, home / "student")
    copy_plain(view.lab, home / "lab")
    resources = {name: os.path.realpath(path) for name, path in view.resources.items()}
    outside = (*_python_parts(python), *packages.values(), *resources.values())
    return Layout(
        home=home,
        program=str(home / "stage/grader/inside" / ("supervisor.py" if can_fork() else "alone.py")),
        stage=str(home / "stage"),
        site=str(site),
        student=str(home / "student"),
        lab=str(home / "lab"),
        scratch=str(scratch),
        resources=resources,
        read=(
            *outside,
            *(str(home / name) for name in ("stage", "site", "student", "lab")),
            *DEVICES,
            LIBRARY_CACHE,
            PROCESSOR_FACTS,
        ),
        write=(str(scratch), "/dev/null"),
        private=tuple(path for path in outside if not readable_by_others(path)),
    )


def _link(link: Path, path: str) -> None:
    """Let a package be seen under another path. On Windows links need a special right, junctions of folders not."""
    if sys.platform != "win32":
        link.symlink_to(path)
    elif os.path.isdir(path):
        import _winapi

        _winapi.CreateJunction(path, str(link))
    else:
        shutil.copy2(path, link)


def configuration_folders(layout: Layout) -> Mapping[str, object]:
    """Return the part of the configuration that the handler inside gets, without its policy."""
    return {"student": layout.student, "lab": layout.lab, "resources": layout.resources}


def _python_parts(python: Interpreter) -> tuple[str, ...]:
    return tuple(visible_parts(python.parts, python.hidden))


def replace_submission(home: Path, submission: Path) -> None:
    """Put other files into a box's folder; the folder itself stays, because it is bound into the box."""
    place, fresh = home / "student", home / "fresh"
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    copy_plain(submission, fresh)
    for entry in fresh.iterdir():
        entry.rename(place / entry.name)
    fresh.rmdir()


def copy_plain(source: Path, target: Path) -> None:
    """Copy regular files and folders, readable for all; links and everything else are left out."""
    target.mkdir(mode=0o755)
    for folder, _, names in os.walk(source, followlinks=False):
        place = target / os.path.relpath(folder, source)
        place.mkdir(mode=0o755, exist_ok=True)
        for name in names:
            file = Path(folder, name)
            if stat.S_ISREG(file.lstat().st_mode):
                shutil.copy2(file, place / name, follow_symlinks=False)
    _make_readable(target)


def _make_readable(top: Path) -> None:
    top.chmod(0o755)
    for path in top.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def remove_home(home: Path) -> None:
    """Delete a box's folder, whatever a submission has done to it: deep nesting, odd names, modes without rights.

    Nested folders are first moved up, so that no path grows beyond what the system accepts.
    """
    moved = 0
    waiting = [home]
    while waiting:
        folder = waiting[-1]
        if folder != home:
            os.chmod(folder, 0o700)
        found = False
        with os.scandir(folder) as listing:
            entries = list(listing)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                _unlink(entry.path)
            elif not _remove_empty(entry.path):
                found = True
                if folder == home:
                    waiting.append(Path(entry.path))
                    continue
                target = home / f"moved-{moved}"
                moved += 1
                # A folder can be moved only by someone who may write to it.
                os.chmod(entry.path, 0o700)
                os.rename(entry.path, target)
                waiting.append(target)
        if not found:
            os.rmdir(folder)
            waiting.pop()


def _unlink(path: str) -> None:
    """Delete a file. Windows refuses while it is marked as read-only, or open in a process that is just ending."""
    deadline = time.monotonic() + CLOSING_FILES_S
    while True:
        try:
            os.unlink(path)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() >= deadline:
                raise
            os.chmod(path, stat.S_IWRITE)
            time.sleep(0.05)


def _remove_empty(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except OSError:
        return False
    return True
