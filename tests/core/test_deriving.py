"""What follows from a submission's arrays is derived in the grader, and whatever goes wrong fails the check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.lab import Case, Unlike, check
from grader.run.deriving import derive
from grader.verdicts import Verdict


@check(tier=60, cases=lambda rng: [Case.of("default")], derive=lambda case, sent: {"twice": 2 * sent["once"]})
def doubled(student, case):
    """Double."""
    return {"once": np.ones(3)}


def refusing(case, sent):
    """Refuse whatever was sent."""
    raise Unlike("layer {place} is a {kind} layer: {name}", place=3, kind="convolution", name="a\x1b[31mb")


def test_what_follows_takes_the_place_of_what_was_sent():
    """Only the derived arrays are left."""
    verdict, message, outputs = derive(doubled, Case("x"), {"once": np.ones(3), "forged": np.zeros(9)})
    assert (verdict, bool(message), list(outputs)) == (None, False, ["twice"])
    assert outputs["twice"].tolist() == [2, 2, 2]


def test_without_a_derivation_arrays_stay_as_they_are():
    """Checks that need none are not touched."""
    sent = {"once": np.ones(3)}
    assert derive(replace(doubled, derive=None), Case("x"), sent) == (None, "", sent)


def test_a_refusal_is_wrong_and_its_message_is_the_students():
    """The first difference is the message."""
    verdict, message, outputs = derive(replace(doubled, derive=refusing), Case("x"), {}, Path("labs"))
    assert (verdict, outputs, message.lab) == (Verdict.WRONG, {}, Path("labs"))
    assert message.english.startswith("layer 3 is a convolution layer: a") and "\x1b" not in message.english


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda case, sent: {"twice": sent["once"]}, "KeyError"),
        (lambda case, sent: {"ratio": 1 // 0}, "ZeroDivisionError"),
        (lambda case, sent: {}, "nothing follows"),
        (lambda case, sent: None, "AttributeError"),
        (lambda case, sent: {"text": "forged"}, "expected numbers"),
        (lambda case, sent: {"thing": object()}, "expected numbers"),
    ],
)
def test_whatever_goes_wrong_fails_the_check(function, words):
    """An exception, no result and a result that is no array of numbers are unusable output, never a pass."""
    verdict, message, outputs = derive(replace(doubled, derive=function), Case("x"), {})
    assert verdict is Verdict.OUTPUT and words in message.english and outputs == {}
