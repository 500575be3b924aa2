"""Commands that show a class: its figures, its report, works that are alike, an appeal and a regrade as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.class_common import ClassFolder, new_class_app, open_gradebook, say, show_table
from grader.commands.common import BELOW, LabName, Language
from grader.language.translation import _, marked
from grader.verdicts import Verdict, verdict_word

app = new_class_app()
STATS_COLUMNS = (
    marked("check"), marked("tier"), marked("reached"), marked("share that passes"), marked("discrimination"),
    marked("other verdicts"), marked("mistakes"), marked("seconds, half and nine tenths"), marked("remark"),
)  # fmt: skip
SIMILAR_COLUMNS = (
    marked("pair"), marked("surprise"), marked("rare mistakes of both"), marked("most alike in"),
)  # fmt: skip
PAIRS_SHOWN, HOLES_SHOWN = 10, 3
PageFile = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the page.")]


@app.command()
def stats(
    lab: LabName,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures of the class report here.")
    ] = None,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Show what the class says of each check: how hard, how telling, how slow, which mistakes."""
    from grader.cohort.view.figures import class_figures, figures_as_json
    from grader.project.places import Project
    from grader.report.files import require_place, write_text

    project = Project.find()
    if json_file is not None:
        require_place(json_file)
    with open_gradebook(folder) as (room, session):
        figures = class_figures(room, session, project, project.lab(lab))
    if json_file is not None:
        write_text(json_file, figures_as_json(figures))
    show_table(
        STATS_COLUMNS,
        [
            (
                one.check,
                one.tier or "",
                one.reached,
                f"{one.difficulty:.2f} ({one.low:.2f}–{one.high:.2f})" if one.reached else "",
                "" if one.discrimination is None else f"{one.discrimination:.2f}",
                " ".join(
                    f"{count}×{verdict_word(Verdict(verdict))}" for verdict, count in sorted(one.verdicts.items())
                ),
                ", ".join(f"{count}×{name or _('unknown')}" for name, count in one.mistakes.items()),
                f"{one.median_s:.2f} / {one.slow_s:.2f}",
                ", ".join(one.remarks),
            )
            for one in (check.figures for check in figures.checks)
        ],
    )
    for first, second, phi in figures.same:
        say(
            _(
                "{first} and {second} say nearly the same (phi {phi})",
                first=first,
                second=second,
                phi=f"{phi:.2f}",
            )
        )


@app.command()
def report(
    lab: LabName,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="A new folder, or that of an earlier report.")
    ],
    speed: Annotated[bool, typer.Option("--speed/--no-speed", help="Whether to show who is fastest.")] = True,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Write pages on what the class did not understand, with the report of every student.

    Checks, mistakes, who needs a person, who is fastest. Students stand under their pseudonyms. The pages need no
    server and no network; index.html is the first.
    """
    from grader.cohort.view.figures import class_figures
    from grader.cohort.view.report import write_report
    from grader.project.places import Project

    project = Project.find()
    with open_gradebook(folder) as (room, session):
        figures = class_figures(room, session, project, project.lab(lab), speed=speed)
        count = write_report(room, session, figures, out)
    say(_("{file}: {count} pages; begin with index.html", file=out, count=count))


@app.command()
def similar(
    lab: LabName,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="A new folder, or that of an earlier comparison.")
    ],
    others: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            metavar="FOLDER",
            help="Compare also with these: an earlier year, public work; a folder or archive each; repeatable.",
        ),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option("--pairs", min=1, help="How many pairs to show; default one of a hundred, at most 200."),
    ] = None,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Put works side by side that share what hardly anybody else has; nothing follows from it by itself.

    Exit status: 0 all were compared, 1 the files of some are gone or cannot be graded, 2 bad usage or bad input.
    """
    from grader.cohort.view.folder import require_free
    from grader.cohort.view.similar_pages import similar_works, write_similar
    from grader.project.places import Project

    project = Project.find()
    facts = project.lab(lab)
    require_free(out)
    with open_gradebook(folder) as (room, session):
        found = similar_works(room, session, project, facts, others or (), most)
    write_similar(found, project, facts, out)
    show_table(
        SIMILAR_COLUMNS,
        [
            (
                f"{pair.first} {pair.second}",
                f"{pair.surprise:.0f}",
                len(pair.mistakes),
                ", ".join(one.region.name for one in pair.holes[:HOLES_SHOWN]),
            )
            for pair in found.pairs[:PAIRS_SHOWN]
        ],
    )
    say(
        _(
            "{file}: {count} pairs to read; a reason to look, never a proof. 99 of 100 pairs have at most "
            "{typical}",
            file=out,
            count=len(found.pairs),
            typical=f"{found.typical:.0f}",
        )
    )
    if found.unread:
        say(
            _(
                "not compared, as their files are gone or cannot be graded: {names}; `class status --verbose` says "
                "which of them cannot be graded",
                names=", ".join(found.unread),
            )
        )
        raise typer.Exit(BELOW)


@app.command("appeal-page")
def appeal_page(
    number: Annotated[int, typer.Argument(metavar="APPEAL", help="Number of the appeal.")],
    out: PageFile,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Write a page on one appeal, with the history of its grading."""
    from grader.cohort.view.appeal_page import appeal_page as made
    from grader.report.files import require_place, write_text

    require_place(out)
    with open_gradebook(folder) as (room, session):
        write_text(out, made(room, session, number))
    say(_("{file}: appeal {number}", file=out, number=number))


@app.command("regrade-page")
def regrade_page(
    run: Annotated[int, typer.Argument(metavar="RUN", help="Number of the run; `class runs LAB` lists them.")],
    out: PageFile,
    folder: ClassFolder = None,
    lang: Language = None,
) -> None:
    """Write a page on what applying a run would change."""
    from grader.cohort.release.regrade import compare, run_of
    from grader.cohort.view.regrade_page import regrade_page as made
    from grader.report.files import require_place, write_text

    require_place(out)
    with open_gradebook(folder) as (room, session):
        found = run_of(session, run)
        write_text(out, made(room, session, found, compare(session, found)))
    say(_("{file}: run {number}", file=out, number=run))
