"""What the commands for classes share: the extra they need, the class they work on, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.commands.common import errors
from grader.commands.speaking import SpeakingCommand, SpeakingGroup
from grader.language.errors import BadInput
from grader.language.translation import _, translated

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from grader.cohort.classroom import Classroom
    from grader.cohort.store.tables import Assignment, Student, Submission

# A table that goes into a file is read in an editor, not in 80 columns.
PIPED_WIDTH = 220
EXTRA = {"sqlalchemy", "alembic", "openpyxl", "copydetect"}

ClassFolder = Annotated[
    Path | None,
    typer.Option("--class", metavar="FOLDER", help="The class; default that of GRADER_CLASS, else `class`."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this, only what would be done is shown.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with it.")]
Who = Annotated[str, typer.Argument(metavar="STUDENT", help="Id, pseudonym or address.")]
Attempt = Annotated[int | None, typer.Option("--attempt", help="Number of the attempt; default the last.")]


class ClassCommand(SpeakingCommand):
    """A command on a class: an error, or a missing extra, becomes a message."""

    def invoke(self, context: Any) -> Any:
        """Run it."""
        with errors():
            try:
                return super().invoke(context)
            except ModuleNotFoundError as error:
                name = (error.name or "").split(".")[0]
                if name == "fcntl":
                    raise BadInput("a class is graded on Linux or macOS; on Windows use WSL 2") from None
                if name not in EXTRA:
                    raise
                raise BadInput(
                    "commands for classes need {name}, which is not installed; run `pip install 'grader[class]'`",
                    name=name,
                ) from None


def new_class_app() -> typer.Typer:
    """Return an empty application for commands on a class."""
    return typer.Typer(
        name="class",
        help="Grade a class: take submissions in, grade them, release grades, write what the LMS reads.",
        cls=SpeakingGroup,
        no_args_is_help=True,
    )


def open_class(folder: Path | None) -> Classroom:
    """Return the class that a command works on."""
    from grader.cohort.classroom import Classroom
    from grader.project.places import Project

    return Classroom.open(folder, Project.find().root)


@contextmanager
def open_gradebook(folder: Path | None) -> Iterator[tuple[Classroom, Session]]:
    """Open the class and one transaction on its database."""
    room = open_class(folder)
    with room.session() as session:
        yield room, session


@dataclass(frozen=True)
class LabOfClass:
    """One lab of a class, in one transaction."""

    room: Classroom
    session: Session
    assignment: Assignment

    def student(self, who: str) -> Student:
        """Return a student by id, pseudonym or address."""
        from grader.cohort.release.decisions import student_of

        return student_of(self.room, self.session, who)

    def attempt(self, student: Student, number: int | None) -> Submission:
        """Return an attempt of a student by its number, or the last one."""
        from grader.cohort.release.decisions import attempt_of

        return attempt_of(self.session, self.assignment, student, number)


@contextmanager
def open_lab(folder: Path | None, lab: str, *, new: bool = False) -> Iterator[LabOfClass]:
    """Open the class and what its course says of a lab; ``new`` makes that where nothing was said yet."""
    with open_gradebook(folder) as (room, session):
        find = room.ensured_assignment if new else room.assignment
        yield LabOfClass(room, session, find(session, lab))


def console() -> Console:
    """Return the console of the report, wide where it is no terminal."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=PIPED_WIDTH)


def say(text: str) -> None:
    """Print a line; nothing in it is taken for markup."""
    Console().print(Text(translated(text)), soft_wrap=True)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table without lines; nothing in it is taken for markup."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(_(name))
    for row in rows:
        table.add_row(*(Text(_clean(cell)) for cell in row))
    console().print(table)


def _clean(cell: object) -> str:
    from grader.language.text import one_line

    return one_line(str(cell))
