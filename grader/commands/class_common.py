"""What the commands for classes share: the extra they need, the class they work on, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.commands.common import SpeakingGroup, errors
from grader.language.translation import _, translated

if TYPE_CHECKING:
    from grader.cohort.classroom import Classroom

# A table that goes into a file is read in an editor, not in 80 columns.
PIPED_WIDTH = 220
EXTRA = {"sqlalchemy", "alembic", "openpyxl"}

ClassFolder = Annotated[
    Path | None,
    typer.Option("--class", metavar="FOLDER", help="The class; default that of GRADER_CLASS, else `class`."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this, only what would be done is shown.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with it.")]


def new_class_app() -> typer.Typer:
    """Return an empty application for commands on a class."""
    return typer.Typer(
        name="class",
        help="Grade a class: take submissions in, grade them, release grades, write what the LMS reads.",
        cls=SpeakingGroup,
        no_args_is_help=True,
    )


@contextmanager
def class_errors() -> Iterator[None]:
    """Turn errors into messages, and a missing extra into how to install it."""
    from grader.language.errors import BadInput

    with errors():
        try:
            yield
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


def open_class(folder: Path | None) -> Classroom:
    """Return the class that a command works on."""
    from grader.cohort.classroom import Classroom
    from grader.project.places import Project

    return Classroom.open(folder, Project.find().root)


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
