"""The grader keeps of all cases together only what explaining them needs."""

from __future__ import annotations

import numpy as np
import pytest

from grader import checking
from grader.compare import Tolerance
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

ENTRIES = 1 << 16


class Fixture:
    """Public cases."""

    hidden = False


class Session:
    """Returns for each case a fresh array: right, or wrong by one everywhere."""

    def __init__(self, wrong):
        self.wrong = wrong

    def run(self, check, case):
        return Outcome(None, outputs={"out": np.full(ENTRIES, 1.0 + (case.name in self.wrong))})


@pytest.fixture
def cases():
    """Twelve cases whose expected output is all ones."""
    expected = {"out": np.ones(ENTRIES)}
    return [RecordedCase(Case(str(n)), expected, {"out": Tolerance(0.0, 1e-6)}) for n in range(12)]


class Plain:
    """A check without training or speed."""

    learning = speed = None


def ran_on(cases, wrong):
    """Run all cases; a wrong number stops nothing."""
    return checking._run_cases(Session(wrong), Plain(), cases, Fixture())


def test_of_what_passed_nothing_is_kept(cases):
    """Twelve right answers take no memory beside what was recorded, and count as passed."""
    ran = ran_on(cases, ())
    assert ran.held == 12
    assert all(run.outcome.outputs["out"] is cases[0].expected["out"] for run in ran.runs)
    assert all(shown.outputs["out"] is cases[0].expected["out"] for shown in ran.shown)


def test_of_what_failed_a_bounded_part_is_kept(cases, monkeypatch):
    """The first failure keeps its outputs whatever their size; further ones as far as there is room."""
    size = ENTRIES * 8
    for cap, kept in ((0, 1), (3 * size, 3), (100 * size, 12)):
        monkeypatch.setattr(checking, "MOST_KEPT_BYTES", cap)
        ran = ran_on(cases, [str(n) for n in range(12)])
        assert [bool(run.outcome.outputs) for run in ran.runs] == [True] * kept + [False] * (12 - kept)
        assert all(run.findings for run in ran.runs) and ran.held == 0
