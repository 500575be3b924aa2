"""Which function of each entry stands in the place of a ReLU is told exactly; PyTorch computes all of them."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.elementwise_rules import by_entries
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome


def slope(function, x, g):
    """The gradient of a function of x for the arriving gradient g."""
    leaf = x.clone().requires_grad_()
    function(leaf).backward(g)
    return leaf.grad


def told(right, wrong, output, cases=2):
    """What is said if ``wrong(x, g)`` was returned in the place of ``right(x, g)``."""
    runs = []
    for number in range(cases):
        rng = np.random.default_rng(number)
        x, g = (torch.from_numpy(9 * rng.standard_normal((3, 17))) for _one in range(2))
        case = Case("case", {}, {"x": x.numpy(), "out_grad": g.numpy()})
        expected, actual = ({output: function(x, g).numpy()} for function in (right, wrong))
        bounds = {output: Tolerance(1e-9, 1e-7)}
        findings = compare(expected, actual, bounds)
        runs.append(CaseRun(RecordedCase(case, expected, bounds), Outcome(None, outputs=actual), findings))
    return by_entries(runs)


def relu(x, g):
    """ReLU."""
    return functional.relu(x)


def relu_slope(x, g):
    """Its gradient."""
    return slope(functional.relu, x, g)


FORWARD = {
    "multiplied by 0.01": lambda x, g: functional.leaky_relu(x, 0.01),
    "their magnitude": lambda x, g: x.abs(),
    "cut off at 6": lambda x, g: functional.relu6(x),
    "unchanged": lambda x, g: x,
}
BACKWARD = {
    "where the input was negative, too": lambda x, g: g,
    "by its own sign": lambda x, g: functional.relu(g),
    "only the mask": lambda x, g: slope(functional.relu, x, torch.ones_like(g)),
    "by the output, not by its mask": lambda x, g: g * functional.relu(x),
}


@pytest.mark.parametrize("words", FORWARD)
def test_another_function_is_told(words):
    """A function that is no ReLU is named."""
    assert words in told(relu, FORWARD[words], "outputs")


@pytest.mark.parametrize("words", BACKWARD)
def test_another_gradient_is_told(words):
    """So is a gradient that is not masked by the input."""
    assert words in told(relu_slope, BACKWARD[words], "in_grad")


def test_other_functions_get_no_cause():
    """Neither another function nor another layer is spoken of."""
    assert told(relu, lambda x, g: torch.tanh(x), "outputs") == ""
    assert told(lambda x, g: torch.tanh(x), lambda x, g: x, "outputs") == ""
