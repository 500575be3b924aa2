"""Commands that grade a class, for the first time and again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.class_common import ClassFolder, new_class_app, open_class, say
from grader.commands.common import BELOW, GRADER_FAILED, INTERRUPTED, OK, LabName, Language, Strict, Weights, fail
from grader.language.translation import _, ngettext

if TYPE_CHECKING:
    from grader.cohort.classroom import Classroom
    from grader.cohort.running.runs import Wanted
    from grader.project.contract import Lab

app = new_class_app()
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Gradings at once on this host; default one for each slot.")
]
ClusterAddress = Annotated[
    str | None,
    typer.Option("--cluster", metavar="ADDRESS", help="Dask: local:N, tcp://HOST:PORT or tls://HOST:PORT."),
]
TlsFolder = Annotated[
    Path | None,
    typer.Option("--tls", metavar="FOLDER", help="Folder with ca.pem, cert.pem and key.pem for tls://."),
]
Shard = Annotated[
    str | None, typer.Option("--shard", metavar="I/N", help="Grade only this part; others grade the rest.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Give the unfinished run up and begin anew.")]
WeakJail = Annotated[
    bool, typer.Option("--allow-weak-jail", help="Grade even where student code cannot be isolated as demanded.")
]


@dataclass(frozen=True)
class Where:
    """Where a run is graded: on this host, on a cluster, or a part of it here."""

    jobs: int | None
    cluster: str | None
    tls: Path | None
    shard: str | None


@app.command()
def grade(
    lab: LabName,
    jobs: Jobs = None,
    cluster: ClusterAddress = None,
    tls: TlsFolder = None,
    shard: Shard = None,
    resume: Annotated[bool, typer.Option("--resume", help="Only go on with the unfinished run.")] = False,
    fresh: Fresh = False,
    again: Annotated[bool, typer.Option("--again", help="Also grade again where the grader failed.")] = False,
    weights: Weights = None,
    strict: Strict = False,
    allow_weak_jail: WeakJail = False,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Grade every attempt that has no grade yet. What was interrupted goes on by the same command.

    Exit status: 0 all are graded, whatever the scores; 1 some need a person; 2 bad usage or bad input; 3 the
    grader failed for some; 130 interrupted.
    """
    from grader.cohort.running.runs import Wanted
    from grader.project.places import Project

    facts = Project.find().lab(lab)
    wanted = Wanted(
        again=again,
        fresh=fresh,
        weights=str(weights.resolve()) if weights else "",
        allow_weak_jail=allow_weak_jail,
    )
    where = Where(jobs, cluster, tls, shard)
    status = run_class(folder, facts, wanted, where, strict=strict, only_resume=resume)
    raise typer.Exit(status)


def run_class(
    folder: Path | None,
    lab: Lab,
    wanted: Wanted,
    where: Where,
    *,
    only: tuple[str, ...] = (),
    strict: bool = False,
    only_resume: bool = False,
) -> int:
    """Begin or go on with a run, drive it, and say what came of it; return the exit status."""
    from grader.cohort.problems import NothingDue
    from grader.cohort.running.driving import backend_for, drive_run, new_scheduler
    from grader.cohort.running.keys import conditions_of, released
    from grader.cohort.running.runs import Runs, shard_of
    from grader.grading import Request, choose_level
    from grader.project.places import Project
    from grader.report.progress import Progress

    room = open_class(folder)
    project = Project.find()
    weights = Path(wanted.weights) if wanted.weights else None
    level, warnings = choose_level(lab, Request(lab, Path(), allow_weak_jail=wanted.allow_weak_jail))
    for warning in warnings:
        say(warning)
    conditions = conditions_of(project, lab, int(level), only, weights, strict=strict)
    if wanted.release_folder:
        release, sha256 = released(Path(wanted.release_folder))
        conditions = conditions.with_release(release, sha256)
    security = {name: str(where.tls / f"{name}.pem") for name in ("ca", "cert", "key")} if where.tls else {}
    open_backend = backend_for(lab, where.jobs, where.cluster, security)
    runs = Runs(room, project, lab)
    try:
        plan = runs.begin(wanted, conditions, new_scheduler(), only_resume=only_resume)
    except NothingDue as nothing:
        say(str(nothing))
        return _say_standing(room, lab.name)
    if where.shard:
        plan.tasks = shard_of(plan.tasks, where.shard)
    say(
        _(
            "{lab}: run {run}, {left} of {total} to grade with release {release} at jail level {level}",
            lab=lab.name,
            run=plan.run_id,
            left=sum(map(len, plan.by_key.values())),
            total=plan.total,
            release=conditions.release,
            level=conditions.jail_level,
        )
    )
    try:
        with Progress(title=_("{lab}: grading", lab=lab.name)) as progress:
            summary = drive_run(runs, plan, open_backend, progress)
    except KeyboardInterrupt:
        fail(_("interrupted; what is graded is kept, and the same command goes on from there"), INTERRUPTED)
    for trouble in summary.troubles:
        say(_("tried again: {what}", what=trouble))
    if wanted.kind != "grade":
        return GRADER_FAILED if summary.failed else OK
    return _say_standing(room, lab.name)


def _say_standing(room: Classroom, lab: str) -> int:
    """Say how far the lab is graded and what needs a person; return the exit status."""
    from grader.cohort.status import status_of

    with room.session() as session:
        standing = next(one for one in status_of(room, session) if one.lab == lab)
    scores = "  ".join(f"{count}×{score:g}" for score, count in standing.scores.items())
    say(_("{lab}: graded so far: {graded}; {scores}", lab=lab, graded=standing.graded, scores=scores))
    for number, message in standing.failed:
        say(_("{lab}: attempt {number}: the grader failed: {why}", lab=lab, number=number, why=message))
    if standing.problems:
        say(
            ngettext(
                "{count} attempt cannot be graded; `class status --verbose` says why",
                "{count} attempts cannot be graded; `class status --verbose` says why",
                len(standing.problems),
            )
        )
    if standing.failed:
        say(_("`python -m grader class grade {lab} --again` tries them again", lab=lab))
        return GRADER_FAILED
    if standing.problems or standing.held:
        return BELOW
    return OK
