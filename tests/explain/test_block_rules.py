"""What happens at the end of a block is told without knowing its layers; PyTorch computes all of them."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.block_rules import by_blocks, by_input
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome


def branch_of(seed, x, channels, stride):
    """Two convolutions and a batch norm of random parameters."""
    torch.manual_seed(seed)
    first = torch.nn.Conv2d(x.shape[1], channels, 3, stride, 1).double()
    second = torch.nn.Conv2d(channels, channels, 3, 1, 1).double()
    norm = torch.nn.BatchNorm2d(channels).double()
    return norm(second(functional.relu(first(x))))


def told(wrong, right=lambda f, s: functional.relu(f + s), cases=((4, 1), (4, 1))):
    """What is said if ``wrong(branch, shortcut)`` was returned in the place of ``right``; channels and stride."""
    runs = []
    for number, (channels, stride) in enumerate(cases):
        x = torch.from_numpy(np.random.default_rng(number).standard_normal((2, 4, 6, 5)))
        torch.manual_seed(9)
        project = torch.nn.Conv2d(4, channels, 1, stride).double()
        shortcut = x if (channels, stride) == (4, 1) else project(x)
        branch = branch_of(number, x, channels, stride)
        expected, actual = ({"outputs": f(branch, shortcut).detach().numpy()} for f in (right, wrong))
        bounds = {"outputs": Tolerance(1e-9, 1e-9)}
        case = Case("block", {"stride": stride}, {"x": x.numpy()})
        findings = compare(expected, actual, bounds)
        runs.append(CaseRun(RecordedCase(case, expected, bounds), Outcome(None, outputs=actual), findings))
    return by_blocks(runs)


WRONG = {
    "ReLU comes before the input is added": lambda f, s: functional.relu(f) + s,
    "input is not added": lambda f, s: functional.relu(f),
    "input is subtracted": lambda f, s: functional.relu(f - s),
    "added once too often": lambda f, s: functional.relu(f + 2 * s),
    "The ReLU of the input is added": lambda f, s: functional.relu(f + functional.relu(s)),
    "a ReLU at the end is missing": lambda f, s: f + s,
    "without the branch": lambda f, s: functional.relu(s),
}


@pytest.mark.parametrize("said", WRONG)
def test_the_end_of_a_block(said):
    """One thing that is off is told, and nothing else."""
    found = told(WRONG[said])
    assert said in found
    assert " Or: " not in found


def test_a_projection_is_left_to_the_cases_without_one():
    """Where a convolution stands in the shortcut the branch is not known; it is said where it was seen."""
    found = told(WRONG["ReLU comes before the input is added"], cases=((4, 1), (6, 2)))
    assert "before the input is added" in found and "Seen where the input is added as it is" in found
    assert "a ReLU at the end is missing" in told(WRONG["a ReLU at the end is missing"], cases=((4, 1), (6, 2)))
    assert told(WRONG["ReLU comes before the input is added"], cases=((6, 2), (6, 1))) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        lambda f, s: functional.relu(f + s) * 1.1,
        lambda f, s: functional.relu(1.1 * f + s),
        lambda f, s: functional.relu(f + 0.5 * s),
        lambda f, s: functional.leaky_relu(f + s, 0.1) + 0.01,
        lambda f, s: functional.relu(f + s.flip(2)),
        lambda f, s: (f + s).abs(),
        lambda f, s: functional.relu(f.flip(1) + s),
    ],
)
def test_other_mistakes_of_a_block_are_not_named(wrong):
    """A branch that is another one, or an input that is added otherwise, is none of the rules."""
    assert told(wrong) == ""


def test_a_block_that_does_not_add_its_input_is_no_such_block():
    """What is right is right, and an input that is added where none belongs is one too many."""
    plain = lambda f, s: functional.relu(f)  # noqa: E731
    assert told(plain, right=plain) == ""
    assert told(lambda f, s: functional.relu(f + s), right=plain) == "The input is added once too often."


@pytest.mark.parametrize("name", ["inputs_afterwards", "input afterwards"])
def test_an_input_that_is_written_into(name):
    """It is seen, so it is said, where every case that fails shows it."""

    def runs(*writes):
        found = []
        for number, write in enumerate(writes):
            x = np.random.default_rng(number).standard_normal((2, 3))
            mine = x.copy()
            out = mine
            out += 1
            actual = {"outputs": 2 * out, name: mine if write else x}
            expected, bounds = {"outputs": x + 1, name: x}, dict.fromkeys(("outputs", name), Tolerance(1e-9, 0))
            recorded = RecordedCase(Case("block", {}, {"x": x}), expected, bounds)
            found.append(CaseRun(recorded, Outcome(None, outputs=actual), compare(expected, actual, bounds)))
        return found

    assert "something writes into it" in by_input(runs(True, True))
    assert by_input(runs(True, False)) == ""
    assert by_input(runs(False)) == ""
