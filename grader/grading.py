"""Grades one submission: collect, jail, run checks, compare, explain, score."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from grader.collect.submission import Collected
from grader.jail import Box, Level, probe
from grader.jail.arithmetic import chosen_arithmetic, computer
from grader.language.errors import BadInput
from grader.language.message import sentence
from grader.language.translation import _, chosen, marked, translated
from grader.project.contract import Lab
from grader.project.fixtures import Fixture, read_fixture
from grader.project.places import Project
from grader.project.solution import write_solution
from grader.report.progress import Progress
from grader.run.opening import Opened, open_session, opened, ruled_out
from grader.run.session import GraderFault, Outcome, Session
from grader.score.document import (
    SCHEMA_ID,
    ComputerInfo,
    FileInfo,
    FixtureInfo,
    GradeResult,
    JailInfo,
    Memory,
    SubmissionInfo,
    Times,
    versions,
)
from grader.score.tiers import score_tiers

if TYPE_CHECKING:
    from grader.timing.speed import Timing

LEVEL_NAMES = {
    Level.NAMESPACES: marked("namespaces, Landlock and seccomp"),
    Level.LANDLOCK: marked("Landlock and seccomp"),
    Level.PROCESS: marked("another process only"),
}


class Refused(BadInput):
    """The host is too weak to grade this lab for the record; the message says what to do."""


@dataclass(frozen=True)
class Request:
    """What to grade and how.

    ``only`` names checks (all when empty); ``slow`` includes checks marked slow; ``kind`` is which fixtures are
    used; ``weights`` is a course's own checkpoint instead of the seeded one; ``strict`` lets the cases beyond the
    course decide, too; ``slot`` says on which processors, for whoever has claimed some (`claim_slot` of
    `grader.jail.slots`), by itself a grading claims its own; ``fixture`` is the folder of other fixtures than those
    in use, such as an earlier release; ``new_box`` makes the box, such as one that is forked from a warm process;
    ``read`` reads the fixtures, as `KeptFixture` does for a process that grades many submissions.
    """

    lab: Lab
    submission: Path
    kind: str = "hidden"
    only: tuple[str, ...] = ()
    slow: bool = True
    weights: Path | None = None
    level: Level | None = None
    allow_weak_jail: bool = False
    strict: bool = False
    slot: int | None = None
    fixture: Path | None = None
    new_box: Callable[..., Box] = Box
    read: Callable[[Path, Sequence[str]], Fixture] = read_fixture

    @property
    def gates(self) -> Literal["course", "general"]:
        """Which cases decide the tiers: with ``strict`` all, else those that the lab names."""
        return "general" if self.strict else self.lab.facts.gates


def grade(
    project: Project, request: Request, progress: Progress, timed: Callable[[Timing], Timing] | None = None
) -> GradeResult:
    """Grade one submission and return the result document.

    ``timed`` may replace how speed is judged, such as by what was measured before on this host.

    Raises
    ------
    SubmissionError : the source cannot be collected.
    FixtureError : the fixtures are missing or damaged.
    Refused : the jail is weaker than the lab demands.
    GraderFault : the grader's own machinery failed twice before student code ran.
    """
    started = time.monotonic()
    started_at = datetime.now(timezone.utc)
    lab = request.lab
    checks = [check for check in lab.in_order(request.only) if request.slow or not check.slow or request.only]
    level, warnings = choose_level(lab, request)
    folder = request.fixture or project.fixtures(lab.name, request.kind, request.weights)
    fixture = request.read(folder, [check.id for check in checks])
    with opened(
        project,
        lab,
        request.submission,
        progress.note,
        checks=checks,
        weights=request.weights,
        level=level,
        slot=request.slot,
        new_box=request.new_box,
    ) as work:
        # The box gets ready meanwhile: what takes long to load or to ask and is needed only now is taken now.
        with ThreadPoolExecutor(max_workers=1) as beside:
            computes = beside.submit(computer, chosen_arithmetic())
            from grader.checking import run_checks
            from grader.timing.layer_record import with_recorded
            from grader.timing.layers import layer_times
            from grader.timing.slowness import slowness

        collected, session = work.collected, work.session
        timing = timing_of(project, request, fixture, work, level)
        session.slowness = partial(slowness, fixture.facts, lab, work.slot)
        timing = timed(timing) if timed is not None else timing
        uses = ruled_out(lab, collected)
        results, outcomes = run_checks(session, lab, checks, fixture, uses, progress, timing, request.gates)
        level = session.box.level
        warnings = (*warnings, *map(str, session.box.warnings))
        session.close()
        layers = with_recorded(layer_times(lab, outcomes), fixture.facts, timing.yardstick)
    titles = {tier: translated(title, lab.folder) for tier, title in lab.facts.tiers.items()}
    complete = len(checks) == len(lab.checks)
    score, tiers = score_tiers(titles, results, lab.check_tiers)
    return GradeResult(
        schema_id=SCHEMA_ID,
        lab=lab.name,
        lab_title=translated(lab.facts.title, lab.folder),
        lab_version=lab.facts.version,
        language=chosen(),
        mode="grade" if fixture.hidden else "check",
        started_at=started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        submission=_submission_info(request.submission, collected, outcomes),
        gates=request.gates,
        score=score if complete else None,
        max_score=max(lab.facts.tiers),
        complete=complete,
        checks_total=len(lab.checks),
        for_record=complete and fixture.hidden and int(level) >= lab.facts.jail.level,
        tiers=tiers,
        checks=results,
        layers=layers,
        jail=JailInfo(level=int(level), name=_(LEVEL_NAMES[level]), warnings=list(warnings)),  # type: ignore[arg-type]
        times=Times(total=time.monotonic() - started, student=session.student_s, setup=work.setup_s),
        memory=Memory(worker_peak_mib=_rounded(session.peak_mib), grader_peak_mib=_rounded(_own_peak_mib())),
        fixtures=[FixtureInfo(release=fixture.release, hidden=fixture.hidden, sha256=fixture.sha256)],
        versions=versions(),
        computer=ComputerInfo(**asdict(computes.result())),
    )


def timing_of(
    project: Project,
    request: Request,
    fixture: Fixture,
    work: Opened,
    level: Level,
) -> Timing:
    """Return how speed is judged here: against the reference itself where this project has it."""
    from grader.timing.baseline import yardstick_for
    from grader.timing.speed import Timing

    lab, slot = request.lab, work.slot
    reference = project.reference(lab.name)
    open_reference = None
    if reference.is_dir():

        def open_reference() -> Session:
            folder = work.scratch / "reference"
            write_solution(reference, None, folder)
            return open_session(lab, folder, work.resources, level=level, slot=slot)

    return Timing(lab, fixture.facts, open_reference, yardstick_for(lab, slot))


def choose_level(lab: Lab, request: Request) -> tuple[Level, tuple[str, ...]]:
    """Return the strongest jail of this host (or the one asked for) and warnings about it.

    Raises
    ------
    Refused : it is weaker than the lab demands, hidden fixtures are used, and nobody allowed that.
    """
    level = request.level or probe().level
    demanded = lab.facts.jail.level
    if int(level) >= demanded or request.kind != "hidden":
        return level, ()
    text = sentence(
        "this host isolates student code only at level {level} ({name}); lab {lab} demands level {demanded}",
        level=int(level),
        name=sentence(LEVEL_NAMES[level]),
        lab=lab.name,
        demanded=demanded,
    )
    if not request.allow_weak_jail:
        raise Refused(
            "{what}. `python -m grader doctor` says what is missing; --allow-weak-jail grades without record.",
            what=text,
        )
    return level, (_("{what}: this result does not count for the record", what=text),)


def _submission_info(source: Path, collected: Collected, outcomes: Mapping[str, Outcome]) -> SubmissionInfo:
    said = dict.fromkeys(note for outcome in outcomes.values() for note in outcome.notes)
    return SubmissionInfo(
        path=str(source),
        sha256=collected.sha256,
        files=[FileInfo(path=file.path, sha256=file.sha256, bytes=file.bytes) for file in collected.files],
        notes=[*collected.notes, *map(str, said)],
    )


def _rounded(mib: float) -> float | None:
    """Return a peak for the report; where the system does not tell, none."""
    return round(mib, 1) or None


def _own_peak_mib() -> float:
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


__all__ = ["GraderFault", "Refused", "Request", "grade", "open_session"]
