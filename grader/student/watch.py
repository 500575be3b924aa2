"""Checks again whenever a file is saved: the box stays warm, and only what the file affects is run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.text import Text

from grader.checking import run_checks
from grader.collect.submission import SubmissionError
from grader.explain.messages import command
from grader.grading import Request
from grader.jail.patience import Cancelled
from grader.lab.checks import Check
from grader.language.text import one_line
from grader.language.translation import _
from grader.project.contract import Lab
from grader.project.fixtures import read_fixture
from grader.project.places import Project, ProjectError
from grader.report.look import Look
from grader.report.progress import Progress
from grader.run.opening import Opened, opened, ruled_out
from grader.score.document import CheckResult
from grader.student.history import History, Progressed
from grader.student.screen import change_lines, failures, next_lines, printed_blocks
from grader.student.standing import Next, Standing
from grader.verdicts import Verdict, verdict_word

POLL_EVERY_S = 0.05
# In which a file that is still being written changes again.
SETTLES_S = 0.025
# Of one call: small arrays need milliseconds, so that what takes longer never ends.
CALL_LIMIT_S, FIRST_CALL_LIMIT_S = 10.0, 20.0
# More lines of checks that pass than these are one line.
MOST_PASSING = 6
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


def limited(lab: Lab) -> Lab:
    """Return the lab with the short limits of watching; checks that have a limit of their own keep it."""
    limits = lab.facts.limits
    shorter = {
        "call_s": min(limits.call_s, CALL_LIMIT_S),
        "first_call_s": min(limits.first_call_s, FIRST_CALL_LIMIT_S),
    }
    facts = lab.facts.model_copy(update={"limits": limits.model_copy(update=shorter)})
    return replace(lab, facts=facts)


@dataclass
class Round:
    """What was run after a save: the files, the checks that ran, and how long it took."""

    changed: Sequence[str]
    ran: Sequence[str]
    results: Mapping[str, CheckResult]
    seconds: float
    progressed: Progressed = field(default_factory=Progressed)


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
        lab, request = limited(self.request.lab), self.request
        own = request.submission == self.project.submission(lab.name)
        self.lab, self.history = lab, History.of(request.submission) if own else History(None)
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

    def run(
        self,
        progress: Progress,
        changed: set[str] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Round:
        """Run what ``changed`` affects (everything if it is None) on the files as they are now.

        Raises
        ------
        SubmissionError : the files cannot be collected, for example while one of them is being replaced.
        Cancelled : while a check ran, ``cancelled`` said that its result is not wanted any more.
        """
        began = time.monotonic()
        lab = self.lab
        wanted = self.checks if changed is None else affected_checks(lab, self.checks, changed)
        work = self._ready(progress)
        # A check runs only after those that it needs.
        names = tuple(check.id for check in wanted)
        ordered = [check for check in lab.in_order(names) if check in self.checks] if names else []
        work.session.cancelled = cancelled
        results, _outcomes = run_checks(
            work.session,
            lab,
            ordered,
            self.fixture,
            ruled_out(lab, work.collected),
            progress,
            gates=self.request.gates,
        )
        progressed = self.history.compared(results)
        self.history.add(datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), results)
        self.results |= {result.id: result for result in results}
        shown = {check.id: self.results[check.id] for check in self.checks if check.id in self.results}
        return Round(sorted(changed or ()), names, shown, time.monotonic() - began, progressed)

    def _ready(self, progress: Progress) -> Opened:
        """Return the open submission with its files as they are now."""
        request = self.request
        if self._work is None:
            self._work = self._door.enter_context(
                opened(
                    self.project,
                    self.lab,
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

    A save while checks run ends them: only the files as they are now matter.

    Raises
    ------
    ProjectError : the submission is not a folder.
    """
    look = Look.of(console)
    folder = request.submission
    with Watcher(project, request) as watcher:

        def once(changed: set[str] | None, saves: Saves) -> None:
            with Progress(title=_("{lab}: checking", lab=request.lab.name)) as progress:
                done = watcher.run(progress, changed, saves.came)
            show(done, request, console, look, verbose=verbose)

        before = snapshot(folder)
        # What was saved and not yet checked to the end; at first everything.
        pending: set[str] | None = None
        waits = True
        try:
            while True:
                if waits:
                    try:
                        once(pending, Saves(folder, before))
                        pending = set()
                    except SubmissionError as error:
                        console.print(Text(str(error), style="yellow"), soft_wrap=True)
                        pending = set() if pending is not None else None
                    except Cancelled:
                        console.print(Text(_("saved again; beginning anew"), style="dim"), soft_wrap=True)
                if not keep_on():
                    break
                time.sleep(POLL_EVERY_S)
                after = snapshot(folder)
                changed = changed_files(before, after)
                # A file that is still being written changes again at once.
                waits = bool(changed) and not changed_files(after, _a_moment_later(folder))
                if waits:
                    pending = None if pending is None else pending | changed
                    before = after
        except KeyboardInterrupt:
            console.print(_("stopped watching"))


@dataclass
class Saves:
    """Tells whether a file was saved since a snapshot; looks at the disk only now and then."""

    folder: Path
    before: Snapshot
    _next_look_s: float = 0.0

    def came(self) -> bool:
        """Return whether something was saved."""
        if time.monotonic() < self._next_look_s:
            return False
        self._next_look_s = time.monotonic() + POLL_EVERY_S
        return bool(changed_files(self.before, snapshot(self.folder)))


def _a_moment_later(folder: Path) -> Snapshot:
    time.sleep(SETTLES_S)
    return snapshot(folder)


def show(done: Round, request: Request, console: Console, look: Look, *, verbose: bool = False) -> None:
    """Print a round: a line for each check that ran, what changed, the first failure, and the one thing to do."""
    lab = request.lab
    gone = [name for name in done.changed if not (request.submission / name).exists()]
    saved = [name for name in done.changed if name not in gone]
    told = [_("{files} saved", files=", ".join(saved))] if saved else []
    told += [_("{files} removed", files=", ".join(gone))] if gone else []
    what = _("; ").join(told) or _("watching; save a file and it is checked again")
    console.print()
    console.print(Text(look.text(f"{time.strftime('%H:%M:%S')}  {what}"), style="bold"))
    ran = [done.results[name] for name in done.ran]
    passing = [result for result in ran if result.verdict is Verdict.PASS]
    folded = len(passing) > MOST_PASSING and not verbose
    if folded:
        text = Text("  ").append(look.sign(Verdict.PASS), style=look.style(Verdict.PASS))
        console.print(text.append(look.text(" " + _("{count} checks pass", count=len(passing)))))
    for result in ran:
        if result.verdict is Verdict.SKIPPED or (folded and result.verdict is Verdict.PASS):
            continue
        line = Text("  ").append(look.sign(result.verdict), style=look.style(result.verdict))
        line.append(f" {look.text(one_line(result.title))}")
        if result.verdict is not Verdict.PASS:
            line.append(f"  {verdict_word(result.verdict)}", style=look.style(result.verdict))
        console.print(line)
    where = Standing.of(lab, request.submission, list(done.results.values()), done.progressed)
    for line in change_lines(where, look):
        console.print(line, soft_wrap=True)
    for block in [*failures(where, look, verbose=verbose), *printed_blocks(where, look, verbose=verbose)]:
        console.print(block)
    counted = where.scored or where.extra
    passed = sum(item.verdict is Verdict.PASS for item in counted)
    console.print(
        Text(
            look.text(
                _(
                    "{passed} of {count} checks pass ({seconds} s)",
                    passed=passed,
                    count=len(counted),
                    seconds=f"{done.seconds:.1f}",
                )
            ),
            style="bold",
        )
    )
    step = where.next() if where.failing else Next("", command("check", lab.name, "--all"))
    for line in next_lines(step, look):
        console.print(line, soft_wrap=True)
