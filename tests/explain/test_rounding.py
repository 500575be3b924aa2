"""A failure that could be rounding says so and names no cause; one that could not does not."""

import numpy as np
import pytest

from grader.compare import Tolerance, compare
from grader.explain import CaseRun, explain_runs
from grader.lab.checks import Case, Sampled
from grader.project.fixtures import RecordedCase, RecordedMistake, RecordedRun
from grader.project.manifest import ComputerFacts, Facts
from grader.run.session import Outcome
from grader.verdicts import Verdict

RNG = np.random.default_rng(7)
LAYERS = ("conv2", "pool1", "relu1", "conv1")
L2, MAX = Tolerance(0.0, 0.05, "l2"), Tolerance(1e-5, 0.0)


class Check:
    """What an explanation asks of a check."""

    id = "network_backward"
    needs = ("network_forward",)
    learning = None


def gradients():
    """Gradients of a few layers, by name, in the order in which they run backward."""
    return {name: RNG.standard_normal((1, 4, 16, 16)).astype(np.float32) for name in LAYERS}


def explained(right, wrong, tolerance=L2, published=None, mistakes=()):
    """The explanation of a network that returned ``wrong`` where ``right`` was recorded."""
    expected, outputs = (
        {
            f"{name}/{part}": value
            for name, array in arrays.items()
            for part, value in Sampled(array, name).parts().items()
        }
        for arrays in (right, wrong)
    )
    tolerances = dict.fromkeys(expected, tolerance)
    case = RecordedCase(Case("picture"), expected, tolerances)
    run = CaseRun(case, Outcome(None, outputs=outputs), compare(expected, outputs, tolerances))
    assert run.findings
    return explain_runs(Check(), [run], list(mistakes), None, published)


def with_flips(array, share, size=4.0):
    """A gradient in which a share of the entries has gone to another place of its window."""
    moved = array.copy().reshape(-1)
    places = RNG.permutation(moved.size)[: int(share * moved.size)]
    moved[places] = size * np.roll(moved[places], 1)
    return moved.reshape(array.shape)


def test_ties_that_fell_the_other_way_name_no_layer_and_no_factor():
    """Few wrong entries in a deep gradient: it could be rounding, and no false cause is said."""
    right = gradients()
    wrong = right | {name: with_flips(right[name], 0.03) for name in LAYERS[1:]}
    found = explained(right, wrong)
    assert "could be rounding" in found.message and "`pool1`" in found.message
    assert found.hint == "" and found.misconception is None
    assert "although what it is given is right" not in found.message


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_many_wrong_entries_are_no_rounding(share):
    """A gradient that is wrong in a large part is not excused."""
    right = gradients()
    wrong = right | {"relu1": with_flips(right["relu1"], share)}
    found = explained(right, wrong)
    assert "could be rounding" not in found.message
    assert "returns a wrong gradient, although what it is given is right" in found.message


@pytest.mark.parametrize(("times", "said"), [(1.5, True), (9.0, True), (30.0, False)])
def test_an_error_is_called_rounding_only_below_that_of_every_mistake(times, said):
    """Publishing proves that every known mistake exceeds a tolerance at least ten times."""
    right = gradients()
    largest = max(float(np.abs(array).max()) for array in right.values())
    noise = RNG.choice((-1.0, 1.0), right["conv1"].shape)
    wrong = right | {"conv1": (right["conv1"] + times * MAX.atol * noise).astype(np.float32)}
    assert largest > 1
    assert ("could be rounding" in explained(right, wrong, MAX).message) == said


def test_a_recognised_mistake_goes_before_rounding():
    """What a known mistake returned is called by its name, however near it is."""
    right = gradients()
    wrong = right | {"conv1": right["conv1"] * np.float32(1 + 5e-6)}
    outputs = {
        f"{name}/{part}": value
        for name, array in wrong.items()
        for part, value in Sampled(array, name).parts().items()
    }
    mistake = RecordedMistake("slip", "a slip", "It is this.", "", [RecordedRun(Verdict.WRONG, outputs)])
    found = explained(right, wrong, Tolerance(1e-6, 0.0), mistakes=[mistake])
    assert found.misconception == "slip" and "could be rounding" not in found.message


def test_figures_of_publishing_and_another_blas_are_said():
    """The share that publishing measured, and where it was published if that computes in another way."""
    right = gradients()
    wrong = right | {"conv1": right["conv1"] + np.float32(3e-5)}
    computer = ComputerFacts(processor="another", features=["sve"], blas="AnotherBLAS 1", arithmetic="host")
    published = Facts(conditioning={"network_backward": 0.034}, computer=computer)
    message = explained(right, wrong, MAX, published).message
    assert "3.4 %" in message and "AnotherBLAS 1" in message


def test_every_entry_means_every_entry():
    """A factor is said of a deep gradient only if it holds in every entry, not within what the whole may differ."""
    right = gradients()
    shrunk = with_flips(right["conv1"], 0.5, 0.6)
    assert "times what is required" not in explained(right, right | {"conv1": shrunk}).hint
    assert "0.7 times" in explained(right, right | {"conv1": right["conv1"] * np.float32(0.7)}).hint


def test_an_error_that_grows_slowly_accuses_no_layer():
    """Where each layer is a little worse than the one before, the first one not allowed is named, not accused."""
    right = gradients()
    noise = {name: RNG.standard_normal(array.shape) for name, array in right.items()}
    sizes = dict(zip(LAYERS, (0.03, 0.1, 0.3, 0.9), strict=True))
    wrong = {name: (right[name] + sizes[name] * noise[name]).astype(np.float32) for name in LAYERS}
    message = explained(right, wrong).message
    assert "`pool1`" in message and "although what it is given is right" not in message
