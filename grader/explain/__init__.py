"""Explains a failed check: what was seen, and the likely cause. Arrays only, and never an expected value.

In this order: what is structurally wrong; the known mistake whose recorded arrays these are; the rule that gives
them; the small change of the solution that does; the pattern that the error follows; its size and place. What could
be rounding is said to be that, and nothing else is said.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from grader.explain.calls import between_calls
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Fingerprint
from grader.explain.conditions import common_condition
from grader.explain.learning import why_not_learned
from grader.explain.mistakes import Recognised, holds_in, recognise
from grader.explain.network import in_network
from grader.explain.patterns import common_fingerprints, comparison, fingerprints, structure_of
from grader.explain.rounding import could_be_rounding
from grader.lab.checks import Check
from grader.language.translation import _, joined, listed, translated
from grader.project.fixtures import PAIR_SIGN, Fixture, RecordedMistake
from grader.project.library import RecordedMutant, read_mistakes, read_mutants
from grader.project.manifest import Facts, FixtureError

__all__ = [
    "CaseRun", "Explanation", "common_fingerprints", "comparison", "explain", "explain_runs", "fingerprints",
]  # fmt: skip

MAX_NAMED_CASES = 3


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


def explain(
    check: Check,
    runs: Sequence[CaseRun],
    fixture: Fixture,
    lab: Path | None = None,
    failed: Sequence[str] = (),
    beyond: Sequence[CaseRun] = (),
) -> Explanation:
    """Explain why ``check`` failed. ``runs`` are on recorded cases of the fixture; ``lab`` is the lab's folder.

    ``failed`` are the titles of checks of single layers that this one builds on and that did not pass; ``beyond``
    are runs on other cases, which decide between known mistakes that give the same numbers in these. A verdict
    does not rest on its cause: where the search for one fails, that is said, and nobody loses a document.

    Raises
    ------
    FixtureError : the recorded mistakes are missing or damaged.
    """
    if all(run.passed for run in runs):
        return Explanation()
    numbers = {id(recorded): number for number, recorded in enumerate(fixture.checks[check.id])}
    ran = [numbers[id(run.recorded)] for run in runs]
    recorded = read_mistakes(fixture, check.id)
    mistakes = [_in_cases(mistake, ran) for mistake in recorded]
    others = [numbers[id(run.recorded)] for run in beyond]
    first = [
        mistake.name for mistake in recorded
        if others and not mistake.is_pair and holds_in(beyond, _in_cases(mistake, others))
    ]  # fmt: skip
    try:
        return explain_runs(
            check, runs, mistakes, lab, fixture.facts, failed, partial(_mutants_of, fixture, check.id, ran), first
        )
    except FixtureError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Explanation(
            _(
                "No cause can be told: the search for one failed ({error}, {file}:{line}). Please report this; the "
                "verdict does not rest on it.",
                error=type(error).__name__,
                file=Path(place.filename).name,
                line=place.lineno,
            )
        )


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def explain_runs(
    check: Check,
    runs: Sequence[CaseRun],
    mistakes: Sequence[RecordedMistake],
    lab: Path | None = None,
    published: Facts | None = None,
    failed: Sequence[str] = (),
    mutants: Callable[[], Sequence[RecordedMutant]] = tuple,
    first: Sequence[str] = (),
) -> Explanation:
    """Explain failed runs, given the mistakes that the check can recognise and the facts of the fixture.

    ``mutants`` returns what changes by machine gave; it is only asked where nothing else explains the runs. The
    mistakes that are named in ``first`` go before others that explain as much.
    """
    failing = [run for run in runs if not run.passed]
    if not failing:
        return Explanation()
    prints = common_fingerprints(failing)
    known = recognise(runs, [mistake for mistake in mistakes if mistake.name in first])
    if known is None or not known.complete:
        known = recognise(runs, mistakes) or _by_fingerprint(prints, mistakes)
    calls = between_calls(runs)
    terms = "" if known is not None and known.complete else _by_rules(runs)
    if terms:
        # It explains all cases, which the known mistake does not.
        known = None
    if known is None and not calls and not terms:
        rounding = could_be_rounding(failing, has_mistakes=bool(mistakes), check=check.id, facts=published)
        if rounding:
            return Explanation(joined(rounding))
    course = why_not_learned(check, failing[0])
    change = _by_mutants(runs, mutants) if known is None and not calls and not terms else ""
    if known is not None:
        hint = _hint(known, mistakes, runs, lab)
    else:
        hint = calls or terms or change or course.hint or (prints[0].text if prints else "")
    facts = [*_structural(failing), *in_network(check, failing[0], failed), *_which_cases(runs), *course.facts]
    if not hint and mistakes and all(_has_numbers(run) for run in failing):
        facts.append(_("None of the known mistakes gives these numbers, nor do two common ones at once."))
    told = [fact for fact in dict.fromkeys(facts) if not hint.startswith(fact.rstrip("."))]
    return Explanation("\n".join(told), hint, known.mistake.name if known is not None else None)


def _by_rules(runs: Sequence[CaseRun]) -> str:
    """Ask the rules, which are loaded where something was returned: a lab just begun does not wait for them."""
    if all(run.outcome.verdict is not None for run in runs):
        return ""
    from grader.explain.rules import by_rules

    return by_rules(runs)


def _by_mutants(runs: Sequence[CaseRun], mutants: Callable[[], Sequence[RecordedMutant]]) -> str:
    if any(run.outcome.verdict is not None for run in runs if not run.passed):
        return ""
    from grader.explain.mutants import by_mutants

    return by_mutants(runs, mutants())


def _in_cases(mistake: RecordedMistake, numbers: Sequence[int]) -> RecordedMistake:
    """Return a mistake with what it gave in these cases."""
    return replace(mistake, runs=[mistake.runs[number] for number in numbers if number < len(mistake.runs)])


def _mutants_of(fixture: Fixture, check: str, ran: Sequence[int]) -> list[RecordedMutant]:
    """Read what mutants gave in the cases that were run."""
    mutants = read_mutants(fixture, check)
    return [replace(mutant, runs=[mutant.runs[number] for number in ran]) for mutant in mutants]


def _has_numbers(run: CaseRun) -> bool:
    return run.outcome.verdict is None and all(finding.kind == "values" for finding in run.findings)


def describe_cause(mistake: RecordedMistake, mistakes: Sequence[RecordedMistake], lab: Path | None) -> str:
    """Say what a mistake is; of a pair, what each of the two is."""
    told = {item.name: item.explanation for item in mistakes}
    names = mistake.name.split(PAIR_SIGN)
    if not mistake.is_pair or not all(name in told for name in names):
        return translated(mistake.explanation, lab)
    first, second = (translated(told[name], lab) for name in names)
    return _("(1) {first} (2) {second}", first=first, second=second)


def _hint(known: Recognised, mistakes: Sequence[RecordedMistake], runs: Sequence[CaseRun], lab: Path | None) -> str:
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
                "This explains {explained}; in {others} something else is wrong as well.",
                explained=_named(known.explained, runs, lab),
                others=_named(known.others, runs, lab),
            )
        )
    return joined(sentences)


def _named(numbers: Sequence[int], runs: Sequence[CaseRun], lab: Path | None) -> str:
    """Name cases, or count them where they are many."""
    if len(numbers) > MAX_NAMED_CASES:
        return _("{count} cases", count=len(numbers))
    return listed([f"`{translated(runs[number].recorded.case.name, lab)}`" for number in numbers])


def _structural(failing: Sequence[CaseRun]) -> Iterator[str]:
    run = failing[0]
    if len(run.recorded.expected) > 12:
        return
    for finding in run.findings[:1]:
        found = structure_of(run, finding)
        if found is not None:
            yield found.text


def _which_cases(runs: Sequence[CaseRun]) -> Iterator[str]:
    if len(runs) < 2:
        return
    condition = common_condition(runs)
    if condition:
        yield _("The cases that fail are those with {condition}.", condition=condition)
    elif not any(run.passed for run in runs) and len(runs) > 2:
        yield _("All {count} cases fail, the simplest too.", count=len(runs))


def _by_fingerprint(prints: Sequence[Fingerprint], mistakes: Sequence[RecordedMistake]) -> Recognised | None:
    """Return the mistake that is known by a pattern rather than by its numbers."""
    names = {item.name for item in prints}
    for mistake in mistakes:
        if mistake.fingerprint and mistake.fingerprint in names:
            return Recognised(mistake)
    return None
