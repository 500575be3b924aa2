"""Grades one submission: collect, jail, run checks, compare, explain, score."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from grader import __version__, yardstick
from grader.baseline import Yardstick
from grader.checks import Check
from grader.compare import Finding, compare
from grader.contract import Lab
from grader.explain import CaseRun, explain
from grader.fixtures import Fixture, RecordedCase, read_fixture
from grader.jail import Level, View, probe
from grader.jail.host import processors
from grader.jail.layout import thread_counts
from grader.layers import layer_times
from grader.messages import (
    describe_case,
    describe_finding,
    describe_outcome,
    describe_speed,
    describe_use,
    next_step,
)
from grader.misconceptions import write_solution
from grader.policy import Rules, Use, find_uses
from grader.progress import Progress
from grader.project import Project
from grader.resources import prepare_resources
from grader.result import (
    CheckResult,
    FileInfo,
    FixtureInfo,
    GradeResult,
    JailInfo,
    Memory,
    SubmissionInfo,
    Times,
)
from grader.rubric import score_tiers
from grader.session import GraderFault, Outcome, Session
from grader.speed import SpeedTrial, Timing
from grader.submission import Collected, collect
from grader.verdicts import Verdict

LEVEL_NAMES = {
    Level.NAMESPACES: "namespaces, Landlock and seccomp",
    Level.LANDLOCK: "Landlock and seccomp",
    Level.PROCESS: "another process only",
}
# What a package imports itself; a lab names only what its students use.
ALSO_NEEDED = {"numba": ("llvmlite",)}
STOPS_A_CHECK = (Verdict.TIMEOUT, Verdict.MEMORY, Verdict.CRASH, Verdict.EXITED, Verdict.FLOOD, Verdict.PROTOCOL)


class Refused(Exception):
    """The host is too weak to grade this lab for the record; the message says what to do."""


@dataclass(frozen=True)
class Request:
    """What to grade and how.

    ``only`` names checks (all when empty); ``slow`` includes checks marked slow; ``kind`` is which fixtures are
    used; ``weights`` is a course's own checkpoint instead of the seeded one.
    """

    lab: Lab
    submission: Path
    kind: str = "hidden"
    only: tuple[str, ...] = ()
    slow: bool = True
    weights: Path | None = None
    level: Level | None = None
    allow_weak_jail: bool = False
    slot: int = 0


def grade(project: Project, request: Request, progress: Progress) -> GradeResult:
    """Grade one submission and return the result document.

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
    fixture = read_fixture(
        project.fixtures(lab.name, request.kind, request.weights), [check.id for check in checks]
    )
    with tempfile.TemporaryDirectory(prefix="grading-") as scratch:
        collected = collect(
            request.submission, Path(scratch) / "submission", required=lab.required, given=lab.facts.given
        )
        before = time.monotonic()
        resources = prepare_resources(project, lab, checks, request.weights, progress.note)
        setup_s = time.monotonic() - before
        timing = timing_of(project, request, fixture, resources, level, Path(scratch) / "reference")
        with open_session(lab, collected.root, resources, level=level, slot=request.slot) as session:
            results, outcomes = run_checks(
                session, lab, checks, fixture, ruled_out(lab, collected), progress, timing
            )
            level = session.box.level
            warnings = (*warnings, *session.box.warnings)
    score, tiers = score_tiers(lab.facts.tiers, results)
    return GradeResult(
        schema_id="grader/result/v1",
        lab=lab.name,
        lab_title=lab.facts.title,
        lab_version=lab.facts.version,
        mode="grade" if fixture.hidden else "check",
        started_at=started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        submission=_submission_info(request.submission, collected, outcomes),
        score=score,
        max_score=max(lab.facts.tiers),
        complete=len(checks) == len(lab.checks),
        for_record=fixture.hidden and int(level) >= lab.facts.jail.level,
        tiers=tiers,
        checks=results,
        layers=layer_times(lab, outcomes),
        jail=JailInfo(level=int(level), name=LEVEL_NAMES[level], warnings=list(warnings)),  # type: ignore[arg-type]
        times=Times(total=time.monotonic() - started, student=session.student_s, setup=setup_s),
        memory=Memory(worker_peak_mib=round(session.peak_mib, 1), grader_peak_mib=round(_own_peak_mib(), 1)),
        fixtures=[FixtureInfo(release=fixture.release, hidden=fixture.hidden, sha256=fixture.sha256)],
        versions=versions(),
    )


def open_session(
    lab: Lab,
    submission: Path,
    resources: Mapping[str, Path],
    *,
    level: Level | None = None,
    slot: int = 0,
    handler: str = "grader.inside.runner",
) -> Session:
    """Start a box in which ``submission`` can be run against the checks of ``lab``.

    ``handler`` is the module that serves the requests inside.
    """
    given = [name.removesuffix(".py") for name in lab.facts.given if name.endswith(".py")]
    policy: dict[str, Any] = {
        "modules": [file.module for file in lab.facts.files],
        "given": given,
        "allow": lab.facts.imports.allow,
        "forbid": lab.facts.imports.forbid,
        "shims": lab.facts.shims,
    }
    packages = [also for name in lab.facts.packages for also in (name, *ALSO_NEEDED.get(name, ()))]
    view = View(submission, lab.folder, tuple(packages), resources, policy)
    return Session(lab, view, level=level, slot=slot, handler=handler)


def timing_of(
    project: Project,
    request: Request,
    fixture: Fixture,
    resources: Mapping[str, Path],
    level: Level,
    scratch: Path,
) -> Timing:
    """Return how speed is judged here: against the reference itself where this project has it."""
    lab, slot = request.lab, request.slot
    reference = project.reference(lab.name)
    open_reference = None
    if reference.is_dir():

        def open_reference() -> Session:
            write_solution(reference, None, scratch)
            return open_session(lab, scratch, resources, level=level, slot=slot)

    return Timing(lab, fixture.facts, open_reference, yardstick_for(lab, slot))


def yardstick_for(lab: Lab, slot: int) -> Yardstick:
    """Return the yardstick, held to the processors and threads of a submission in ``slot``."""
    threads = lab.facts.limits.threads
    return partial(yardstick.measure, processors(slot, threads), thread_counts(threads))


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
    text = (
        f"this host isolates student code only at level {int(level)} ({LEVEL_NAMES[level]}); "
        f"lab {lab.name} demands level {demanded}"
    )
    if not request.allow_weak_jail:
        raise Refused(
            f"{text}. `python -m grader doctor` says what is missing; --allow-weak-jail grades without record."
        )
    return level, (f"{text}: this result does not count for the record",)


def ruled_out(lab: Lab, collected: Collected) -> list[Use]:
    """Return the places where the submission's own files use a library that the lab rules out."""
    names = [file.path for file in collected.files if file.path not in lab.facts.given]
    declared = [file.path for file in lab.facts.files]
    return find_uses(collected.root, declared, names, Rules(lab.facts.imports.allow, lab.facts.imports.forbid))


def run_checks(
    session: Session,
    lab: Lab,
    checks: Sequence[Check],
    fixture: Fixture,
    uses: Sequence[Use],
    progress: Progress,
    timing: Timing | None = None,
) -> tuple[list[CheckResult], dict[str, Outcome]]:
    """Run the checks in order; return their results and, for each, the outcome of its last case.

    Without ``timing`` a check that must be fast is only compared.
    """
    declared = {file.path for file in lab.facts.files}
    progress.total = len(checks)
    results: dict[str, CheckResult] = {}
    outcomes: dict[str, Outcome] = {}
    held: dict[str, bool] = {}
    for check in by_groups(checks):
        progress.step(check.title)
        missing = [name for name in check.needs if not held.get(name)]
        use = next((use for use in uses if use.file in check.files or use.file not in declared), None)
        if use is not None:
            result = _not_run(
                check, Verdict.FORBIDDEN, describe_use(lab, use), next_step(lab, check, Verdict.FORBIDDEN)
            )
        elif missing:
            names = " and ".join(f"`{lab.checks[name].title}`" for name in missing)
            result = _not_run(check, Verdict.SKIPPED, f"Not run, because {names} did not pass.")
        elif text := over_budget(lab, check, outcomes):
            result = _not_run(check, Verdict.SKIPPED, text)
        else:
            trial = timing.trial(check, fixture.checks[check.id], session) if timing and check.speed else None
            own_baseline = outcomes.get(check.speed.against) if check.speed else None
            result, outcome = run_check(session, lab, check, fixture, trial, own_baseline)
            if outcome is not None:
                outcomes[check.id] = outcome
        held[check.id] = result.verdict is Verdict.PASS
        results[check.id] = result
        progress.advance()
    return [results[check.id] for check in checks], outcomes


def by_groups(checks: Sequence[Check]) -> list[Check]:
    """Order checks so that those of a group run together, in one worker, and after what they need.

    A group that waits for nothing outside itself goes first; within a group the order stays.
    """
    left = list(checks)
    ordered: list[Check] = []
    while left:
        done = {check.id for check in ordered}
        groups: dict[str, list[Check]] = {}
        for check in left:
            groups.setdefault(check.group, []).append(check)
        known = {check.id for check in left}

        def is_free(members: list[Check], done: set[str] = done, known: set[str] = known) -> bool:
            own = {check.id for check in members}
            return all(name in done or name in own or name not in known for c in members for name in c.needs)

        chosen = next((members for members in groups.values() if is_free(members)), None)
        if chosen is None:
            chosen = [next(check for check in left if all(n in done or n not in known for n in check.needs))]
        ordered += chosen
        left = [check for check in left if check not in chosen]
    return ordered


def over_budget(lab: Lab, check: Check, outcomes: Mapping[str, Outcome]) -> str:
    """Say why an exercise is not run because the submission is too slow for it; empty if it is not."""
    if check.budget is None:
        return ""
    measured, scale, allowed_s = check.budget
    expected_s = outcomes[measured].seconds * scale if measured in outcomes else float("inf")
    if expected_s <= allowed_s:
        return ""
    return (
        f"Not run: at the speed of `{lab.checks[measured].title}` it would take about {expected_s:.0f} s, "
        f"and at most {allowed_s:.0f} s are spent on it. It is not needed for the score."
    )


def _not_run(check: Check, verdict: Verdict, message: str, next_: str = "") -> CheckResult:
    return CheckResult(
        id=check.id, tier=check.tier, title=check.title, verdict=verdict, message=message, next=next_
    )


def run_check(
    session: Session,
    lab: Lab,
    check: Check,
    fixture: Fixture,
    trial: SpeedTrial | None = None,
    own_baseline: Outcome | None = None,
) -> tuple[CheckResult, Outcome | None]:
    """Run one check on all its cases; describe the first failure and explain all of them together.

    With ``trial``, what is right must be fast as well; ``own_baseline`` is what the submission itself did in the
    check that it is compared with.
    """
    cases = fixture.checks[check.id]
    runs: list[CaseRun] = []
    outcomes: list[Outcome] = []

    def run_case(recorded: RecordedCase) -> Outcome | None:
        outcome = session.run(check, recorded.case)
        outcomes.append(outcome)
        runs.append(CaseRun(recorded, outcome, differences(recorded, outcome)))
        return outcome if runs[-1].passed else None

    if trial is not None:
        trial.begin()
    for recorded in cases:
        run_case(recorded)
        if outcomes[-1].verdict in (*STOPS_A_CHECK, Verdict.UNFINISHED, Verdict.IMPORT):
            break
        if trial is not None and trial.is_hopeless(outcomes):
            break
    held = sum(run.passed for run in runs)
    speed = None
    if trial is not None and held == len(runs):
        speed = trial.decide(cases, tuple(outcomes), run_case, own_baseline)
    failure = next((number for number, run in enumerate(runs) if not run.passed), None)
    verdict = Verdict.PASS
    values: dict[str, Any] = {}
    if failure is not None:
        verdict, message = judge(outcomes[failure], runs[failure].findings)
        found = explain(check, runs[: len(cases)], fixture)
        values = {
            "message": "\n".join(text for text in (message, found.message) if text),
            "hint": found.hint,
            "misconception": found.misconception,
            "failed_case": describe_case(runs[failure].recorded.case),
            "next": next_step(lab, check, verdict, outcomes[failure].message),
            "output": outcomes[failure].printed,
        }
    elif trial is not None and speed is not None:
        values = {"speed": speed, "message": describe_speed(lab, speed, trial.least_s)}
        if not speed.enough:
            verdict = Verdict.WRONG
            values |= {"hint": trial.hint, "next": next_step(lab, check, verdict, too_slow=True)}
    result = CheckResult(
        id=check.id,
        tier=check.tier,
        title=check.title,
        verdict=verdict,
        seconds=round(sum(outcome.seconds for outcome in outcomes), 4),
        cases_passed=held,
        cases_total=len(cases),
        **values,
    )
    return result, outcomes[-1] if outcomes else None


def differences(recorded: RecordedCase, outcome: Outcome) -> list[Finding]:
    """Return what differs from the recorded outputs; nothing if the run did not get that far."""
    if outcome.verdict is not None:
        return []
    return compare(recorded.expected, outcome.outputs, recorded.tolerances)


def judge(outcome: Outcome, findings: Sequence[Finding]) -> tuple[Verdict, str]:
    """Return the verdict on one run and, if it did not pass, the message."""
    if outcome.verdict is not None:
        return outcome.verdict, describe_outcome(outcome)
    if not findings:
        return Verdict.PASS, ""
    unusable = [finding for finding in findings if finding.kind != "values"]
    return Verdict.OUTPUT if unusable else Verdict.WRONG, describe_finding((unusable or findings)[0])


def versions() -> dict[str, str]:
    """Return the versions of everything that may change a result."""
    found = {"grader": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in ("numpy", "numba", "scipy", "opencv-python"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _submission_info(source: Path, collected: Collected, outcomes: Mapping[str, Outcome]) -> SubmissionInfo:
    said = dict.fromkeys(note for outcome in outcomes.values() for note in outcome.notes)
    return SubmissionInfo(
        path=str(source),
        sha256=collected.sha256,
        files=[FileInfo(path=file.path, sha256=file.sha256, bytes=file.bytes) for file in collected.files],
        notes=[*collected.notes, *said],
    )


def _own_peak_mib() -> float:
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


__all__ = ["GraderFault", "Refused", "Request", "grade", "open_session", "run_check", "run_checks"]
