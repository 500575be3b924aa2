"""``grader run`` for labs with an experiment: drive it step by step, show how far it is, keep it, go on from it.

The submission runs in the jail; this side draws and writes files. On the first Ctrl+C it lets the step under way
end and keeps it; the same command goes on from there.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.collect.submission import Collected
from grader.drawing import Curve
from grader.experiment.folder import CURVES_NAME, SUMMARY_NAME, Checkpoint, RunFolder
from grader.experiment.options import Options, choose_weights, read_options
from grader.experiment.records import Progressed, RecordError, read_record, read_snapshot
from grader.explain.messages import command, describe_outcome
from grader.lab.experiments import STATE
from grader.language.message import Message
from grader.language.numbers import rough_duration
from grader.language.translation import _, ngettext
from grader.project.contract import Lab
from grader.project.places import Project, ProjectError
from grader.report.files import require_place
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.session import Outcome, Session

HANDLER = "grader.inside.experiment"
STEPS_FOR_AN_ESTIMATE = 20


@dataclass(frozen=True)
class RunRequest:
    """What to run: the submission with ``NAME=VALUE`` settings.

    ``weights`` are a course's own; ``seeded`` asks for the seeded ones where the lab has trained first layers.
    ``every`` is after how many steps it is kept, None for what the lab says; ``fresh`` begins anew even if there is
    something to go on from.
    """

    submission: Path
    settings: tuple[str, ...] = ()
    picture: Path | None = None
    weights: Path | None = None
    every: int | None = None
    fresh: bool = False
    seeded: bool = False


@dataclass
class RunReport:
    """How a run went.

    ``message`` says why it ended early, ``notes`` what a person should know, ``pace_s`` how long one of the last
    steps took.
    """

    lab: str
    folder: Path
    started_at: int = 0
    step: int = 0
    total: int = 0
    kept_at: int | None = None
    seconds: float = 0.0
    pace_s: float | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    names: dict[str, Message] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    notes: list[Message | str] = field(default_factory=list)
    message: str = ""
    interrupted: bool = False

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return not self.message and not self.interrupted

    def render(self, console: Console) -> None:
        """Print results, where they lie, and what can be done next."""
        for note in self.notes:
            console.print(Text(_("note: {note}", note=note)), soft_wrap=True)
        if self.message:
            console.print(Text(self.message, style="bold"), soft_wrap=True)
        if self.total:
            console.print(Text(self._line()), soft_wrap=True)
        if self.numbers:
            table = Table(box=None, pad_edge=False, show_header=False)
            table.add_column()
            table.add_column(justify="right")
            for name, value in self.numbers.items():
                table.add_row(Text(str(self.names.get(name, name))), f"{value:.4g}")
            console.print(table)
        if self.message and not self.total:
            console.print(Text.assemble(_("Next: "), (command("check", self.lab), "cyan")), soft_wrap=True)
        if self.kept_at is None:
            console.print(Text(_("Nothing was kept yet.")))
            return
        names = ", ".join([*(f"{name}.png" for name in self.pictures), CURVES_NAME])
        console.print(Text(f"{self.folder}: {names}"), soft_wrap=True)
        if self.finished and self.total and self.step == self.started_at:
            console.print(
                Text(_("It had come to its end before. Ask for more to go on, or begin anew with --fresh."))
            )
        if not self.finished:
            console.print(
                Text(_("Kept up to step {step}: the same command goes on from there.", step=self.kept_at)),
                soft_wrap=True,
            )

    def _line(self) -> str:
        line = ngettext(
            "{step} of {count} step done, {now} of them now",
            "{step} of {count} steps done, {now} of them now",
            self.total,
            step=self.step,
            now=self.step - self.started_at,
        )
        if self.pace_s is not None:
            line += _(", {pace} s each", pace=f"{self.pace_s:.3g}")
        return _("interrupted: {line}", line=line) if self.interrupted else line


def run_experiment(
    project: Project,
    lab: Lab,
    request: RunRequest,
    progress: Progress,
    say: Callable[[str], None] = lambda text: None,
) -> RunReport:
    """Run the lab's experiment with the submission's own modules; ``say`` is told first where the results go.

    Raises
    ------
    ProjectError : an option is wrong, there is nothing to run, or an earlier run cannot be read.
    SubmissionError : the submission cannot be collected.
    ReportError : something cannot be kept.
    """
    experiment = lab.facts.experiment
    if experiment is None:
        raise ProjectError("lab {name} has no experiment", name=lab.name)
    _require_work(project, lab, request.submission)
    options = read_options(lab, request.settings, request.picture)
    weights = choose_weights(lab, request.weights, request.seeded)
    same = (lab.name, str(lab.facts.version), weights.key)
    place = project.root / "results" / lab.name / options.label(experiment, same)
    folder = RunFolder(place, beside=experiment.curves == "beside")
    require_place(folder.path / SUMMARY_NAME)
    found = None if request.fresh else folder.read()
    say(_("results: {folder}", folder=folder.path))
    if found is not None and found.step:
        say(_("going on from step {step}; --fresh begins anew", step=found.step))
    if weights.about:
        say(weights.about)
    limited = replace(lab, facts=lab.facts.model_copy(update={"limits": experiment.limits}))
    names = (*experiment.resources, *options.needed(experiment))
    door = opened(
        project,
        limited,
        request.submission,
        progress.note,
        named=names,
        weights=request.weights,
        trained=weights.trained,
        handler=HANDLER,
    )
    with door as work, _stops_politely(progress) as stop:
        run = _Run(work.session, folder, found or Checkpoint(), progress, stop)
        run.report = RunReport(lab.name, folder.path)
        run.describe(options, weights.key, work.collected)
        try:
            run.drive(options, request.every or experiment.every)
        except RecordError as error:
            run.report.message = str(error)
        except KeyboardInterrupt:
            run.report.interrupted = True
    return run.report


def _require_work(project: Project, lab: Lab, submission: Path) -> None:
    if submission == project.submission(lab.name) and not submission.exists():
        raise ProjectError(
            "there is nothing to run yet: {submission} does not exist. Get the skeleton with `make start "
            "LAB={name}` (or `python -m grader start {name}`) and fill its holes",
            submission=submission,
            name=lab.name,
        )


def _newest(curves: Mapping[str, float]) -> dict[str, float]:
    """Return the value of the first curve of every quantity, such as loss and accuracy."""
    found: dict[str, float] = {}
    for name, value in curves.items():
        found.setdefault(name.split("/")[0], value)
    return found


class _Stop:
    """Whether someone has asked for the end."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def _stops_politely(progress: Progress) -> Iterator[_Stop]:
    """Let the step under way end on the first Ctrl+C (or a termination); a second one ends at once."""
    stop = _Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        # A step may take minutes; that the wish was heard must be seen at once.
        progress.step(_("stopping after this step"))

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Run:
    """One run from its first record to its last."""

    def __init__(
        self, session: Session, folder: RunFolder, checkpoint: Checkpoint, progress: Progress, stop: _Stop
    ) -> None:
        self.session = session
        self.folder = folder
        self.checkpoint = checkpoint
        self.progress = progress
        self.stop = stop
        self.report = RunReport("", folder.path)
        self.recent_s: deque[float] = deque(maxlen=STEPS_FOR_AN_ESTIMATE)
        self.started = False
        self.earlier_s = float(checkpoint.facts.get("seconds", 0.0))

    def describe(self, options: Options, weights: str, collected: Collected) -> None:
        """Write down what runs, and say so if it is not what ran before."""
        facts = self.checkpoint.facts
        self.report.started_at = self.report.step = self.checkpoint.step
        if self.checkpoint.step:
            self.report.kept_at = self.checkpoint.step
            if facts.get("submission") != collected.sha256:
                self.report.notes.append(_("your files have changed since then"))
        facts.update(options=dict(options.values), weights=weights, submission=collected.sha256)

    def drive(self, options: Options, every: int) -> None:
        """Go on from record to record until the end, an error, or someone asks for the end."""
        state = self.checkpoint.state
        self.progress.step(_("preparing"))
        outcome = self.session.start(options.case(self.folder.path.name, state))
        while True:
            if outcome.verdict is not None:
                self.report.message = describe_outcome(outcome, self.session.lab.folder)
                return
            record = self._take(outcome)
            ends = record.finished or self.stop.asked
            if ends or record.step - (self.report.kept_at or 0) >= every:
                self._keep(record)
            self.report.interrupted = ends and not record.finished
            if ends or self.report.message:
                return
            outcome = self.session.advance()

    def _take(self, outcome: Outcome) -> Progressed:
        """Take in one record and show how far it is."""
        record = read_record(outcome.outputs, self.report.step)
        done = record.step - self.report.step
        self.progress.total = record.total
        self.progress.advance(record.step if not self.report.total else done)
        self.report.step, self.report.total = record.step, record.total
        self.report.seconds += outcome.seconds
        # What comes before the first record is mostly preparation: loading, compiling, features to compare with.
        if done and self.started:
            self.recent_s.append(outcome.seconds / done)
            self.report.pace_s = float(np.median(self.recent_s))
        self.started = True
        for name, value in record.curves.items():
            self.checkpoint.curves.setdefault(name, Curve()).add(record.step, value)
        self.report.notes += [note for note in outcome.notes if note not in self.report.notes]
        parts = [f"{quantity} {value:.4g}" for quantity, value in _newest(record.curves).items()]
        if self.stop.asked:
            parts.insert(0, _("stopping after this step"))
        elif self.report.pace_s is not None:
            left_s = self.report.pace_s * (record.total - record.step)
            parts.append(_("{time} left", time=rough_duration(left_s)))
        self.progress.step(", ".join(parts))
        return record

    def _keep(self, record: Progressed) -> None:
        """Fetch and keep what the experiment wants to be kept."""
        began = time.monotonic()
        outcome = self.session.snapshot()
        if outcome.verdict is not None:
            self.report.message = describe_outcome(outcome, self.session.lab.folder)
            return
        kept = read_snapshot(outcome.outputs, record.step)
        self.checkpoint.step = record.step
        self.checkpoint.state = {f"{STATE}{name}": array for name, array in kept.state.items()}
        self.checkpoint.facts |= {
            "total": record.total,
            "results": dict(kept.numbers),
            "seconds": round(self.earlier_s + self.report.seconds, 3),
            "seconds_for_keeping": round(time.monotonic() - began, 3),
        }
        if self.report.kept_at is None:
            self.folder.forget()
        self.folder.write(self.checkpoint, kept)
        self.report.kept_at = record.step
        self.report.numbers = dict(kept.numbers)
        self.report.names = {name.english: name for name in outcome.names if isinstance(name, Message)}
        self.report.pictures = tuple(kept.pictures)
