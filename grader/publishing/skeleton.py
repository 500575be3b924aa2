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

from collections.abc import Iterable
from pathlib import Path

from grader.project.holes import SkeletonError, holes


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
