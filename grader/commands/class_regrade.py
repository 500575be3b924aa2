"""Commands that grade again: what would change, what then counts, what is held back for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.class_common import (
    ClassFolder,
    Reason,
    new_class_app,
    open_gradebook,
    open_lab,
    say,
    show_table,
)
from grader.commands.class_grade import ClusterAddress, Fresh, Jobs, Shard, TlsFolder, WeakJail, Where, run_class
from grader.commands.common import (
    BELOW,
    GRADER_FAILED,
    OK,
    LabName,
    Language,
    Only,
    Strict,
    Weights,
    require_checks,
)
from grader.language.numbers import points
from grader.language.translation import _, marked

if TYPE_CHECKING:
    from grader.cohort.release.regrade import Comparison

app = new_class_app()
RunNumber = Annotated[int, typer.Argument(metavar="RUN", help="Number of the run; `class runs LAB` lists them.")]
RUN_COLUMNS = (
    marked("run"), marked("kind"), marked("begun"), marked("finished"), marked("counts since"), marked("release"),
    marked("jail"), marked("gradings"),
)  # fmt: skip
MOVE_COLUMNS = (marked("attempt"), marked("now"), marked("then"))
MOVES_SHOWN = 30


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
    from grader.cohort.release.regrade import compare, newest_run
    from grader.cohort.release.releases import folder_of_release
    from grader.cohort.running.runs import PREVIEW, Wanted
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
    with open_lab(folder, lab) as of_lab:
        run = newest_run(of_lab.session, of_lab.assignment, PREVIEW)
        if only:
            say(_("run {run} ran only some checks; it can be looked at, not applied", run=run.id))
            raise typer.Exit(status)
        found = compare(of_lab.session, run)
    _show_comparison(run.id, found)
    lower = any(move.lower for move in found.moves)
    raise typer.Exit(GRADER_FAILED if status == GRADER_FAILED else BELOW if lower else OK)


@app.command()
def compare(run: RunNumber, folder: ClassFolder = None, lang: Language = None) -> None:
    """Show again what applying a run would change."""
    from grader.cohort.release.regrade import compare as find
    from grader.cohort.release.regrade import run_of

    with open_gradebook(folder) as (_room, session):
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
        rows = [(move.submission_id, points(move.before), points(move.after)) for move in found.moves[:MOVES_SHOWN]]
        show_table(MOVE_COLUMNS, rows)
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
    from grader.cohort.release.regrade import apply as let_count
    from grader.cohort.release.regrade import run_of

    with open_gradebook(folder) as (_room, session):
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
    from grader.cohort.release.regrade import decide, held_back

    with open_lab(folder, lab) as of_lab:
        session, assignment = of_lab.session, of_lab.assignment
        for number in accept or ():
            decide(session, assignment.id, number, accept=True, reason=reason)
        for number in reject or ():
            decide(session, assignment.id, number, accept=False, reason=reason)
        rows = [
            (row.submission_id, points(score), points(row.score))
            for row, score in held_back(session, assignment.id)
        ]
    show_table(MOVE_COLUMNS, rows)
    raise typer.Exit(BELOW if rows else OK)


@app.command()
def runs(lab: LabName, folder: ClassFolder = None, lang: Language = None) -> None:
    """List the runs of a lab."""
    from grader.cohort.release.regrade import runs_of

    with open_lab(folder, lab) as of_lab:
        room, found = of_lab.room, runs_of(of_lab.session, of_lab.assignment)
    rows = [
        (
            run.id,
            _(run.kind),
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
