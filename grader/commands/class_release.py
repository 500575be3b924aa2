"""Commands on grades: rules, extensions, adjustments, grading again, appeals, and the log of all of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.class_common import (
    ClassFolder,
    Reason,
    class_errors,
    new_class_app,
    open_class,
    say,
    show_table,
)
from grader.commands.class_grade import ClusterAddress, Fresh, Jobs, Shard, TlsFolder, WeakJail, Where, run_class
from grader.commands.common import BELOW, GRADER_FAILED, OK, LabName, Language, Only, Strict, Weights
from grader.language.translation import _, marked

if TYPE_CHECKING:
    from grader.cohort.release.regrade import Comparison

app = new_class_app()
Who = Annotated[str, typer.Argument(metavar="STUDENT", help="Id, pseudonym or address.")]
Attempt = Annotated[int | None, typer.Option("--attempt", help="Number of the attempt; default the last.")]
RunNumber = Annotated[int, typer.Argument(metavar="RUN", help="Number of the run; `class runs` lists them.")]
GRADE_COLUMNS = (
    marked("student"), marked("attempt"), marked("before lateness"), marked("lateness"), marked("by hand"),
    marked("points"), marked("remark"),
)  # fmt: skip
RUN_COLUMNS = (
    marked("run"), marked("kind"), marked("begun"), marked("finished"), marked("counts since"), marked("release"),
    marked("jail"), marked("gradings"),
)  # fmt: skip
STATS_COLUMNS = (
    marked("check"), marked("tier"), marked("reached"), marked("share that passes"), marked("discrimination"),
    marked("other verdicts"), marked("mistakes"), marked("seconds, half and nine tenths"), marked("remark"),
)  # fmt: skip
MOVES_SHOWN = 30


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
    with class_errors():
        from grader.cohort.release.decisions import set_rules
        from grader.cohort.release.rules import rule_from
        from grader.project.places import Project

        room = open_class(folder)
        Project.find().lab(lab)
        with room.session() as session:
            assignment = room.ensured_assignment(session, lab)
            if any(value is not None for value in (due, closes, late, attempt, points)):
                set_rules(
                    session,
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
                    attempt=assignment.attempt,
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
    with class_errors():
        from grader.cohort.release import decisions

        room = open_class(folder)
        with room.session() as session:
            assignment = room.ensured_assignment(session, lab)
            found = decisions.student_of(room, session, student)
            decisions.extend(session, assignment, found, room.moment(due), reason)
        say(_("{student} has until {due}", student=found.sid, due=room.shown(room.moment(due))))


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
    with class_errors():
        from grader.cohort.release import decisions

        room = open_class(folder)
        with room.session() as session:
            assignment = room.assignment(session, lab)
            found = decisions.student_of(room, session, student)
            work = decisions.attempt_of(session, assignment, found, attempt)
            decisions.adjust(session, work, points=points, score=score, reason=reason)
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
    with class_errors():
        from grader.cohort.release import decisions

        room = open_class(folder)
        with room.session() as session:
            found = decisions.student_of(room, session, student)
            work = decisions.attempt_of(session, room.assignment(session, lab), found, attempt)
            decisions.choose(session, work, found, reason)
        say(_("noted for {student}, attempt {number}", student=found.sid, number=work.number))


@app.command()
def grades(
    lab: LabName,
    names: Annotated[bool, typer.Option("--names", help="Show ids and names instead of pseudonyms.")] = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Show the grades as they would be exported now."""
    with class_errors():
        from grader.cohort.exports.rows import remark_of
        from grader.cohort.release.grades import grades_of

        room = open_class(folder)
        with room.session() as session:
            found = grades_of(session, room.assignment(session, lab))
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


@app.command()
def regrade(
    lab: LabName,
    attempts: Annotated[
        list[int] | None,
        typer.Option(
            "--attempt", metavar="NUMBER", help="Only this attempt, as `class status` numbers it; repeatable."
        ),
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", help="Fixtures of this earlier release; default those in use.")
    ] = None,
    only: Only = None,
    again: Annotated[bool, typer.Option("--again", help="Grade also what would give the same result.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Nothing counts yet; this is always so.")] = True,
    jobs: Jobs = None,
    cluster: ClusterAddress = None,
    tls: TlsFolder = None,
    shard: Shard = None,
    fresh: Fresh = False,
    weights: Weights = None,
    strict: Strict = False,
    allow_weak_jail: WeakJail = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Grade again, and show what would change; `class apply RUN` lets it count.

    Exit status: 0 graded, 1 somebody would lose points, 2 bad usage or bad input, 3 the grader failed for some, 130
    interrupted.
    """
    with class_errors():
        from grader.cohort.release.regrade import compare, newest_run
        from grader.cohort.release.releases import folder_of_release
        from grader.cohort.running.runs import PREVIEW, Wanted
        from grader.commands.common import require_checks
        from grader.project.places import Project

        project = Project.find()
        facts = project.lab(lab)
        require_checks(facts, only or ())
        wanted = Wanted(
            kind=PREVIEW,
            submissions=tuple(attempts or ()),
            again=again,
            fresh=fresh,
            release_folder=str(folder_of_release(project, lab, release)) if release else "",
            weights=str(weights.resolve()) if weights else "",
            allow_weak_jail=allow_weak_jail,
        )
        where = Where(jobs, cluster, tls, shard)
        status = run_class(folder, facts, wanted, where, only=tuple(only or ()), strict=strict)
        room = open_class(folder)
        with room.session() as session:
            run = newest_run(session, room.assignment(session, lab), PREVIEW)
            if only:
                say(_("run {run} ran only some checks; it can be looked at, not applied", run=run.id))
                raise typer.Exit(status)
            found = compare(session, run)
        _show_comparison(run.id, found)
        lower = any(move.lower for move in found.moves)
        raise typer.Exit(GRADER_FAILED if status == GRADER_FAILED else BELOW if lower else OK)


@app.command()
def compare(run: RunNumber, folder: ClassFolder = None, lang: Language = None) -> None:
    """Show again what applying a run would change."""
    with class_errors():
        from grader.cohort.release.regrade import compare as find
        from grader.cohort.release.regrade import run_of

        room = open_class(folder)
        with room.session() as session:
            found = find(session, run_of(session, run))
        _show_comparison(run, found)


def _show_comparison(run: int, found: Comparison) -> None:
    lower = sum(move.lower for move in found.moves)
    say(
        _(
            "run {run}: {up} up, {down} down, {same} the same, {new} new",
            run=run,
            up=len(found.moves) - lower,
            down=lower,
            same=found.same,
            new=found.new,
        )
    )
    if found.moves:
        rows = [
            (move.submission_id, _points(move.before), _points(move.after)) for move in found.moves[:MOVES_SHOWN]
        ]
        show_table((marked("attempt"), marked("now"), marked("then")), rows)
        if len(found.moves) > MOVES_SHOWN:
            say(_("and {count} more", count=len(found.moves) - MOVES_SHOWN))
    if found.verdicts:
        show_table((marked("check"), marked("now"), marked("then"), marked("how often")), found.verdicts)
    for tier, (gained, lost) in found.crossings.items():
        say(_("tier {tier}: {gained} reach it only then, {lost} no longer", tier=tier, gained=gained, lost=lost))
    for difference in found.differences:
        say(difference)
    if found.unsteady:
        numbers = ", ".join(map(str, found.unsteady[:MOVES_SHOWN]))
        say(_("not repeatable, other verdicts under the same conditions: attempts {numbers}", numbers=numbers))
    say(_("nothing counts yet; `python -m grader class apply {run}` lets it", run=run))


def _points(score: float | None) -> str:
    return "-" if score is None else f"{score:g}"


@app.command()
def apply(
    run: RunNumber,
    lower: Annotated[bool, typer.Option("--lower", help="Let lower scores count, too.")] = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Let a previewed run count; lower scores are held back for a person unless --lower is given.

    Exit status: 0 all of it counts, 1 lower scores are held back, 2 bad usage or bad input.
    """
    with class_errors():
        from grader.cohort.release.regrade import apply as let_count
        from grader.cohort.release.regrade import run_of

        room = open_class(folder)
        with room.session() as session:
            moves, held = let_count(session, run_of(session, run), lower=lower)
        say(
            _(
                "run {run} counts: {moves} scores change, {held} lower ones are held back",
                run=run,
                moves=moves - held,
                held=held,
            )
        )
        raise typer.Exit(BELOW if held else OK)


@app.command()
def review(
    lab: LabName,
    accept: Annotated[list[int] | None, typer.Option("--accept", metavar="ATTEMPT", help="Let it count.")] = None,
    reject: Annotated[list[int] | None, typer.Option("--reject", metavar="ATTEMPT", help="Put it aside.")] = None,
    reason: Reason = "",
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """List lower scores that are held back, and decide about them."""
    with class_errors():
        from grader.cohort.release.regrade import decide, held_back

        room = open_class(folder)
        with room.session() as session:
            assignment = room.assignment(session, lab)
            for number in accept or ():
                decide(session, assignment.id, number, accept=True, reason=reason)
            for number in reject or ():
                decide(session, assignment.id, number, accept=False, reason=reason)
            rows = [
                (row.submission_id, _points(score), _points(row.score))
                for row, score in held_back(session, assignment.id)
            ]
        show_table((marked("attempt"), marked("now"), marked("then")), rows)
        raise typer.Exit(BELOW if rows else OK)


@app.command()
def runs(lab: LabName, folder: ClassFolder = None, lang: Language = None) -> None:
    """List the runs of a lab."""
    with class_errors():
        from grader.cohort.release.regrade import runs_of

        room = open_class(folder)
        with room.session() as session:
            found = runs_of(session, room.assignment(session, lab))
        rows = [
            (
                run.id,
                run.kind,
                room.shown(run.started_at),
                room.shown(run.finished_at),
                room.shown(run.applied_at),
                run.release,
                run.jail_level,
                count,
            )
            for run, count in found
        ]
        show_table(RUN_COLUMNS, rows)


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
    with class_errors():
        from grader.cohort.release import decisions

        room = open_class(folder)
        with room.session() as session:
            assignment = room.assignment(session, lab)
            found = decisions.student_of(room, session, student)
            work = decisions.attempt_of(session, assignment, found, attempt)
            opened = decisions.open_appeal(session, assignment, work, check, text)
        say(_("appeal {number} is open; `python -m grader class answer {number} TEXT` closes it", number=opened.id))


@app.command()
def appeals(
    lab: LabName,
    closed: Annotated[bool, typer.Option("--closed", help="Also those that are closed.")] = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """List the appeals of a lab, with the release that each grading was made with."""
    with class_errors():
        from grader.cohort.release import decisions
        from grader.cohort.store.tables import Run

        room = open_class(folder)
        with room.session() as session:
            found = decisions.appeals_of(session, room.assignment(session, lab), closed=closed)
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
        columns = (marked("appeal"), marked("state"), marked("opened"), marked("attempt"), marked("check"))
        show_table((*columns, marked("release"), marked("text"), marked("answer")), rows)


@app.command()
def answer(
    number: Annotated[int, typer.Argument(metavar="APPEAL", help="Number of the appeal.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The answer.")],
    accept: Annotated[bool, typer.Option("--accept/--reject", help="Whether the student is right.")] = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Close an appeal; what follows from it is an adjustment or a regrade."""
    with class_errors():
        from grader.cohort.release import decisions

        room = open_class(folder)
        with room.session() as session:
            decisions.answer_appeal(session, number, text, accepted=accept)
        say(_("appeal {number} is closed", number=number))


@app.command()
def stats(lab: LabName, folder: ClassFolder = None, lang: Language = None) -> None:
    """Show what the class says of each check: how hard, how telling, how slow, which mistakes."""
    with class_errors():
        from grader.cohort.stats import check_stats

        room = open_class(folder)
        with room.session() as session:
            found, same = check_stats(session, room.assignment(session, lab))
        show_table(
            STATS_COLUMNS,
            [
                (
                    one.check,
                    one.tier or "",
                    one.reached,
                    f"{one.difficulty:.2f} ({one.low:.2f} to {one.high:.2f})" if one.reached else "",
                    "" if one.discrimination is None else f"{one.discrimination:.2f}",
                    " ".join(f"{count}×{verdict}" for verdict, count in sorted(one.verdicts.items())),
                    ", ".join(f"{count}×{name or _('unknown')}" for name, count in one.mistakes.items()),
                    f"{one.median_s:.2f} / {one.slow_s:.2f}",
                    ", ".join(one.remarks),
                )
                for one in found
            ],
        )
        for first, second, phi in same:
            say(
                _(
                    "{first} and {second} say nearly the same (phi {phi})",
                    first=first,
                    second=second,
                    phi=f"{phi:.2f}",
                )
            )


@app.command()
def log(
    count: Annotated[int, typer.Option("--last", min=1, help="How many events.")] = 50,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Show what was done, and whether anything in it was edited later.

    Exit status: 0 the chain holds, 1 it is broken, 2 bad usage or bad input.
    """
    with class_errors():
        from sqlalchemy import select

        from grader.cohort.store import events
        from grader.cohort.store.tables import Event

        room = open_class(folder)
        with room.session() as session:
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
        show_table((marked("event"), marked("when"), marked("who"), marked("what"), marked("about"), ""), rows)
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
    with class_errors():
        from grader.cohort.store.connection import back_up

        back_up(open_class(folder).engine, out)
        say(_("copied to {file}; results, originals and `secret` are files of the class's folder", file=out))
