"""Commands by which a person decides about grades: rules, extensions, adjustments, the attempt that counts."""

from __future__ import annotations

from typing import Annotated

import typer

from grader.commands.class_common import (
    Attempt,
    ClassFolder,
    Reason,
    Who,
    new_class_app,
    open_lab,
    say,
    show_table,
)
from grader.commands.common import LabName, Language
from grader.language.translation import _, marked

app = new_class_app()
GRADE_COLUMNS = (
    marked("student"), marked("attempt"), marked("before lateness"), marked("lateness"), marked("by hand"),
    marked("points"), marked("remark"),
)  # fmt: skip


@app.command()
def rules(
    lab: LabName,
    due: Annotated[str | None, typer.Option("--due", metavar="DATE", help="As 2026-03-31 23:59.")] = None,
    closes: Annotated[str | None, typer.Option("--closes", metavar="DATE", help="Nothing counts after it.")] = None,
    late: Annotated[
        str | None,
        typer.Option(
            "--late",
            metavar="RULE",
            help="none, cutoff, per_day, per_hour, cap, slip_days or credit, with percent=, floor=, days=, "
            "grace_minutes= behind it, such as per_day,percent=10,floor=50; or a YAML file.",
        ),
    ] = None,
    attempt: Annotated[
        str | None, typer.Option("--counts", help="Which attempt counts: best, last or chosen.")
    ] = None,
    points: Annotated[float | None, typer.Option("--points", min=0, help="Points of the whole lab.")] = None,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Set due date, rule for late work, counting attempt and points of a lab; without options, show them."""
    from grader.cohort.release.decisions import set_rules
    from grader.cohort.release.rules import rule_from
    from grader.project.places import Project

    Project.find().lab(lab)
    with open_lab(folder, lab, new=True) as of_lab:
        room, assignment = of_lab.room, of_lab.assignment
        if any(value is not None for value in (due, closes, late, attempt, points)):
            set_rules(
                of_lab.session,
                assignment,
                due_at=room.moment(due) if due else None,
                closes_at=room.moment(closes) if closes else None,
                policy=rule_from(late) if late else None,
                attempt=attempt,
                max_points=points,
            )
        policy = " ".join(f"{name}={value}" for name, value in assignment.policy.items())
        say(
            _(
                "{lab}: due {due}, closes {closes}, late work: {policy}; the {attempt} attempt counts, of "
                "{points} points",
                lab=lab,
                due=room.shown(assignment.due_at) or "-",
                closes=room.shown(assignment.closes_at) or "-",
                policy=policy,
                attempt=_(assignment.attempt),
                points=f"{assignment.max_points:g}",
            )
        )


@app.command()
def extend(
    lab: LabName,
    student: Who,
    due: Annotated[str, typer.Argument(metavar="DATE", help="The new due date, as 2026-03-31 23:59.")],
    reason: Reason = "",
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Give one student more time."""
    from grader.cohort.release import decisions

    with open_lab(folder, lab, new=True) as of_lab:
        found = of_lab.student(student)
        until = of_lab.room.moment(due)
        decisions.extend(of_lab.session, of_lab.assignment, found, until, reason)
    say(_("{student} has until {due}", student=found.sid, due=of_lab.room.shown(until)))


@app.command()
def adjust(
    lab: LabName,
    student: Who,
    points: Annotated[float | None, typer.Option("--points", help="Points to add; may be negative.")] = None,
    score: Annotated[float | None, typer.Option("--score", min=0, help="Points to set instead.")] = None,
    attempt: Attempt = None,
    reason: Reason = "",
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Change a grade by hand; the grading stays as it is."""
    from grader.cohort.release import decisions

    with open_lab(folder, lab) as of_lab:
        found = of_lab.student(student)
        work = of_lab.attempt(found, attempt)
        decisions.adjust(of_lab.session, work, points=points, score=score, reason=reason)
    say(_("noted for {student}, attempt {number}", student=found.sid, number=work.number))


@app.command()
def choose(
    lab: LabName,
    student: Who,
    attempt: Annotated[int, typer.Argument(metavar="ATTEMPT", help="Number of the attempt that counts.")],
    reason: Reason = "",
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Let one attempt of a student count, whatever the rule says."""
    from grader.cohort.release import decisions

    with open_lab(folder, lab) as of_lab:
        found = of_lab.student(student)
        work = of_lab.attempt(found, attempt)
        decisions.choose(of_lab.session, work, found, reason)
    say(_("noted for {student}, attempt {number}", student=found.sid, number=work.number))


@app.command()
def grades(
    lab: LabName,
    names: Annotated[bool, typer.Option("--names", help="Show ids and names instead of pseudonyms.")] = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Show the grades as they would be exported now."""
    from grader.cohort.exports.rows import remark_of
    from grader.cohort.release.grades import grades_of

    with open_lab(folder, lab) as of_lab:
        found = grades_of(of_lab.session, of_lab.assignment)
    show_table(
        GRADE_COLUMNS,
        [
            (
                f"{one.student.sid} {one.student.name}" if names else one.student.pseudonym,
                one.attempt.number if one.attempt else "",
                "" if one.raw is None else f"{one.raw:g}",
                one.late.reason,
                f"{one.adjusted:+g}" if one.adjusted else "",
                "" if one.final is None else f"{one.final:g}",
                remark_of(one) if one.final is None or one.reasons else "",
            )
            for one in found
        ],
    )
