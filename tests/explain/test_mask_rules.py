"""What a dropout does with kept and dropped entries is told whatever its mask is; PyTorch's is right."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.mask_rules import by_masks
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

RATES = (0.2, 0.5)


def case_of(number):
    """A case without zeros among its inputs."""
    rng = np.random.default_rng(number)
    x, dy = (rng.choice([-1.5, -0.5, 0.75, 2.0], (4, 2048)).astype(np.float32) for _one in range(2))
    return Case(f"rate {RATES[number]}", {"rate": RATES[number]}, {"x": x, "out_grad": dy})


def right_dropout(x, rate):
    """PyTorch's dropout and its gradient for ones; the mask is its own."""
    leaf = torch.from_numpy(x).requires_grad_()
    out = functional.dropout(leaf, rate, training=True)
    out.sum().backward()
    return out.detach().numpy(), leaf.grad.numpy()


def mask_of(number, shape):
    """A mask of 1 and 0 of another generator."""
    return (np.random.default_rng(7 + number).random(shape) >= RATES[number]).astype(np.float32)


def told(output, right, wrong):
    """What is said if ``wrong(number, case)`` was returned in the place of ``right(number, case)``."""
    runs = []
    for number in range(len(RATES)):
        case = case_of(number)
        expected, actual, bounds = {output: right(number, case)}, {output: wrong(number, case)}, {}
        bounds[output] = Tolerance(1e-5, 1e-5)
        findings = compare(expected, actual, bounds)
        runs.append(CaseRun(RecordedCase(case, expected, bounds), Outcome(None, outputs=actual), findings))
    return by_masks(runs)


def factor_of(number, out):
    """Output over input where something is left, else the right factor, as the check has it."""
    case = case_of(number)
    return np.where(out != 0, out / case.arrays["x"], np.float32(1 / (1 - RATES[number])))


def right_factor(number, case):
    """The factor by PyTorch."""
    return factor_of(number, right_dropout(case.arrays["x"], RATES[number])[0])


FACTORS = {
    "comes out as it went in": lambda x, mask, p: x * mask,
    "multiplied by 1 - rate": lambda x, mask, p: x * mask * (1 - p),
    "divided by the rate": lambda x, mask, p: x * mask / p,
    "multiplied by the rate": lambda x, mask, p: x * mask * p,
    "by 1 - rate twice": lambda x, mask, p: x * mask / (1 - p) ** 2,
}


@pytest.mark.parametrize("said", FACTORS)
def test_what_is_kept(said):
    """The factor of what is kept is told, whatever the mask."""

    def wrong(number, case):
        x = case.arrays["x"]
        return factor_of(number, FACTORS[said](x, mask_of(number, x.shape), RATES[number]))

    found = told("factor", right_factor, wrong)
    assert said in found and " Or: " not in found


def test_what_is_right_is_right():
    """Another mask with the right factor fails nothing."""
    assert told("factor", right_factor, right_factor) == ""


def backward(by):
    """What the check returns of a gradient made of gradient, mask and rate."""

    def made(number, case):
        x, dy, p = case.arrays["x"], case.arrays["out_grad"], RATES[number]
        out, slope = right_dropout(x, p)
        return by(dy, slope, p) / dy - out / x + 1

    return made


BACKWARD = {
    "everywhere: it is to be": lambda dy, slope, p: dy,
    "everywhere, with the factor": lambda dy, slope, p: dy / (1 - p),
    "but not its factor": lambda dy, slope, p: dy * (slope > 0),
    "factor of the mask twice": lambda dy, slope, p: dy * slope / (1 - p),
}


@pytest.mark.parametrize("said", BACKWARD)
def test_the_gradient(said):
    """What of mask and factor the gradient lacks is told."""
    found = told("difference of masks", backward(lambda dy, slope, p: dy * slope), backward(BACKWARD[said]))
    assert said in found and " Or: " not in found


def test_where_it_is_not_training():
    """A mask that is used always is told, with its factor or without."""
    same = lambda number, case: case.arrays["x"]  # noqa: E731
    dropped = lambda number, case: right_dropout(case.arrays["x"], RATES[number])[0]  # noqa: E731
    only_mask = lambda number, case: case.arrays["x"] * mask_of(number, case.arrays["x"].shape)  # noqa: E731
    assert "used also where it is not training" in told("outputs", same, dropped)
    assert "without its factor" in told("outputs", same, only_mask)


@pytest.mark.parametrize(
    "change",
    [
        lambda x, mask, p: x * mask / (1 - p) * 1.01,  # another factor
        lambda x, mask, p: x * mask / (1 - p) + 0.1 * mask,  # something added
        lambda x, mask, p: np.where(np.arange(x.shape[1]) < 9, x, x * mask / (1 - p)),  # in some columns only
        lambda x, mask, p: x * mask * np.where(np.arange(len(x)) == 0, 1, 1 / (1 - p))[:, None],  # in a sample only
    ],
)
def test_other_factors_are_not_named(change):
    """What is no rule of all entries is told of none."""

    def wrong(number, case):
        x = case.arrays["x"]
        return factor_of(number, change(x, mask_of(number, x.shape), RATES[number]))

    assert told("factor", right_factor, wrong) == ""


def test_another_share_is_not_named():
    """Values that are right one by one but dropped with another rate have another cause."""

    def wrong(number, case):
        x = case.arrays["x"]
        mask = np.random.default_rng(number).random(x.shape) >= 0.9
        return factor_of(number, x * mask.astype(np.float32))

    assert told("factor", right_factor, wrong) == ""


def test_an_elementwise_gradient_of_other_layers_is_left_alone():
    """Without a rate nothing is said."""
    x = np.ones((2, 3), np.float32)
    case, bounds = Case("relu", {}, {"x": x, "out_grad": x}), {"outputs": Tolerance(1e-5, 1e-5)}
    findings = compare({"outputs": x}, {"outputs": 0 * x}, bounds)
    recorded = RecordedCase(case, {"outputs": x}, bounds)
    assert by_masks([CaseRun(recorded, Outcome(None, outputs={"outputs": 0 * x}), findings)]) == ""
