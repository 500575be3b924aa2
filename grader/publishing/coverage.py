"""Whether mistakes and variants reach everything that is scored: a check that nothing fails proves nothing.

What ``proof.yaml`` leaves out with a reason counts as held, and is listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from grader.compare import compare
from grader.lab.checks import Check
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase
from grader.publishing.certificate import Condition
from grader.publishing.exemptions import PROOF_NAME, Exempt, Exemptions
from grader.publishing.recording import Runs
from grader.publishing.trials import Trial
from grader.publishing.variation import MIN_VARIANTS, scored_holes
from grader.publishing.workbench import Found
from grader.verdicts import Verdict

MAX_LISTED = 6
# Parts of one sampled activation: its shape, its statistics and the sample itself.
SAMPLE_PARTS = ("shape", "stats", "values")

Recorded = Mapping[str, Sequence[RecordedCase]]


def coverage(
    lab: Lab, trials: Sequence[Trial], recorded: Recorded, found: Found
) -> tuple[list[Condition], list[Exempt]]:
    """Return the three conditions, and all that is left out of them.

    ``recorded`` are the hidden cases with what the reference returned.
    """
    parts = [
        varied_condition(lab, found.varied, found.exemptions),
        lost_condition(lab, trials, found.exemptions),
        changed_condition(lab, trials, recorded, found.exemptions),
    ]
    return [condition for condition, _ in parts], [item for _, exempt in parts for item in exempt]


def varied_condition(
    lab: Lab, varied: Mapping[str, Sequence[str]], exemptions: Exemptions
) -> tuple[Condition, list[Exempt]]:
    """Require that at least three variants write each scored hole unlike the reference and unlike each other."""
    scored = scored_holes(lab)
    few = [hole for hole in scored if len(varied.get(hole, ())) < MIN_VARIANTS]
    missing, exempt = _left_out(few, "not_varied", exemptions)
    named = [f"{hole} ({', '.join(varied.get(hole, ())) or 'none'})" for hole in missing]
    return _condition(
        f"at least {MIN_VARIANTS} variants write every scored hole in ways of their own",
        named,
        f"{len(scored) - len(few)} of {len(scored)} holes",
        exempt,
        nothing="no hole is scored" if not scored else "",
    ), exempt


def lost_condition(lab: Lab, trials: Sequence[Trial], exemptions: Exemptions) -> tuple[Condition, list[Exempt]]:
    """Require that a mistake is made in every scored hole, and that one fails every scored check."""
    singles = [trial for trial in trials if not trial.mistaken.is_pair]
    made = {hole for trial in singles for part in trial.mistaken.parts for hole in part.holes}
    lost = {check for trial in singles for check in trial.lost}
    holes = scored_holes(lab)
    checks = scored_checks(lab)
    never = [f"check {check.id}" for check in checks if check.id not in lost]
    never += [f"hole {hole}" for hole in holes if hole not in made]
    missing, exempt = _left_out(never, "not_lost", exemptions)
    count = len(holes) + len(checks)
    return _condition(
        "every scored check and every scored hole is lost by a mistake",
        missing,
        f"{count - len(never)} of {count}: {len(checks)} checks, {len(holes)} holes",
        exempt,
        nothing="there are no mistakes" if not singles else "no check is scored" if not checks else "",
    ), exempt


def changed_condition(
    lab: Lab, trials: Sequence[Trial], recorded: Recorded, exemptions: Exemptions
) -> tuple[Condition, list[Exempt]]:
    """Require that a mistake changes every output of the scored checks of layers.

    The parts of a sampled activation count as one. Outputs of the slow checks of a whole network, one for each
    layer, show where it first goes wrong; for these it is enough that a mistake loses the check. What only takes
    part in telling why nothing is learned is no output that is compared.
    """
    checks = [check for check in scored_checks(lab) if not check.slow and check.learning is None]
    all_outputs, changed = set[str](), set[str]()
    for check in checks:
        all_outputs |= {f"{check.id}/{_whole(name)}" for case in recorded[check.id] for name in case.expected}
        for trial in trials:
            changed |= {f"{check.id}/{name}" for name in _changed(check, trial.hidden, recorded[check.id])}
    never = sorted(all_outputs - changed)
    gone = exemptions.reasons("not_lost")
    of_lost_checks = [name for name in never if name.partition("/")[0] not in gone]
    missing, exempt = _left_out(of_lost_checks, "not_changed", exemptions)
    return _condition(
        "a mistake changes every output of the checks of layers",
        missing,
        f"{len(all_outputs) - len(never)} of {len(all_outputs)} outputs",
        exempt,
        nothing="there are no such outputs" if checks and not all_outputs else "",
    ), exempt


def scored_checks(lab: Lab) -> list[Check]:
    """Return the checks that decide a tier."""
    return [check for check in lab.checks.values() if check.tier is not None]


def _changed(check: Check, runs: Runs, cases: Sequence[RecordedCase]) -> Iterable[str]:
    """Return the outputs that a mistake changed in some case; one that ended early changed none by number."""
    for case, run in zip(cases, runs.get(check.id, ()), strict=False):
        if run.verdict not in (Verdict.WRONG, Verdict.OUTPUT):
            continue
        for name, expected in case.expected.items():
            tolerance = {name: case.tolerances[name]}
            if name not in run.outputs or compare({name: expected}, {name: run.outputs[name]}, tolerance):
                yield _whole(name)


def _whole(name: str) -> str:
    """Return the name of the activation that an output is a part of."""
    head, sign, part = name.rpartition("/")
    return head if sign and part in SAMPLE_PARTS else name


def _left_out(names: Sequence[str], section: str, exemptions: Exemptions) -> tuple[list[str], list[Exempt]]:
    """Sort names into those that are refused and those that are left out with a reason."""
    reasons = exemptions.reasons(section)
    exempt = []
    for name in names:
        # It may say what it is, as in `check conv_forward`.
        bare = name.removeprefix("check ").removeprefix("hole ")
        if bare in reasons:
            exempt.append(Exempt(section, name, reasons[bare]))
    known = {item.name for item in exempt}
    return [name for name in names if name not in known], exempt


def _condition(name: str, missing: Sequence[str], held: str, exempt: Sequence[Exempt], nothing: str) -> Condition:
    if nothing:
        return Condition(name, False, nothing)
    if missing:
        more = f" and {len(missing) - MAX_LISTED} more" if len(missing) > MAX_LISTED else ""
        said = f"not {', '.join(missing[:MAX_LISTED])}{more}; mend it, or say why not in {PROOF_NAME}"
        return Condition(name, False, said)
    return Condition(name, True, held + (f"; {len(exempt)} left out, with reasons below" if exempt else ""))
