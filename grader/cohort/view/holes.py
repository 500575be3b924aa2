"""What students wrote into the holes of a lab: the bodies of the functions that the skeleton leaves open."""

from __future__ import annotations

import ast
import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.cohort.intake.originals import lay_out
from grader.cohort.intake.work import make_work
from grader.cohort.problems import CohortError
from grader.language.text import printable
from grader.project.contract import Lab
from grader.project.functions import functions_of, innermost
from grader.project.holes import left_open

# A file of source code of this size was not written by hand.
MAX_SOURCE_BYTES = 1 << 20


@dataclass(frozen=True)
class Region:
    """A function of the skeleton with one or more holes in it.

    Attributes
    ----------
    holes : names of the holes; the first one names the region.
    file : path of the file in the lab.
    function : name of the function within the module, such as ``Layer.forward``.
    given : what the skeleton has in it, without the text of the holes.
    """

    holes: tuple[str, ...]
    file: str
    function: str
    given: str

    @property
    def name(self) -> str:
        """What the region is called."""
        return ", ".join(self.holes)


def regions_of(lab: Lab) -> list[Region]:
    """Return the functions of a lab's skeletons that have holes, in the order of the files."""
    found = []
    for handed in lab.facts.files:
        file = lab.folder / handed.path
        if not handed.holes or not file.is_file():
            continue
        source = file.read_text(encoding="utf-8")
        names: dict[str, list[str]] = {}
        functions = functions_of(ast.parse(source))
        for hole in left_open(source):
            if inside := innermost(functions, hole.line):
                names.setdefault(inside, []).append(hole.name)
        for function, holes in names.items():
            kept = [line for line in (body_of(source, function) or "").splitlines() if not _is_hole(line)]
            found.append(Region(tuple(holes), handed.path, function, "\n".join(kept)))
    return found


def body_of(source: str, function: str) -> str | None:
    """Return the body of a function without its docstring, as it was written but for the indentation.

    A module that does not parse is searched for the function's own line; None where there is no such function.
    """
    lines = source.splitlines()
    try:
        node = functions_of(ast.parse(source)).get(function)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _by_indentation(lines, function.rpartition(".")[2])
    if node is None or node.end_lineno is None:
        return None
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body:
        return ""
    first = body[0]
    start = min([first.lineno, *(one.lineno for one in getattr(first, "decorator_list", ()))])
    if start == node.lineno:
        return ast.unparse(ast.Module(list(body), []))
    return textwrap.dedent("\n".join(lines[start - 1 : node.end_lineno]))


def sources_in(lab: Lab, folder: Path) -> dict[str, str]:
    """Return the files in a folder that a lab has handed in, as harmless text, by path; huge ones are left out."""
    found = {}
    for handed in lab.facts.files:
        file = folder / handed.path
        if file.is_file() and file.stat().st_size <= MAX_SOURCE_BYTES:
            found[handed.path] = printable(file.read_text(encoding="utf-8", errors="replace"), MAX_SOURCE_BYTES)
    return found


class Works:
    """The files that count of attempts, read one attempt at a time."""

    def __init__(self, originals: Path, lab: Lab, scratch: Path) -> None:
        self.originals, self.lab, self.scratch = originals, lab, scratch

    def sources(self, files: Mapping[str, str]) -> dict[str, str]:
        """Return the handed-in files of an attempt as harmless text, by path.

        Empty if they are gone or cannot be graded. ``files`` are the originals, path to hash.
        """
        place = self.scratch / "one"
        try:
            lay_out(self.originals, files, place / "handed-in")
            work = make_work(self.lab, place / "handed-in", place / "work")
            return sources_in(self.lab, work.folder) if work.folder is not None else {}
        except CohortError:
            return {}
        finally:
            shutil.rmtree(place, ignore_errors=True)


def bodies_of(regions: Sequence[Region], sources: Mapping[str, str]) -> dict[Region, str]:
    """Return what stands in each region of one work; regions that it does not have are left out."""
    found = {}
    for region in regions:
        body = body_of(sources[region.file], region.function) if region.file in sources else None
        if body is not None:
            found[region] = body
    return found


def _is_hole(line: str) -> bool:
    return bool(left_open(line)) or "NotImplementedError" in line


def _by_indentation(lines: Sequence[str], name: str) -> str | None:
    start = next((n for n, line in enumerate(lines) if re.match(rf"\s*def {re.escape(name)}\b", line)), None)
    if start is None:
        return None
    own = len(lines[start]) - len(lines[start].lstrip())
    body = []
    for line in lines[start + 1 :]:
        if line.strip() and len(line) - len(line.lstrip()) <= own:
            break
        body.append(line)
    return textwrap.dedent("\n".join(body)).strip("\n")
