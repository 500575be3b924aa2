"""Notes which libraries a submission imports while it runs, however the import is spelled.

An audit hook cannot be removed, but code in the same process can mislead it: this is a signal, not a wall.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

MAX_NOTED = 64
MACHINERY = ("importlib", "<frozen importlib")


class ImportWatch:
    """Collects imports that the submission's own lines cause, as (file, line, dotted name).

    ``free_files`` are given files, in which everything may be imported.
    """

    def __init__(
        self, student_folder: str, is_refused: Callable[[str], bool], free_files: Sequence[str] = ()
    ) -> None:
        self.student_folder = student_folder.rstrip("/") + "/"
        self.is_refused = is_refused
        self.free_files = frozenset(free_files)
        self.noted: list[tuple[str, int, str]] = []
        sys.addaudithook(self._on_event)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("import", "exec") or len(self.noted) >= MAX_NOTED:
            return
        # `importlib` raises no "import" event, but every module's code is run by `exec`, under its file's name.
        name = str(arguments[0]) if event == "import" else _module_in(getattr(arguments[0], "co_filename", ""))
        if not self.is_refused(name):
            return
        place = self._caller(sys._getframe(1))
        if place is not None:
            self.noted.append((*place, name))

    def _caller(self, frame: FrameType | None) -> tuple[str, int] | None:
        """Return the submission's line that caused the import; None if a library did it for itself."""
        while frame is not None:
            filename = frame.f_code.co_filename
            if filename.startswith(self.student_folder):
                name = filename[len(self.student_folder) :]
                return None if name in self.free_files else (name, frame.f_lineno)
            if not any(part in filename for part in MACHINERY) and not filename.startswith("<string"):
                return None
            frame = frame.f_back
        return None


def _module_in(filename: str) -> str:
    """Return the dotted name of the installed module whose file this is, by its path; empty if it is none."""
    for folder in ("/opt/site/", "/site-packages/", "/dist-packages/", "/site/"):
        if folder in filename:
            path = filename.rpartition(folder)[2].rpartition(".")[0]
            return path.removesuffix("/__init__").replace("/", ".")
    return ""


def refusal(allow: Sequence[str] | None, forbid: Sequence[str], own: Sequence[str]) -> Callable[[str], bool]:
    """Return a predicate on dotted names: whether the lab rules that library out."""
    allowed = None if allow is None else frozenset(allow)
    mine = frozenset(own) | {"stu_upload"}

    def is_refused(name: str) -> bool:
        if any(name == refused or name.startswith(f"{refused}.") for refused in forbid):
            return True
        root = name.partition(".")[0]
        if not root or allowed is None or root in mine or root in sys.stdlib_module_names:
            return False
        return root not in allowed

    return is_refused
