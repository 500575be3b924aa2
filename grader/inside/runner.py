"""Serves the grader's requests inside a worker: load a case, run a check, describe what went wrong."""

from __future__ import annotations

import errno
import gc
import linecache
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from grader.inside import quotients
from grader.inside.answers import Said, said
from grader.inside.imports import DeclaredModules, RemovedFunctions
from grader.inside.importwatch import ImportWatch, refusal
from grader.inside.rounding import Roundings
from grader.inside.stand_ins import StandIns
from grader.inside.submission import DoesNotLoad, Emit, NotHanded, NotHeld, RuledOut, Submission, Unusable, text_of
from grader.inside.traps import TrappedModules
from grader.lab.checks import Case, Check
from grader.lab.loading import CHECKS_MODULE, load_checks

MAX_MESSAGE_CHARACTERS = 2000
MAX_FRAMES = 6
UNFILLED = "raise NotImplementedError"
DISK_IS_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


class Runner:
    """Drives one submission. ``config`` names the folders: ``student``, ``lab``, ``resources`` and ``policy``."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.student_folder = Path(config["student"])
        self.lab_folder = Path(config["lab"])
        self.resources = dict(config.get("resources", {}))
        self.policy = dict(config.get("policy", {}))
        modules = DeclaredModules(
            self.student_folder, self.lab_folder, self.policy.get("modules", ()), self.policy.get("given", ())
        )
        given = self.policy.get("given", ())
        own = [file.name.removesuffix(".py") for file in self.student_folder.iterdir()]
        forbid, present = self.policy.get("forbid", ()), self.policy.get("packages", ())
        self.modules = modules
        self.removed = RemovedFunctions(self.policy.get("shims", ()))
        self.stand_ins = StandIns([*own, *given, *present])
        sys.meta_path[:0] = [modules, self.removed]
        # What is really there goes before its stand-in.
        sys.meta_path.append(self.stand_ins)
        self.submission = Submission(
            self.student_folder, modules, self.resources, self._emit, self.policy.get("optional", ())
        )
        self.watch = ImportWatch(
            str(self.student_folder),
            (str(self.lab_folder), str(Path(__file__).parents[2])),
            refusal(self.policy.get("allow"), forbid, [*own, *given], present),
            self.policy.get("free", ()),
            present,
        )
        sys.meta_path.insert(0, TrappedModules(forbid, self.watch.note))
        self.checks: dict[str, Check] = {}
        self.case: Case | None = None
        self.roundings: Roundings | None = None
        self._send: Emit | None = None
        _STUDENT_FOLDERS.append(str(self.student_folder))

    def _emit(self, name: str, array: np.ndarray) -> None:
        if self._send is None:
            raise RuntimeError("outputs can be sent only while a check runs")
        self._send(name, array)

    def handle(self, head: dict[str, Any], arrays: dict[str, np.ndarray], emit: Emit) -> dict[str, Any]:
        """Do one request: ``load`` keeps a case, ``run`` runs a check on it, the others show a network."""
        operation = head["op"]
        if operation == "load":
            self.case = Case(head["case"], head.get("config", {}), arrays)
            return {}
        if operation == "run":
            return self._run(self._checks()[head["check"]], emit, head.get("rounding"))
        if operation == "demo":
            return self._run(self.demo, emit)
        if operation == "layers":
            return self._run(self.layers, emit)
        raise ValueError(f"unknown request {operation!r}")

    def _checks(self) -> dict[str, Check]:
        if not self.checks:
            self.checks = load_checks(self.lab_folder / "checks.py")
        return self.checks

    def demo(self, submission: Submission, case: Case) -> Any:
        """Call the function ``demo`` of the lab's ``checks.py``."""
        self._checks()
        return sys.modules[CHECKS_MODULE].demo(submission, case)

    def layers(self, submission: Submission, case: Case) -> Any:
        """Call the function ``layers`` of the lab's ``checks.py``."""
        self._checks()
        return sys.modules[CHECKS_MODULE].layers(submission, case)

    def _run(
        self, function: Callable[[Submission, Case], Any], emit: Emit, rounding: int | None = None
    ) -> dict[str, Any]:
        if self.case is None:
            raise RuntimeError("no case was loaded")
        case, self.case = self.case, None
        self._send = emit
        self.submission.emitted = 0
        # A demonstration is the submission's own affair; what a check runs has to be its own work.
        is_free = function in (self.demo, self.layers)
        try:
            with nullcontext() if rounding is None else self._rounded(rounding):
                outputs = self._call(function, case)
            for key, value in (outputs or {}).items():
                self.submission.emit(key, value)
        finally:
            self._send = None
            if self.watch.noted and not is_free:
                place, name = self.watch.noted[0]
                raise RuledOut("ruled out", place=place, name=name)
        return {"emitted": self.submission.emitted, "notes": self._notes()}

    def _call(self, function: Callable[[Submission, Case], Any], case: Case) -> Any:
        """Call ``function``; once more, with quotients as Python 2 took them, where that may be what is wrong."""
        try:
            return function(self.submission, case)
        except Exception as error:
            if self.modules.whole_quotients or self.submission.emitted or not quotients.is_fault(_cause(error)):
                raise
            # The frames of the failed call hold a whole network and its files.
            traceback.clear_frames(error.__traceback__)
            gc.collect()
            self.modules.forget(whole_quotients=True)
            self.submission.forget()
        return function(self.submission, case)

    def _notes(self) -> list[dict[str, Any]]:
        """Say what was done for the submission that it should know of."""
        notes = self.removed.notes()
        notes += [said("stand-in", name=name) for name in sorted(self.stand_ins.used)]
        notes += [said("own layers", name=name) for name in self.policy.get("stand_ins", ()) if name in sys.modules]
        return notes + ([said("quotients")] if self.modules.whole_quotients else [])

    def _rounded(self, seed: int) -> AbstractContextManager[None]:
        """Move what the submission's layers return, see `grader.inside.rounding`; its files are loaded first."""
        for name in self.policy.get("modules", ()):
            if name not in self.policy.get("optional", ()) or (self.student_folder / f"{name}.py").is_file():
                self.submission.module(name)
        if self.roundings is None:
            self.roundings = Roundings((self.student_folder, self.lab_folder))
        return self.roundings.active(seed)


_STUDENT_FOLDERS: list[str] = []


def describe(error: BaseException) -> dict[str, Any]:
    """Say in plain data what was raised: the verdict, the message and the submission's own frames."""
    verdict, cause = "exception", error
    answer = getattr(error, "answer", {}) if isinstance(error, Said | NotHeld) else {}
    if isinstance(error, DoesNotLoad):
        verdict, cause = "import", error.__cause__ or error
    elif isinstance(error, NotHeld):
        verdict = "wrong"
    elif isinstance(error, RuledOut):
        verdict = "forbidden"
    elif isinstance(error, Unusable):
        verdict = "output"
    elif isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        verdict = "memory"
    elif isinstance(error, OSError) and error.errno in DISK_IS_FULL:
        verdict = "flood"
    frames = _own_frames(cause)
    if verdict == "exception" and _is_hole(cause, frames):
        verdict = "unfinished"
    missing = _missing_name(cause)
    if missing and not frames:
        verdict, answer = "import", missing
    if isinstance(cause, SyntaxError) and cause.filename:
        frames = [{"file": _short(cause.filename), "line": cause.lineno or 0, "function": "", "code": _code(cause)}]
    return {
        "verdict": verdict,
        "type": type(cause).__name__[:80],
        "message": text_of(error)[:MAX_MESSAGE_CHARACTERS],
        "frames": frames,
        **answer,
    }


def _cause(error: BaseException) -> BaseException:
    return error.__cause__ if isinstance(error, DoesNotLoad) and error.__cause__ else error


def _is_hole(error: BaseException, frames: list[dict[str, Any]]) -> bool:
    """Whether an error comes of a hole that is not filled: its ``raise`` still stands, or its blanks (``____``)."""
    if isinstance(error, NameError):
        return re.fullmatch("_{2,}", error.name or "") is not None
    if not isinstance(error, NotImplementedError):
        return False
    # Libraries raise it, too: Numba for what it cannot compile.
    return isinstance(error, NotHanded) or bool(frames and frames[-1]["code"].startswith(UNFILLED))


def _code(error: SyntaxError) -> str:
    return (error.text or "").strip()[:200]


def _missing_name(error: BaseException) -> dict[str, Any]:
    """Explain an AttributeError on one of the submission's modules: a class that is not there."""
    if not isinstance(error, AttributeError):
        return {}
    owner = getattr(error, "obj", None)
    if not isinstance(owner, ModuleType) or not _is_own(getattr(owner, "__file__", None) or ""):
        return {}
    return said("no such name", name=owner.__name__, name2=error.name)


def _is_own(filename: str) -> bool:
    return any(filename.startswith(folder) for folder in _STUDENT_FOLDERS)


def _short(filename: str) -> str:
    for folder in _STUDENT_FOLDERS:
        if filename.startswith(folder):
            return filename[len(folder) :].lstrip("/\\")
    return Path(filename).name


def _own_frames(error: BaseException) -> list[dict[str, Any]]:
    """Return the last frames that lie in the submission's files, outermost first."""
    frames = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        filename = frame.f_code.co_filename
        if _is_own(filename):
            frames.append(
                {
                    "file": _short(filename),
                    "line": line,
                    "function": frame.f_code.co_name[:80],
                    "code": linecache.getline(filename, line).strip()[:200],
                }
            )
    return frames[-MAX_FRAMES:]
