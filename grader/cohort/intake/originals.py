"""Keeps what was handed in, by content: each file once, never changed, never deleted."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from grader.cohort.problems import CohortError, EnvironmentFault
from grader.language.errors import BadInput

READ_BYTES = 1 << 20
# What a student's own upload may take; source code is far smaller.
MAX_FILE_BYTES = 64 << 20


class OriginalError(BadInput):
    """A file cannot be kept; the message says why."""


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    OriginalError : it cannot be read, or is larger than any submission.
    """
    digest = hashlib.sha256()
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise OriginalError(
                "{file} is larger than {max_file_bytes} MiB", file=file.name, max_file_bytes=MAX_FILE_BYTES >> 20
            )
        with file.open("rb") as stream:
            while piece := stream.read(READ_BYTES):
                digest.update(piece)
    except OSError as error:
        raise OriginalError("{file} cannot be read ({strerror})", file=file.name, strerror=error.strerror) from None
    return digest.hexdigest()


def digest_of_all(files: Mapping[str, str]) -> str:
    """Return one hash of files by path: of the lines ``<sha256>  <path>`` in the order of the paths' bytes."""
    lines = (f"{sha256}  {path}\n" for path, sha256 in sorted(files.items(), key=lambda item: item[0].encode()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def place_of(sha256: str) -> str:
    """Return where a file lies in the folder of originals."""
    return f"{sha256[:2]}/{sha256}"


def keep(folder: Path, file: Path, sha256: str) -> str:
    """Copy a file into the folder of originals unless it is there; return its place.

    Raises
    ------
    EnvironmentFault : the disk is full or not writable.
    """
    place = place_of(sha256)
    target = folder / place
    if target.is_file():
        return place
    draft = target.with_name(f".{sha256[:16]}.{secrets.token_hex(4)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with file.open("rb") as source, draft.open("xb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        draft.chmod(0o400)
        os.replace(draft, target)
    except OSError as error:
        raise EnvironmentFault(
            "{target} cannot be written ({strerror}); nothing was taken in", target=target, strerror=error.strerror
        ) from None
    finally:
        draft.unlink(missing_ok=True)
    return place


def lay_out(folder: Path, files: Mapping[str, str], target: Path) -> None:
    """Copy originals, path to hash, into the new folder ``target``, under the names they were handed in with.

    Raises
    ------
    CohortError : one of them is missing or was changed.
    """
    target.mkdir(parents=True)
    for path, sha256 in files.items():
        source, copy = folder / place_of(sha256), target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            data = source.read_bytes()
        except OSError as error:
            raise CohortError(
                "the original {source} cannot be read ({strerror}); restore it",
                source=source,
                strerror=error.strerror,
            ) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise CohortError("the original {source} was changed after it was taken in; restore it", source=source)
        copy.write_bytes(data)


def lay_out_paths(files: Mapping[str, Path], target: Path) -> None:
    """Copy files of an export, path as handed in to where they lie, into the new folder ``target``."""
    target.mkdir(parents=True)
    for path, source in files.items():
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
