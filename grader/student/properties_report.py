"""The properties of a submission's layers, for a person: run in the jail, printed as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.explain.messages import instruction
from grader.language.translation import _, ngettext, translated
from grader.project.contract import Lab
from grader.project.fixtures import read_fixture
from grader.project.places import Project, ProjectError
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.properties import PropertyResult, layers, run_properties


def report_properties(project: Project, lab: Lab, submission: Path, progress: Progress) -> list[PropertyResult]:
    """Test the properties of every layer of a submission on the public cases.

    Raises
    ------
    ProjectError : no check drives a layer.
    SubmissionError : the submission cannot be collected.
    FixtureError : the public fixtures are missing or damaged; only their inputs are used.
    """
    wanted = [layer.forward.id for layer in layers(lab.checks)]
    if not wanted:
        raise ProjectError(
            "no check of lab {lab} drives a layer by itself: no property can be tested", lab=lab.name
        )
    fixture = read_fixture(project.fixtures(lab.name, "public"), wanted)
    cases = {name: [recorded.case for recorded in found] for name, found in fixture.checks.items()}
    progress.step(_("properties of the layers"))
    with opened(project, lab, submission, progress.note) as work:
        return run_properties(work.session, lab.checks, cases)


def render_properties(results: Sequence[PropertyResult], lab: Path, console: Console) -> None:
    """Print one row for each property that was tested, why others were not, and what the failed ones mean."""
    table = Table(box=None, pad_edge=False)
    for head, width in ((_("layer"), 15), (_("property"), 26), ("", 4)):
        table.add_column(head, min_width=width, no_wrap=True)
    for head in (_("error"), _("allowed")):
        table.add_column(head, min_width=7, no_wrap=True, justify="right")
    table.add_column(_("worst case"), overflow="fold")
    tested = [item for item in results if item.tested]
    for item in tested:
        mark = Text(_("ok"), style="green") if item.holds else Text(_("FAIL"), style="bold red")
        case = "" if item.holds else translated(item.case, lab)
        numbers = (f"{item.error:.1e}", f"{item.bound:.0e}")
        table.add_row(Text(item.layer), Text(translated(item.name)), mark, *numbers, Text(case))
    if tested:
        console.print(table)
    for message in dict.fromkeys(str(item.message) for item in results if item.message):
        console.print(Text(_("not tested: {why}", why=instruction(message, lab))), soft_wrap=True)
    if len(tested) < len(results):
        count = len(results) - len(tested)
        text = ngettext("{count} property could not be tested.", "{count} properties could not be tested.", count)
        console.print(Text(text), soft_wrap=True)
    if not tested:
        return
    console.print(
        Text(
            _(
                "{held} of {count} properties hold. They need no expected values: a layer can hold all of them and "
                "still be wrong, but one that does not is wrong for certain.",
                held=sum(item.holds for item in tested),
                count=len(tested),
            )
        ),
        soft_wrap=True,
    )
