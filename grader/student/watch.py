"""Checks again whenever a file is saved: the box stays warm, and only what the file affects is run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.text import Text

from grader.checking import run_checks
from grader.collect.submission import SubmissionError
from grader.grading import Request
from grader.lab.checks import Check
from grader.language.text import clean, one_line
from grader.language.translation import _
from grader.project.contract import Lab
from grader.project.fixtures import read_fixture
from grader.project.places import Project, ProjectError
from grader.report.look import Look
from grader.report.progress import Progress
from grader.run.opening import Opened, opened, ruled_out
from grader.score.document import CheckResult
from grader.verdicts import Verdict, verdict_word

POLL_EVERY_S = 0.25
Snapshot = Mapping[str, tuple[int, int]]


def snapshot(folder: Path) -> Snapshot:
    """Return time of change and size of every Python file below ``folder``, by its path."""
    found = {}
    for file in sorted(folder.rglob("*.py")):
        try:
            facts = file.stat()
        except OSError:
            # An editor is replacing it just now.
            continue
        found[file.relative_to(folder).as_posix()] = (facts.st_mtime_ns, facts.st_size)
    return found


def changed_files(before: Snapshot, after: Snapshot) -> set[str]:
    """Return the files that were added, removed or written."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def affected_checks(lab: Lab, checks: Sequence[Check], changed: set[str]) -> list[Check]:
    """Return the checks that depend on a changed file, and those that need one of them, in order.

    A check that names no files depends on all, and so does every check on a file that the lab does not name.
    """
    declared = {file.path for file in lab.facts.files}
    everything = bool(changed - declared)
    affected: dict[str, Check] = {}
    for check in checks:
        touched = everything or not check.files or bool(changed & set(check.files))
        if touched or any(name in affected for name in check.needs):
            affected[check.id] = check
    return list(affected.values())


@dataclass
class Round:
    """What was run after a save: the files, the checks that ran, and how long it took."""

    changed: Sequence[str]
    ran: Sequence[str]
    results: Mapping[str, CheckResult]
    seconds: float


@dataclass
class Watcher:
    """One submission in one box for as long as it is watched. Use it as a context manager."""

    project: Project
    request: Request
    results: dict[str, CheckResult] = field(default_factory=dict)
    _work: Opened | None = None
    _door: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        if not self.request.submission.is_dir():
            raise ProjectError(
                "{submission} is no folder; only a folder can be watched", submission=self.request.submission
            )
        lab, request = self.request.lab, self.request
        self.checks = [check for check in lab.in_order(request.only) if request.slow or not check.slow]
        self.fixture = read_fixture(
            self.project.fixtures(lab.name, request.kind, request.weights), [check.id for check in self.checks]
        )

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.close()

    def run(self, progress: Progress, changed: set[str] | None = None) -> Round:
        """Run what ``changed`` affects (everything if it is None) on the files as they are now.

        Raises
        ------
        SubmissionError : the files cannot be collected, for example while one of them is being replaced.
        """
        began = time.monotonic()
        lab = self.request.lab
        wanted = self.checks if changed is None else affected_checks(lab, self.checks, changed)
        work = self._ready(progress)
        # A check runs only after those that it needs.
        names = tuple(check.id for check in wanted)
        ordered = [check for check in lab.in_order(names) if check in self.checks] if names else []
        results, _outcomes = run_checks(
            work.session,
            lab,
            ordered,
            self.fixture,
            ruled_out(lab, work.collected),
            progress,
            gates=self.request.gates,
        )
        self.results |= {result.id: result for result in results}
        shown = {check.id: self.results[check.id] for check in self.checks if check.id in self.results}
        return Round(sorted(changed or ()), names, shown, time.monotonic() - began)

    def _ready(self, progress: Progress) -> Opened:
        """Return the open submission with its files as they are now."""
        request = self.request
        if self._work is None:
            self._work = self._door.enter_context(
                opened(
                    self.project,
                    request.lab,
                    request.submission,
                    progress.note,
                    checks=self.checks,
                    weights=request.weights,
                    level=request.level,
                    slot=request.slot,
                )
            )
        else:
            self._work.collect_again(request.submission)
        return self._work


def watch(
    project: Project,
    request: Request,
    console: Console,
    *,
    verbose: bool = False,
    keep_on: Callable[[], bool] = lambda: True,
) -> None:
    """Check at once, then again after every save, until ``keep_on`` says no or Ctrl+C is pressed.

    Raises
    ------
    ProjectError : the submission is not a folder.
    """
    look = Look.of(console)
    folder = request.submission
    with Watcher(project, request) as watcher:

        def once(changed: set[str] | None = None) -> None:
            with Progress(title=f"{request.lab.name}: checking") as progress:
                done = watcher.run(progress, changed)
            show(done, request.lab, console, look, verbose=verbose)

        before = snapshot(folder)
        once()
        try:
            while keep_on():
                time.sleep(POLL_EVERY_S)
                after = snapshot(folder)
                changed = changed_files(before, after)
                # A file that is still being written changes again at once.
                if not changed or changed_files(after, _a_moment_later(folder)):
                    continue
                try:
                    once(changed)
                except SubmissionError as error:
                    console.print(Text(str(error), style="yellow"), soft_wrap=True)
                before = after
        except KeyboardInterrupt:
            console.print(_("stopped watching"))


def _a_moment_later(folder: Path) -> Snapshot:
    time.sleep(POLL_EVERY_S / 5)
    return snapshot(folder)


def show(done: Round, lab: Lab, console: Console, look: Look, *, verbose: bool = False) -> None:
    """Print a round: a line for each check that ran, the first failure in words, and the one thing to do next."""
    if done.changed:
        what = _("{files} saved", files=", ".join(done.changed))
    else:
        what = _("watching; save a file and it is checked again")
    console.print()
    console.print(Text(look.text(f"{time.strftime('%H:%M:%S')}  {what}"), style="bold"))
    for name in done.ran:
        result = done.results[name]
        line = Text("  ").append(look.sign(result.verdict), style=look.style(result.verdict))
        line.append(f" {look.text(one_line(result.title))}")
        if result.verdict is not Verdict.PASS:
            line.append(f"  {verdict_word(result.verdict)}", style=look.style(result.verdict))
        console.print(line)
    failed = [item for item in done.results.values() if item.verdict is not Verdict.PASS]
    told = [item for item in failed if item.verdict is not Verdict.SKIPPED]
    for item in told if verbose else told[:1]:
        console.print(Text(look.text(f"{one_line(item.title)}: {clean(item.message)}")), soft_wrap=True)
        for extra in (item.failed_case, item.hint):
            if extra:
                console.print(Text(look.text(clean(extra)), style="dim"), soft_wrap=True)
    passed = len(done.results) - len(failed)
    console.print(
        Text(
            look.text(
                _(
                    "{passed} of {count} checks pass ({seconds} s)",
                    passed=passed,
                    count=len(done.results),
                    seconds=f"{done.seconds:.1f}",
                )
            ),
            style="bold",
        )
    )
    next_ = next((item.next for item in told if item.next), "")
    if not failed:
        next_ = f"python -m grader check {lab.name} --all"
    if next_:
        console.print(Text.assemble(_("Next: "), (look.text(one_line(next_)), "cyan")), soft_wrap=True)
