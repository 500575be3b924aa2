"""Writes files and folders in one step: a reader sees the old one or the whole new one, never a part."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace_file(final: Path, data: bytes) -> None:
    """Put a file with this content in the place of ``final``; raises OSError and leaves what was there."""
    draft = final.with_name(f".{final.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        # Mode 0o666 lets the umask decide, as for any file that a program writes for its user.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        os.replace(draft, final)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def replaced_folder(final: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of ``final`` in the end; after an error it is gone.

    What was there before is moved aside first and deleted last, or put back if the new one cannot take its place.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    # One level down, because the umask decides who may read what `mkdir` makes; `mkdtemp` keeps everybody out.
    fresh, aside = beside / "fresh", beside / "aside"
    try:
        fresh.mkdir()
        yield fresh
        if final.exists():
            os.replace(final, aside)
        try:
            os.replace(fresh, final)
        except OSError:
            with suppress(OSError):
                os.replace(aside, final)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
