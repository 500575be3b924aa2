"""Has submissions graded in a process of its own and notes what that did to the host."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.golden import ROOT
from tests.hostile.corpus import Entry, materialise
from tests.hostile.host import Host, traces
from tests.hostile.project import TinyProject

ANSWER_LIMIT_S = 180.0
SETTLE_S = 1.0


@dataclass(frozen=True)
class Graded:
    """What grading one submission beside an honest neighbour gave, and what it changed."""

    submission: Mapping[str, Any]
    neighbour: Mapping[str, Any]
    changed: Sequence[str]
    knocks: Sequence[str]
    survivors: Sequence[str]
    left_over: Sequence[str]
    said: str

    @cached_property
    def checks(self) -> dict[str, Mapping[str, Any]]:
        """The submission's checks by id."""
        return {check["id"]: check for check in self.submission.get("checks", ())}

    @property
    def verdicts(self) -> dict[str, str]:
        """Verdict by check, with the message for a reader of the failed test."""
        return {name: check["verdict"] for name, check in self.checks.items()}

    @property
    def text(self) -> str:
        """Everything that came out: result documents and what the grader itself printed."""
        return json.dumps([self.submission, self.neighbour], ensure_ascii=False) + self.said


class GradingProcess:
    """A running ``grading_process`` at one level. ``prefix`` is a command that changes user or namespace first.

    Raises
    ------
    RuntimeError : it ends, or does not answer in time.
    """

    def __init__(
        self,
        project: TinyProject,
        host: Host,
        folder: Path,
        level: int,
        *,
        prefix: Sequence[str] = (),
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        warm: bool = False,
    ) -> None:
        self.project, self.host, self.level = project, host, level
        self.folder = folder
        # Whatever the grader makes for a box lies here, so that leftovers and survivors can be told from others'.
        self.temporary = folder / "temporary"
        self.temporary.mkdir(mode=0o777)
        self.temporary.chmod(0o777)
        self.log = (folder / "grader.log").open("w+b")
        self.process = subprocess.Popen(
            [
                *(*prefix, python, "-B", "-m", "tests.hostile.grading_process", str(project.root), str(level)),
                *(["warm"] if warm else []),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, "TMPDIR": str(self.temporary), **(environment or {})},
        )
        self._count = 0

    def close(self) -> None:
        """Let it end."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def ask(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and return the answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(dict(wanted)).encode() + b"\n")
        self.process.stdin.flush()
        # One line is one answer, and only one is under way, so nothing waits in the stream's own buffer.
        if not select.select([self.process.stdout], [], [], ANSWER_LIMIT_S)[0]:
            raise RuntimeError(f"the grader does not answer: {self.said()}")
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the grader has ended with status {self.process.wait()}: {self.said()}")
        return json.loads(line)

    def said(self) -> str:
        """Return what it wrote to standard error."""
        self.log.flush()
        return (self.folder / "grader.log").read_text("utf-8", "replace")

    def grade(self, entry: Entry, neighbour: Path | None, *, kind: str = "hidden") -> Graded:
        """Grade a folder of the corpus and compare the host before and after."""
        self._count += 1
        facts = {
            **self.host.facts(),
            "project": str(self.project.root),
            "hidden": str(self.project.hidden),
            "solution": str(self.project.solution),
            "grader_pid": self.process.pid,
            "temporary": str(self.temporary),
            "checkout": str(ROOT),
            "packages": sysconfig.get_path("purelib"),
        }
        target = materialise(entry, self.folder / f"{self._count}-{entry.name}", facts)
        if entry.name == "looks_answers_up":
            shutil.copyfile(self.project.table, target / "answers.py")
        before, knocked = self.host.state(self.project.root, target), len(self.host.knocks)
        answer = self.ask(
            {
                "submission": str(target),
                "neighbour": str(neighbour) if neighbour else "",
                "kind": kind,
                "limits": entry.facts.get("limits", {}),
                "packages": entry.facts.get("packages", []),
            }
        )
        after = self.host.state(self.project.root, target)
        marker = str(self.temporary)
        return Graded(
            submission=answer["submission"],
            neighbour=answer.get("neighbour", {}),
            changed=[path for path in before.keys() | after.keys() if before.get(path) != after.get(path)],
            knocks=self.host.knocks[knocked:],
            survivors=self._survivors(marker),
            left_over=sorted(os.listdir(self.temporary)),
            said=self.said(),
        )

    def _survivors(self, marker: str) -> list[str]:
        """Return processes of a box that are still there; one that is just being taken down gets a moment."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            own = {str(self.process.pid)} | _children(self.process.pid)
            found = [line for line in traces(marker) if line.split(":")[0] not in own]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.05)


def _children(pid: int) -> set[str]:
    """Return the grader's process below a command that stays its parent; a box is never one of these."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {child for child in children if b"grading_process" in Path(f"/proc/{child}/cmdline").read_bytes()}
    except OSError:
        return set()
