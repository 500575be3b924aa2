"""Writes report files in one step, and says what is wrong with a place."""

from __future__ import annotations

import os
from pathlib import Path

from grader.language.errors import BadInput
from grader.language.message import sentence
from grader.project.writing import replace_file


class ReportError(BadInput):
    """A report cannot be written; the message says which, why, and what to do."""


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 ``text`` with ``\\n`` line ends to ``path``, replacing what is there in one step.

    Folders that are missing are made. A path such as ``/dev/stdout`` that is no regular file is written to
    directly.

    Raises
    ------
    ReportError : the file cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` as `write_text` does.

    Raises
    ------
    ReportError : the file cannot be written.
    """
    try:
        if path.is_dir():
            raise ReportError("{path} is a folder; name the file to write the report to", path=path)
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        final = path.resolve()
        final.parent.mkdir(parents=True, exist_ok=True)
        replace_file(final, data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ReportError(
            "the report {path} cannot be written ({reason}); name another place, or free this one",
            path=path,
            reason=reason,
        ) from None


def require_place(path: Path) -> None:
    """Refuse at once a path at which `write_bytes` could not write in the end, minutes later.

    Raises
    ------
    ReportError : it is a folder, or lies where nothing can be made.
    """
    if path.is_dir():
        raise ReportError("{path} is a folder; name the file to write the report to", path=path)
    if path.exists() and not path.is_file():
        return
    folder = next((folder for folder in path.resolve().parents if folder.exists()), Path("/"))
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        right = sentence("no right to write there")
        what = right if folder.is_dir() else sentence("{folder} is a file", folder=folder)
        raise ReportError(
            "the report {path} cannot be written ({what}); name another place, or free this one",
            path=path,
            what=what,
        )
