"""Tells a story of one check at a terminal, and draws its picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.explain import CaseRun
from grader.explain.difference import difference
from grader.explain.messages import command, describe_case
from grader.lab.checks import Case
from grader.language.text import clean
from grader.language.translation import _, listed, translated
from grader.project.contract import Lab
from grader.project.places import ProjectError
from grader.run.properties import PropertyResult
from grader.run.session import Outcome
from grader.student.difference_picture import write_difference
from grader.student.standing import clickable
from grader.student.story import Story
from grader.student.text_picture import as_lines

PRINTED_LINES, NARROWEST = 12, 40
PARAMETER_GRADIENTS = ("d_weight", "d_bias")


def render(story: Story, console: Console) -> None:
    """Print a story."""

    def line(text: str, style: str = "") -> None:
        console.print(Text(text, style=style), soft_wrap=True)

    passed = sum(run.passed for run in story.runs)
    failing = story.failing
    line(f"{translated(story.check.title, story.lab.folder)} ({story.check.id})", "bold")
    if failing is not None:
        if story.explanation.hint:
            line(_("Likely cause: {cause}", cause=story.explanation.hint), "bold")
        for text in (story.seen, story.explanation.message):
            if text:
                line(clickable(text, story.lab, story.folder))
        line("")
    for task in story.task:
        line("  " + _("to write: {task}", task=task))
    if story.kind == "hidden":
        line("  " + _("{passed} of {count} hidden cases pass", passed=passed, count=story.cases_total))
    else:
        line("  " + _("{passed} of {count} public cases pass", passed=passed, count=story.cases_total))
    for number, run in enumerate(story.runs, start=1):
        mark, style = (_("ok  "), "green") if run.passed else (_("FAIL"), "red")
        line(f"    {number:2} {mark} {_named(run.recorded.case, story.lab)}", style)
    if failing is None:
        line(_("Nothing to explain: every case passes."), "green")
        if story.runs:
            _print_printed(story, story.runs[-1], line)
        return
    line("")
    name = translated(failing.recorded.case.name, story.lab.folder)
    line(_("First failing case: {name}", name=name), "bold")
    for text in _shapes(failing):
        line(f"  {text}")
    _print_printed(story, failing, line)
    if story.differences is not None:
        line("")
        line(describe_differences(story.differences, [finding.output for finding in failing.findings]))
    if story.picture is not None:
        line("")
        line(_("Where the error sits; brackets mark the worst entry and what it comes from:"))
        drawn = difference(story.picture, "", hidden=story.kind == "hidden")
        for text in as_lines(drawn, max(console.width, NARROWEST) - 2, unicode=_can_draw(console)):
            line(f"  {text}".rstrip())
    if story.regenerate:
        line("")
        line(_("Its inputs, to try your layer on:"))
        line(f"  {story.regenerate}")
        line(_("or, at a prompt with your files:"))
        line("  " + command("shell", story.lab.name, story.check.id, str(1 + list(story.runs).index(failing))))


def _print_printed(story: Story, run: CaseRun, line: Callable[[str, str], None]) -> None:
    """Print the end of what the student's code printed; of a hidden case nothing."""
    printed = run.outcome.printed if isinstance(run.outcome, Outcome) and story.kind == "public" else ""
    if printed.strip():
        line(_("Printed:"), "")
        for text in clean(printed).splitlines()[-PRINTED_LINES:]:
            line(f"  {text}", "dim")


def _named(case: Case, lab: Lab) -> str:
    return describe_case(Case(case.name, case.config), lab.folder)


def _can_draw(console: Console) -> bool:
    return (console.encoding or "").lower().startswith("utf")


def _shapes(run: CaseRun) -> list[str]:
    case = run.recorded.case
    lines = [f"{name}: {array.dtype} {tuple(array.shape)}" for name, array in case.arrays.items()]
    for name, array in list(run.recorded.expected.items())[:2]:
        if "/" not in name:
            seen = run.output(name)
            wanted = f"{array.dtype} {tuple(array.shape)}"
            if seen is None:
                lines.append(_("{name}: required {wanted}, returned nothing", name=name, wanted=wanted))
                continue
            got = f"{seen.dtype} {tuple(seen.shape)}"
            lines.append(_("{name}: required {wanted}, returned {got}", name=name, wanted=wanted, got=got))
    return lines


def describe_differences(found: PropertyResult, wrong: Sequence[str]) -> str:
    """Say whether the submission's backward pass is the gradient of its own forward pass.

    Only the gradient of the input, the first output, was compared; ``wrong`` are the outputs that are wrong.
    """
    others = [name for name in wrong if name in PARAMETER_GRADIENTS]
    if found.holds and not found.message and others:
        return _(
            "The gradient of the input is that of your own forward pass (central differences agree to {error}); "
            "{names} is not right by itself.",
            error=f"{found.error:.1e}",
            names=listed([f"`{name}`" for name in others]),
        )
    if found.message:
        return _("Its gradient could not be compared with differences: {why}", why=found.message)
    if found.holds:
        return _(
            "Your backward pass is the gradient of your forward pass (central differences agree to {error}): look "
            "at the forward pass, or at what of it the backward pass keeps.",
            error=f"{found.error:.1e}",
        )
    return _(
        "Your backward pass is not the gradient of your own forward pass: central differences of `forward` differ "
        "from `backward` by {error} times the gradient's length (allowed: {allowed}).",
        error=f"{found.error:.2g}",
        allowed=f"{found.bound:.0e}",
    )


def save_picture(story: Story, file: Path) -> None:
    """Write the picture of the story as PNG.

    Raises
    ------
    ProjectError : there is no picture.
    ReportError : the file cannot be written.
    """
    failing, hidden = story.failing, story.kind == "hidden"
    if failing is None or not write_difference(failing, story.lab, story.check, file, hidden=hidden):
        raise ProjectError("{id}: there is no error that could be drawn", id=story.check.id)
