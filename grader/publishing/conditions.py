"""Decides whether a lab may be published: every condition, with what was measured for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from grader.compare import compare
from grader.explain.case_run import CaseRun
from grader.explain.mistakes import recognise
from grader.jail.arithmetic import Computer
from grader.lab.checks import COURSE, Case
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase, RecordedRun
from grader.publishing.arithmetics import described
from grader.publishing.certificate import Certificate, Condition, SpeedRow
from grader.publishing.conditioning import (
    REPEATS,
    SHARE_OF_TOLERANCE,
    TRAINING_REPEATS,
    CaseMovement,
    Drawn,
    largest_movements,
    shares,
)
from grader.publishing.coverage import coverage
from grader.publishing.engine_condition import engine_condition
from grader.publishing.gradient_condition import gradient_condition
from grader.publishing.misconceptions import Mistaken
from grader.publishing.recording import Runs, require_returned
from grader.publishing.speed_bench import speed_condition
from grader.publishing.spread_condition import measure as spread_of
from grader.publishing.spread_condition import spread_condition
from grader.publishing.tolerances import (
    MARGIN,
    DerivedTolerance,
    Output,
    derive,
    with_nearest,
    with_tolerances,
)
from grader.publishing.trials import (
    Trial,
    failed,
    failed_in_course,
    indistinguishable,
    judge_all,
    problems_of,
    recorded_mistakes,
    row_of,
    score,
)
from grader.publishing.variation import MIN_VARIANTS
from grader.publishing.workbench import Found
from grader.run.answers import frames_at
from grader.run.session import Outcome
from grader.score.document import versions
from grader.verdicts import Verdict

MIN_RECOGNISED = 0.95
MAX_LISTED = 6
HIDDEN = "hidden"


@dataclass(frozen=True)
class Proof:
    """The certificate, the tolerances and what the known mistakes did, judged by these tolerances."""

    certificate: Certificate
    tolerances: Mapping[Output, DerivedTolerance]
    trials: Sequence[Trial]


def prove(
    lab: Lab,
    found: Found,
    mistakes: Sequence[Mistaken],
    cases: Mapping[str, Mapping[str, Sequence[Case]]],
    speeds: Sequence[SpeedRow],
    seconds: float,
    drawn: Mapping[str, Drawn],
    computers: Sequence[Computer],
) -> Proof:
    """Check every condition of publishing. ``drawn`` are the cases with how far rounding moves each of them.

    Raises
    ------
    RecordingError : the reference or a variant does not come through a check.
    """
    for kind, runs in found.reference.items():
        require_returned(f"the reference ({kind} cases)", runs)
    for name, kinds in found.variants.items():
        for runs in kinds.values():
            require_returned(f"the variant {name}", runs)
    for name, kinds in found.elsewhere.items():
        for runs in kinds.values():
            require_returned(name, runs)
    spreads, outliers = spread_of(lab, found)
    tolerances = derive(lab, spreads, largest_movements(drawn))
    recorded = {kind: with_tolerances(lab, cases[kind], runs, tolerances) for kind, runs in found.reference.items()}
    trials = [_trial(item, found.mistakes[item.name], recorded) for item in mistakes]
    problems, times, near = _weigh(lab, found, trials, tolerances)
    tolerances = with_nearest(tolerances, near)
    same = indistinguishable(trials)
    rows = [
        row_of(lab, trial, times[trial.mistaken.name], same[trial.mistaken.name])
        for trial in trials
        if not trial.mistaken.is_pair
    ]
    gradients, not_compared = gradient_condition(lab, found)
    covered, left_out = coverage(lab, trials, recorded[HIDDEN], found)
    movements = shares(lab, drawn, tolerances)
    conditions = [
        _reference(lab, found, recorded[HIDDEN]),
        _skeleton(lab, found, recorded[HIDDEN]),
        _variants(lab, found, recorded),
        *([_elsewhere(found, recorded)] if found.elsewhere else []),
        _course(lab, cases[HIDDEN]),
        *([engine_condition(lab, found, recorded, tolerances)] if found.engine else []),
        *_known(gradients, spread_condition(tolerances, outliers)),
        _conditioned(movements),
        _mistakes(problems, len(rows)),
        *covered,
        *([_recognised(lab, trials, recorded[HIDDEN], found, same)] if rows else []),
        *([speed_condition(speeds)] if speeds else []),
    ]
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    certificate = Certificate(
        lab=lab.name,
        lab_version=lab.facts.version,
        release=f"{lab.name}-{lab.facts.version}-{moment}",
        conditions=conditions,
        tolerances=list(tolerances.values()),
        mistakes=rows,
        pairs=sum(trial.mistaken.is_pair for trial in trials),
        gradients=found.gradients,
        variants=list(found.variants),
        versions=versions(),
        seconds=round(seconds, 1),
        speeds=speeds,
        movements=movements,
        computers=[described(item) for item in computers],
        left_out=[*left_out, *not_compared],
    )
    return Proof(certificate, tolerances, trials)


def _trial(
    item: Mistaken, runs: Mapping[str, Runs], recorded: Mapping[str, Mapping[str, Sequence[RecordedCase]]]
) -> Trial:
    hidden, public = (judge_all(recorded[kind], runs[kind]) for kind in (HIDDEN, "public"))
    return Trial(item, hidden, public, failed_in_course(hidden, recorded[HIDDEN]))


def _course(lab: Lab, cases: Mapping[str, Sequence[Case]]) -> Condition:
    scored = [check.id for check in lab.checks.values() if check.tier is not None]
    without = [check for check in scored if not any(case.domain == COURSE for case in cases[check])]
    if not scored:
        without = ["one: no check has a tier"]
    counted = [case.domain == COURSE for found in cases.values() for case in found]
    return Condition(
        "every scored check has a case of the course",
        not without,
        f"not {', '.join(without)}" if without else f"{sum(counted)} of {len(counted)} cases are the course's",
    )


def _weigh(
    lab: Lab, found: Found, trials: Sequence[Trial], tolerances: Mapping[Output, DerivedTolerance]
) -> tuple[list[str], dict[str, float], list[tuple[str, str, str, float]]]:
    problems: list[str] = []
    times: dict[str, float] = {}
    near: list[tuple[str, str, str, float]] = []
    for trial in trials:
        runs = found.mistakes[trial.mistaken.name][HIDDEN]
        own, least, nearest = problems_of(lab, trial, found.reference[HIDDEN], runs, tolerances)
        # Two mistakes may undo one another in a check; a pair that is not noticed there is simply not recorded.
        if not trial.mistaken.is_pair:
            problems += own
            near += nearest
        times[trial.mistaken.name] = least
    return problems, times, near


def _reference(lab: Lab, found: Found, recorded: Mapping[str, Sequence[RecordedCase]]) -> Condition:
    lost = failed(judge_all(recorded, found.again[HIDDEN])) + failed(judge_all(recorded, found.reference[HIDDEN]))
    points = score(lab, lost)
    detail = f"{points}, run twice" if not lost else f"{points}; it does not repeat itself in {', '.join(lost)}"
    return Condition("the reference scores full marks", points == max(lab.facts.tiers), detail)


def _skeleton(lab: Lab, found: Found, recorded: Mapping[str, Sequence[RecordedCase]]) -> Condition:
    points = score(lab, failed_in_course(judge_all(recorded, found.skeleton[HIDDEN]), recorded))
    return Condition("the untouched skeleton scores 0", points == 0, str(points))


def _variants(lab: Lab, found: Found, recorded: Mapping[str, Mapping[str, Sequence[RecordedCase]]]) -> Condition:
    bad = []
    for name, kinds in found.variants.items():
        lost = {check for kind, runs in kinds.items() for check in failed(judge_all(recorded[kind], runs))}
        if score(lab, lost) != max(lab.facts.tiers):
            bad.append(f"{name} loses {', '.join(sorted(lost))}")
    names = ", ".join(found.variants) or "none"
    holds = not bad and len(found.variants) >= MIN_VARIANTS
    return Condition(
        f"at least {MIN_VARIANTS} right variants score full marks", holds, "; ".join(bad[:MAX_LISTED]) or names
    )


def _elsewhere(found: Found, recorded: Mapping[str, Mapping[str, Sequence[RecordedCase]]]) -> Condition:
    bad = []
    for name, kinds in found.elsewhere.items():
        lost = {check for kind, runs in kinds.items() for check in failed(judge_all(recorded[kind], runs))}
        if lost:
            bad.append(f"{name} loses {', '.join(sorted(lost))}")
    names = ", ".join(found.elsewhere)
    return Condition(
        "the reference and the variants pass every check under another arithmetic",
        not bad,
        "; ".join(bad[:MAX_LISTED]) or names,
    )


def _conditioned(movements: Sequence[CaseMovement]) -> Condition:
    bad = [item for item in movements if not item.share <= SHARE_OF_TOLERANCE]
    worst = max(movements, key=lambda item: item.share, default=None)
    named = [f"{item.check}, {item.case} ({item.kind}): {item.output} by {item.share:.2g}" for item in bad]
    detail = f"{len(movements)} cases"
    if worst is not None:
        detail += f", at most {worst.share:.1%} ({worst.check}, {worst.output})"
    return Condition(
        f"rounding moves no case by more than {SHARE_OF_TOLERANCE:.0%} of a tolerance in {REPEATS} random runs "
        f"({TRAINING_REPEATS} of a training)",
        not bad,
        "; ".join(named[:MAX_LISTED]) or detail,
    )


def _known(*conditions: Condition | None) -> list[Condition]:
    """Leave out what there is nothing to ask of: that would hold of nothing."""
    return [item for item in conditions if item is not None]


def _mistakes(problems: Sequence[str], count: int) -> Condition:
    more = f"; and {len(problems) - MAX_LISTED} more" if len(problems) > MAX_LISTED else ""
    return Condition(
        f"every mistake loses what it names and nothing else, by at least {MARGIN:g} times a tolerance",
        not problems and count > 0,
        "; ".join(problems[:MAX_LISTED]) + more if problems else f"{count} mistakes" if count else "there are none",
    )


def _recognised(
    lab: Lab,
    trials: Sequence[Trial],
    recorded: Mapping[str, Sequence[RecordedCase]],
    found: Found,
    same: Mapping[str, Sequence[str]],
) -> Condition:
    """Ask the explanation for the name of every mistake, given only what it returned.

    A mistake that only raises, with words that say nothing of it, returns nothing that could tell it: it is listed
    apart.
    """
    known = recorded_mistakes(lab, trials, HIDDEN)
    wrong, silent = [], []
    singles_ = [trial for trial in trials if not trial.mistaken.is_pair]
    for trial in singles_:
        name = trial.mistaken.name
        names, returned = set(), False
        line = trial.mistaken.parts[0].raising_line()
        for check in trial.mistaken.loses:
            runs = [
                _case_run(case, run, judgement, line)
                for case, run, judgement in zip(
                    recorded[check], found.mistakes[name][HIDDEN][check], trial.hidden[check], strict=True
                )
            ]
            best = recognise(runs, known.get(check, ()))
            names.add(best.mistake.name if best is not None else "nothing")
            returned = returned or any(not run.passed and run.outcome.verdict is None for run in runs)
        if names == {"nothing"} and not returned:
            silent.append(name)
        elif not names & {trial.mistaken.reported_name, *same[name]}:
            wrong.append(f"{name} (taken for {', '.join(sorted(names))})")
    return told_apart(len(singles_), wrong, silent)


def told_apart(number: int, wrong: Sequence[str], silent: Sequence[str]) -> Condition:
    """Judge how many of ``number`` mistakes were told: ``wrong`` were not, and ``silent`` returned nothing to tell.

    These do not count among the others, and are bounded by the same share of all: otherwise a lab could be proved
    by mistakes that say nothing.
    """
    told = number - len(silent)
    share = 1 - len(wrong) / told if told else 1.0
    apart = f"; {', '.join(silent)} only raise, with words that name nothing" if silent else ""
    detail = f"{told - len(wrong)} of {told}" + (f"; not {', '.join(wrong[:MAX_LISTED])}" if wrong else "")
    return Condition(
        f"at least {MIN_RECOGNISED:.0%} of the mistakes are told apart by what they return",
        share >= MIN_RECOGNISED and told >= MIN_RECOGNISED * number,
        detail + apart,
    )


def _case_run(case: RecordedCase, run: RecordedRun, judgement: RecordedRun, line: str) -> CaseRun:
    """Return a recorded run of a mistake as one of a submission; ``line`` is where it raises, if that tells it."""
    if judgement.verdict is Verdict.PASS:
        return CaseRun(case, Outcome(None, outputs=run.outputs))
    if run.verdict is None:
        findings = compare(case.expected, run.outputs, case.tolerances)
        return CaseRun(case, Outcome(None, outputs=run.outputs), findings)
    frames = tuple(replace(frame, code=line) for frame in frames_at(run.place))
    return CaseRun(case, Outcome(run.verdict, run.message, run.error_type, frames))
