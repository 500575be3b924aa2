"""Commands that look back on a class: what was done, a copy of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.class_common import (
    ClassFolder,
    new_class_app,
    open_class,
    open_gradebook,
    say,
    show_table,
)
from grader.commands.common import BELOW, Language
from grader.language.translation import _, marked

app = new_class_app()
EVENT_COLUMNS = (marked("event"), marked("when"), marked("who"), marked("what"), marked("about"), "")


@app.command()
def log(
    count: Annotated[int, typer.Option("--last", min=1, help="How many events.")] = 50,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Show what was done, and whether anything in it was edited later.

    Exit status: 0 the chain holds, 1 it is broken, 2 bad usage or bad input.
    """
    from sqlalchemy import select

    from grader.cohort.store import events
    from grader.cohort.store.tables import Event

    with open_gradebook(folder) as (room, session):
        found = session.scalars(select(Event).order_by(Event.id.desc()).limit(count)).all()
        broken = events.first_break(session)
        last = events.last_hash(session)
    rows = [
        (
            one.id,
            room.shown(one.at),
            one.actor,
            one.action,
            one.subject,
            ", ".join(f"{k}={v}" for k, v in one.after.items()),
        )
        for one in reversed(found)
    ]
    show_table(EVENT_COLUMNS, rows)
    if broken is not None:
        say(
            _(
                "event {number} does not fit to the one before it: it, or an earlier one, was edited",
                number=broken.id,
            )
        )
        raise typer.Exit(BELOW)
    say(_("the chain holds; its last hash is {hash}", hash=last))


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Copy the database into a new file while it is in use (SQLite)."""
    from grader.cohort.store.connection import back_up

    back_up(open_class(folder).engine, out)
    say(_("copied to {file}; results, originals and `secret` are files of the class's folder", file=out))
