"""What a solution scores on recorded cases, and what known mistakes lose: the facts behind a certificate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.compare import compare
from grader.lab.checks import COURSE, Check
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase, RecordedMistake, RecordedRun
from grader.publishing.certificate import MistakeRow
from grader.publishing.misconceptions import Mistaken
from grader.publishing.recording import Runs
from grader.publishing.tolerances import FLOOR, MARGIN, DerivedTolerance, Output, detection
from grader.score.document import CheckResult
from grader.score.judge import verdict_of
from grader.score.tiers import score_tiers
from grader.verdicts import Verdict

Recorded = Mapping[str, Sequence[RecordedCase]]


def judged(recorded: RecordedCase, run: RecordedRun) -> RecordedRun:
    """Return the run with the verdict that grading would give it."""
    if run.verdict is not None:
        return run
    verdict = verdict_of(None, compare(recorded.expected, run.outputs, recorded.tolerances))
    return RecordedRun(verdict) if verdict is Verdict.PASS else replace(run, verdict=verdict)


def judge_all(recorded: Recorded, runs: Runs) -> dict[str, list[RecordedRun]]:
    """Return all runs with their verdicts."""
    return {
        check: [judged(case, run) for case, run in zip(recorded[check], found, strict=True)]
        for check, found in runs.items()
    }


def failed(judgements: Runs) -> list[str]:
    """Return the checks that do not pass in every case."""
    return [check for check, runs in judgements.items() if any(run.verdict is not Verdict.PASS for run in runs)]


def failed_in_course(judgements: Runs, recorded: Recorded) -> list[str]:
    """Return the checks that do not pass in every case of the course: these decide the score."""
    return [
        check
        for check, runs in judgements.items()
        if any(
            run.verdict is not Verdict.PASS and case.case.domain == COURSE
            for case, run in zip(recorded[check], runs, strict=True)
        )
    ]


def with_dependants(lab: Lab, lost: Iterable[str]) -> set[str]:
    """Return the lost checks and all that need one of them, directly or not."""
    found = set(lost)
    for check in lab.in_order():
        if any(needed in found for needed in check.needs):
            found.add(check.id)
    return found


def needed_by(lab: Lab, wanted: Iterable[str]) -> set[str]:
    """Return the wanted checks and all that they need."""
    return {check.id for check in lab.in_order(tuple(wanted))}


def score(lab: Lab, lost: Iterable[str]) -> int:
    """Return the score of a submission that fails just these checks and skips what needs them."""
    gone = with_dependants(lab, lost)
    results = [
        CheckResult(
            id=check.id,
            tier=check.tier,
            title=check.title,
            verdict=Verdict.WRONG if check.id in gone else Verdict.PASS,
        )
        for check in lab.checks.values()
    ]
    return score_tiers(lab.facts.tiers, results, lab.check_tiers)[0]


@dataclass(frozen=True)
class Trial:
    """What one mistake did: judgements of the hidden and of the public cases.

    ``course`` are the checks that it loses in hidden cases of the course; others it loses only beyond it.
    """

    mistaken: Mistaken
    hidden: Runs
    public: Runs
    course: Sequence[str]

    @property
    def lost(self) -> list[str]:
        """Checks that fail, without those that are only skipped."""
        return failed(self.hidden)


def problems_of(
    lab: Lab, trial: Trial, reference: Runs, runs: Runs, measured: Mapping[Output, DerivedTolerance]
) -> tuple[list[str], float, list[tuple[str, str, str, float]]]:
    """Return what is wrong with a mistake's proof, by how many times its tolerance it is exceeded at least, and
    the errors that come nearest to a tolerance as (check, output, name, error).

    ``runs`` are those of the hidden cases before they were judged.
    """
    name, declared = trial.mistaken.name, trial.mistaken.loses
    problems = []
    missed = [check for check in declared if check in trial.hidden and check not in trial.lost]
    if missed:
        problems.append(f"{name} does not lose {', '.join(missed)}")
    not_run = [check for check in declared if check not in trial.hidden]
    if not_run:
        problems.append(f"{name} was not run on {', '.join(not_run)}")
    allowed = with_dependants(lab, declared)
    unexpected = [check for check in trial.lost if check not in allowed]
    if unexpected and not trial.mistaken.is_pair:
        problems.append(f"{name} also loses {', '.join(unexpected)}; name these checks or narrow the edit")
    least = float("inf")
    near = []
    for check in declared:
        if check not in trial.lost:
            continue
        times, output, error = detection(lab.checks[check], reference[check], runs[check], measured)
        least = min(least, times)
        if output:
            near.append((check, output, name, error))
        if times < MARGIN:
            problems.append(_too_near(name, check, times, measured.get((check, output))))
    return problems, least, near


def _too_near(name: str, check: str, times: float, known: DerivedTolerance | None) -> str:
    """Say that a mistake hardly exceeds a tolerance, and which right solution made that so wide."""
    said = f"{name} exceeds the tolerance of {check} only {times:.2g} times, not {MARGIN:g}"
    if known is None or known.tolerance <= FLOOR[known.metric] or not known.widest:
        return said
    return f"{said}; {known.widest}, {known.spread:.1e} away in {known.output}, makes it that wide"


def row_of(lab: Lab, trial: Trial, times: float, same: Sequence[str]) -> MistakeRow:
    """Return the certificate's row of a mistake."""
    declared = [check for check in trial.mistaken.loses if check in trial.lost]
    decided = [check for check in declared if check in trial.course]
    beyond = tuple(check for check in declared if check not in trial.course)
    skipped = with_dependants(lab, decided) - set(decided)
    part = trial.mistaken.parts[0]
    ordered = tuple(check.id for check in lab.in_order() if check.id in skipped)
    left = score(lab, decided)
    return MistakeRow(
        name=part.name,
        title=part.title,
        checks=tuple(decided),
        skipped=ordered,
        score=left,
        times=times,
        same=tuple(same),
        beyond=beyond,
    )


def recorded_mistakes(lab: Lab, trials: Sequence[Trial], kind: str) -> dict[str, list[RecordedMistake]]:
    """Return, for every check, the mistakes that it can recognise: single ones first, then pairs."""
    found: dict[str, list[RecordedMistake]] = {check: [] for check in lab.checks}
    for trial in sorted(trials, key=lambda trial: trial.mistaken.is_pair):
        judgements = trial.hidden if kind == "hidden" else trial.public
        for check in trial.mistaken.loses:
            runs = judgements.get(check, ())
            if any(run.verdict is not Verdict.PASS for run in runs):
                found[check].append(_as_recorded(trial.mistaken, runs))
    return {check: mistakes for check, mistakes in found.items() if mistakes}


def _as_recorded(mistaken: Mistaken, runs: Sequence[RecordedRun]) -> RecordedMistake:
    parts = mistaken.parts
    formulas = dict.fromkeys(part.formula for part in parts if part.formula)
    return RecordedMistake(
        name=mistaken.reported_name,
        title=" and ".join(part.title for part in parts),
        explanation=parts[0].explanation if len(parts) == 1 else _numbered([part.explanation for part in parts]),
        formula=" and ".join(formulas),
        runs=list(runs),
        reads_outside=mistaken.reads_outside,
        symptom=parts[0].symptom if len(parts) == 1 else "",
        line=parts[0].line if len(parts) == 1 else "",
        fingerprint=parts[0].fingerprint if len(parts) == 1 else "",
    )


def _numbered(texts: Sequence[str]) -> str:
    return " ".join(f"({number}) {text}" for number, text in enumerate(texts, start=1))


def checks_to_run(lab: Lab, mistaken: Mistaken) -> list[Check]:
    """Return the checks that a mistake is run on.

    All checks of single layers, and of the slow ones those that it must lose with all that they need. A mistake in
    code that is no hole also builds the network, which may notice it, unless it loses nothing but checks of the
    highest tier: those are of backward passes, which building does not run. What needs a lost check is not run: in
    a grading it would be skipped.
    """
    if mistaken.is_pair:
        return [check for check in lab.checks.values() if check.id in mistaken.loses]
    slow = {check.id for check in lab.checks.values() if check.slow}
    wanted = needed_by(lab, mistaken.loses) & slow
    highest = max(lab.facts.tiers)
    if any(not part.holes and part.variant is None for part in mistaken.parts) and any(
        lab.checks[name].tier != highest for name in mistaken.loses
    ):
        wanted |= {check.id for check in list(lab.checks.values())[:1] if check.slow}
    return [check for check in lab.checks.values() if check.id not in slow or check.id in wanted]


def indistinguishable(trials: Sequence[Trial]) -> dict[str, list[str]]:
    """Return, for each single mistake, the others that did the same in every hidden case of the checks it loses."""
    singles = [trial for trial in trials if not trial.mistaken.is_pair]
    keys = {trial.mistaken.name: _behaviour(trial) for trial in singles}
    return {
        name: [other for other, theirs in keys.items() if other != name and theirs == own]
        for name, own in keys.items()
    }


def _behaviour(trial: Trial) -> tuple[object, ...]:
    return tuple(
        (check, number, run.verdict, run.message, tuple((n, a.shape, a.tobytes()) for n, a in run.outputs.items()))
        for check in trial.lost
        for number, run in enumerate(trial.hidden[check])
    )
