"""Commands that set a class up and take submissions in."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.class_common import (
    ClassFolder,
    Yes,
    new_class_app,
    open_class,
    open_gradebook,
    say,
    show_table,
)
from grader.commands.common import BELOW, OK, LabName, Language
from grader.language.translation import _, marked, ngettext

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from grader.cohort.classroom import Classroom
    from grader.cohort.intake.plan import Line
    from grader.cohort.status import LabStatus

app = new_class_app()
COLUMNS = (
    marked("state"),
    marked("arrival"),
    marked("student"),
    marked("attempt"),
    marked("submitted"),
    marked("late"),
    marked("remark"),
)
STATUS_COLUMNS = (
    marked("lab"),
    marked("due"),
    marked("students"),
    marked("handed in"),
    marked("attempts"),
    marked("graded"),
    marked("waiting"),
    marked("scores"),
    marked("for a person"),
)
SHOWN_NAMES = 10


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the course.")],
    timezone: Annotated[
        str, typer.Option("--timezone", help="Zone in which dates are entered, such as Europe/Berlin.")
    ] = "UTC",
    database: Annotated[
        str, typer.Option("--database", help="postgresql+psycopg://… instead of a file in the folder.")
    ] = "",
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Make a new class in an empty folder."""
    from grader.cohort.classroom import DEFAULT_FOLDER, Classroom, of_environment
    from grader.project.places import Project

    place = folder or of_environment() or Project.find().root / DEFAULT_FOLDER
    room = Classroom.create(place, name, timezone, database)
    step = "python -m grader class roster FILE" + (f" --class {shlex.quote(str(folder))}" if folder else "")
    say(_("made {folder}; next: `{command}`", folder=room.folder, command=step))


@app.command()
def roster(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header; the columns are found by name.")],
    column: Annotated[
        list[str] | None, typer.Option("--column", metavar="FIELD=NAME", help="Name of a column; repeatable.")
    ] = None,
    yes: Yes = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Read the list of students: new, changed, no longer there.

    Exit status: 0 nothing to look at, 1 rows were left out, 2 bad usage or bad input.
    """
    from grader.cohort.intake.roster import read_roster, take_roster
    from grader.cohort.problems import CohortError

    room = open_class(folder)
    pairs = [item.partition("=") for item in column or ()]
    if any(not name for _field, _sign, name in pairs):
        raise CohortError("--column is written FIELD=NAME, such as sid=Matrikel")
    lines, problems = read_roster(file, {field: name for field, _sign, name in pairs})
    if lines and not any(line.name for line in lines):
        say(
            _(
                "no column of names was found, so nobody can be matched by name; --column name=NAME, or first=NAME "
                "and last=NAME, says where they are"
            )
        )
    change = take_roster(room, lines, problems, write=yes)
    rows = [(_("new"), line.sid, line.name, line.email, line.section, line.team) for line in change.new]
    rows += [(_("changed"), line.sid, line.name, line.email, line.section, line.team) for line in change.changed]
    if rows:
        show_table(("", "sid", marked("name"), marked("email"), marked("section"), marked("group")), rows)
    say(
        _(
            "{new} new, {changed} changed, {same} as they were",
            new=len(change.new),
            changed=len(change.changed),
            same=change.same,
        )
    )
    if change.absent:
        names = ", ".join(change.absent[:SHOWN_NAMES]) + (", …" if len(change.absent) > SHOWN_NAMES else "")
        say(_("not on this list, but kept: {names}", names=names))
    for conflict in change.conflicts:
        say(_("left out: {reason}", reason=conflict))
    if not yes:
        say(_("nothing was written; the same command with --yes does it"))
    raise typer.Exit(BELOW if change.conflicts else OK)


@app.command()
def ingest(
    lab: LabName,
    place: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The platform's download: a folder, or the zip itself.")
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="SOURCE", help="moodle, canvas, blackboard, gradescope or plain; else guessed."
        ),
    ] = None,
    pattern: Annotated[
        str | None, typer.Option("--pattern", help="Regular expression of the names, with (?P<student>…).")
    ] = None,
    guesses: Annotated[bool, typer.Option("--guesses", help="Also take in what was matched by name.")] = False,
    unknown: Annotated[bool, typer.Option("--unknown", help="Make new students of unknown ones.")] = False,
    file_times: Annotated[
        bool, typer.Option("--file-times", help="Take the time of the newest file where no other is known.")
    ] = False,
    yes: Yes = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Take in what was handed in; shows a table first, and writes nothing without --yes.

    Exit status: 0 everything has an owner and can be graded, 1 something needs a person, 2 bad usage or bad input.
    """
    from grader.cohort.classroom import zone_of
    from grader.cohort.intake.layouts import arrivals_in
    from grader.cohort.intake.plan import State, plan
    from grader.cohort.intake.take import take
    from grader.cohort.intake.unpacking import opened_export
    from grader.project.places import Project
    from grader.report.progress import Progress

    room = open_class(folder)
    facts = Project.find().lab(lab)
    zone = zone_of(room.settings.timezone)
    with opened_export(place, zone) as export, room.session() as session:
        arrivals = arrivals_in(export, source, zone, pattern)
        with Progress(title=_("{lab}: looking", lab=lab)) as progress:
            lines = plan(room, session, facts, arrivals, progress, file_times=file_times)
        _show_plan(room, session, lines)
        if not yes:
            say(_("nothing was written; the same command with --yes does it"))
            waits = any(line.state is not State.RECOGNISED or line.problem for line in lines)
            raise typer.Exit(BELOW if waits else OK)
        taken = take(room, session, facts, lines, guesses=guesses, unknown=unknown)
    say(
        _(
            "taken in: {count}; of these {bad} cannot be graded",
            count=taken.submissions,
            bad=taken.ungradable,
        )
    )
    waiting = [line for line in taken.left_out if line.state is not State.DUPLICATE]
    if waiting:
        say(_("left out: {count}; --guesses and --unknown take them in", count=len(waiting)))
    raise typer.Exit(BELOW if waiting or taken.ungradable else OK)


def _show_plan(room: Classroom, session: Session, lines: Sequence[Line]) -> None:
    """Show what would be taken in, how many there are of each kind, and of whom there is nothing."""
    from grader.cohort.intake.plan import STATE_WORDS, State, missing_students

    show_table(
        COLUMNS,
        [
            (
                _(STATE_WORDS[line.state]),
                line.arrival.label,
                ", ".join(student.sid for student in line.students),
                line.number or "",
                room.shown(line.submitted_at),
                _("late") if line.late else "",
                _remark(line),
            )
            for line in lines
        ],
    )
    counts = Counter(line.state for line in lines)
    say(", ".join(f"{counts[state]} {_(STATE_WORDS[state])}" for state in State))
    if lines and counts[State.UNKNOWN] == len(lines):
        say(
            _(
                "nobody was recognised: name what the platform's download gave you, or the folder that it was "
                "unpacked into; --from says which platform it is, and `class roster` who is in the course"
            )
        )
    absent = missing_students(session, room, lines)
    if absent:
        names = ", ".join(student.sid for student in absent[:SHOWN_NAMES])
        more = ", …" if len(absent) > SHOWN_NAMES else ""
        say(
            ngettext(
                "nothing from {count} student: {names}",
                "nothing from {count} students: {names}",
                len(absent),
                names=names + more,
            )
        )


def _remark(line: Line) -> str:
    gaps = _("missing: {files}", files=", ".join(line.gaps)) if line.gaps else ""
    return "; ".join(dict.fromkeys(part for part in (line.reason, str(line.problem), gaps) if part))


@app.command()
def status(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also list every attempt that waits for a person.")
    ] = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Say where the class stands: handed in, graded, waiting, and what needs a person.

    Exit status: 0 nothing needs a person, 1 something does, 2 bad usage or bad input.
    """
    from grader.cohort.status import status_of

    with open_gradebook(folder) as (room, session):
        labs = status_of(room, session)
    show_table(
        STATUS_COLUMNS,
        [
            (
                one.lab,
                room.shown(one.due_at),
                one.students,
                one.with_attempt,
                one.attempts,
                one.graded,
                one.waiting,
                "  ".join(f"{count}×{score:g}" for score, count in one.scores.items()),
                len(one.problems) + len(one.failed) + one.held + one.open_appeals,
            )
            for one in labs
        ],
    )
    for one in labs:
        _say_what_is_left(one, verbose)
    raise typer.Exit(BELOW if any(one.needs_person for one in labs) else OK)


def _say_what_is_left(one: LabStatus, verbose: bool) -> None:
    """Say of one lab which runs are unfinished and what needs a person."""
    for run, kind, left in one.unfinished:
        say(
            _(
                "{lab}: run {run} ({kind}) is unfinished, {left} are left",
                lab=one.lab,
                run=run,
                kind=_(kind),
                left=left,
            )
        )
    if verbose or len(one.problems) <= SHOWN_NAMES:
        for number, name, problem in one.problems:
            say(
                _(
                    "{lab}: attempt {number} ({name}) cannot be graded: {why}",
                    lab=one.lab,
                    number=number,
                    name=name,
                    why=problem,
                )
            )
    for number, message in one.failed:
        say(_("{lab}: attempt {number}: the grader failed: {why}", lab=one.lab, number=number, why=message))
    if one.held:
        say(_("{lab}: {count} lower scores are held back; see `class review`", lab=one.lab, count=one.held))
    if one.open_appeals:
        say(_("{lab}: {count} appeals are open; see `class appeals`", lab=one.lab, count=one.open_appeals))
