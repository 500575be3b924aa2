"""Commands on students' questions: note one, list them, answer one."""

from __future__ import annotations

from typing import Annotated

import typer

from grader.commands.class_common import (
    Attempt,
    ClassFolder,
    Who,
    new_class_app,
    open_gradebook,
    open_lab,
    say,
    show_table,
)
from grader.commands.common import LabName, Language
from grader.language.translation import _, marked

app = new_class_app()
APPEAL_COLUMNS = (
    marked("appeal"), marked("state"), marked("opened"), marked("attempt"), marked("check"), marked("release"),
    marked("text"), marked("answer"),
)  # fmt: skip


@app.command()
def appeal(
    lab: LabName,
    student: Who,
    check: Annotated[str, typer.Argument(metavar="CHECK", help="Id of the check.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the student says.")],
    attempt: Attempt = None,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Note a student's question about one check."""
    from grader.cohort.release import decisions

    with open_lab(folder, lab) as of_lab:
        work = of_lab.attempt(of_lab.student(student), attempt)
        opened = decisions.open_appeal(of_lab.session, of_lab.assignment, work, check, text)
    say(_("appeal {number} is open; `python -m grader class answer {number} TEXT` closes it", number=opened.id))


@app.command()
def appeals(
    lab: LabName,
    closed: Annotated[bool, typer.Option("--closed", help="Also those that are closed.")] = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """List the appeals of a lab, with the release that each grading was made with."""
    from grader.cohort.release import decisions
    from grader.cohort.store.tables import Run

    with open_lab(folder, lab) as of_lab:
        room, session = of_lab.room, of_lab.session
        found = decisions.appeals_of(session, of_lab.assignment, closed=closed)
        rows = [
            (
                one.id,
                one.state,
                room.shown(one.opened_at),
                attempt.id,
                one.check_id,
                session.get_one(Run, grading.run_id).release,
                one.text,
                one.answer,
            )
            for one, grading, attempt in found
        ]
    show_table(APPEAL_COLUMNS, rows)


@app.command()
def answer(
    number: Annotated[int, typer.Argument(metavar="APPEAL", help="Number of the appeal.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The answer.")],
    accept: Annotated[bool, typer.Option("--accept/--reject", help="Whether the student is right.")] = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Close an appeal; what follows from it is an adjustment or a regrade."""
    from grader.cohort.release import decisions

    with open_gradebook(folder) as (_room, session):
        decisions.answer_appeal(session, number, text, accepted=accept)
    say(_("appeal {number} is closed", number=number))
