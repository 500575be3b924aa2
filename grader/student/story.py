"""The whole story of one check for a person: what it asks, where it fails, the likely cause, the picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.text import Text

from grader.explain import CaseRun, Explanation, explain
from grader.explain.case_run import differences
from grader.explain.difference import difference
from grader.explain.messages import command, describe_case, describe_finding, describe_outcome, handout
from grader.explain.network import builds_on, is_of_network
from grader.explain.picture import ErrorMap, map_of
from grader.lab.checks import Case, Check
from grader.language.text import clean
from grader.language.translation import _, listed, translated
from grader.project.contract import Lab
from grader.project.fixtures import ARCHIVE_NAME, Fixture, RecordedCase, read_fixture
from grader.project.holes import left_open
from grader.project.manifest import FixtureError
from grader.project.places import Project, ProjectError
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.properties import BACKWARD, FORWARD, PropertyResult, run_properties
from grader.run.property_rules import GRADIENT
from grader.run.session import Outcome, Session
from grader.student.difference_picture import write_difference
from grader.student.text_picture import as_lines
from grader.verdicts import Verdict

PRINTED_LINES, NARROWEST = 12, 40
PARAMETER_GRADIENTS = ("d_weight", "d_bias")
ENDS_THE_STORY = (Verdict.UNFINISHED, Verdict.IMPORT, Verdict.FORBIDDEN, Verdict.TIMEOUT)


@dataclass(frozen=True)
class Story:
    """Everything that is told about one check.

    Attributes
    ----------
    task : what is to be written, and where the formula stands.
    runs : all cases that were run, in order.
    seen : what was seen in the first failing case; empty if all pass.
    regenerate : command that writes the inputs of that case to a file; only for public cases.
    differences : the submission's own gradient against central differences of its forward pass.
    """

    lab: Lab
    check: Check
    kind: str
    task: tuple[str, ...]
    runs: Sequence[CaseRun]
    cases_total: int
    seen: str
    explanation: Explanation
    regenerate: str = ""
    picture: ErrorMap | None = None
    differences: PropertyResult | None = None

    @property
    def passed(self) -> bool:
        """Whether there is nothing to explain."""
        return len(self.runs) == self.cases_total and all(run.passed for run in self.runs)

    @property
    def failing(self) -> CaseRun | None:
        """The first failing case."""
        return next((run for run in self.runs if not run.passed), None)


def story_of(
    project: Project,
    lab: Lab,
    check_id: str,
    submission: Path,
    progress: Progress,
    *,
    kind: str = "public",
    weights: Path | None = None,
    release: str | None = None,
) -> Story:
    """Run one check of a submission on all its cases, whatever it needs, and tell what came of it.

    ``release`` names older fixtures in the archive, so that an old result can be explained.

    Raises
    ------
    ProjectError : the lab has no such check.
    SubmissionError : the submission cannot be collected.
    FixtureError : the fixtures are missing or damaged.
    """
    check = _check_of(lab, check_id)
    fixture = read_fixture(fixture_folder(project, lab, kind, weights, release), [check_id])
    recorded = fixture.checks[check_id]
    differences, failed = None, []
    progress.step(translated(check.title, lab.folder))
    with opened(project, lab, submission, progress.note, checks=[check], weights=weights) as work:
        runs = run_cases(work.session, check, recorded)
        failing = next((number for number, run in enumerate(runs) if not run.passed), None)
        if failing is not None and check.id.endswith(BACKWARD) and not check.slow:
            differences = _differences(work.session, lab, check, recorded[failing].case)
        if failing is not None and is_of_network(runs[failing]):
            failed = _failed_before(work.session, lab, check, fixture.folder)
    return _story(lab, check, fixture, runs, differences, failed)


def _check_of(lab: Lab, check_id: str) -> Check:
    """Return a check of a lab by its id; refuse one that there is not."""
    if check_id not in lab.checks:
        raise ProjectError(
            "lab {name} has no check {check_id}; it has: {checks}",
            name=lab.name,
            check_id=repr(check_id),
            checks=", ".join(lab.checks),
        )
    return lab.checks[check_id]


def fixture_folder(project: Project, lab: Lab, kind: str, weights: Path | None, release: str | None) -> Path:
    """Return where the fixtures of a release lie: those in use, or older ones in the archive.

    Raises
    ------
    FixtureError : there is no such release; the message lists those that are kept.
    """
    folder = project.fixtures(lab.name, kind, weights)
    if release is None or release == read_fixture(folder, ()).release:
        return folder
    kept = sorted(old.parent.name for old in (folder.parent / ARCHIVE_NAME).glob(f"*/{kind}"))
    if release not in kept:
        known = ", ".join([*kept, read_fixture(folder, ()).release])
        raise FixtureError(
            "lab {name} has no {kind} fixtures of release {release}; there are: {known}",
            name=lab.name,
            kind=kind,
            release=release,
            known=known,
        )
    return folder.parent / ARCHIVE_NAME / release / kind


def run_cases(session: Session, check: Check, recorded: Sequence[RecordedCase]) -> list[CaseRun]:
    """Run a check on its cases until one ends in a way that the others would end in too."""
    runs = []
    for item in recorded:
        outcome = session.run(check, item.case)
        runs.append(CaseRun(item, outcome, differences(item, outcome)))
        if outcome.verdict in ENDS_THE_STORY:
            break
    return runs


def _failed_before(session: Session, lab: Lab, check: Check, fixtures: Path | None) -> list[str]:
    """Return the titles of what a network's check builds on and does not pass, as `check` and `grade` know them."""
    needed = [other for other in _needed(lab, check) if builds_on(check, other)]
    if fixtures is None or not needed:
        return []
    recorded = read_fixture(fixtures, [other.id for other in needed]).checks
    return [
        translated(other.title, lab.folder)
        for other in needed
        if any(not run.passed for run in run_cases(session, other, recorded[other.id]))
    ]


def _needed(lab: Lab, check: Check) -> list[Check]:
    """Return all checks that one needs, and those that they need."""
    found: dict[str, Check] = {}
    left = [check]
    while left:
        for name in left.pop().needs:
            if name in lab.checks and name not in found:
                found[name] = lab.checks[name]
                left.append(found[name])
    return [other for other in lab.checks.values() if other.id in found]


def _differences(session: Session, lab: Lab, check: Check, case: Case) -> PropertyResult | None:
    """Compare backward with central differences of forward, both the submission's own, on the failing case."""
    forward = check.id[: -len(BACKWARD)] + FORWARD
    checks = {name: lab.checks[name] for name in (forward, check.id) if name in lab.checks}
    found = run_properties(session, checks, {forward: [case]}, (GRADIENT,))
    return found[0] if found else None


def _story(
    lab: Lab,
    check: Check,
    fixture: Fixture,
    runs: Sequence[CaseRun],
    differences: PropertyResult | None,
    failed: Sequence[str] = (),
) -> Story:
    number, failing = next(((n, run) for n, run in enumerate(runs, start=1) if not run.passed), (0, None))
    if failing is None:
        seen, explanation, picture = "", Explanation(), None
    elif failing.outcome.verdict is not None:
        outcome = failing.outcome
        seen = describe_outcome(outcome, lab.folder)  # type: ignore[arg-type]
        explanation, picture = explain(check, runs, fixture, lab.folder, failed), None
    else:
        unusable = [finding for finding in failing.findings if not finding.is_number]
        seen = describe_finding((unusable or list(failing.findings))[0])
        explanation = explain(check, runs, fixture, lab.folder, failed)
        picture = map_of(failing)
    typed = command("case", lab.name, check.id, str(number), "--out", "case.npz")
    return Story(
        lab=lab,
        check=check,
        kind=fixture.kind,
        task=tuple(_task(lab, check)),
        runs=runs,
        cases_total=len(fixture.checks[check.id]),
        seen=seen,
        explanation=explanation,
        regenerate=typed if failing is not None and failing.recorded.case.arrays and not fixture.hidden else "",
        picture=picture,
        differences=differences,
    )


def _task(lab: Lab, check: Check) -> list[str]:
    """Return the instructions of the holes that the check exercises, as they stand in the skeleton."""
    lines = []
    for hole in check.holes:
        for handed in lab.facts.files:
            file = lab.folder / handed.path
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            found = next((item for item in left_open(text) if item.name == hole), None)
            if found is not None:
                instruction = translated(found.instruction, lab.folder)
                lines.append(f"{handed.path}, {hole}: {instruction} ({handout(lab)})")
    return lines


def render(story: Story, console: Console) -> None:
    """Print a story."""

    def line(text: str, style: str = "") -> None:
        console.print(Text(text, style=style), soft_wrap=True)

    passed = sum(run.passed for run in story.runs)
    line(f"{translated(story.check.title, story.lab.folder)} ({story.check.id})", "bold")
    for task in story.task:
        line("  " + _("to write: {task}", task=task))
    if story.kind == "hidden":
        line("  " + _("{passed} of {count} hidden cases pass", passed=passed, count=story.cases_total))
    else:
        line("  " + _("{passed} of {count} public cases pass", passed=passed, count=story.cases_total))
    for number, run in enumerate(story.runs, start=1):
        mark, style = (_("ok  "), "green") if run.passed else (_("FAIL"), "red")
        line(f"    {number:2} {mark} {_named(run.recorded.case, story.lab)}", style)
    failing = story.failing
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
    line("")
    for text in (story.seen, story.explanation.message):
        if text:
            line(text)
    if story.explanation.hint:
        line(_("Likely cause: {cause}", cause=story.explanation.hint), "bold")
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
            got = _("nothing") if seen is None else f"{seen.dtype} {tuple(seen.shape)}"
            wanted = f"{array.dtype} {tuple(array.shape)}"
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


def public_case(project: Project, lab: Lab, check_id: str, number: int) -> Case:
    """Return the inputs of a public case of a check; ``number`` counts from 1.

    Raises
    ------
    ProjectError : there is no such check or case.
    FixtureError : the fixtures are missing or damaged.
    """
    _check_of(lab, check_id)
    recorded = read_fixture(project.fixtures(lab.name, "public"), [check_id]).checks[check_id]
    if not 1 <= number <= len(recorded):
        raise ProjectError(
            "{check_id} has {recorded} cases, numbered from 1; there is no case {number}",
            check_id=check_id,
            recorded=len(recorded),
            number=number,
        )
    return recorded[number - 1].case


def save_case(project: Project, lab: Lab, check_id: str, number: int, file: Path) -> Case:
    """Write the inputs of a public case: its arrays by name, and its settings as numbers, texts and lists of them.

    A setting that is None is left out.

    Raises
    ------
    ProjectError : there is no such check or case, or the file cannot be written.
    FixtureError : the fixtures are missing or damaged.
    """
    case = public_case(project, lab, check_id, number)
    try:
        with file.open("wb") as stream:
            np.savez(stream, **settings_of(case), **dict(case.arrays))  # type: ignore[arg-type]
    except OSError as error:
        raise ProjectError("{file} cannot be written ({strerror})", file=file, strerror=error.strerror) from None
    return case


def settings_of(case: Case) -> dict[str, np.ndarray]:
    """Return the settings of a case as arrays, so that an archive of arrays can hold them."""
    plain = {key: value for key, value in case.config.items() if value is not None}
    return {key: np.array(json.dumps(value) if isinstance(value, dict) else value) for key, value in plain.items()}
