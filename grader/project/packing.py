"""Writes a set of files as a folder or a zip archive, the same bytes on every machine and every day."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from grader.language.errors import BadInput

EARLIEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
UNIX = 3
FILE_MODE, SCRIPT_MODE = 0o100644, 0o100755
SCRIPT_START = b"#!"


class PackingError(BadInput):
    """The folder or archive cannot be written; the message says what to do."""


def write_zip(files: Mapping[str, bytes], target: Path, folder: str = "") -> None:
    """Write ``files`` (path with ``/`` to content) to a zip archive, all below ``folder`` if it is named.

    Content is stored, not compressed: compressed bytes depend on the version of the library, and most of a kit is
    compressed pictures and arrays anyway.

    Raises
    ------
    PackingError : the archive cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for path, content in sorted(files.items()):
                entry = zipfile.ZipInfo(f"{folder}/{path}" if folder else path, EARLIEST_ZIP_DATE)
                entry.create_system = UNIX
                entry.external_attr = _mode(content) << 16
                archive.writestr(entry, content)
    except OSError as error:
        raise PackingError(
            "{target} cannot be written ({strerror})", target=target, strerror=error.strerror
        ) from None


def write_folder(files: Mapping[str, bytes], target: Path) -> None:
    """Write ``files`` below ``target``, which must not exist yet or be empty.

    Raises
    ------
    PackingError : the folder holds something, or cannot be written.
    """
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise PackingError(
                "{target} holds something already; name a new folder, or a file that ends in .zip", target=target
            )
        for path, content in sorted(files.items()):
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(_mode(content) & 0o777)
    except OSError as error:
        raise PackingError(
            "{target} cannot be written ({strerror})", target=target, strerror=error.strerror
        ) from None


def read_tree(folder: Path, below: str) -> dict[str, bytes]:
    """Return the regular files of ``folder`` by their path below ``below``, without caches, links, dot files."""
    found = {}
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        plain = all(part != "__pycache__" and not part.startswith(".") for part in parts)
        if plain and file.is_file() and not file.is_symlink() and file.suffix != ".pyc":
            found["/".join((below, *parts))] = file.read_bytes()
    return found


def _mode(content: bytes) -> int:
    return SCRIPT_MODE if content.startswith(SCRIPT_START) else FILE_MODE
