"""Writes files and folders in one step: a reader sees the old one or the whole new one, never a part."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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

    What was there before is moved aside first and deleted last.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    try:
        yield fresh
        fresh.chmod(0o755)
        aside = Path(tempfile.mkdtemp(prefix=f".old-{final.name}-", dir=final.parent))
        try:
            if final.exists():
                os.replace(final, aside)
            os.replace(fresh, final)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
