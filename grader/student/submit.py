"""Packs what is handed in: exactly the files that grading takes, and a word on what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.collect.submission import collect
from grader.jail.scratch import scratch_folder
from grader.language.translation import _, listed, ngettext
from grader.project.contract import Lab
from grader.project.packing import write_zip
from grader.student.holes import Hole, holes_of
from grader.student.standing import typed


@dataclass(frozen=True)
class Packed:
    """What was packed.

    Attributes
    ----------
    file : the archive.
    sizes : bytes by path of what is in it.
    missing : files that must be handed in and are not there.
    holes : what is still to be written.
    notes : what was left out, in words.
    """

    file: Path
    sizes: dict[str, int]
    missing: Sequence[str]
    holes: Sequence[Hole]
    notes: Sequence[str]

    @property
    def whole(self) -> bool:
        """Whether every file that must be handed in is there."""
        return not self.missing

    def render(self, console: Console) -> None:
        """Print what is in the archive, what is not, and what to do with it."""

        def line(text: str, style: str = "") -> None:
            console.print(Text(text, style=style), soft_wrap=True)

        line(_("packed: {file}", file=typed(self.file)), "bold")
        for path, count in self.sizes.items():
            line(_("  {file}: {count} bytes", file=path, count=f"{count:,}"))
        for path in self.missing:
            line(_("missing: {file}; it must be handed in", file=path), "bold red")
        if self.holes:
            count = len(self.holes)
            names = listed([hole.name for hole in self.holes])
            line(
                ngettext(
                    "{count} hole is not written yet: {names}", "{count} holes are not written yet: {names}", count,
                    names=names,
                ),
                "yellow",
            )  # fmt: skip
        for note in self.notes:
            line(_("Note: {note}", note=note), "dim")
        if self.whole:
            line(_("Hand in this one file, as your course says."), "cyan")


def submit(lab: Lab, folder: Path, out: Path) -> Packed:
    """Pack the work in ``folder`` into the archive ``out``, in the place of an earlier one.

    The archive is collected as a grading collects it, so that what is in it is what would be graded.

    Raises
    ------
    SubmissionError : there is nothing that could be handed in.
    PackingError : the archive cannot be written.
    """
    with scratch_folder("grading") as scratch:
        collected = collect(folder, scratch / "work", required=lab.required, given=lab.facts.given)
        given = set(lab.given_sources)
        files = {
            file.path: (collected.root / file.path).read_bytes()
            for file in collected.files
            if file.path not in given or not _as_given(lab, collected.root, file.path)
        }
    write_zip(files, out)
    return Packed(
        out,
        {path: len(content) for path, content in files.items()},
        [path for path in lab.required if path not in files],
        [hole for hole in holes_of(lab, folder) if not hole.written and hole.line],
        collected.notes,
    )


def _as_given(lab: Lab, root: Path, path: str) -> bool:
    return (lab.folder / path).read_bytes() == (root / path).read_bytes()
