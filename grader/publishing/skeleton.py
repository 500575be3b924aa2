"""Cuts a lab's skeleton from its reference solution.

A solution region stands between two marks of the same indentation::

    ### BEGIN SOLUTION conv_forward: fill outputs by formula (3)
    ...
    ### END SOLUTION

In the skeleton it becomes a **hole**, the same greppable text in every lab::

    # TODO(conv_forward): fill outputs by formula (3)
    raise NotImplementedError("TODO conv_forward: fill outputs by formula (3)")
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader.language.errors import GraderFailed

BEGIN_MARK, END_MARK = "### BEGIN SOLUTION", "### END SOLUTION"
_BEGIN = re.compile(r"(?P<indentation>[ \t]*)### BEGIN SOLUTION (?P<name>[A-Za-z_]\w*): (?P<instruction>\S.*?)\s*")
_END = re.compile(r"(?P<indentation>[ \t]*)### END SOLUTION\s*")
_ANY_MARK = re.compile(r"#+[ \t]*(?:BEGIN|END)[ \t]+SOLUTION", re.IGNORECASE)


class SkeletonError(GraderFailed):
    """The solution marks of a reference file do not fit together; the message starts with file and line."""


@dataclass(frozen=True)
class Hole:
    """One region that students write themselves.

    Attributes
    ----------
    name : unique within a lab; checks name the holes that they exercise.
    instruction : what to write, in a few words.
    line, end_line : lines of the two marks in the reference, counted from 1.
    indentation : white space before the marks.
    """

    name: str
    instruction: str
    line: int
    end_line: int
    indentation: str

    def text(self) -> list[str]:
        """Return the lines that stand in the skeleton."""
        message = json.dumps(f"TODO {self.name}: {self.instruction}", ensure_ascii=False)
        return [
            f"{self.indentation}# TODO({self.name}): {self.instruction}",
            f"{self.indentation}raise NotImplementedError({message})",
        ]


def holes(source: str, file: str = "<source>") -> list[Hole]:
    """Return the holes of a reference file, in order.

    Raises
    ------
    SkeletonError : a mark is misspelt, nested, left open, closed twice, or indented differently from its partner;
        a region is empty; two regions have the same name.
    """
    found: list[Hole] = []
    begun: re.Match[str] | None = None
    begun_line = 0
    lines = source.splitlines()
    for number, line in enumerate(lines, start=1):
        if not _ANY_MARK.search(line):
            continue
        place = f"{file}:{number}"
        if begin := _BEGIN.fullmatch(line):
            if begun is not None:
                raise SkeletonError(
                    "{place}: a solution begins inside {begun}, which began on line {begun_line}; end that one "
                    "first with `{end}`",
                    place=place,
                    end=END_MARK,
                    begun=repr(begun["name"]),
                    begun_line=begun_line,
                )
            if any(hole.name == begin["name"] for hole in found):
                raise SkeletonError(
                    "{place}: the name {begin} is already taken; give each hole its own",
                    place=place,
                    begin=repr(begin["name"]),
                )
            begun, begun_line = begin, number
        elif end := _END.fullmatch(line):
            if begun is None:
                raise SkeletonError("{place}: a solution ends that never began", place=place)
            if end["indentation"] != begun["indentation"]:
                raise SkeletonError(
                    "{place}: the end of {begun} is indented differently from its beginning on line {begun_line}",
                    place=place,
                    begun=repr(begun["name"]),
                    begun_line=begun_line,
                )
            if not any(text.strip() for text in lines[begun_line : number - 1]):
                raise SkeletonError(
                    "{place}: the solution {begun} is empty", place=place, begun=repr(begun["name"])
                )
            found.append(Hole(begun["name"], begun["instruction"], begun_line, number, begun["indentation"]))
            begun = None
        else:
            raise SkeletonError(
                "{place}: not a solution mark; expected `{begin} name: what to write` or `{end}`, alone on its "
                "line",
                place=place,
                begin=BEGIN_MARK,
                end=END_MARK,
            )
    if begun is not None:
        raise SkeletonError(
            "{file}:{begun_line}: the solution {begun} never ends",
            file=file,
            begun_line=begun_line,
            begun=repr(begun["name"]),
        )
    return found


def generate(source: str, file: str = "<source>") -> str:
    """Return the skeleton of a reference file: the same text with every solution region cut to its hole.

    Raises
    ------
    SkeletonError : as for `holes`.
    """
    lines = source.splitlines()
    kept: list[str] = []
    position = 0
    for hole in holes(source, file):
        kept += lines[position : hole.line - 1] + hole.text()
        position = hole.end_line
    return "\n".join(kept + lines[position:]) + "\n"


def write_skeletons(reference: Path, lab: Path, files: Iterable[str]) -> list[Path]:
    """Write the skeletons of ``files`` from the reference folder to the lab's, and return those that changed.

    Raises
    ------
    SkeletonError : as for `holes`, or when two files use the same hole name.
    OSError : a file cannot be read or written.
    """
    owners: dict[str, str] = {}
    skeletons: dict[str, str] = {}
    for name in files:
        source = (reference / name).read_text(encoding="utf-8")
        for hole in holes(source, name):
            if hole.name in owners:
                raise SkeletonError(
                    "{name}:{line}: the name {name2} is already taken in {owners}; give each hole of a lab its own",
                    name=name,
                    line=hole.line,
                    name2=repr(hole.name),
                    owners=owners[hole.name],
                )
            owners[hole.name] = name
        skeletons[name] = generate(source, name)
    changed = []
    for name, text in skeletons.items():
        target = lab / name
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8", newline="\n")
            changed.append(target)
    return changed
