"""Writes every kind of page that a student gets: the report of `check`, a handout, and cells of a notebook."""

import numpy as np
from rich.console import Console

from grader.compare import Tolerance
from grader.drawing import style, to_svg
from grader.explain.case_run import CaseRun, differences
from grader.kits.handouts import handout_pages
from grader.lab.checks import Case
from grader.notebook import as_html, fragment
from grader.project.fixtures import RecordedCase
from grader.project.places import Project
from grader.run.session import Outcome
from grader.student.difference_picture import _figure
from grader.student.history import Progressed
from grader.student.page import check_page
from grader.student.screen import show_check
from grader.student.standing import Next, Standing
from grader.verdicts import Verdict
from tests.golden import ROOT
from tests.report import samples

STUDENT_PAGES = ("check.html", "handout.html", "notebook.html")
HANDOUT_OF = "resnet18"
WORDS = 60


def write_student_pages(out, language):
    """Write the pages into a folder, in the language that is spoken."""
    lab = Project(ROOT).lab("vgg16")
    beyond = samples.broken_beyond().checks[0]
    printed = samples.failed(output="\n".join(f"{'at ' * WORDS}{n}" for n in range(40)))
    others = [
        samples.held(name, 80, lab.checks[name].title)
        for name in ("relu_forward", "flatten_forward", "fully_connected_forward")
        if name in lab.checks
    ]
    hostile = samples.failed(
        id="max_pool_forward", tier=80, hint=samples.POISON.replace("\ud800", ""), verdict=Verdict.WRONG
    )
    result = samples.honest(mode="check", score=None, checks=[beyond, hostile, printed, *others])
    changed = Progressed(("relu_forward",), ("max_pool_forward",), True)
    where = Standing.of(lab, ROOT / "labs" / "vgg16", result.checks, changed)
    page = check_page(result, where, Next("", ""), {"conv_backward": _drawing(lab)})
    (out / "check.html").write_text(page, encoding="utf-8")
    name = "README.html" if language == "en" else f"README.{language}.html"
    (out / "handout.html").write_bytes(handout_pages(ROOT / "labs" / HANDOUT_OF, HANDOUT_OF)[name])
    with open(out / "terminal.txt", "w", encoding="utf-8") as file:
        console = Console(record=True, file=file, width=100, force_terminal=False)
        show_check(result, where, Next("", ""), console)
    text = as_html(console)
    cells = f"<main><h1>Notebook</h1>{text}{fragment(page)}</main>"
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Notebook</title>'
    (out / "notebook.html").write_text(
        f'<!doctype html><html lang="{language}"><head>{head}</head><body>{cells}</body></html>', encoding="utf-8"
    )


def _drawing(lab):
    """Draw an array that is wrong everywhere."""
    x = np.arange(60.0, dtype=np.float32).reshape(1, 2, 5, 6)
    recorded = RecordedCase(Case.of("one case", x=x), {"outputs": x}, {"outputs": Tolerance(1e-5, 1e-6)})
    outcome = Outcome(None, "", outputs={"outputs": x + 1})
    run = CaseRun(recorded, outcome, differences(recorded, outcome))
    with style(page=True):
        figure, name = _figure(run, lab, lab.checks["conv_backward"], hidden=False)
        return to_svg(figure, name)
