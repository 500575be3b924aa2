"""The layers of a network are timed when everything is loaded and compiled, and the fastest time of each counts."""

from types import SimpleNamespace

import pytest

from grader.lab.checks import Case, check, one_case
from grader.publishing.layer_bench import REPEATS, _fastest
from grader.publishing.recording import RecordingError
from grader.run.session import Outcome
from grader.verdicts import Verdict


@check(tier=60, cases=one_case())
def layer(student, case):
    """A layer."""


@check(tier=60, cases=one_case(), needs=("layer",), slow=True, group="network")
def load(student, case):
    """Loading."""


@check(tier=80, cases=one_case(), needs=("layer", "load"), slow=True, group="network")
def forward(student, case):
    """Forward."""


@check(tier=100, cases=one_case(), needs=("forward", "layer"), slow=True, group="network")
def backward(student, case):
    """Backward."""


LAB = SimpleNamespace(checks={item.id: item for item in (layer, load, forward, backward)})
CASES = {name: [Case.of("only")] for name in LAB.checks}
PASSES = {"forward": forward, "backward": backward}


class Network:
    """Answers with the same arrival times, the first layer's later and later."""

    def __init__(self):
        self.ran = []

    def run(self, check, case):
        """Note what was asked for, and in which worker."""
        self.ran.append((check.id, check.group))
        late = float(len(self.ran))
        return Outcome(None, arrived_s={"conv1/shape": late, "relu1/shape": late + 0.5, "logits": late + 9})


def test_the_fastest_time_of_each_layer_counts():
    """The first repeat is the fastest here; every layer is counted from the one before."""
    found = _fastest(LAB, Network(), PASSES, CASES)
    assert found["forward"] == {"conv1": 3.0, "relu1": 0.5} and found["backward"]["relu1"] == 0.5


def test_what_a_pass_needs_runs_before_it_in_its_worker():
    """Nothing is loaded or compiled while the clock runs, and nothing runs twice to that end."""
    network = Network()
    _fastest(LAB, network, PASSES, CASES)
    warm = [("layer", "network"), ("load", "network")]
    assert network.ran == [*warm, *[("forward", "network")] * REPEATS, *[("backward", "network")] * REPEATS]


def test_a_solution_that_fails_is_named():
    """The message says in which check."""
    broken = SimpleNamespace(run=lambda check, case: Outcome(Verdict.EXCEPTION, "oops"))
    with pytest.raises(RecordingError, match="ended with exception in layer while its layers were timed: oops"):
        _fastest(LAB, broken, PASSES, CASES)
