"""Where the search for a cause fails, that is said, and nothing else is lost."""

import re

import numpy as np

import grader.explain.rules as rules
from grader.compare import Tolerance, compare
from grader.explain import CaseRun, explain
from grader.lab.checks import Case
from grader.project.fixtures import Fixture, RecordedCase
from grader.run.session import Outcome


class Check:
    """What an explanation asks of a check."""

    id = "style_loss_backward"
    needs = ()
    learning = None


def run_of(shape, actual, **arrays):
    """A run of a gradient of zeros that returned something else."""
    expected, outputs = {"in_grad": np.zeros(shape) + 1.0}, {"in_grad": actual}
    bounds = {"in_grad": Tolerance(1e-9, 1e-7)}
    case = RecordedCase(Case("case", {}, arrays), expected, bounds)
    return CaseRun(case, Outcome(None, outputs=outputs), compare(expected, outputs, bounds))


def test_a_search_that_fails_costs_no_document(monkeypatch):
    """The error's type and place are told, and no cause is."""

    def fails(_runs):
        raise KeyError("pictures")

    monkeypatch.setattr(rules, "by_rules", fails)
    run = run_of((1, 2, 3, 4), np.full((1, 2, 3, 4), 3.0))
    fixture = Fixture("lab", 1, "public", "one", "", {Check.id: [run.recorded]})
    found = explain(Check(), [run], fixture)
    assert found.hint == "" and found.misconception is None
    assert re.search(r"the search for one failed \(KeyError, test_robust\.py:\d+\)", found.message)
