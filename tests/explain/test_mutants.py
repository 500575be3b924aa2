"""Changes by rule of the solution explain what no known mistake does, under the same evidence or more."""

import ast
from pathlib import Path

import numpy as np
import pytest

from grader.compare import Tolerance, compare
from grader.explain import CaseRun, explain_runs
from grader.explain.mutants import LEFT_OUT, SAID, by_mutants
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase, RecordedMistake, RecordedRun
from grader.project.library import Change, RecordedMutant
from grader.publishing.mutants.rules import RULES
from grader.run.session import Outcome
from grader.verdicts import Verdict

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(5)
EXPECTED = [RNG.standard_normal((3, 4)) for _ in range(3)]
WRONG = [array * np.linspace(1.0, 2.0, 4) + np.sin(7 * array) for array in EXPECTED]
ALLOWED = {"y": Tolerance(1e-9, 1e-9)}


class Check:
    """What is asked of a check here."""

    id, domain, learning, slow = "scale", "course", None, False


def runs_of(returned):
    """One run a case, with what was returned in it."""
    runs = []
    for number, (expected, actual) in enumerate(zip(EXPECTED, returned, strict=True)):
        case = RecordedCase(Case.of(f"case {number}", x=expected), {"y": expected}, ALLOWED)
        outcome = actual if isinstance(actual, Outcome) else Outcome(None, outputs={"y": actual})
        found = [] if outcome.verdict else compare(case.expected, outcome.outputs, ALLOWED)
        runs.append(CaseRun(case, outcome, found))
    return runs


def mutant(*changes, returned=WRONG):
    """A mutant that returned this."""
    runs = [
        RecordedRun(Verdict.PASS) if actual is expected else RecordedRun(Verdict.WRONG, {"y": actual})
        for expected, actual in zip(EXPECTED, returned, strict=True)
    ]
    return RecordedMutant([Change(*change) for change in changes], runs)


ASSIGNED = ("scale_forward", "`+=` replaced by `=`")


def test_the_same_numbers_in_every_case_are_said_to_be_those_of_the_change():
    """In words of the hole."""
    hint = explain_runs(Check(), runs_of(WRONG), [], mutants=lambda: [mutant(ASSIGNED)]).hint
    assert hint.startswith(
        "What is returned is what the solution gives when, in the hole `scale_forward`, a sum (`+=`) is replaced "
        "by an assignment (`=`)."
    )


def test_a_known_mistake_goes_first():
    """What people do is said rather than what a machine did."""
    runs = [RecordedRun(Verdict.WRONG, {"y": array}) for array in WRONG]
    known = RecordedMistake("bent", "bent", "The numbers are bent.", "", runs)

    def never():
        raise AssertionError("mutants are read only where nothing else explains")

    found = explain_runs(Check(), runs_of(WRONG), [known], mutants=never)
    assert found.misconception == "bent" and "solution gives" not in found.hint


@pytest.mark.parametrize(
    "returned",
    [
        [WRONG[0], WRONG[1], WRONG[2] * (1 + 1e-6)],
        [WRONG[0], WRONG[1], EXPECTED[2]],
        [WRONG[0], WRONG[1], WRONG[2][:2]],
        [WRONG[0], WRONG[1], np.full((3, 4), np.nan)],
        [WRONG[0], WRONG[1], Outcome(Verdict.EXCEPTION, "no", "ValueError")],
    ],
    ids=["other numbers", "right in a case", "another shape", "NaN", "an exception"],
)
def test_one_case_that_differs_is_enough_to_say_nothing(returned):
    """Every case has to be as the changed solution has it."""
    assert by_mutants(runs_of(returned), [mutant(ASSIGNED)]) == ""


def test_a_case_that_the_change_would_fail_speaks_against_it_and_one_that_it_passes_does_not():
    """What passes is right in both."""
    some = [WRONG[0], EXPECTED[1], WRONG[2]]
    assert by_mutants(runs_of(some), [mutant(ASSIGNED)]) == ""
    assert "assignment" in by_mutants(runs_of(some), [mutant(ASSIGNED, returned=some)])


@pytest.mark.parametrize("wrong", [0.0, 1.0, np.inf])
def test_one_number_in_all_places_shows_nothing(wrong):
    """Many mistakes return zeros, ones or infinities."""
    same = [np.full((3, 4), wrong) for _ in EXPECTED]
    assert by_mutants(runs_of(same), [mutant(ASSIGNED, returned=same)]) == ""


def test_zeros_tell_by_their_places():
    """Where others are right, the places of zeros are evidence; beside few of them they are not."""
    some = [np.where(np.arange(4) == number, 0.0, array) for number, array in enumerate(EXPECTED)]
    assert "an assignment" in by_mutants(runs_of(some), [mutant(ASSIGNED, returned=some)])
    few = [np.where(np.arange(12).reshape(3, 4) < 7, 0.0, array) for array in EXPECTED]
    assert by_mutants(runs_of(few), [mutant(ASSIGNED, returned=few)]) == ""


def test_of_several_changes_what_they_share_is_said():
    """One hole and up to three changes, two holes and one; of more, nothing."""
    sign = ("scale_forward", "a sign dropped")
    elsewhere = ("scale_backward", "a sign dropped")
    said = by_mutants(runs_of(WRONG), [mutant(ASSIGNED), mutant(sign)])
    assert "in the hole `scale_forward`, a sum (`+=`) is replaced by an assignment (`=`), or a minus sign" in said
    both = by_mutants(runs_of(WRONG), [mutant(sign, elsewhere)])
    assert "in one of the holes `scale_forward` and `scale_backward`, a minus sign is missing" in both
    assert by_mutants(runs_of(WRONG), [mutant(ASSIGNED), mutant(elsewhere)]) == ""
    three = [ASSIGNED, sign, ("scale_forward", "a term left out")]
    assert "(`=`), or a minus sign is missing, or a term of" in by_mutants(runs_of(WRONG), [mutant(*three)])
    assert by_mutants(runs_of(WRONG), [mutant(*three, ("scale_forward", "a copy left out"))]) == ""


def test_what_a_rule_does_that_is_not_in_words_is_not_said():
    """Nothing of the solution's text can come that way."""
    assert by_mutants(runs_of(WRONG), [mutant(("scale_forward", "return x * self.weight"))]) == ""


@pytest.mark.parametrize("lab", sorted(path.parent.name for path in ROOT.glob("labs/*/lab.yaml")))
def test_every_change_of_a_rule_has_words(lab):
    """Of every place in every lab's solution."""
    nodes = [
        node
        for file in (ROOT / "reference" / lab).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]
    words = {said for node in nodes for rule in RULES for said, _text in rule(node)}
    assert len(words) > 20 and all(word in SAID or LEFT_OUT.fullmatch(word) for word in words)
