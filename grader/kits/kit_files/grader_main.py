"""``python -m grader`` in a student's kit: sets the kit up, finds its packages, hands over to the grader.

Only the standard library is used here, and nothing newer than Python 3.7 understands, so that a wrong Python or
missing packages end in a message and not in a traceback.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, NoReturn  # noqa: UP035

from grader.language.translation import LANGUAGES, _, choose, joined, marked

MINIMUM = (3, 10)
FREE_DISK_MIB = 1500
MIB = 1 << 20
BAD_INPUT = 2
NEEDED = ("numpy", "numba", "scipy", "cv2", "yaml", "typer", "rich", "pydantic", "jinja2", "matplotlib")
KIT = Path(__file__).resolve().parent.parent
VENV = KIT / ".venv"
LOG = KIT / "setup.log"
# Smaller packages arrive in a moment.
ARRIVES = re.compile(r"\s*(?:Downloading|Using cached) (?:\S*/)?([A-Za-z0-9_.]+)-([0-9][\w.]*)-\S+ \(([\d.]+) MB\)")
# What pip printed, and what it means to a student; the first that fits counts.
REASONS = (
    (
        r"No space left on device|Errno 28|not enough space on the disk",
        marked("The disk is full. Free about {disk} MiB and run it again."),
    ),
    (
        r"NewConnectionError|ConnectTimeout|Failed to establish|name resolution|getaddrinfo failed|ProxyError"
        r"|Network is unreachable|ReadTimeoutError|SSLError|Connection (refused|reset|broken)|from versions: none",
        marked(
            "The package server cannot be reached. Connect to the Internet, for this step alone, and run it again."
        ),
    ),
    (
        r"Permission denied|Errno 13\b|Access is denied|Read-only file system|Errno 30\b",
        marked("A file could not be written. Move the kit into a folder of your own and run it again."),
    ),
    (
        r"Microsoft Visual C\+\+|gcc|clang|compiler|Failed (to build|building) |subprocess-exited-with-error"
        r"|metadata-generation-failed|No matching distribution|Requires-Python",
        marked(
            "There is no ready-made package for Python {version} on this computer, and none needs to be compiled: "
            "use another Python, 3.10 to 3.13, and run it again with that one, for example `python3.12 -m grader "
            "setup`."
        ),
    ),
)


def main() -> None:
    """Check the Python, then set up, or run the grader with the kit's own packages."""
    _choose_language(sys.argv[1:])
    if sys.version_info < MINIMUM:
        _fail(
            _(
                "Python {minimum} or newer is needed, and this is {version} ({program}). Install a newer one, or "
                "name it: python3.12 -m grader ...",
                minimum="{}.{}".format(*MINIMUM),
                version=_version(),
                program=sys.executable,
            )
        )
    if sys.argv[1:2] == ["setup"]:
        _set_up()
        return
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if not missing:
        from grader.commands.common import leave_at_once
        from grader.commands.student import main as run

        with leave_at_once():
            run()
        return
    python = _venv_python()
    if not python.is_file() or Path(sys.prefix).resolve() == VENV.resolve():
        _fail(
            _(
                "The packages of this kit are not installed yet (missing: {names}). Run this once: {command}",
                names=", ".join(missing),
                command=_typed("setup"),
            )
        )
    command = [str(python), "-m", "grader", *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execv(str(python), command)


def _choose_language(arguments: "list[str]") -> None:
    """Take the language of ``--lang``; what is no language is left to the command's own check."""
    for option, value in zip(arguments, [*arguments[1:], ""]):  # noqa: B905
        wanted = option[len("--lang=") :] if option.startswith("--lang=") else value if option == "--lang" else ""
        if wanted in LANGUAGES:
            choose(wanted)


def _set_up() -> None:
    """Make ``.venv`` beside the kit and install the packages into it."""
    free_mib = shutil.disk_usage(str(KIT)).free // MIB
    if free_mib < FREE_DISK_MIB:
        _fail(
            _(
                "Only {free} MiB are free on this disk, and the packages need about {needed}. Free some space and "
                "run it again.",
                free=free_mib,
                needed=FREE_DISK_MIB,
            )
        )
    if not _venv_python().is_file():
        print(_("making .venv ..."), flush=True)
        _run(
            [sys.executable, "-m", "venv", str(VENV)],
            _("Python could not make a virtual environment. On Debian and Ubuntu: sudo apt install python3-venv"),
        )
    print(_("installing the packages, a minute or two the first time ..."), flush=True)
    _run(
        [str(_venv_python()), "-m", "pip", "install", "--disable-pip-version-check", "--editable", str(KIT)],
        _("pip could not install the packages."),
        progress,
    )
    # What `make` looks for.
    (VENV / "ready").touch()
    print(_("ready. Next: {command}", command=_typed("list")))


def _run(command: "list[str]", otherwise: str, tell: "Callable[[str], str]" = lambda line: "") -> None:
    """Run one step with its output in the log; say what went wrong if it fails.

    ``tell`` returns what is shown of a line of its output, empty for most.
    """
    printed = []
    try:
        with subprocess.Popen(
            command,
            cwd=str(KIT),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                printed.append(line)
                if tell(line):
                    print("  " + tell(line), flush=True)
    except OSError as error:
        _fail(f"{otherwise} ({error})")
    if process.returncode == 0:
        return
    try:
        LOG.write_text("".join(printed), encoding="utf-8")
        where = [_("Everything that was printed is in {file}.", file=LOG.name)]
    except OSError:
        where = []
    _fail(joined([explain("".join(printed), otherwise), *where]))


def progress(line: str) -> str:
    """Return what is shown of a line of pip's: large packages as they arrive, then that they are unpacked."""
    found = ARRIVES.match(line)
    if found:
        return "{} {} ({} MB)".format(*found.groups())
    if line.startswith("Installing collected packages:"):
        return _("unpacking {count} packages ...", count=line.count(",") + 1)
    return ""


def _typed(*words: str) -> str:
    """Return a command of the grader as it is typed here: Debian has no `python`, Windows has `py`."""
    name = Path(sys.executable).name
    known = shutil.which(name) is not None
    return " ".join([name if known else sys.executable, "-m", "grader", *words])


def explain(printed: str, otherwise: str) -> str:
    """Return what the output of a failed step means, ``otherwise`` if it says nothing known."""
    for pattern, meaning in REASONS:
        if re.search(pattern, printed):
            return _(meaning, disk=FREE_DISK_MIB, version=_version())
    return otherwise


def _venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _version() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


def _fail(message: str) -> NoReturn:
    sys.stderr.write(_("error: ") + message + "\n")
    sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
