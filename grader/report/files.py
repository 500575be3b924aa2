"""Writes report files so that a reader sees the old one or the whole new one, never a part."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from grader.language.errors import BadInput


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
            raise ReportError(f"{path} is a folder; name the file to write the report to")
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        final = path.resolve()
        final.parent.mkdir(parents=True, exist_ok=True)
        _replace(final, data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ReportError(
            f"the report {path} cannot be written ({reason}); name another place, or free this one"
        ) from None


def require_place(path: Path) -> None:
    """Refuse at once a path at which `write_bytes` could not write in the end, minutes later.

    Raises
    ------
    ReportError : it is a folder, or lies where nothing can be made.
    """
    if path.is_dir():
        raise ReportError(f"{path} is a folder; name the file to write the report to")
    if path.exists():
        return
    folder = next((folder for folder in path.absolute().parents if folder.exists()), Path("/"))
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        what = "no right to write there" if folder.is_dir() else f"{folder} is a file"
        raise ReportError(f"the report {path} cannot be written ({what}); name another place, or free this one")


def _replace(final: Path, data: bytes) -> None:
    draft = final.with_name(f".{final.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        # Mode 0o666 lets the umask decide, as for any file that a program writes for its user.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        os.replace(draft, final)
    finally:
        draft.unlink(missing_ok=True)
