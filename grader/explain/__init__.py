"""Explains a failed check: what was seen, and the likely cause. Arrays only, and never an expected value.

In this order: what is structurally wrong; the known mistake whose recorded arrays these are; the pattern that the
error follows; its size and place. What could be rounding is said to be that, and nothing else is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.compare import Finding
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison, Family, Fingerprint
from grader.explain.conditions import common_condition
from grader.explain.layout import layouts
from grader.explain.learning import why_not_learned
from grader.explain.mistakes import Recognised, recognise
from grader.explain.network import describe_divergence, exchanged_parameters, first_divergence, wrong_parameters
from grader.explain.orientation import channels_first
from grader.explain.place import places
from grader.explain.precision import precision
from grader.explain.rounding import could_be_rounding
from grader.explain.scale import scales
from grader.explain.structure import structure
from grader.lab.checks import Check
from grader.language.translation import _, joined, listed, translated
from grader.project.fixtures import PAIR_SIGN, Fixture, RecordedMistake, read_mistakes

__all__ = ["CaseRun", "Explanation", "explain", "explain_runs"]

FAMILIES: tuple[Family, ...] = (scales, layouts, places, precision)
FAMILIES_OF_SAMPLES: tuple[Family, ...] = (scales, precision)
MAX_COMPARED_ENTRIES = 1 << 20
MAX_NAMED_PARAMETERS = 4


@dataclass(frozen=True)
class Explanation:
    """What can be said about a failed check beyond what was seen.

    Attributes
    ----------
    message : further facts, to stand below the message about the first failing case; may be empty.
    hint : the likely cause and what to do about it; may be empty.
    misconception : name of the recognised mistake, two names joined by `` + ``, or None.
    """

    message: str = ""
    hint: str = ""
    misconception: str | None = None


def explain(check: Check, runs: Sequence[CaseRun], fixture: Fixture, lab: Path | None = None) -> Explanation:
    """Explain why ``check`` failed. ``runs`` are on recorded cases of the fixture; ``lab`` is the lab's folder.

    Raises
    ------
    FixtureError : the recorded mistakes are missing or damaged.
    """
    numbers = {id(recorded): number for number, recorded in enumerate(fixture.checks[check.id])}
    ran = [numbers[id(run.recorded)] for run in runs]
    mistakes = [
        replace(mistake, runs=[mistake.runs[number] for number in ran if number < len(mistake.runs)])
        for mistake in read_mistakes(fixture, check.id)
    ]
    return explain_runs(check, runs, mistakes, lab, fixture.facts)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def explain_runs(
    check: Check,
    runs: Sequence[CaseRun],
    mistakes: Sequence[RecordedMistake],
    lab: Path | None = None,
    published: Mapping[str, Any] | None = None,
) -> Explanation:
    """Explain failed runs, given the known mistakes that the check can recognise and the facts of the fixture."""
    failing = [run for run in runs if not run.passed]
    if not failing:
        return Explanation()
    prints = common_fingerprints(failing)
    known = recognise(runs, mistakes) or _by_fingerprint(prints, mistakes)
    if known is None:
        rounding = could_be_rounding(failing, has_mistakes=bool(mistakes), check=check.id, facts=published)
        if rounding:
            return Explanation(joined(rounding))
    facts = list(_structural(failing)) + list(_in_network(check, failing[0])) + list(_which_cases(runs))
    course = why_not_learned(check, failing[0])
    facts += course.facts
    if known is None and not prints and mistakes and any(run.outcome.verdict is None for run in failing):
        facts.append(_("None of the known mistakes gives these numbers, nor do two common ones at once."))
    if known is not None:
        hint = _hint(known, mistakes, lab)
    elif course.hint:
        hint = course.hint
    elif prints:
        hint = prints[0].text
    else:
        hint = ""
    return Explanation(
        "\n".join(dict.fromkeys(facts)),
        hint,
        known.mistake.name if known is not None else None,
    )


def describe_cause(mistake: RecordedMistake, mistakes: Sequence[RecordedMistake], lab: Path | None) -> str:
    """Say what a mistake is; of a pair, what each of the two is."""
    told = {item.name: item.explanation for item in mistakes}
    names = mistake.name.split(PAIR_SIGN)
    if not mistake.is_pair or not all(name in told for name in names):
        return translated(mistake.explanation, lab)
    first, second = (translated(told[name], lab) for name in names)
    return _("(1) {first} (2) {second}", first=first, second=second)


def _hint(known: Recognised, mistakes: Sequence[RecordedMistake], lab: Path | None) -> str:
    mistake = known.mistake
    sentences = [describe_cause(mistake, mistakes, lab)]
    if mistake.formula:
        sentences.append(_("See {formula}.", formula=translated(mistake.formula, lab)))
    if known.also:
        also = _("; ").join(translated(title, lab) for title in known.also)
        sentences.append(_("The same numbers come out with: {mistakes}.", mistakes=also))
    if mistake.is_pair:
        sentences.insert(0, _("Two mistakes at once give exactly these numbers."))
    elif not known.complete:
        sentences.append(
            _(
                "This explains {explained} of the {failing} failing cases; in the others something else is wrong "
                "as well.",
                explained=known.explained,
                failing=known.failing,
            )
        )
    return joined(sentences)


def _structural(failing: Sequence[CaseRun]) -> Iterator[str]:
    run = failing[0]
    if len(run.recorded.expected) > 12:
        return
    for finding in run.findings[:1]:
        found = _structure_of(run, finding)
        if found is not None:
            yield found.text


def _structure_of(run: CaseRun, finding: Finding) -> Fingerprint | None:
    expected = run.recorded.expected.get(finding.output)
    return structure(finding, expected, run.output(finding.output), run.recorded.case)


def _which_cases(runs: Sequence[CaseRun]) -> Iterator[str]:
    if len(runs) < 2:
        return
    condition = common_condition(runs)
    if condition:
        yield _("The cases that fail are those with {condition}.", condition=condition)
    elif not any(run.passed for run in runs) and len(runs) > 2:
        yield _("All {count} cases fail, the simplest too.", count=len(runs))


def _in_network(check: Check, run: CaseRun) -> Iterator[str]:
    """Name the first layer that differs, or the parameters that were loaded wrongly."""
    names = run.recorded.expected
    if run.outcome.verdict is not None or not any("/" in name for name in names):
        return
    if any(name.split("/")[0].rpartition(" ")[2] in ("weight", "bias") for name in names):
        yield from _parameters(run)
        return
    found = first_divergence(run)
    if found is None:
        return
    yield describe_divergence(found, backward="backward" in check.id)
    if found.layer and found.given_right and check.needs:
        yield _(
            "This kind of layer and the parameters have checks of their own. If those pass, look at how the "
            "network hands arrays to `{layer}`, and at the settings it was built with.",
            layer=found.layer,
        )


def _parameters(run: CaseRun) -> Iterator[str]:
    exchanged = exchanged_parameters(run)
    for name, source in exchanged[:MAX_NAMED_PARAMETERS]:
        yield _("The {name} holds the values of the {source}.", name=name, source=source)
    if not exchanged:
        wrong = wrong_parameters(run)
        names = list(wrong[:MAX_NAMED_PARAMETERS])
        if len(wrong) > len(names):
            names.append(_("{count} more", count=len(wrong) - len(names)))
        yield _("Wrong after loading: {names}.", names=listed(names))


def common_fingerprints(failing: Sequence[CaseRun]) -> list[Fingerprint]:
    """Return the patterns that hold in every failing case, worded for the first of them, strongest first.

    If there is none, return those that hold in most of the cases in which any does.
    """
    found = [prints for run in failing if (prints := fingerprints(run))]
    if not found:
        return []
    names = [{item.name for item in prints} for prints in found]
    for prints in found:
        everywhere = [item for item in prints if all(item.name in other for other in names)]
        if everywhere and len(found) == len(failing):
            return everywhere
    first = found[0]
    return [item for item in first if sum(item.name in other for other in names) > len(failing) / 2]


def fingerprints(run: CaseRun) -> list[Fingerprint]:
    """Return the patterns of the first wrong output of a case that has any."""
    for finding in run.findings:
        structural = _structure_of(run, finding) if finding.kind != "values" or "/" not in finding.output else None
        if structural is not None:
            return [structural]
        view = comparison(run, finding)
        if view is not None:
            sampled = "/" in finding.output
            return [item for family in (FAMILIES_OF_SAMPLES if sampled else FAMILIES) for item in family(view)]
    return []


def comparison(run: CaseRun, finding: Finding) -> Comparison | None:
    """Return the output of a finding for a closer look; None if its numbers cannot be compared."""
    expected, actual = run.recorded.expected.get(finding.output), run.output(finding.output)
    if (
        finding.kind != "values"
        or expected is None
        or actual is None
        or finding.output.endswith(("/shape", "/stats"))
    ):
        return None
    if expected.dtype.kind != "f" or expected.size > MAX_COMPARED_ENTRIES or not np.isfinite(expected).all():
        return None
    case = run.recorded.case
    return Comparison(
        finding.output,
        channels_first(finding.output, expected.astype(np.float64), case),
        channels_first(finding.output, actual.astype(np.float64), case),
        run.recorded.tolerances[finding.output],
        case.config,
        {name: channels_first(name, array, case) for name, array in case.arrays.items()},
    )


def _by_fingerprint(prints: Sequence[Fingerprint], mistakes: Sequence[RecordedMistake]) -> Recognised | None:
    """Return the mistake that is known by a pattern rather than by its numbers."""
    names = {item.name for item in prints}
    for mistake in mistakes:
        if mistake.fingerprint and mistake.fingerprint in names:
            return Recognised(mistake, 1, 1)
    return None
