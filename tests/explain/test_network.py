"""In a network the first layer that differs is named, and parameters that were loaded elsewhere."""

import numpy as np
import pytest

from grader.compare import Tolerance, compare
from grader.explain import CaseRun, explain_runs
from grader.explain.messages import describe_run
from grader.explain.network import builds_on
from grader.lab.checks import Case, Sampled
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

RNG = np.random.default_rng(5)
LAYERS = ("conv1", "relu1", "conv2", "relu2", "fc")
ARRAYS = {name: RNG.standard_normal((1, 2, 8, 8)).astype(np.float32) for name in LAYERS}


class Check:
    """What an explanation asks of a check."""

    def __init__(self, name="network_forward"):
        self.id = name
        self.needs = ("network_load",)
        self.learning = None
        self.slow = False


def sent(arrays):
    """What a network sends of these outputs."""
    parts = {}
    for name, array in arrays.items():
        parts.update({f"{name}/{part}": value for part, value in Sampled(array, name).parts().items()})
    return parts


def explained(arrays, check=None, right=ARRAYS, failed=(), **more):
    """The explanation of a network that returned these arrays."""
    expected = sent(right) | {"logits": np.zeros((1, 4), np.float32)}
    outputs = sent(arrays) | {"logits": np.zeros((1, 4), np.float32)} | more
    tolerances = {name: Tolerance(1e-5, 1e-5) for name in expected}
    case = RecordedCase(Case("picture"), expected, tolerances)
    run = CaseRun(case, Outcome(None, outputs=outputs), compare(expected, outputs, tolerances))
    return explain_runs(check or Check(), [run], [], failed=failed)


def found(arrays):
    """The findings in what a network that returned these arrays sent."""
    expected = sent(ARRAYS)
    return compare(expected, sent(arrays), {name: Tolerance(1e-5, 1e-5) for name in expected})


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_the_first_wrong_layer_is_named(number):
    """All layers from one on are wrong: that one is named, and how many before it are right."""
    wrong = {name: array + (index >= number) for index, (name, array) in enumerate(ARRAYS.items())}
    message = explained(wrong).message
    assert f"`{LAYERS[number]}`" in message
    assert number == 0 or (f"{number} layers are right" in message or "One layer is right" in message)


def test_a_missing_layer_is_named():
    """A layer that was never run is said to be that."""
    message = explained({name: array for name, array in ARRAYS.items() if name != "conv2"}).message
    assert "`conv2`" in message and "was not run" in message


def test_another_shape_is_named():
    """A layer that returns another shape is the one to look at."""
    message = explained(ARRAYS | {"relu2": ARRAYS["relu2"][:, :, 1:]}).message
    assert "`relu2`" in message and "another shape" in message


def test_right_layers_and_a_wrong_result():
    """If all layers are right but not the logits, the fault lies after the last layer."""
    assert "after the last layer" in explained(ARRAYS, logits=np.ones((1, 4), np.float32)).message


def test_backward_layers_come_in_the_order_in_which_they_ran():
    """In a backward pass the gradient is spoken of."""
    wrong = {name: array + (name == "conv1") for name, array in ARRAYS.items()}
    assert "gradient" in explained(wrong, Check("network_backward")).message


def test_a_constant_factor_in_a_layer_is_seen_through_the_sample():
    """The pattern of the first wrong layer is found in the sample of its output."""
    assert "2 times" in explained(ARRAYS | {"conv2": ARRAYS["conv2"] * 2}).hint


def test_exchanged_parameters_are_named():
    """A layer that holds the parameters of another is told which, from statistics alone."""
    right = {f"conv{n} weight": RNG.standard_normal((4, 3)).astype(np.float32) for n in (1, 2, 3, 4)}
    wrong = right | {"conv2 weight": right["conv3 weight"], "conv3 weight": right["conv2 weight"]}
    message = explained(wrong, Check("network_load"), right).message
    assert "The conv2 weight holds the values of the conv3 weight." in message
    unknown = right | {"conv2 weight": right["conv2 weight"] * 1.5}
    assert "Wrong after loading: conv2 weight." in explained(unknown, Check("network_load"), right).message


def test_parameters_are_no_layers():
    """Parameters after a step are named as such, and nothing is said of a layer that runs."""
    right = {f"Conv{n} {part}": RNG.standard_normal((4, 3)) for n in (1, 2) for part in ("W", "b")}
    wrong = right | {"Conv1 W": right["Conv1 W"] * 1.5}
    message = explained(wrong, Check("lenet_step"), right).message
    assert "Wrong: Conv1 W." in message and "layer" not in message and "first to run" not in message


def test_a_layer_whose_own_check_failed_comes_first():
    """The network says nothing of a layer while a single layer is wrong by itself."""
    wrong = {name: array + (name == "conv1") for name, array in ARRAYS.items()}
    message = explained(wrong, failed=("Convolution, forward pass",)).message
    assert "Convolution, forward pass" in message and "`conv1`" not in message


def test_a_network_builds_on_its_layers_and_on_no_loss():
    """A style loss whose gradient is wrong is no reason why a pooling of the network is."""
    backward = Check("network_backward")
    assert builds_on(backward, Check("max_pool_backward"))
    assert builds_on(backward, Check("network_build"))
    for other in ("style_loss_backward", "cross_entropy_backward", "max_pool_forward", "network_backward"):
        assert not builds_on(backward, Check(other))


def test_of_a_large_array_the_entries_are_told_not_the_statistics():
    """What is sent of it first are four statistics; "75 % of its entries" would be three of these."""
    wrong = ARRAYS | {"conv2": ARRAYS["conv2"] + 1}
    seen = describe_run(Outcome(None, outputs={}), found(wrong))
    assert "`conv2` differs in 100 % of its entries" in seen
    only = [finding for finding in found(wrong) if finding.output.endswith("/stats")]
    assert "its mean, spread, least or largest value is off" in describe_run(Outcome(None, outputs={}), only)
