"""Puts a folder of pages in its place in one step, and never in the place of anything else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grader.cohort.problems import CohortError
from grader.project.writing import replaced_folder
from grader.report.files import require_place, write_text

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
    final = out.resolve()
    require_place(final.with_name(MARKER))
    count = 0
    with replaced_folder(final) as fresh:
        for name, text in pages:
            write_text(fresh / name, text)
            count += 1
        write_text(fresh / MARKER, "")
    return count
