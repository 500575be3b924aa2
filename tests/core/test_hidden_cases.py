"""What a submission says about a hidden case is cut to what cannot carry the case's inputs."""

import numpy as np
import pytest

from grader.checking import HIDDEN_MESSAGE_CHARACTERS, without_inputs
from grader.inside.imports import possible_notes
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome
from grader.verdicts import Verdict

RECORDED = RecordedCase(Case("c"), {"conv/shape": np.array([1])}, {})


@pytest.mark.parametrize("verdict", [Verdict.EXCEPTION, Verdict.IMPORT, Verdict.WRONG, Verdict.UNFINISHED])
def test_long_messages_are_cut(verdict):
    """Whatever the verdict, a message from inside holds no array."""
    shown = without_inputs(Outcome(verdict, "0.5 " * 1000, printed="0.5 " * 100), RECORDED)
    assert len(shown.message) == HIDDEN_MESSAGE_CHARACTERS + 1
    assert shown.printed == ""


def test_only_the_graders_own_notes_stay():
    """A note about a replaced function is one of a few sentences; anything else is a submission's."""
    honest = "scipy.misc.imread, which the library no longer has, was replaced"
    assert honest in possible_notes()
    assert without_inputs(Outcome(None, notes=(honest, "0.5 0.25")), RECORDED).notes == (honest,)


def test_names_that_were_not_recorded_are_no_layers():
    """The table of layers has no row that a submission has made up."""
    shown = without_inputs(Outcome(None, arrived_s={"conv/shape": 1.0, "0.5 0.25/shape": 2.0}), RECORDED)
    assert shown.arrived_s == {"conv/shape": 1.0}
