"""Finds the holes of a reference file: the regions that students write themselves.

A region stands between two marks of the same indentation: three number signs with ``BEGIN SOLUTION name:
instruction``, and three with ``END SOLUTION``. `grader.publishing.skeleton` cuts them out.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.language.errors import GraderFailed

# Put together, because this file goes into kits, which are searched for marks of solutions.
_SIGN = "#" * 3
BEGIN_MARK, END_MARK = f"{_SIGN} BEGIN SOLUTION", f"{_SIGN} END SOLUTION"
_BEGIN = re.compile(rf"(?P<indentation>[ \t]*){BEGIN_MARK} (?P<name>[A-Za-z_]\w*): (?P<instruction>\S.*?)\s*")
_END = re.compile(rf"(?P<indentation>[ \t]*){END_MARK}\s*")
_LEFT_OPEN = re.compile(r"# TODO\((?P<name>\w+)\): (?P<instruction>.+)")
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


@dataclass(frozen=True)
class LeftOpen:
    """A hole as a skeleton shows it. ``line`` is that of its instruction, counted from 1."""

    name: str
    instruction: str
    line: int


def left_open(skeleton: str) -> list[LeftOpen]:
    """Return the holes that the text of a skeleton leaves open, in order."""
    return [
        LeftOpen(found["name"], found["instruction"], number)
        for number, line in enumerate(skeleton.splitlines(), start=1)
        if (found := _LEFT_OPEN.search(line))
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


def has_holes(source: str) -> bool:
    """Return whether there is a mark of a solution in a file."""
    return any(_ANY_MARK.search(line) for line in source.splitlines())


def body_of(source: str, hole: Hole) -> list[str]:
    """Return the lines between the marks of a hole, without what all of them are indented by."""
    return textwrap.dedent("\n".join(source.splitlines()[hole.line : hole.end_line - 1])).splitlines()


def fill(source: str, bodies: Mapping[str, Sequence[str]], file: str = "<source>") -> str:
    """Return a reference file with other bodies in the holes that ``bodies`` names; the marks stay.

    Raises
    ------
    SkeletonError : there is no such hole, or the marks do not fit together.
    """
    lines, filled, position = source.splitlines(), list[str](), 0
    known = holes(source, file)
    for name in bodies:
        if all(hole.name != name for hole in known):
            raise SkeletonError("{file}: there is no hole {name}", file=file, name=repr(name))
    for hole in known:
        if hole.name in bodies:
            body = [f"{hole.indentation}{line}" if line.strip() else "" for line in bodies[hole.name]]
            filled += [*lines[position : hole.line], *body]
            position = hole.end_line - 1
    return "\n".join([*filled, *lines[position:]]) + "\n"
