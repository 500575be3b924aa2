"""The grader in a notebook: ``from grader.notebook import check, explain, picture, gradcheck``.

Each returns a report that a cell shows as HTML, with pictures. Student code never runs in the notebook's kernel: it
is read from the files of ``stu_upload/LAB``, as ``%%writefile`` saves them, and runs in the worker as it does for a
command. Where the system has no namespaces, as on Colab and macOS, that is a process of its own and no more; the
report says so.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from html import escape
from typing import Any

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from grader.explain.messages import commands_as, typed
from grader.grading import Request, grade
from grader.language.errors import GraderError
from grader.language.translation import _
from grader.project.contract import Lab
from grader.project.places import Project
from grader.report.progress import Progress
from grader.report.summary import passed
from grader.student.difference_picture import drawings_of
from grader.student.gradcheck import gradcheck as compare_gradients
from grader.student.gradcheck import parse_settings
from grader.student.history import History
from grader.student.layer_checks import checks_of_layer
from grader.student.page import check_page
from grader.student.screen import show_check
from grader.student.standing import Next, Standing, after_success
from grader.student.story import story_of
from grader.student.story_text import render

WIDTH = 100
# On its own paper, as the colours of a terminal can be read on one paper only, light or dark.
PRE = (
    '<pre style="font-family: ui-monospace, monospace; white-space: pre-wrap; line-height: 1.3; padding: .5rem; '
    'background: #fff; color: #1c1f24">{code}</pre>'
)
# Colours with a contrast of at least 4.5 on white. What is dim is mixed with the first one.
COLOURS = TerminalTheme(
    (0x78, 0x78, 0x78),
    (0x1C, 0x1F, 0x24),
    [
        (0, 0, 0),
        (179, 38, 30),
        (26, 111, 51),
        (122, 86, 0),
        (11, 87, 164),
        (123, 45, 139),
        (0, 107, 117),
        (91, 100, 112),
    ],
)
STYLE = re.compile(r"<style>(.*?)</style>", re.S)
LANDMARK = re.compile(r"<(/?)(?:main|header|footer)\b")
BODY = re.compile(r"<body>(.*)</body>", re.S)


@dataclass(frozen=True)
class Report:
    """What a cell shows: HTML where it can be shown, else text; ``passed`` says whether everything holds."""

    html: str
    text: str
    passed: bool = False

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def _told(run: Callable[..., Report]) -> Callable[..., Report]:
    """Show what was wrong with the call in words instead of a traceback of the grader."""

    @wraps(run)
    def told(*arguments: Any, **options: Any) -> Report:
        try:
            with commands_as(as_cell):
                return run(*arguments, **options)
        except GraderError as error:
            text = _("error: ") + str(error)
            return Report(f'<p style="color: #b3261e">{escape(text)}</p>', text)

    return told


def as_cell(verb: str, *words: str) -> str:
    """Return a command as it is written in a cell: a call where this module has one, else a line of the shell."""
    lab, *more = words
    switches, names = [word for word in more if word.startswith("--")], [w for w in more if not w.startswith("--")]
    if verb == "check" and set(switches) <= {"--only", "--all"}:
        arguments = [f'"{name}"' for name in (lab, *names)] + ["slow=True"] * ("--all" in switches)
        return f"check({', '.join(arguments)})"
    if verb == "explain" and not switches:
        return f'explain("{lab}", "{names[0]}")'
    return "!" + typed(verb, *words)


@_told
def check(lab: str, *only: str, layer: str = "", slow: bool = False) -> Report:
    """Check your work on ``lab``, or only some checks or one layer of it; ``slow`` adds the full network."""
    project, facts, request = _request(lab, only, layer, slow)
    result = grade(project, request, _quiet())
    history = History.of(request.submission)
    where = Standing.of(facts, request.submission, result.checks, history.compared(result.checks))
    history.add(result.started_at, result.checks)
    after = Next("", after_success(result, request.only))
    drawings = drawings_of(project, request, result, _quiet())
    console = _console()
    show_check(result, where, after, console)
    html = fragment(check_page(result, where, after, drawings))
    return Report(html, console.export_text(), all(map(passed, result.checks)))


@_told
def explain(lab: str, check: str) -> Report:
    """Tell the whole story of one check, with a picture of where it is wrong."""
    project, facts, request = _request(lab, (check,))
    story = story_of(project, facts, check, request.submission, _quiet())
    console = _console()
    render(story, console)
    text = console.export_text(clear=False)
    html = as_html(console)
    return Report(html if story.passed else html + _drawn(project, request), text, story.passed)


@_told
def picture(lab: str, check: str) -> Report:
    """Draw where the first wrong array of a check is wrong: what went in, what came out, the error."""
    project, _facts, request = _request(lab, (check,))
    drawn = _drawn(project, request)
    text = _("nothing to draw: no check returned wrong numbers")
    return Report(drawn, f"<{check}>") if drawn else Report(f"<p>{escape(text)}</p>", text, True)


@_told
def gradcheck(lab: str, target: str, **settings: object) -> Report:
    """Compare a layer's backward pass with differences of its own forward pass: ``gradcheck("vgg16", "conv")``."""
    project, facts, request = _request(lab)
    typed = [f"{name}={str(value).replace(' ', '')}" for name, value in settings.items()]
    found = compare_gradients(project, facts, request.submission, target, _quiet(), parse_settings(typed))
    console = _console()
    found.render(console)
    text = console.export_text(clear=False)
    return Report(as_html(console), text, found.agrees)


def as_html(console: Console) -> str:
    """Return what was printed on a console that records, with its colours."""
    return console.export_html(theme=COLOURS, inline_styles=True, code_format=PRE)


def fragment(page: str) -> str:
    """Return a page as a part of another one, with a style sheet that reaches no further than that part.

    Its rules are nested in a class that is named twice: so they come before those that Jupyter has for all tables.
    """
    style, body = STYLE.search(page), BODY.search(page)
    if style is None or body is None:
        raise ValueError("no page of a report")
    nested = style[1].replace(":root", "&").replace("\nbody {", "\n& {")
    # The notebook has a main part of its own, and no page may have two.
    inner = LANDMARK.sub(r"<\1div", body[1])
    return f'<div class="grader"><style>.grader.grader {{{nested}}}</style>{inner}</div>'


def _request(
    lab: str, only: tuple[str, ...] = (), layer: str = "", slow: bool = False
) -> tuple[Project, Lab, Request]:
    project = Project.find()
    facts = project.lab(lab)
    wanted = (*only, *(checks_of_layer(facts, layer, slow=slow) if layer else ()))
    facts.in_order(wanted)
    work = project.submission(lab)
    return project, facts, Request(facts, work, "public", wanted, slow=slow, allow_weak_jail=True)


def _drawn(project: Project, request: Request) -> str:
    result = grade(project, request, _quiet())
    return "".join(drawings_of(project, request, result, _quiet()).values())


def _quiet() -> Progress:
    """Return a progress that nobody sees: a cell shows that it runs."""
    return Progress(console=Console(file=io.StringIO(), force_jupyter=False))


def _console() -> Console:
    # In a kernel Rich shows all that is printed in the cell, wherever it is sent; a report is shown once.
    return Console(record=True, file=io.StringIO(), width=WIDTH, force_terminal=False, force_jupyter=False)
