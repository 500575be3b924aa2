"""Puts a folder of pages in its place in one step, and never in the place of anything else."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from grader.cohort.problems import CohortError
from grader.report.files import write_text

# Only a folder with this file in it is replaced.
MARKER = ".class-pages"


def require_free(out: Path) -> None:
    """Refuse a folder that holds something else than pages written by `write_pages`.

    Raises
    ------
    CohortError : it does.
    """
    if out.exists() and not (out / MARKER).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise CohortError("{out} exists and holds something else; name a new folder", out=out)


def write_pages(out: Path, pages: Iterable[tuple[str, str]]) -> int:
    """Write pages, path and text, into the folder ``out`` in the place of earlier ones; return how many.

    They are made beside it, so that an error leaves what was there.

    Raises
    ------
    CohortError : the folder holds something else.
    ReportError : a page cannot be written.
    """
    require_free(out)
    draft = out.absolute().with_name(f".{out.absolute().name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    count = 0
    try:
        for name, text in pages:
            write_text(draft / name, text)
            count += 1
        write_text(draft / MARKER, "")
        shutil.rmtree(out, ignore_errors=True)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return count
