"""Runs a lab's checks on one submission and says of each whether it holds, and if not, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from grader.collect.policy import Use
from grader.explain import CaseRun, explain
from grader.explain.case_run import differences
from grader.explain.messages import describe_case, describe_run, describe_use, next_step
from grader.explain.network import builds_on
from grader.explain.picture import as_levels, map_of
from grader.lab.checks import COURSE, GENERAL, Check
from grader.language.message import english
from grader.language.translation import _, listed, marked, translated
from grader.project.contract import Lab
from grader.project.fixtures import Fixture, RecordedCase
from grader.report.progress import Progress
from grader.run.hidden import finding_without_inputs, without_inputs
from grader.run.order import by_groups, over_budget
from grader.run.session import Outcome, Session
from grader.score.document import BeyondResult, CheckResult, ErrorPicture, SpeedResult
from grader.score.judge import verdict_of
from grader.score.learning_curves import describe_learning, learning_curves
from grader.timing.speed import SpeedTrial, Timing
from grader.timing.words import describe_speed
from grader.verdicts import WORKER_ENDED, Verdict

# Of the outputs of one check, beside those of the first case that fails.
MOST_KEPT_BYTES = 128 << 20
ENDS_ALL_CASES = (*WORKER_ENDED, Verdict.UNFINISHED, Verdict.IMPORT, Verdict.GRADER)

ONLY_AT_FIRST = marked(
    "The first time this input gave the right result: something seems to be kept between calls, or left to chance."
)


def run_checks(
    session: Session,
    lab: Lab,
    checks: Sequence[Check],
    fixture: Fixture,
    uses: Sequence[Use],
    progress: Progress,
    timing: Timing | None = None,
    gates: str = COURSE,
) -> tuple[list[CheckResult], dict[str, Outcome]]:
    """Run the checks in order; return their results and, for each, the outcome of its last case.

    Without ``timing`` a check that must be fast is only compared. ``gates`` says which cases decide whether a check
    holds: those of the course, or with ``general`` all.
    """
    declared = {file.path for file in lab.facts.files}
    progress.total = len(checks)
    results: dict[str, CheckResult] = {}
    outcomes: dict[str, Outcome] = {}
    held: dict[str, bool] = {}
    for check in by_groups(checks):
        progress.step(translated(check.title, lab.folder))
        missing = [name for name in check.needs if not held.get(name)]
        use = next((use for use in uses if use.file in check.files or use.file not in declared), None)
        if use is not None:
            result = _not_run(
                lab, check, Verdict.FORBIDDEN, describe_use(lab, use), next_step(lab, check, Verdict.FORBIDDEN)
            )
        elif missing:
            names = listed([f"`{translated(lab.checks[name].title, lab.folder)}`" for name in missing])
            text = _("Not run, because {names} did not pass.", names=names)
            result = _not_run(lab, check, Verdict.SKIPPED, text)
        elif text := over_budget(lab, check, outcomes):
            result = _not_run(lab, check, Verdict.SKIPPED, text)
        else:
            trial = timing.trial(check, fixture.checks[check.id], session) if timing and check.speed else None
            own_baseline = outcomes.get(check.speed.against) if check.speed else None
            failed = [result.title for result in results.values() if _is_wrong_layer(lab, check, result)]
            result, outcome = run_check(session, lab, check, fixture, trial, own_baseline, gates, failed)
            if outcome is not None:
                outcomes[check.id] = outcome
        held[check.id] = result.verdict is Verdict.PASS
        results[check.id] = result
        progress.advance()
    return [results[check.id] for check in checks], outcomes


def _is_wrong_layer(lab: Lab, check: Check, result: CheckResult) -> bool:
    """Whether a result is of what ``check`` builds on, and not right."""
    return builds_on(check, lab.checks[result.id]) and result.verdict in (
        Verdict.WRONG,
        Verdict.OUTPUT,
        Verdict.EXCEPTION,
    )


def _not_run(lab: Lab, check: Check, verdict: Verdict, message: str, next_: str = "") -> CheckResult:
    title = translated(check.title, lab.folder)
    return CheckResult(id=check.id, tier=check.tier, title=title, verdict=verdict, message=message, next=next_)


def run_check(
    session: Session,
    lab: Lab,
    check: Check,
    fixture: Fixture,
    trial: SpeedTrial | None = None,
    own_baseline: Outcome | None = None,
    gates: str = COURSE,
    failed: Sequence[str] = (),
) -> tuple[CheckResult, Outcome | None]:
    """Run one check on all its cases; describe the first failure and explain all of them together.

    Cases beyond the course come after those of the course and are described apart, unless ``gates`` says that they
    decide, too. With ``trial``, what is right must be fast as well; ``own_baseline`` is what the submission itself
    did in the check that it is compared with; ``failed`` are the titles of checks of single layers that failed.
    """
    cases = fixture.checks[check.id]
    deciding = [case for case in cases if _decides(case, gates)]
    ran = _run_cases(session, check, deciding, fixture, trial, own_baseline)
    others = [case for case in cases if not _decides(case, gates)]
    # Where those of the course came to an end of their own, these would, too.
    beyond = _run_cases(session, check, others, fixture) if others and not ran.stopped else None
    if ran.failure is not None:
        further = beyond.runs if beyond is not None else ()
        values = _failed(lab, check, fixture, ran, ran.failure, failed=failed, beyond=further)
    elif check.learning is not None:
        values = {"message": describe_learning(check, ran.runs[0].recorded, ran.shown[0])}
    elif trial is not None and ran.speed is not None:
        values = _timed(lab, check, trial, ran.speed)
    else:
        values = {}
    shown = ran.runs[ran.failure or 0].recorded, ran.shown[ran.failure or 0]
    result = CheckResult(
        id=check.id,
        tier=check.tier,
        title=translated(check.title, lab.folder),
        **{"verdict": Verdict.PASS, "output": "" if fixture.hidden else ran.shown[-1].printed, **values},
        seconds=round(sum(outcome.seconds for outcome in ran.shown), 4),
        cases_passed=ran.held,
        cases_total=len(deciding),
        curves=learning_curves(check, *shown),
        beyond=_beyond(lab, check, fixture, ran, beyond) if beyond is not None else None,
    )
    return result, ran.shown[-1]


def _decides(recorded: RecordedCase, gates: str) -> bool:
    return gates == GENERAL or recorded.case.domain == COURSE


def _beyond(lab: Lab, check: Check, fixture: Fixture, before: _Ran, ran: _Ran) -> BeyondResult:
    """Describe what was done in the cases that lie beyond the course, after those ``before``."""
    right = [run for run in before.runs[: len(before.cases)] if run.passed]
    values: dict[str, Any] = {"verdict": Verdict.PASS}
    if ran.failure is not None:
        values = _failed(lab, check, fixture, ran, ran.failure, right)
    return BeyondResult(**values, cases_passed=ran.held, cases_total=len(ran.cases))


@dataclass
class _Ran:
    """What a submission did in the cases of one check.

    Attributes
    ----------
    cases : those that were to be run.
    runs : every run in order; those on these cases come first, repeats that were timed after them.
    shown : of each run what may be shown.
    held : how many of the cases hold.
    speed : how fast it was; None where that was not measured.
    kept_bytes : of the outputs that are kept for explaining.
    """

    cases: Sequence[RecordedCase]
    runs: list[CaseRun] = field(default_factory=list)
    shown: list[Outcome] = field(default_factory=list)
    held: int = 0
    speed: SpeedResult | None = None
    kept_bytes: int = 0

    def kept(self, check: Check, recorded: RecordedCase, outcome: Outcome, passed: bool) -> Outcome:
        """Return an outcome with the outputs that are still needed: all cases together can be gigabytes.

        What passed is what was recorded, within the tolerance; of what failed so much is kept as explaining needs.
        """
        if check.learning is not None:
            return outcome
        if passed:
            return replace(outcome, outputs=recorded.expected)
        size = sum(array.nbytes for array in outcome.outputs.values())
        if self.kept_bytes and self.kept_bytes + size > MOST_KEPT_BYTES:
            return replace(outcome, outputs={})
        self.kept_bytes += size
        return outcome

    @property
    def failure(self) -> int | None:
        """Number of the first run that failed."""
        return next((number for number, run in enumerate(self.runs) if not run.passed), None)

    @property
    def stopped(self) -> bool:
        """Whether the last run ended in a way in which any other would end, too."""
        return bool(self.shown) and self.shown[-1].verdict in ENDS_ALL_CASES


def _run_cases(
    session: Session,
    check: Check,
    cases: Sequence[RecordedCase],
    fixture: Fixture,
    trial: SpeedTrial | None = None,
    own_baseline: Outcome | None = None,
) -> _Ran:
    """Run the cases until one ends in a way in which the others would end, too; then time what is right."""
    ran = _Ran(cases)
    vocabulary = session.vocabulary if fixture.hidden else None

    def run_case(recorded: RecordedCase) -> Outcome | None:
        outcome = session.run(check, recorded.case)
        found = differences(recorded, outcome)
        outcome = ran.kept(check, recorded, outcome, outcome.verdict is None and not found)
        ran.shown.append(without_inputs(outcome, recorded, vocabulary) if vocabulary else outcome)
        ran.runs.append(CaseRun(recorded, outcome, found))
        return outcome if ran.runs[-1].passed else None

    if trial is not None:
        trial.begin()
    for recorded in cases:
        run_case(recorded)
        if ran.stopped:
            break
        if trial is not None and trial.is_hopeless(ran.shown):
            break
    ran.held = sum(run.passed for run in ran.runs)
    if trial is not None and ran.held == len(ran.runs):
        ran.speed = trial.decide(cases, tuple(ran.shown), run_case, own_baseline)
    return ran


def _failed(
    lab: Lab,
    check: Check,
    fixture: Fixture,
    ran: _Ran,
    number: int,
    right: Sequence[CaseRun] = (),
    failed: Sequence[str] = (),
    beyond: Sequence[CaseRun] = (),
) -> dict[str, Any]:
    """Return what a result says of a check of which run ``number`` is the first that failed.

    ``right`` are runs on other cases that a cause has to leave right; ``beyond`` are others that decide between
    causes.
    """
    run, outcome = ran.runs[number], ran.shown[number]
    cases = len(ran.cases)
    verdict = verdict_of(outcome.verdict, run.findings)
    findings = (
        [finding_without_inputs(item, run.recorded) for item in run.findings] if fixture.hidden else run.findings
    )
    heard = english(run.outcome.message) if fixture.hidden else None
    seen = describe_run(outcome, findings, lab.folder, heard=heard)
    found = explain(check, [*right, *ran.runs[:cases]], fixture, lab.folder, failed, beyond)
    told = [seen, found.message, *([_(ONLY_AT_FIRST)] if number >= cases else [])]
    return {
        "verdict": verdict,
        "message": "\n".join(text for text in told if text),
        "hint": found.hint,
        "misconception": found.misconception,
        "failed_case": describe_case(run.recorded.case, lab.folder),
        "next": next_step(lab, check, verdict, outcome, heard=heard),
        "output": outcome.printed,
        "picture": _picture(check, run),
    }


def _picture(check: Check, run: CaseRun) -> ErrorPicture | None:
    """Return where a run is wrong, of hidden cases too: neither an input nor an expected value is in it."""
    # Which of the kept-back pictures are told wrongly is no student's business.
    found = map_of(run) if run.outcome.verdict is None and check.learning is None else None
    if found is None:
        return None
    return ErrorPicture(title=f"{found.view.output}, {found.planes[found.worst].title}", levels=as_levels(found))


def _timed(lab: Lab, check: Check, trial: SpeedTrial, speed: SpeedResult) -> dict[str, Any]:
    """Return what a result says of a check that is right, by how fast it is."""
    values: dict[str, Any] = {"speed": speed, "message": describe_speed(lab, speed, trial.least_s)}
    if speed.enough:
        return values
    slow = Verdict.WRONG
    hint = translated(trial.hint, lab.folder)
    return values | {"verdict": slow, "hint": hint, "next": next_step(lab, check, slow, too_slow=True)}
