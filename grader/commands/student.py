"""The commands that a student has; a kit has no others. Parses and calls, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from grader import __version__
from grader.commands import check as checking
from grader.commands import explain as explaining
from grader.commands import work as working
from grader.commands.common import (
    BAD_INPUT,
    BELOW,
    INTERRUPTED,
    OK,
    LabName,
    Language,
    SubmissionPath,
    Weights,
    complain,
    errors,
    interrupt_on_termination,
    print_anything,
    say,
)
from grader.commands.speaking import new_app, speaking
from grader.language.translation import _, translated

app = new_app()


def _print_next(lab: str) -> None:
    """Say where to look after something that a run of the student's code ended."""
    from grader.explain.messages import command

    Console().print(Text.assemble(_("Next: "), (command("check", lab), "cyan")), soft_wrap=True)


@app.command("run")
def run_lab(
    lab: LabName,
    picture: Annotated[
        Path | None, typer.Argument(metavar="PICTURE", help="A picture; default the lab's own.")
    ] = None,
    submission: SubmissionPath = None,
    weights: Weights = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="An option of the experiment; repeatable."),
    ] = None,
    every: Annotated[
        int | None, typer.Option("--every", min=1, help="Keep the experiment every so many steps.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew instead of going on.")] = False,
    options: Annotated[bool, typer.Option("--options", help="Only list the options of the experiment.")] = False,
    lang: Language = None,
) -> None:
    """Run your own network: on a picture, or the lab's whole experiment, which can be left and taken up again.

    Exit status: 0 it ran to its end, 1 it did not, 2 bad usage or bad input, 3 the grader failed, 130 interrupted.
    """
    from grader.experiment.drive import RunRequest, run_experiment
    from grader.experiment.options import SEEDED, describe_options
    from grader.project.places import Project, ProjectError
    from grader.report.progress import Progress
    from grader.student.demo import run_demo
    from grader.student.standing import clickable

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        work = submission or project.submission(lab)
        if options and facts.facts.experiment is not None:
            for line in describe_options(facts.facts.experiment, facts.folder):
                say(line)
            raise typer.Exit(OK)
        if facts.facts.experiment is None:
            if set_ or every or fresh or options:
                raise ProjectError("lab {lab} has no experiment; it runs on a picture, without options", lab=lab)
            with Progress(title=_("{lab}: running", lab=lab)) as progress:
                demo = run_demo(project, facts, work, picture, weights, progress)
            demo.render(Console())
            if not demo.ran:
                _print_next(lab)
            raise typer.Exit(OK if demo.ran else BELOW)
        seeded = weights == Path(SEEDED) and not weights.exists()
        file = None if seeded else weights
        request = RunRequest(work, tuple(set_ or ()), picture, file, every, fresh, seeded)
        with Progress(title=_("{lab}: running", lab=lab)) as progress:
            report = run_experiment(project, facts, request, progress, progress.say)
        report.message = clickable(report.message, facts, work)
        report.render(Console())
        raise typer.Exit(INTERRUPTED if report.interrupted else OK if report.finished else BELOW)


@app.command()
def gradcheck(
    lab: LabName,
    target: Annotated[
        str, typer.Argument(metavar="LAYER", help="A layer: its class, as layer.py:ConvolutionLayer, or its name.")
    ],
    submission: SubmissionPath = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting of the layer, such as stride=2 or pad=1,0,0,1; repeatable.",
        ),
    ] = None,
    lang: Language = None,
) -> None:
    """Compare your layer's own backward pass with differences of its own forward pass; no solution is needed.

    Exit status: 0 they agree, 1 they do not, 2 bad usage or bad input, 3 the grader failed.
    """
    from grader.project.places import Project
    from grader.report.progress import Progress
    from grader.student.gradcheck import gradcheck as run
    from grader.student.gradcheck import parse_settings

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        with Progress(title=_("{lab}: gradient check", lab=lab)) as progress:
            work = submission or project.submission(lab)
            checked = run(project, facts, work, target, progress, parse_settings(set_ or ()))
        checked.render(Console())
        raise typer.Exit(OK if checked.agrees else BELOW)


@app.command()
def summary(
    lab: LabName,
    submission: SubmissionPath = None,
    weights: Weights = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Also draw the layers as bars into this PNG file.")
    ] = None,
    net: Annotated[
        str | None, typer.Option("--net", metavar="NAME", help="Which network, where a lab has several.")
    ] = None,
    lang: Language = None,
) -> None:
    """Show output, parameters, multiply-adds, time and share of each layer of your network."""
    from grader.project.places import Project
    from grader.report.progress import Progress
    from grader.student.summary import summarise, write_picture

    with errors():
        project = Project.find()
        facts = project.lab(lab)
        with Progress(title=_("{lab}: measuring", lab=lab)) as progress:
            measured = summarise(project, facts, submission or project.submission(lab), weights, progress, net)
        measured.render(Console())
        if measured.message:
            _print_next(lab)
        if picture is not None and measured.layers:
            write_picture(measured, picture)
            say(_("drawn: {file}", file=picture))
        raise typer.Exit(BELOW if measured.message else OK)


@app.command("list")
def list_(lang: Language = None) -> None:
    """List the labs."""
    from grader.language.errors import BadInput
    from grader.project.contract import list_labs
    from grader.project.places import Project

    broken: list[BadInput] = []
    with errors():
        project = Project.find()
        names = list_labs(project.root / "labs")
        widest = max(map(len, names), default=0)
        for name in names:
            try:
                lab = project.lab(name)
            except BadInput as error:
                broken.append(error)
                continue
            line = _(
                "{name} {title} ({count} checks)",
                name=name.ljust(widest + 1),
                title=translated(lab.facts.title, lab.folder),
                count=len(lab.checks),
            )
            say(line)
        for other in broken[:-1]:
            complain(str(other))
        if broken:
            raise broken[-1]


@app.command()
def doctor(lang: Language = None) -> None:
    """Say what isolation this host offers, and what to install or enable for more."""
    from grader.jail import probe
    from grader.jail.doctor import doctor_lines

    with errors():
        for line in doctor_lines(probe()):
            say(line)


@app.callback(invoke_without_command=True)
def version_option(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    lang: Language = None,
) -> None:
    """Options of the program itself."""
    if version:
        Console().print(__version__)
        raise typer.Exit(OK)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(BAD_INPUT)


app.registered_commands = checking.app.registered_commands + app.registered_commands
app.registered_commands += explaining.app.registered_commands
app.registered_commands += working.app.registered_commands


def main() -> None:
    """Entry point of a kit."""
    interrupt_on_termination()
    print_anything()
    speaking(app)(prog_name="grader")
